"""The language's own version: that of the image where it fits, and else one that mise installs, or installed in an earlier run.

What is asked for was read before the launch (`bot.fitting`). What can't be had is told; then the image's own is used.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sandbox.commands import perform
from sandbox.dependencies.cache import Entries, NoEntry, Root, remove
from sandbox.dependencies.shelf import Shelf
from sandbox.log import Log
from sandbox.process import Command, Ended, Limits, ProgramMissing, run
from sandbox.task import RepoStack
from sandbox.version_range import is_newer_of_its_kind, names, within

SECONDS = 600.0
"""The longest that mise may take."""
_QUESTION_SECONDS = 20.0
_SHORT = 100
_DATA = "data"
"""Where mise installs: what is kept for the next run."""


@dataclass(frozen=True, slots=True)
class Tool:
    """How a language is asked for its version, what mise installs for it, and when another version will do.

    `movable` says that what was installed works in another folder, and isn't tied together by links out of it.
    """

    title: str
    command: tuple[str, ...]
    installed: tuple[str, ...]
    said: str = r"(\d+(?:\.\d+)+)"
    fits: Callable[[str, str], bool] = names
    movable: bool = True


TOOLS: Mapping[str, Tool] = {
    "node": Tool("Node", ("node", "--version"), ("node",)),
    "python": Tool("Python", ("python3", "--version"), ("python",)),
    # What go.mod, Cargo.toml and mix.exs name is the oldest that will do.
    "go": Tool("Go", ("go", "version"), ("go",), r"go(\d+(?:\.\d+)+)", is_newer_of_its_kind),
    "rust": Tool(
        "Rust", ("rustc", "--version"), ("rust",), fits=is_newer_of_its_kind, movable=False
    ),
    "java": Tool("Java", ("java", "-version"), ("java",), r'version "(?:1\.)?(\d+(?:\.\d+)*)'),
    "elixir": Tool(
        "Elixir",
        ("elixir", "--version"),
        ("erlang", "elixir"),
        r"Elixir (\d+(?:\.\d+)+)",
        is_newer_of_its_kind,
        movable=False,
    ),
}
"""Ruby and PHP aren't here: mise builds them from source, which takes longer than a run may wait, or lacks libraries."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it: variables for the project's programs and the agent, and a remark for people."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a toolchain is made: below `folder`, which needn't be there, by programs that know `environment`.

    `cache` is where what was installed is kept, None for nowhere; `origin` says whose it is: repository, image.
    """

    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    cache: Entries | None = None
    origin: tuple[str, ...] = ()


def get_toolchain(asked: RepoStack, site: Site, limits: Limits, log: Log) -> Found:
    """Make the version be there that a project asks for."""
    tool = TOOLS.get(asked.language or "")
    if tool is None:
        return Found()
    return _Getting(asked, tool, site, limits, log).get()


@dataclass(frozen=True, slots=True)
class _Getting:
    asked: RepoStack
    tool: Tool
    site: Site
    limits: Limits
    log: Log

    def get(self) -> Found:
        have = self._version(self.site.environment)
        if have is not None and self._fits(have):
            self.log.note(f"{self.tool.title} {have} is here")
            return Found()
        wanted = f"{self.tool.title} {self.asked.requirement or self.asked.version or ''}".strip()
        used = f"{have} is used" if have else "there is none"
        if shutil.which("mise", path=self.site.environment.get("PATH")) is None:
            return Found(remark=f"{wanted} isn't in this image, and no mise to get it: {used}.")
        variables, why = self._kept() or self._installed()
        if variables is None:
            return Found(remark=f"{wanted} couldn't be installed, {used}: {why}")
        return Found(variables)

    def _fits(self, have: str) -> bool:
        asked = self.asked
        if asked.requirement:
            return within(asked.requirement, have)
        return asked.version is None or self.tool.fits(asked.version, have)

    def _version(self, environment: Mapping[str, str]) -> str | None:
        said = self._told(self.tool.command, environment)
        match = re.search(self.tool.said, said or "")
        return match[1] if match else None

    def _kept(self) -> tuple[dict[str, str], str] | None:
        """Return the variables of what an earlier run has installed; None where there is nothing that runs here."""
        shelf = self._shelf()
        if shelf is None or shelf.take(self._key(), self._target) is None:
            return None
        variables = self._variables()
        version = self._version({**self.site.environment, **(variables or {})})
        if variables is not None and version is not None and self._fits(version):
            self.log.note(f"{self.tool.title} {version} from the cache")
            return variables, ""
        self.log.note("a cache entry was ignored: what is in it doesn't run here")
        remove(self.site.folder)
        return None

    def _installed(self) -> tuple[dict[str, str] | None, str]:
        """Return the variables by which programs find it, or else why it couldn't be installed."""
        self.site.folder.mkdir(exist_ok=True)
        environment = {**self.site.environment, **self._of_mise()}
        # Not in the clone: what a repository configures mise with would be run, or be asked about.
        command = Command(["mise", "install", *self._tools()], str(self.site.folder), environment)
        did = perform(command, self.limits, self.log)
        if not did.well:
            return None, did.words.strip().split("\n")[-1][:_SHORT]
        variables = self._variables()
        if variables is None:
            return None, "mise doesn't say where it is"
        shelf = self._shelf()
        if shelf is not None:
            root = Root(_DATA, self.site.folder / _DATA)
            shelf.put(self._key(), str(self.site.folder), [root])
        return variables, ""

    def _variables(self) -> dict[str, str] | None:
        environment = {**self.site.environment, **self._of_mise()}
        told = self._told(("mise", "env", "--json", *self._tools()), environment)
        try:
            values = json.loads(told or "")
        except ValueError:
            return None
        return {name: text for name, text in values.items() if isinstance(text, str)}

    def _tools(self) -> list[str]:
        """Return what mise is to install, as it takes it."""
        last = self.tool.installed[-1]
        version = re.sub(r"^1\.(?=8$)", "", self.asked.version or "latest")
        return [f"{name}@{version if name == last else 'latest'}" for name in self.tool.installed]

    def _shelf(self) -> Shelf | None:
        """Return the cache as this run uses it; None where what is installed can't be kept."""
        entries = self.site.cache
        if entries is None or not self.tool.movable:
            return None
        return Shelf(entries, self.site.folder.parent, self.limits, self.log)

    def _key(self) -> str:
        """Return what the result depends on, as a name; what isn't named exactly is looked for anew each week."""
        machine = (platform.machine(), *platform.libc_ver())
        parts = ["toolchain", *self.site.origin, *machine, *self._tools()]
        if not re.fullmatch(_EXACT, self.asked.version or ""):
            parts.append(time.strftime("%G week %V", time.gmtime()))
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]

    def _target(self, place: str) -> Path:
        if place != _DATA:
            raise NoEntry(f"a cache entry was ignored: {place!r} is no place for a toolchain")
        self.site.folder.mkdir(exist_ok=True)
        return self.site.folder / _DATA

    def _of_mise(self) -> dict[str, str]:
        places = {
            f"MISE_{name}_DIR": str(self.site.folder / name.lower())
            for name in ("DATA", "CACHE", "STATE", "CONFIG")
        }
        rust = {
            "CARGO_HOME": str(self.site.folder / "cargo"),
            "RUSTUP_HOME": str(self.site.folder / "rustup"),
        }
        own = rust if self.asked.language == "rust" else {}
        return {**places, **own, "MISE_YES": "1", "NO_COLOR": "1", "PWD": str(self.site.folder)}

    def _told(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
        """Return what a program says, on either stream; None where it fails."""
        said = bytearray()
        until = min(self.limits.deadline, time.monotonic() + _QUESTION_SECONDS)
        heard = said.extend if arguments[0] != "mise" else lambda _: None
        command = Command(list(arguments), str(self.site.folder.parent), environment)
        try:
            done = run(command, replace(self.limits, deadline=until), said.extend, heard)
        except ProgramMissing:
            return None
        well = done.exit_code == 0 and done.ended is Ended.BY_ITSELF
        return said.decode("utf-8", "replace") if well else None


_EXACT = r"\d+\.\d+\.\d+\S*"
