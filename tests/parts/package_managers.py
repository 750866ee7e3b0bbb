"""The package managers of this machine, and those that `make package-managers` installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claude-sandbox"
FOLDER = CACHE / "package-managers-1"
"""Where `scripts/package-managers` puts them."""


def path() -> str:
    """Return the PATH of a run that is to find them all."""
    return f"{FOLDER / 'bin'}:{os.environ['PATH']}"


@cache
def there(tool: str) -> bool:
    """Say whether a package manager can be had; rustup's cargo is a stand-in, which needs a toolchain behind it."""
    program = shutil.which(tool, path=path())
    if program is None or tool != "cargo":
        return program is not None
    return subprocess.run([program, "--version"], capture_output=True).returncode == 0


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a tool with a home of its own."""
    return {"PATH": path(), "HOME": str(home), "LANG": "C.UTF-8", "CI": "true", **more}


def locked(
    folder: Path, files: Mapping[str, str], command: list[str], lockfile: str, **more: str
) -> dict[str, str]:
    """Return a project with the lockfile that its tool itself makes of it, in a new folder."""
    written(folder, files)
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder.parent / f"home-of-{folder.name}", more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # All of them: some managers write the manifest in their own way.
    return {name: (folder / name).read_text("utf-8") for name in (*files, lockfile)}


def written(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
