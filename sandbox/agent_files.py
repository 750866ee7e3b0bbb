"""The operator's files for every agent: CLAUDE.md, agents, skills, settings and MCP servers, beside a repository's own.

They are baked into the image, and mounted from a ConfigMap. Its keys know no folders: `agents__reviewer.md` is
agents/reviewer.md.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.configuring import ENTRIES
from sandbox.guidance import FOLDER, SERVERS, Guidance
from sandbox.held_files import MOST_BYTES, MOST_FILES

BAKED = Path("/usr/local/share/claude-sandbox/agent-files")
VARIABLE = "SANDBOX_AGENT_FILES"
"""Names further folders, with colons between them; of two files of one name the later folder's counts."""
TAKEN = (*ENTRIES, SERVERS)
"""What counts of such a folder; all else in it is for people."""
_NO_FOLDER = (errno.EEXIST, errno.ENOTDIR, errno.ELOOP)
_SLASH = "__"
_INSTRUCTIONS, _SETTINGS = "CLAUDE.md", "settings.json"


@dataclass(frozen=True, slots=True)
class AgentFiles:
    """What there is: path -> content. `remark` is for people: what isn't there, or doesn't count."""

    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    remark: str = ""

    def beside(self, guidance: Guidance | None, workspace: str) -> Guidance | None:
        """Return what configures the agent, with these files beside; the repository's own are never replaced.

        To be called right before the agent starts. Raises OSError when the workspace is full.
        """
        if not self.files and not self.remark:
            return guidance
        found = guidance or Guidance(None, "", of_clone=True)
        remark = ". ".join(text.rstrip(".") for text in (found.remark, self.remark) if text)
        remark = found.remark if not self.remark else f"{remark}."
        if not self.files:
            return Guidance(found.folder, remark, found.of_clone)
        folder = Path(found.folder or tempfile.mkdtemp(prefix="agent-", dir=workspace))
        (folder / FOLDER).mkdir(exist_ok=True)
        for name, data in self.files.items():
            place = folder / (name if name == SERVERS else f"{FOLDER}/{name}")
            _put(place, data, folder)
        return Guidance(str(folder), remark, found.of_clone)


def read_agent_files(environment: Mapping[str, str], baked: Path = BAKED) -> AgentFiles:
    """Read what was baked in, and the folders that the environment names. Raises OSError, also for more than can be held."""
    files = dict(read_folder(baked))
    absent = []
    for folder in filter(None, environment.get(VARIABLE, "").split(os.pathsep)):
        found = dict(read_folder(Path(folder)))
        if not found:
            absent.append(folder)
        files |= found
        if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES:
            raise OSError(f"{folder} has more files than can be held")
    remark = f"The operator's agent files aren't there: {', '.join(absent)}." if absent else ""
    return AgentFiles(files, remark)


def read_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give path and content of what counts. A mounted ConfigMap's files are links to a hidden folder beside them."""
    inside = folder.resolve()
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith("..")]
        for name in sorted(names):
            path = Path(above, name)
            own = path.relative_to(folder).as_posix().replace(_SLASH, "/")
            if own.partition("/")[0] not in TAKEN or ".." in own.split("/"):
                continue
            real = path.resolve()
            if real.is_file() and inside in real.parents and real.stat().st_size <= MOST_BYTES:
                yield own, real.read_bytes()


def _put(place: Path, data: bytes, folder: Path) -> None:
    """Write a file, or join it with the repository's: of agents, skills and the like the repository's own counts."""
    above = Path(os.path.realpath(place.parent))
    if Path(os.path.realpath(folder)) not in (above, *above.parents):
        return  # a link of the repository leads elsewhere
    try:
        above.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in _NO_FOLDER:
            raise
        return  # what the repository has there isn't a folder
    if not os.path.lexists(place):
        place.write_bytes(data)
    elif place.is_symlink() or not place.is_file():
        return
    elif place.name == _INSTRUCTIONS:
        place.write_bytes(data.rstrip() + b"\n\n" + place.read_bytes())
    elif place.name in (_SETTINGS, SERVERS):
        place.write_bytes(_joined(data, place.read_bytes()))


def _joined(ours: bytes, theirs: bytes) -> bytes:
    """Join settings: lists are added up, and of two values the operator's counts. What can't be read is left out."""
    first, second = _values(ours), _values(theirs)
    return json.dumps(_merged(first, second), indent=1).encode()


def _values(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _merged(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        both = {name: _merged(ours[name], theirs[name]) for name in ours if name in theirs}
        return {**theirs, **ours, **both}
    if isinstance(ours, list) and isinstance(theirs, list):
        return [*theirs, *(item for item in ours if item not in theirs)]
    return ours
