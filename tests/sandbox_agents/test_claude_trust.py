"""Whose files configure the real Claude Code CLI: those of the base, not those of a branch that a person named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.report import Cause, Verdict
from tests.sandbox_agents.studio import ALL_STARTED, ALL_TEXTS, BELOW, Studio, marked

pytestmark = pytest.mark.claude


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


TAKE_OVER = """\
cd ..
mark() { printf '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"touch %s/BRANCH-%s"}]}]}}' MARKS "$1"; }
configure() {
  mkdir -p "$1/.claude/rules"
  mark "$2" > "$1/.claude/settings.json"
  mark "$2" > "$1/.claude/settings.local.json"
  echo BRANCH-HOMERULE > "$1/.claude/rules/new.md"
  echo BRANCH-OWNTEXT > "$1/.claude/CLAUDE.md"
  echo BRANCH-TEXT > "$1/CLAUDE.md"
}
"""
PLACES = {
    "the clone": "configure $OLDPWD clone",
    "what instructions import": "echo BRANCH-IMPORT > $OLDPWD/docs/rules.md",
    "the folder above": "echo BRANCH-ABOVE > CLAUDE.md; mkdir -p .claude; echo BRANCH-OVER > .claude/CLAUDE.md",
}
HOME_PLACE = "configure $HOME home"


def setting_up(studio: Studio, what: str) -> dict[str, str]:
    return {".claude-sandbox/setup": TAKE_OVER.replace("MARKS", str(studio.marks)) + what + "\n"}


def test_what_a_branch_runs_before_the_agent_doesnt_change_the_bases_files(studio: Studio) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    everywhere = "for f in base-*/files $HOME $OLDPWD; do configure $f held; done; echo BRANCH-ABOVE > CLAUDE.md"
    branch = {**studio.files("BRANCH"), **setting_up(studio, everywhere)}
    studio.repo.commit(branch, "Take over", "feature")
    ran = studio.run(REPO_BRANCH="feature")
    assert ran.done.report.verdict is Verdict.PUSHED, ran.done.log
    assert ran.texts == marked("BASE", ALL_TEXTS)
    assert ran.started == marked("BASE", ALL_STARTED)


@pytest.mark.parametrize("place", PLACES)
def test_a_branch_that_changes_its_configuration_before_the_agent_has_none(
    studio: Studio, place: str
) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    studio.repo.commit(setting_up(studio, PLACES[place]), "Set up", "feature")
    ran = studio.run(REPO_BRANCH="feature")
    assert (ran.texts, ran.started) == (set(), set()), ran.done.log
    assert (ran.done.report.remark or "").startswith(
        "No file of the repo configured the agent: what the branch runs before it changed "
    )
    assert ran.done.report.verdict is Verdict.PUSHED


def test_a_branch_that_changes_the_home_before_the_agent_gets_another(studio: Studio) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    studio.repo.commit(setting_up(studio, HOME_PLACE), "Set up", "feature")
    ran = studio.run(REPO_BRANCH="feature")
    assert ran.texts == marked("BASE", {*ALL_TEXTS, *BELOW.values()}), ran.done.log
    assert ran.started == marked("BASE", ALL_STARTED)
    assert ran.done.report.remark is None


def test_the_counter_proof_what_a_trusted_branch_runs_takes_over(studio: Studio) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    everything = "; ".join([*PLACES.values(), HOME_PLACE])
    studio.repo.commit(setting_up(studio, everything), "Set up", "feature")
    ran = studio.run(REPO_BRANCH="feature", SANDBOX_TRUST="branch")
    assert {"BRANCH-home", "BRANCH-clone"} <= ran.started, ran.done.log
    assert {"BRANCH-TEXT", "BRANCH-ABOVE", "BRANCH-IMPORT", "BRANCH-HOMERULE"} - ran.texts <= {
        "BRANCH-IMPORT"  # the text that would import it was replaced
    }


def test_a_home_of_ones_own_that_a_branch_changes_ends_the_run(
    studio: Studio, tmp_path: Path
) -> None:
    studio.repo.commit(studio.files("BASE"), "Configure")
    home = tmp_path / "home" / ".claude"
    home.mkdir()
    (home / "settings.json").write_text("{}")
    studio.repo.commit(setting_up(studio, HOME_PLACE), "Set up", "feature")
    ran = studio.run(REPO_BRANCH="feature")
    assert ran.done.report.cause is Cause.SETUP_FAILED
    assert "which configures the agent" in (ran.done.report.error or "")
    assert (ran.texts, ran.started) == (set(), set())
