"""The language's own version: that of the image where it fits, and else one that mise installs.

What is asked for was read before the launch (`bot.fitting`). What can't be had is told; then the image's own is used.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sandbox.commands import perform
from sandbox.log import Log
from sandbox.process import Command, Ended, Limits, ProgramMissing, run
from sandbox.task import RepoStack
from sandbox.version_range import is_newer_of_its_kind, names, within

SECONDS = 600.0
"""The longest that mise may take."""
_QUESTION_SECONDS = 20.0
_SHORT = 100


@dataclass(frozen=True, slots=True)
class Tool:
    """How a language is asked for its version, what mise installs for it, and when another version will do."""

    title: str
    command: tuple[str, ...]
    installed: tuple[str, ...]
    said: str = r"(\d+(?:\.\d+)+)"
    fits: Callable[[str, str], bool] = names


TOOLS: Mapping[str, Tool] = {
    "node": Tool("Node", ("node", "--version"), ("node",)),
    "python": Tool("Python", ("python3", "--version"), ("python",)),
    # What go.mod, Cargo.toml and mix.exs name is the oldest that will do.
    "go": Tool("Go", ("go", "version"), ("go",), r"go(\d+(?:\.\d+)+)", is_newer_of_its_kind),
    "rust": Tool("Rust", ("rustc", "--version"), ("rust",), fits=is_newer_of_its_kind),
    "java": Tool("Java", ("java", "-version"), ("java",), r'version "(?:1\.)?(\d+(?:\.\d+)*)'),
    "elixir": Tool(
        "Elixir",
        ("elixir", "--version"),
        ("erlang", "elixir"),
        r"Elixir (\d+(?:\.\d+)+)",
        is_newer_of_its_kind,
    ),
}
"""Ruby and PHP aren't here: mise builds them from source, which takes longer than a run may wait, or lacks libraries."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it: variables for the project's programs and the agent, and a remark for people."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    remark: str = ""


def get_toolchain(
    asked: RepoStack, folder: Path, environment: Mapping[str, str], limits: Limits, log: Log
) -> Found:
    """Make the version be there that a project asks for; what mise installs goes below `folder`."""
    tool = TOOLS.get(asked.language or "")
    if tool is None:
        return Found()
    return _Getting(asked, tool, folder, environment, limits, log).get()


@dataclass(frozen=True, slots=True)
class _Getting:
    asked: RepoStack
    tool: Tool
    folder: Path
    environment: Mapping[str, str]
    limits: Limits
    log: Log

    def get(self) -> Found:
        have = self._version()
        if have is not None and self._fits(have):
            self.log.note(f"{self.tool.title} {have} is here")
            return Found()
        wanted = f"{self.tool.title} {self.asked.requirement or self.asked.version or ''}".strip()
        used = f"{have} is used" if have else "there is none"
        if shutil.which("mise", path=self.environment.get("PATH")) is None:
            return Found(remark=f"{wanted} isn't in this image, and no mise to get it: {used}.")
        variables, why = self._installed()
        if variables is None:
            return Found(remark=f"{wanted} couldn't be installed, {used}: {why}")
        return Found(variables)

    def _fits(self, have: str) -> bool:
        asked = self.asked
        if asked.requirement:
            return within(asked.requirement, have)
        return asked.version is None or self.tool.fits(asked.version, have)

    def _version(self) -> str | None:
        said = self._told(self.tool.command, self.environment)
        match = re.search(self.tool.said, said or "")
        return match[1] if match else None

    def _installed(self) -> tuple[dict[str, str] | None, str]:
        """Return the variables by which programs find it, or else why it couldn't be installed."""
        self.folder.mkdir(exist_ok=True)
        environment = {**self.environment, **self._of_mise()}
        last = self.tool.installed[-1]
        version = re.sub(r"^1\.(?=8$)", "", self.asked.version or "latest")
        tools = [f"{name}@{version if name == last else 'latest'}" for name in self.tool.installed]
        # Not in the clone: what a repository configures mise with would be run, or be asked about.
        command = Command(["mise", "install", *tools], str(self.folder), environment)
        did = perform(command, self.limits, self.log)
        if not did.well:
            return None, did.words.strip().split("\n")[-1][:_SHORT]
        told = self._told(("mise", "env", "--json", *tools), environment)
        try:
            values = json.loads(told or "")
        except ValueError:
            return None, "mise doesn't say where it is"
        return {name: text for name, text in values.items() if isinstance(text, str)}, ""

    def _of_mise(self) -> dict[str, str]:
        places = {
            f"MISE_{name}_DIR": str(self.folder / name.lower())
            for name in ("DATA", "CACHE", "STATE", "CONFIG")
        }
        rust = {
            "CARGO_HOME": str(self.folder / "cargo"),
            "RUSTUP_HOME": str(self.folder / "rustup"),
        }
        own = rust if self.asked.language == "rust" else {}
        return {**places, **own, "MISE_YES": "1", "NO_COLOR": "1", "PWD": str(self.folder)}

    def _told(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
        """Return what a program says, on either stream; None where it fails."""
        said = bytearray()
        until = min(self.limits.deadline, time.monotonic() + _QUESTION_SECONDS)
        heard = said.extend if arguments[0] != "mise" else lambda _: None
        command = Command(list(arguments), str(self.folder.parent), environment)
        try:
            done = run(command, replace(self.limits, deadline=until), said.extend, heard)
        except ProgramMissing:
            return None
        well = done.exit_code == 0 and done.ended is Ended.BY_ITSELF
        return said.decode("utf-8", "replace") if well else None
