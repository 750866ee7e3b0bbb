"""Files of a folder, held in memory where nothing can change them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.plain_files import read_plain

MOST_BYTES = 32 << 20
MOST_FILES = 5000


@dataclass(frozen=True, slots=True)
class HeldFiles:
    """Relative path -> its content, and for a link where it points to."""

    contents: dict[str, bytes] = field(default_factory=dict, repr=False)
    links: dict[str, str] = field(default_factory=dict)
    executable: frozenset[str] = frozenset()


def hold(folder: Path) -> HeldFiles:
    """Read all files below a folder. Raises OSError, also for more than can be held."""
    held = HeldFiles()
    executable = set()
    left = MOST_BYTES
    for above, folders, files in os.walk(folder):
        for name in (*files, *folders):
            path = Path(above, name)
            own = str(path.relative_to(folder))
            if path.is_symlink():
                held.links[own] = str(path.readlink())
            elif name in files:
                data = read_plain(path, left)
                if data is None or len(held.contents) >= MOST_FILES:
                    raise OSError("too much to be held")
                left -= len(data)
                held.contents[own] = data
                if os.access(path, os.X_OK):
                    executable.add(own)
    return HeldFiles(held.contents, held.links, frozenset(executable))


def lay_out(held: HeldFiles, workspace: str) -> Path:
    """Write the files into a fresh folder that nobody knew before. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix="base-", dir=workspace))
    for name, data in held.contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if name in held.executable:
            path.chmod(0o755)
    for name, target in held.links.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    return folder
