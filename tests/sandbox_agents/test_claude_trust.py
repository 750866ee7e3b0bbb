"""Whose files configure the real Claude Code CLI: those of the base, not those of a branch that a person named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.report import Verdict
from tests.parts.git_server import OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.parts.model_fixtures import claude_environment
from tests.sandbox.running import Finished, start_program

pytestmark = pytest.mark.claude

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


@pytest.fixture
def studio(
    file_repo: OriginRepo,
    claude_cli: Path,
    messages_api: Callable[..., MessagesApi],
    tmp_path: Path,
) -> Studio:
    return Studio(file_repo, claude_cli, messages_api(say("Done.")), tmp_path)


ALL_TEXTS = {*TEXTS.values(), "AGENT", "COMMAND", "SKILL", "STYLE", "ENV"}
ALL_STARTED = {*(f"hook-{event}" for event in EVENTS), "local", "server"}


def marked(who: str, names: set[str]) -> set[str]:
    return {f"{who}-{name}" for name in names}


def test_nothing_of_a_named_branch_configures_the_agent_and_the_bases_files_do(
    studio: Studio,
) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    studio.repo.commit(studio.files("BRANCH"), "Take over", "feature")
    ran = studio.run(REPO_BRANCH="feature")
    assert ran.done.report.verdict is Verdict.PUSHED, ran.done.log
    assert ran.texts == marked("BASE", ALL_TEXTS)
    assert ran.started == marked("BASE", ALL_STARTED)
    assert (ran.done.report.remark or "").startswith(
        "The agent was configured by main's files, not by the branch's own: .claude/"
    )
    pushed = ran.done.report.branch or ""
    assert studio.repo.diffstat("feature", pushed) == "1 file changed, 1 insertion(+)"


def test_the_counter_proof_a_branch_that_the_operator_trusts_takes_over(studio: Studio) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    studio.repo.commit(studio.files("BRANCH"), "Take over", "feature")
    ran = studio.run(REPO_BRANCH="feature", SANDBOX_TRUST="branch")
    assert ran.texts == marked("BRANCH", {*ALL_TEXTS, *BELOW.values()})
    assert ran.started == marked("BRANCH", ALL_STARTED)
    assert ran.done.report.remark is None


@pytest.mark.parametrize(
    "variables",
    [{}, {"REPO_BRANCH": "main"}, {"REPO_BRANCH": "feature"}],
    ids=["no branch named", "the base named", "a branch with the same files"],
)
def test_the_files_of_the_clone_count_where_they_are_the_bases(
    studio: Studio, variables: dict[str, str]
) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    studio.repo.commit({"other.txt": "x\n"}, "Work", "feature")
    ran = studio.run(**variables)
    assert ran.texts == marked("BASE", {*ALL_TEXTS, *BELOW.values()})
    assert ran.done.report.remark is None


def test_a_hook_of_the_base_runs_the_bases_script(studio: Studio) -> None:
    command = 'sh "$CLAUDE_PROJECT_DIR"/.claude/hooks/script.sh'
    settings = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": command}]}]}}
    same = {".claude/settings.json": json.dumps(settings)}
    studio.repo.commit({**studio.files("BASE"), **same}, "Configure")
    studio.repo.commit({**studio.files("BRANCH"), **same}, "Take over", "feature")
    assert "BASE-script" in studio.run(REPO_BRANCH="feature").started
    assert "BRANCH-script" not in studio.run("again", REPO_BRANCH="feature").started


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no base", "No file of the repo configured the agent: its base branch can't be read."),
        ("own home", "Neither the branch's files nor those of its base configured the agent: "),
    ],
)
def test_nothing_of_the_repo_counts_where_the_bases_files_cant(
    studio: Studio, tmp_path: Path, case: str, words: str
) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    studio.repo.commit(studio.files("BRANCH"), "Take over", "feature")
    if case == "own home":
        home = tmp_path / "home" / ".claude"
        home.mkdir()
        (home / "settings.json").write_text(json.dumps({"env": {"MARK": "HOME-ENV"}}))
    base = {"SANDBOX_TRUSTED_BASE": "gone"} if case == "no base" else {}
    ran = studio.run(REPO_BRANCH="feature", **base)
    assert (ran.texts, ran.started) == (set(), set())
    assert (ran.done.report.remark or "").startswith(words)
    assert ("MARK=HOME-ENV" in ran.told) is (case == "own home")
    assert ran.done.report.verdict is Verdict.PUSHED


def test_agents_md_counts_as_claude_md_does(studio: Studio) -> None:
    studio.repo.commit({"AGENTS.md": "BASE-AGENTS\n", "sub/file.txt": "x"}, "Configure")
    studio.repo.commit({"AGENTS.md": "BRANCH-AGENTS\n"}, "Take over", "feature")
    assert studio.run().texts == {"BASE-AGENTS"}
    studio.api.requests.clear()
    assert studio.run("again", REPO_BRANCH="feature").texts == {"BASE-AGENTS"}
