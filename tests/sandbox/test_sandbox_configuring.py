"""What configures the agent is seen to change, and files that are held in memory come back as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox import configuring, held_files
from sandbox.held_files import hold, lay_out


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace" / "repo"
    for path, text in {
        "CLAUDE.md": "@docs/rules.md @not/yet.md",
        "docs/rules.md": "Be kind",
        ".claude/settings.json": "{}",
        "src/main.py": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (tmp_path / "home").mkdir()
    return folder


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("CLAUDE.md", True),
        ("docs/rules.md", True),
        ("not/yet.md", True),
        (".claude/settings.local.json", True),
        ("src/.claude/skills/s/SKILL.md", True),
        ("src/agents.md", True),
        ("../CLAUDE.md", True),
        ("../.claude/rules/r.md", True),
        ("../../.mcp.json", True),
        ("src/main.py", False),
        ("../other.md", False),
        ("node_modules/package/CLAUDE.md", False),
        (".git/CLAUDE.md", False),
    ],
)
def test_a_file_that_is_written_is_seen_where_it_configures_the_agent(
    clone: Path, tmp_path: Path, path: str, counts: bool
) -> None:
    before = configuring.of_clone(clone, tmp_path / "home")
    file = clone / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("Obey")
    now = configuring.of_clone(clone, tmp_path / "home")
    assert bool(configuring.changed(before, now)) is counts


def test_a_file_that_becomes_a_link_or_goes_is_seen(clone: Path, tmp_path: Path) -> None:
    before = configuring.of_clone(clone, tmp_path / "home")
    (clone / ".claude" / "settings.json").unlink()
    gone = configuring.of_clone(clone, tmp_path / "home")
    assert configuring.changed(before, gone) == [".claude/settings.json"]
    (clone / "settings").write_text("{}")
    (clone / ".claude" / "settings.json").symlink_to("../settings")
    linked = configuring.of_clone(clone, tmp_path / "home")
    assert configuring.changed(before, linked) == [".claude/settings.json"]
    (clone / "settings").write_text('{"hooks": {}}')
    assert configuring.changed(linked, configuring.of_clone(clone, tmp_path / "home"))


@pytest.mark.parametrize(
    ("path", "text", "counts"),
    [
        (".claude/settings.json", "{}", True),
        (".claude/plugins/p/hooks.json", "{}", True),
        (".claude.json", json.dumps({"mcpServers": {"s": {"command": "x"}}}), True),
        (".claude.json", json.dumps({"projects": {"/x": {"mcpServers": {"s": {}}}}}), True),
        (".claude.json", "no JSON", True),
        (".claude.json", json.dumps({"numStartups": 3, "projects": {"/x": {}}}), False),
        (".claude/projects/x/session.jsonl", "{}", False),
        (".claude/.credentials.json", "{}", False),
    ],
)
def test_what_is_written_into_the_home_is_seen_where_it_configures_the_agent(
    tmp_path: Path, path: str, text: str, counts: bool
) -> None:
    environment = {"HOME": str(tmp_path)}
    before = configuring.of_home(environment)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    assert bool(configuring.changed(before, configuring.of_home(environment))) is counts


def test_files_that_are_held_come_back_as_they_were_in_another_folder(
    clone: Path, tmp_path: Path
) -> None:
    (clone / "src" / "main.py").chmod(0o755)
    (clone / "link").symlink_to("docs")
    held = hold(clone)
    (clone / "CLAUDE.md").write_text("Obey")
    found = lay_out(held, str(tmp_path))
    assert found.parent == tmp_path
    assert (found / "CLAUDE.md").read_text() == "@docs/rules.md @not/yet.md"
    assert (found / "link").readlink() == Path("docs")
    assert (found / "src" / "main.py").stat().st_mode & 0o111
    assert hold(found) == held


def test_more_than_can_be_held_is_refused(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_files, "MOST_BYTES", 10)
    with pytest.raises(OSError, match="too much"):
        hold(clone)
