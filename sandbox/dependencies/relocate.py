"""A virtual environment that was made in another folder names its own one from then on."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sandbox.plain_files import read_plain

_FILE_BYTES = 1 << 20
_INSTALLED_IN_PLACE = (".pth", "_finder.py", ".egg-link")
"""What stands in site-packages for a project that is used where it lies."""


def relocate(venv: Path, made_in: str, folder: str) -> None:
    """Let its programs, and what names projects in the folder that it belongs to, name the folder of now."""
    if made_in == folder:
        return
    old, new = os.fsencode(made_in), os.fsencode(folder)
    for path in _naming(venv):
        data = read_plain(path, _FILE_BYTES)
        if data is not None and old in data and b"\0" not in data:
            path.write_bytes(data.replace(old, new))


def _naming(venv: Path) -> Iterator[Path]:
    for entry in _plain_files(venv / "bin"):
        yield Path(entry.path)
    for packages in sorted((venv / "lib").glob("python*/site-packages")):
        for entry in _plain_files(packages):
            if entry.name.endswith(_INSTALLED_IN_PLACE):
                yield Path(entry.path)


def _plain_files(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [
            entry for entry in entries if stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
        ]
