"""Installing one project's dependencies, or taking them from the cache."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from sandbox.commands import perform
from sandbox.dependencies.cache import Entries, NoEntry, Root
from sandbox.dependencies.find import Project
from sandbox.dependencies.recipes import STORE
from sandbox.dependencies.relocate import relocate
from sandbox.dependencies.shelf import Shelf
from sandbox.log import Log
from sandbox.plain_files import is_real_folder, read_plain
from sandbox.process import Command, Ended, Limits, ProgramMissing, run

LOCKFILE_BYTES = 64 << 20
_INPUTS_MOST = 200
_VERSION_SECONDS = 20.0
_NESTED_MOST = 300
_STORED = "{store}"


class How(Enum):
    """What became of a project's dependencies."""

    HIT = "hit"
    INSTALLED = "miss"
    NO_TOOL = "no tool"
    IN_REPO = "in the repository"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Place:
    """Where projects are installed: the clone, a folder beside it for stores, and the cache, None without one.

    `origin` says whose cache it is: repository, image. `environment` is what the commands get; it holds no key of ours.
    """

    clone: Path
    beside: Path
    cache: Entries | None
    origin: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Installed:
    """How it went. `variables` are for the agent, `words` are for people where it failed."""

    project: Project
    how: How
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    words: str = ""


def install(project: Project, place: Place, limits: Limits, log: Log) -> Installed:
    """Make a project's dependencies be there. Whatever goes wrong is in the result, and a cache never makes it fail."""
    return _Installing(project, place, limits, log).install()


class _Installing:
    def __init__(self, project: Project, place: Place, limits: Limits, log: Log) -> None:
        self._project = project
        self._recipe = project.recipe
        self._place = place
        self._limits = limits
        self._log = log
        self._folder = place.clone / project.place if project.place else place.clone
        name = f"{self._recipe.name.lower()}-{project.place.replace('/', '-') or 'root'}"
        self._store = place.beside / name
        self._variables = _filled(self._recipe.variables, self._store, place.environment)

    def install(self) -> Installed:
        for name in self._recipe.folders:
            if os.path.lexists(self._folder / name):
                return self._ended(How.IN_REPO, f"{name} is in the repository")
        version = self._version()
        if version is None:
            return self._ended(How.NO_TOOL, f"{self._recipe.tool} isn't installed here")
        key = self._key(version) if self._place.cache is not None else None
        if key is not None and self._restored(key):
            return self._run(self._recipe.again, How.HIT)
        ended = self._run(self._recipe.commands, How.INSTALLED)
        if key is not None and ended.how is How.INSTALLED:
            self._keep(key)
        return ended

    def _ended(self, how: How, words: str = "") -> Installed:
        there = how in (How.HIT, How.INSTALLED)
        return Installed(self._project, how, self._found() if there else {}, words)

    def _found(self) -> dict[str, str]:
        """Return the variables by which programs find what was installed."""
        found = dict(self._variables)
        if self._recipe.venv and (self._folder / ".venv" / "bin").is_dir():
            venv = self._folder / ".venv"
            found["VIRTUAL_ENV"] = str(venv)
            found["PATH"] = f"{venv / 'bin'}:{self._place.environment.get('PATH', os.defpath)}"
        return found

    def _version(self) -> str | None:
        """Return what the tool says of itself; None where it can't be used."""
        path = self._place.environment.get("PATH")
        if shutil.which(self._recipe.tool, path=path) is None:
            return None
        said = bytearray()
        until = min(self._limits.deadline, time.monotonic() + _VERSION_SECONDS)
        command = Command(list(self._recipe.version), str(self._folder), self._environment())
        try:
            limits = replace(self._limits, deadline=until)
            execution = run(command, limits, said.extend, lambda _: None)
        except ProgramMissing:
            return None
        if execution.exit_code != 0 or execution.ended is not Ended.BY_ITSELF:
            return None
        return said.decode("utf-8", "replace").strip()

    def _environment(self) -> dict[str, str]:
        environment = {**self._place.environment, **self._variables, "PWD": str(self._folder)}
        return {**environment, **_filled(self._recipe.only_here, self._store, environment)}

    def _key(self, version: str) -> str | None:
        """Return what the result depends on, as a name: another lockfile, image or machine makes another.

        None where that can't be told, since a file is too large or a link: then nothing is kept.
        """
        found = hashlib.sha256()
        machine = (platform.machine(), *platform.libc_ver(), sys.platform)
        parts = [*self._place.origin, *machine, self._recipe.name, self._project.place, version]
        if self._recipe.name == "pip" and not self._pinned():
            parts.append(time.strftime("%G week %V", time.gmtime()))
        found.update(json.dumps(parts).encode())
        for path in self._inputs():
            data = read_plain(path, LOCKFILE_BYTES)
            if data is None:
                self._log.note(f"not kept in the cache: {path.name} is a link or too large")
                return None
            found.update(json.dumps([path.name, len(data)]).encode())
            found.update(data)
        return found.hexdigest()[:40]

    def _pinned(self) -> bool:
        """Say whether every requirement has one version; if not, what is installed changes with time."""
        text = read_plain(self._folder / self._recipe.lockfile, LOCKFILE_BYTES) or b""
        lines = [line.partition(b"#")[0].strip() for line in text.splitlines()]
        wanted = [line for line in lines if line and not line.startswith(b"-")]
        return all(b"==" in line or b" @ " in line for line in wanted)

    def _inputs(self) -> Iterator[Path]:
        yield self._folder / self._recipe.lockfile
        for pattern in self._recipe.inputs:
            found = sorted(self._folder.glob(pattern))[:_INPUTS_MOST]
            yield from (path for path in found if path.name != self._recipe.lockfile)

    def _run(self, commands: Sequence[tuple[str, ...]], how: How) -> Installed:
        for arguments in commands:
            command = Command(list(arguments), str(self._folder), self._environment())
            did = perform(command, self._limits, self._log)
            if did.ended is Ended.STOPPED:
                return self._ended(How.STOPPED, did.words)
            if not did.well:
                return self._ended(How.FAILED, did.words)
        return self._ended(how)

    def _restored(self, key: str) -> bool:
        shelf = self._shelf()
        made_in = None if shelf is None else shelf.take(key, self._target)
        if made_in is None:
            return False
        try:
            if self._recipe.venv:
                relocate(self._folder / ".venv", made_in, str(self._folder))
        except OSError as error:
            self._log.note(f"a cache entry was ignored: {error}")
            return False
        return True

    def _target(self, place: str) -> Path:
        """Return where a root of an entry goes. Raises NoEntry for a place that isn't ours to fill."""
        if place == _STORED and self._recipe.stored:
            self._store.parent.mkdir(exist_ok=True)
            return self._store
        if Path(place).name in self._recipe.folders and ".." not in Path(place).parts:
            return self._folder / place
        raise NoEntry(f"a cache entry was ignored: {place!r} is no place for dependencies")

    def _keep(self, key: str) -> None:
        shelf, roots = self._shelf(), [*self._roots()]
        if shelf is not None and roots:
            shelf.put(key, str(self._folder), roots)

    def _shelf(self) -> Shelf | None:
        """Return the cache as this run uses it."""
        entries = self._place.cache
        if entries is None:
            return None
        return Shelf(entries, self._place.beside.parent, self._limits, self._log)

    def _roots(self) -> Iterator[Root]:
        if self._recipe.stored and is_real_folder(self._store):
            yield Root(_STORED, self._store)
        for place in self._made_folders():
            yield Root(place, self._folder / place)

    def _made_folders(self) -> Iterator[str]:
        """Give the folders that were filled: at the top, and where the recipe makes more of them, below it."""
        if not self._recipe.deep:
            yield from (n for n in self._recipe.folders if is_real_folder(self._folder / n))
            return
        waiting, seen = [""], 0
        while waiting and seen < _NESTED_MOST * 10:
            below = waiting.pop()
            with os.scandir(self._folder / below) as entries:
                for entry in entries:
                    seen += 1
                    if not entry.is_dir(follow_symlinks=False) or entry.name == ".git":
                        continue
                    path = f"{below}/{entry.name}" if below else entry.name
                    if entry.name in self._recipe.folders:
                        yield path
                    else:
                        waiting.append(path)


def _filled(
    variables: Mapping[str, str], store: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """Put the store's path in, and keep what the environment says already beside our own options."""
    found = {}
    for name, value in variables.items():
        text = value.replace(STORE, str(store))
        joins = name in ("GOFLAGS", "MAVEN_OPTS") and environment.get(name)
        found[name] = f"{environment[name]} {text}" if joins else text
    return found
