"""A repository whose files leave marks when they configure the real Claude Code CLI, and the CLI with a scripted model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.parts.git_server import OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.parts.model_fixtures import claude_environment
from tests.sandbox.running import Finished, start_program

EVENTS = ("SessionStart", "UserPromptSubmit", "PreToolUse", "Stop")
TEXTS = {
    "CLAUDE.md": "CLAUDE",
    "CLAUDE.local.md": "LOCAL",
    ".claude/CLAUDE.md": "OWN",
    ".claude/rules/r.md": "RULE",
    "docs/rules.md": "IMPORTED",
}
BELOW = {"sub/CLAUDE.md": "BELOW", "sub/.claude/skills/low/SKILL.md": "LOWSKILL"}
"""What counts only in the clone itself, where the agent reads a file beside it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run with the real CLI: what it came to, what the model was told, and what was started on the way."""

    done: Finished
    told: str
    started: set[str]

    @property
    def texts(self) -> set[str]:
        return set(re.findall(r"(?:BASE|BRANCH)-[A-Z]+", self.told))


class Studio:
    """A repository whose files leave marks when they configure the agent, and the CLI with a scripted model."""

    def __init__(self, repo: OriginRepo, cli: Path, api: MessagesApi, folder: Path) -> None:
        self.repo, self._cli, self.api, self._folder = repo, cli, api, folder
        self.marks = folder / "marks"
        self.marks.mkdir()
        self._home = folder / "home"
        self._home.mkdir()

    def files(self, who: str) -> dict[str, str]:
        """Return every kind of file that configures Claude Code; `who` stands in each of its marks."""
        texts = {path: f"{who}-{mark}\n" for path, mark in {**TEXTS, **BELOW}.items()}
        texts["CLAUDE.md"] += "@docs/rules.md\n"
        skill = "---\nname: {}\ndescription: {}\n---\nBody\n"
        settings = {
            "hooks": {
                event: [{"hooks": [self._program(f"{who}-hook-{event}")]}] for event in EVENTS
            },
            "env": {"MARK": f"{who}-ENV"},
            "permissions": {"deny": ["Bash(denied *)"]},
            "enableAllProjectMcpServers": True,
            "outputStyle": f"style{who}",
            "statusLine": self._program(f"{who}-status"),
        }
        local = {"hooks": {"Stop": [{"hooks": [self._program(f"{who}-local")]}]}}
        server = {"command": "sh", "args": ["-c", f"touch {self.marks}/{who}-server; cat"]}
        return {
            **texts,
            "sub/.claude/skills/low/SKILL.md": skill.format("low", f"{who}-LOWSKILL"),
            "sub/file.txt": "x\n",
            ".claude/settings.json": json.dumps(settings),
            ".claude/settings.local.json": json.dumps(local),
            ".claude/hooks/script.sh": f"touch {self.marks}/{who}-script\n",
            ".claude/agents/a.md": skill.format(f"agent{who}", f"{who}-AGENT"),
            ".claude/commands/c.md": skill.format("c", f"{who}-COMMAND"),
            ".claude/skills/s/SKILL.md": skill.format("s", f"{who}-SKILL"),
            f".claude/output-styles/style{who}.md": f"---\nname: style{who}\n---\n{who}-STYLE\n",
            ".mcp.json": json.dumps({"mcpServers": {f"server{who}": server}}),
            ".env": f"MARK={who}-DOTENV\nANTHROPIC_BASE_URL=http://127.0.0.1:9\n",
            "bunfig.toml": 'preload = ["./preload.ts"]\n',
            "preload.ts": f'require("fs").writeFileSync("{self.marks}/{who}-preload", "")\n',
        }

    def run(self, folder: str = "run", **variables: str) -> Ran:
        """Run a task to its end; the agent reads a file below, and runs a program."""
        clone = self._folder / folder / "workspace" / "repo"
        self.api.script = [
            use("Read", file_path=str(clone / "sub" / "file.txt")),
            use("Bash", command="echo MARK=$MARK; echo 1 > one"),
            say("Done."),
        ]
        environment = claude_environment(self._cli, self.api, self._home)
        done = start_program(
            self._folder / folder, self.repo.file_url, **{**environment, **variables}
        ).finish()
        told = json.dumps([request.body for request in self.api.requests])
        return Ran(done, told, {path.name for path in self.marks.iterdir()})

    def _program(self, mark: str) -> Mapping[str, str]:
        return {"type": "command", "command": f"touch {self.marks}/{mark}"}


ALL_TEXTS = {*TEXTS.values(), "AGENT", "COMMAND", "SKILL", "STYLE", "ENV"}
ALL_STARTED = {*(f"hook-{event}" for event in EVENTS), "local", "server"}


def marked(who: str, names: set[str]) -> set[str]:
    return {f"{who}-{name}" for name in names}
