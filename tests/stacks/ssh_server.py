"""A real ssh server on loopback, for one key that it was started with."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.parts.ports import free_port

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

_SHIM = """#!/bin/sh
exec {ssh} -F none -i {folder}/key -o IdentitiesOnly=yes -o UserKnownHostsFile={folder}/known -p {port} "$@"
"""


@dataclass(frozen=True, slots=True)
class SshServer:
    """`path` goes before PATH: the `ssh` in it knows the server's port and key."""

    path: str
    user: str

    def url(self, folder: Path) -> str:
        """Return the address of a repository in a folder."""
        return f"ssh://{self.user}@127.0.0.1{folder}"


@contextlib.contextmanager
def ssh_server(folder: Path, *settings: str) -> Iterator[SshServer]:
    """Run sshd as the user of the tests, until the end of the block; `settings` are further lines of its config."""
    assert SSHD is not None
    for name in ("host", "key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    shutil.copy(folder / "key.pub", folder / "authorized")
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
        # What the user's own shell reads at its start is none of the test's business.
        + f"SetEnv HOME={folder}\n"
        + "".join(f"{setting}\n" for setting in settings)
    )
    shim = folder / "bin" / "ssh"
    shim.parent.mkdir()
    shim.write_text(_SHIM.format(ssh=shutil.which("ssh"), folder=folder, port=port))
    shim.chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True)
        yield SshServer(f"{shim.parent}:{os.environ['PATH']}", user.stdout.strip())
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "sshd ended"
        assert time.monotonic() < until, "sshd didn't come up"
        time.sleep(0.02)
