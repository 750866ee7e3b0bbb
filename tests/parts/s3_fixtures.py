"""A real S3 server on loopback: MinIO, where scripts/minio built it."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

KEY, SECRET = "only-for-tests", "only-for-tests-too"
REGION = "eu-central-1"
START_SECONDS = 60.0
_BUILDER = Path(__file__).parents[2] / "scripts" / "minio"


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server that runs; a folder in `data` is a bucket."""

    url: str
    data: Path

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables with which it is reached."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
        }

    def make_bucket(self) -> str:
        """Make a bucket of a test's own; return its name."""
        name = f"test-{secrets.token_hex(4)}"
        (self.data / name).mkdir()
        return name


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server; tests that ask for it are marked `s3`."""
    minio = find_minio()
    if minio is None:
        pytest.skip("MinIO is not built: make minio")
    with running(minio, tmp_path_factory.mktemp("s3")) as server:
        yield server


@contextmanager
def running(minio: Path, folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Run a server over a folder until the block ends; it asks nobody for news of itself."""
    data = folder / "data"
    data.mkdir()
    with socket.create_server((host, 0)) as free:
        address = f"{host}:{free.getsockname()[1]}"
    keys = {"MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET, "HOME": str(folder)}
    with (folder / "minio.log").open("wb") as log:
        server = subprocess.Popen(
            [minio, "server", "--quiet", "--address", address, data],
            env=keys | {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "MINIO_SITE_REGION": REGION},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        # It says that it is ready before it takes requests.
        for path in ("minio/health/ready", "none/none"):
            _wait(server, f"http://{address}/{path}", folder / "minio.log")
        yield S3Server(f"http://{address}", data)
    finally:
        server.terminate()
        server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as answer:
            with answer:
                if answer.code == 403:  # to a stranger, which we are
                    return
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"MinIO doesn't start: {log.read_text()}")
        time.sleep(0.05)


def find_minio() -> Path | None:
    """Return the MinIO that scripts/minio built."""
    pinned = re.search(r"^version=(\S+)$", _BUILDER.read_text("utf-8"), re.M)
    assert pinned is not None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "claude-sandbox" / f"minio-{pinned[1]}" / "minio"
    return built if built.exists() else None
