"""On this machine, with the user of the bot itself: an agent that looks everywhere finds no key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.keys import HELD
from tests.parts.git_server import TOKEN, OriginRepo
from tests.parts.model_fixtures import API_KEY

ROOT = Path(__file__).parents[2]
SEARCH = ROOT / "tests" / "cluster" / "search_for_keys.py"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")
RESULT = '{"type":"result","subtype":"success","is_error":false,"result":"Looked.","num_turns":1}'


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may reach, which pytest's own isn't."""
    with tempfile.TemporaryDirectory(prefix="search-") as name:
        yield Path(name)


def as_nobody() -> tuple[str, ...]:
    """Return what comes before a command that root must not run as root, in a network of its own."""
    return (*ALONE, *NOBODY) if os.geteuid() == 0 else ()


def python_for(prefix: tuple[str, ...]) -> str:
    """Return a Python that the other user may run."""
    for python in (sys.executable, "/usr/bin/python3"):
        # It starts itself again: setpriv's own child may still have root's rights.
        again = "subprocess.run([sys.executable, '-c', ''], check=True)"
        test = f"import subprocess, sys; {again}; sys.exit(sys.version_info < (3, 11))"
        if subprocess.run([*prefix, python, "-c", test], capture_output=True).returncode == 0:
            return python
    pytest.skip("no Python 3.11 that another user may run")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv, unshare and ip")
def test_an_agent_that_looks_everywhere_finds_no_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = as_nobody()
    python = python_for(prefix)
    (folder / "programs").mkdir()
    repo = OriginRepo(folder / "small.git", (folder / "small.git").as_uri())
    repo.make({"README.md": "# Small\n"})
    # Written backwards, so that the search doesn't find itself; what stands in for a key is there to be found.
    wanted = " ".join(secret[::-1] for secret in (TOKEN, API_KEY, HELD))
    claude = folder / "programs" / "claude"
    claude.write_text(
        f"#!/bin/sh\nSEARCHED={folder} {python} {SEARCH} {wanted} > found.txt 2>&1\necho '{RESULT}'\n"
    )
    claude.chmod(0o755)
    if prefix:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
    environment = {
        "PATH": f"{folder / 'programs'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "GITHUB_TOKEN": TOKEN,
        "ANTHROPIC_API_KEY": API_KEY,
    }
    program = ROOT / "tests" / "runs" / "search_as_agent.py"
    done = subprocess.run(
        [*prefix, python, "-S", str(program), str(folder), repo.file_url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    # The repository is the other user's now.
    for name, value in (("COUNT", "1"), ("KEY_0", "safe.directory"), ("VALUE_0", "*")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    branches = set(repo.branches()) - {"main"}
    assert len(branches) == 1, done.stdout + done.stderr
    lines = repo.read(branches.pop(), "found.txt").splitlines()
    assert lines[-1].startswith("looked at "), lines
    found = {line.partition(" in ")[0] for line in lines if line.startswith("KEY")}
    assert found == {"KEY 2"}, lines
    assert any(line.endswith(" answers") for line in lines), lines
