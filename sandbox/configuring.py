"""What configures the agent on this machine, and whether it is still what it was.

Files of the clone, of the folders above it and of the agent's home. What a branch of a stranger's runs before the agent
starts is the same user, and could write there.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sandbox.guidance import FOLDER, INSTRUCTIONS, SERVERS, imports, is_configuration
from sandbox.plain_files import read_plain

ENTRIES = (
    *("settings.json", "settings.local.json", "CLAUDE.md", "agents", "commands", "skills"),
    *("rules", "output-styles", "hooks", "plugins"),
)
"""What Claude Code 2.1.330 takes from a folder `.claude`."""
_STATE = ".claude.json"
_UNSEEN = (".git", "node_modules", "site-packages")
"""Folders of packages: their files are material to read, and bring instructions of their own with every installation."""
_READ_BYTES = 1 << 20
_DEPTH = 5
_MOST = 20_000


def of_clone(clone: Path, home: Path) -> dict[str, str]:
    """Return a mark of each file that configures the agent from the clone, the folders above, and what these import."""
    found: dict[str, str] = {}
    for path in _in_tree(clone):
        _add(found, path, str(path.relative_to(clone)))
    for above in clone.parents:
        # Where the home itself is above, what stands in it is the home's.
        own = () if above == home else (above / FOLDER / name for name in ENTRIES)
        for path in (*own, *(above / name for name in (*INSTRUCTIONS, SERVERS))):
            for each in _below(path):
                _add(found, each, str(each))
    _add_imported(found, [clone / name for name in found], home)
    return found


def of_home(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a mark of each file that configures the agent from its home; its sessions and logins are none."""
    home = home_of(environment)
    own = environment.get("CLAUDE_CONFIG_DIR")
    folder = Path(own) if own else home / FOLDER
    found: dict[str, str] = {}
    for name in ENTRIES:
        for path in _below(folder / name):
            _add(found, path, str(path))
    state = (folder if own else home) / _STATE
    if servers := _servers(state):
        found[str(state)] = servers
    return found


def home_of(environment: Mapping[str, str]) -> Path:
    """Return the home that the agent is given."""
    return Path(environment.get("HOME") or "/")


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return what is there, isn't there any more, or is another now."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _in_tree(clone: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(clone):
        folders[:] = [name for name in folders if name not in _UNSEEN]
        within = os.path.relpath(folder, clone)
        inside = within != "." and is_configuration(within)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*files, *links):
            if inside or is_configuration(name):
                yield Path(folder, name)


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    if path.is_symlink():
        yield path
    for folder, _, files in os.walk(path):
        yield from (Path(folder, name) for name in files)


def _add(found: dict[str, str], path: Path, name: str) -> None:
    # So many that they can't be told apart count as one that is another each time.
    if len(found) > _MOST:
        found["more than can be looked at"] = os.urandom(8).hex()
    elif mark := _mark(path):
        found[name] = mark


def _mark(path: Path) -> str:
    """Return what a file is, and what a link leads to; empty for nothing."""
    try:
        about = path.lstat()
        link = str(path.readlink()) if stat.S_ISLNK(about.st_mode) else ""
    except OSError:
        return ""
    data = read_plain(path.resolve() if link else path, _READ_BYTES)
    if data is None:
        return f"{link} {about.st_mode} {about.st_ino} {about.st_size} {about.st_ctime_ns}"
    return f"{link} {about.st_mode} {hashlib.sha256(data).hexdigest()}"


def _add_imported(found: dict[str, str], start: Iterable[Path], home: Path) -> None:
    """Add what instructions import: what isn't there yet can come to be."""
    waiting = [(path, 0) for path in start if path.suffix.lower() == ".md"]
    seen = {path for path, _ in waiting}
    while waiting:
        path, depth = waiting.pop()
        text = (read_plain(path, _READ_BYTES) or b"").decode("utf-8", "replace")
        for target in imports(text):
            place = home / target[2:] if target.startswith("~/") else path.parent / target
            if place in seen or depth == _DEPTH or "\0" in target:
                continue
            seen.add(place)
            _add(found, place, str(place))
            waiting.append((place, depth + 1))


def _servers(state: Path) -> str:
    """Return a mark of the servers in the agent's own memory; the rest of it changes with every session."""
    try:
        known = json.loads(read_plain(state, 64 * _READ_BYTES) or b"{}")
        projects = known.get("projects") or {}
        each = {name: about.get("mcpServers") for name, about in projects.items()}
        told = [known.get("mcpServers"), {name: own for name, own in each.items() if own}]
    except (ValueError, AttributeError, RecursionError):
        return "unreadable"
    if not any(told):
        return ""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
