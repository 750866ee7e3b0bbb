"""Which files of a repository configure the agent, and whether a branch has others than its base. Pure.

A branch that a person named may come from anybody. Its hooks, servers and instructions count only where the base has
the same ones (docs/decisions/014-whose-files-configure-the-agent.md).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Read: TypeAlias = Callable[[str], str]
"""Return the text of a file of a commit, or what a link points to."""

FOLDER = ".claude"
SERVERS = ".mcp.json"
AGENTS = "AGENTS.md"
INSTRUCTIONS = ("CLAUDE.md", "CLAUDE.local.md", AGENTS)
"""Read off Claude Code 2.1.330: AGENTS.md counts where there is no CLAUDE.md."""

_TEXTS = {name.lower() for name in INSTRUCTIONS}
_NAMES = {*_TEXTS, FOLDER, SERVERS}
_LINK = "120000"
_MOST_READ = 200
_MOST_NAMED = 3


class TooMany(Exception):
    """There are more instructions than are read."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """What configures the agent in place of its clone.

    `folder` holds the base's files, made ready by `sandbox.base_files`; None when nothing configures it. `remark` is for
    people. `of_clone` means that the clone's files count, as long as they stay the base's; `folder` is then a home in
    which nothing is, None for the agent's own. The operator's files may stand in it beside (`sandbox.agent_files`).
    """

    folder: str | None
    remark: str
    of_clone: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a commit: path -> mode and object. `root` is where they stand in the agent's eyes."""

    files: dict[str, tuple[str, str]]
    root: str = ""
    folders: frozenset[str] = field(init=False, repr=False)
    links: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        above = {parent for path in self.files for parent in _above(path)}
        object.__setattr__(self, "folders", frozenset(above))
        links = tuple(path for path, (mode, _) in self.files.items() if mode == _LINK)
        object.__setattr__(self, "links", links)

    def is_link(self, path: str) -> bool:
        """Say whether a path is a symbolic link."""
        return self.files.get(path, ("", ""))[0] == _LINK

    def at(self, target: str) -> list[str]:
        """Return the file at a path, or the files below it, or the links through which it leads."""
        if target in self.files:
            return [target]
        if target in self.folders:
            return [path for path in self.files if path.startswith(f"{target}/")]
        return [link for link in self.links if target.startswith(f"{link}/")]


def read_tree(listed: str, root: str = "") -> Tree:
    """Read what `git ls-tree -r -z` says of a commit."""
    files = {}
    for row in listed.split("\0"):
        about, tab, path = row.partition("\t")
        if tab:
            mode, _, name = about.split(" ")
            files[path] = (mode, name)
    return Tree(files, root)


def differing(own: Tree, base: Tree, read: Read) -> list[str]:
    """Return the paths of the agent's configuration that differ; `read` gives texts of `own`. Raises TooMany."""
    start = sorted(path for path in {*own.files, *base.files} if is_configuration(path))
    found = [path for path in start if own.files.get(path) != base.files.get(path)]
    if found:
        return found
    # What they lead to counts as well: `@docs/rules.md` in a CLAUDE.md that is the same in both.
    led_to = {path for tree in (own, base) for path in reached(tree, start, read)}
    return sorted(path for path in led_to if own.files.get(path) != base.files.get(path))


def taken(base: Tree, read: Read) -> list[str]:
    """Return what is taken of a base: the configuration in its top folder, and what that leads to. Raises TooMany."""
    start = sorted(path for path in base.files if path.partition("/")[0].lower() in _NAMES)
    return [path for path in reached(base, start, read) if path in base.files]


def is_configuration(path: str) -> bool:
    """Say whether a file configures the agent: by its name, or by a folder `.claude` anywhere above it."""
    return any(part.lower() in _NAMES for part in path.split("/"))


def reached(tree: Tree, start: Iterable[str], read: Read) -> Iterator[str]:
    """Give the paths of `start` and all that they lead to: by links, and by `@path` in instructions.

    Raises TooMany.
    """
    given = frozenset(start)
    queue, seen, reads = list(given), set(given), 0
    while queue:
        path = queue.pop()
        yield path
        if path not in tree.files or (path in given and not _leads_on(path, tree)):
            continue
        reads += 1
        if reads > _MOST_READ:
            raise TooMany
        text = read(path)
        targets = [text] if tree.is_link(path) else imports(text)
        found = {place for target in targets for place in tree.at(_place(path, target, tree.root))}
        queue += found - seen
        seen |= found


def imports(text: str) -> Iterator[str]:
    """Give what instructions import by `@path`, in each way in which it may be meant."""
    for match in _IMPORT.finditer(text):
        written = match[1].replace("\\ ", " ")
        yield from {written, written.rstrip(".,;:!?)\"'`*"), written.partition("#")[0]}


_IMPORT = re.compile(r"@((?:[^\s\\@]|\\ )+)")


def named(paths: list[str]) -> str:
    """Return a few paths for people."""
    more = len(paths) - _MOST_NAMED
    return ", ".join(paths[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def moved(text: str) -> str:
    """Let programs of settings be those of the base: `.claude/…` of the project becomes CLAUDE_CONFIG_DIR.

    Other programs that they name are the branch's own, like any code that the agent runs. Text that isn't JSON, which
    Claude Code doesn't use, comes back as it is.
    """
    try:
        values = json.loads(text)
        return json.dumps(_moved(values, command=False), indent=1)
    except (ValueError, RecursionError):
        return text


def _moved(value: Any, *, command: bool) -> Any:
    if isinstance(value, dict):
        return {name: _moved(item, command=name in _COMMANDS) for name, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, command=command) for item in value]
    if isinstance(value, str) and command:
        return _OWN_FOLDER.sub(r"${CLAUDE_CONFIG_DIR}\1/", value)
    return value


_COMMANDS = ("command", "args")
_OWN_FOLDER = re.compile(
    r"""(?:\$CLAUDE_PROJECT_DIR|\$\{CLAUDE_PROJECT_DIR(?::-[^}]*)?\}|(?<![\w/.$}"'-])\.)("?)/\.claude/"""
    r"""|(?<![\w/.$}-])()\.claude/"""
)


def _leads_on(path: str, tree: Tree) -> bool:
    """Say whether configuration can lead to other files: links, instructions, and rules can."""
    parts = path.lower().split("/")
    return tree.is_link(path) or parts[-1] in _TEXTS or (FOLDER in parts and "rules" in parts)


def _place(path: str, target: str, root: str) -> str:
    """Return where in the repository a link or an import of `path` points to; outside of it, no path that exists."""
    if root and target.startswith(f"{root}/"):
        return posixpath.normpath(target.removeprefix(f"{root}/"))
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
