"""The operator's files reach the real Claude Code CLI, whatever of the repository counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.report import Cause, Verdict
from tests.sandbox_agents.studio import (
    ALL_STARTED,
    ALL_TEXTS,
    BELOW,
    EVENTS,
    Ran,
    Studio,
    marked,
)

pytestmark = pytest.mark.claude

SEEN = {"CLAUDE", "RULE", "AGENT", "COMMAND", "SKILL", "ENV"}
"""The marks by which the operator's files are known; the styles and the rest are the repository's own."""
STARTED = {*(f"hook-{event}" for event in EVENTS), "server"}


@pytest.fixture
def mounted(studio: Studio, tmp_path: Path) -> Path:
    """A ConfigMap with the operator's files, as the kubelet mounts one: links to a hidden folder, no folders else."""
    folder = tmp_path / "agent-files"
    hidden = folder / "..2026_11_28"
    hidden.mkdir(parents=True)
    (folder / "..data").symlink_to(hidden.name)
    skill = "---\nname: {}\ndescription: BRANCH-{}\n---\nBody\n"
    settings = json.loads(studio.files("BRANCH")[".claude/settings.json"])
    files = {
        "CLAUDE.md": "BRANCH-CLAUDE\n",
        "rules__r2.md": "BRANCH-RULE\n",
        "agents__b.md": skill.format("agentOps", "AGENT"),
        "commands__d.md": skill.format("d", "COMMAND"),
        "skills__t__SKILL.md": skill.format("t", "SKILL"),
        "settings.json": json.dumps({"hooks": settings["hooks"], "env": settings["env"]}),
        ".mcp.json": studio.files("BRANCH")[".mcp.json"],
        "README.md": "BRANCH-README\n",
    }
    for name, text in files.items():
        (hidden / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def run(studio: Studio, mounted: Path, **variables: str) -> Ran:
    return studio.run(SANDBOX_AGENT_FILES=str(mounted), **variables)


def test_the_operators_files_configure_the_agent_of_a_repository_without_any(
    studio: Studio, mounted: Path
) -> None:
    ran = run(studio, mounted)
    assert ran.done.report.verdict is Verdict.PUSHED, ran.done.log
    assert ran.texts == marked("BRANCH", SEEN)
    assert ran.started == marked("BRANCH", STARTED)
    assert ran.done.report.remark is None


def test_the_operators_files_stand_beside_those_of_the_clone(studio: Studio, mounted: Path) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    ran = run(studio, mounted)
    assert ran.texts >= marked("BRANCH", SEEN - {"ENV"})
    assert ran.texts >= marked("BASE", {*ALL_TEXTS, *BELOW.values()} - {"ENV"})
    assert ran.started == marked("BRANCH", STARTED) | marked("BASE", ALL_STARTED)


def test_the_operators_files_stand_beside_the_bases_where_a_branch_doesnt_count(
    studio: Studio, mounted: Path
) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    own = {"CLAUDE.md": "STRANGER\n", ".claude/agents/z.md": "STRANGER\n"}
    studio.repo.commit(own, "Take over", "feature")
    ran = run(studio, mounted, REPO_BRANCH="feature")
    assert ran.texts == marked("BASE", ALL_TEXTS - {"ENV"}) | marked("BRANCH", SEEN)
    assert ran.started == marked("BRANCH", STARTED) | marked("BASE", ALL_STARTED)
    assert "STRANGER" not in ran.told
    assert (ran.done.report.remark or "").startswith("The agent was configured by main's files")


def test_what_a_branch_runs_before_the_agent_cant_keep_the_operators_files_out(
    studio: Studio, mounted: Path
) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    plant = 'mkdir -p "$HOME/.claude" && echo STRANGER > "$HOME/.claude/CLAUDE.md"\n'
    setup = {".claude-sandbox/setup": f"#!/bin/sh\n{plant}", "other.txt": "x\n"}
    studio.repo.commit(setup, "Work", "feature")
    ran = run(studio, mounted, REPO_BRANCH="feature", SANDBOX_SETUP="sh .claude-sandbox/setup")
    assert ran.texts >= marked("BRANCH", SEEN - {"ENV"})
    assert "STRANGER" not in ran.told


def test_a_home_with_settings_of_its_own_stays_and_that_is_told(
    studio: Studio, mounted: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home" / ".claude"
    home.mkdir()
    (home / "settings.json").write_text(json.dumps({"env": {"MARK": "HOME-ENV"}}))
    ran = run(studio, mounted)
    assert ran.texts == set()
    assert "MARK=HOME-ENV" in ran.told
    remark = "The operator's agent files don't count: the agent has a home."
    assert ran.done.report.remark == remark


def test_files_that_should_be_mounted_and_arent_are_told(studio: Studio, tmp_path: Path) -> None:
    ran = run(studio, tmp_path / "none")
    assert ran.done.report.verdict is Verdict.PUSHED
    place = tmp_path / "none"
    assert ran.done.report.remark == f"The operator's agent files aren't there: {place}."


def test_more_files_than_can_be_held_end_the_run_before_the_agent(
    studio: Studio, mounted: Path
) -> None:
    for number in range(3):
        (mounted / f"agents__{number}.md").write_bytes(b"x" * (12 << 20))
    ran = run(studio, mounted)
    assert ran.done.report.cause is Cause.BAD_ENVIRONMENT
    assert "more files than can be held" in (ran.done.report.error or "")
    assert studio.api.requests == []
