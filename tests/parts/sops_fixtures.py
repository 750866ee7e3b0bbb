"""The real sops and age, with which repositories of tests are encrypted."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Sops:
    """Where sops is, and an age key of this test's own."""

    folder: Path
    keys: Path

    def key(self, name: str) -> Path:
        """Return the file of a key, made at its first use."""
        path = self.keys / name
        if not path.exists():
            command = [self.folder / "age-keygen", "-o", path]
            subprocess.run(command, check=True, capture_output=True)
        return path

    def encrypt(self, text: str, kind: str, key: str = "key") -> str:
        """Return a text encrypted for a key, as a file of this kind."""
        public = [self.folder / "age-keygen", "-y", self.key(key)]
        recipient = subprocess.run(public, check=True, capture_output=True, text=True)
        types = ["--input-type", kind, "--output-type", kind]
        return subprocess.run(
            [
                self.folder / "sops",
                "encrypt",
                "--age",
                recipient.stdout.strip(),
                *types,
                "/dev/stdin",
            ],
            input=text,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def variables(self, key: str = "key") -> dict[str, str]:
        """Return what lets a sandbox decrypt."""
        path = f"{self.folder}:{os.environ['PATH']}"
        return {"PATH": path, "SOPS_AGE_KEY_FILE": str(self.key(key))}


@pytest.fixture
def sops(tmp_path: Path) -> Sops:
    """The real sops; skipped without it."""
    found = find_sops(tmp_path)
    if found is None:
        pytest.skip("sops isn't built here")
    return found


def find_sops(folder: Path) -> Sops | None:
    """Return the real sops, with its keys in a folder of a test's own; None where it isn't built."""
    found = _folder()
    if found is None:
        return None
    keys = folder / "age-keys"
    keys.mkdir()
    return Sops(found, keys)


def _folder() -> Path | None:
    """Return where `scripts/sops` builds it, or where the machine has it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = sorted((cache / "claude-sandbox").glob("sops-v*[0-9]/sops"))
    if built:
        return built[-1].parent
    found = shutil.which("sops")
    return Path(found).parent if found and shutil.which("age-keygen") else None
