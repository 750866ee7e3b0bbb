"""The operator's files: what is read of a folder, and how they are joined with the repository's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.agent_files import AgentFiles, read_agent_files, read_folder
from sandbox.guidance import Guidance


def folder_of(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def test_of_a_folder_counts_what_configures_an_agent_and_lies_within(tmp_path: Path) -> None:
    place = folder_of(
        tmp_path / "files",
        **{
            "CLAUDE.md": "rules",
            "agents/a.md": "agent",
            "skills__s__SKILL.md": "skill",
            ".mcp.json": "{}",
            "README.md": "for people",
            "settings.local.json.bak": "no",
            "agents__..__..__x.md": "out",
            "..data__CLAUDE.md": "hidden",
        },
    )
    (tmp_path / "secret").write_text("secret")
    (place / "agents" / "out.md").symlink_to(tmp_path / "secret")
    (place / "agents" / "in.md").symlink_to("a.md")
    assert dict(read_folder(place)) == {
        "CLAUDE.md": b"rules",
        "agents/a.md": b"agent",
        "agents/in.md": b"agent",
        "skills/s/SKILL.md": b"skill",
        ".mcp.json": b"{}",
    }


def test_a_mounted_file_counts_before_a_baked_one(tmp_path: Path) -> None:
    baked = folder_of(tmp_path / "baked", **{"CLAUDE.md": "baked", "agents/a.md": "baked"})
    mounted = folder_of(tmp_path / "mounted", **{"CLAUDE.md": "mounted"})
    found = read_agent_files({"SANDBOX_AGENT_FILES": str(mounted)}, baked)
    assert found.files == {"CLAUDE.md": b"mounted", "agents/a.md": b"baked"}
    assert found.remark == ""
    assert read_agent_files({}, tmp_path / "none") == AgentFiles()


def test_without_such_files_nothing_changes(tmp_path: Path) -> None:
    given = Guidance(None, "why")
    assert AgentFiles().beside(None, str(tmp_path)) is None
    assert AgentFiles().beside(given, str(tmp_path)) is given
    assert list(tmp_path.iterdir()) == []


OURS = {
    "CLAUDE.md": b"ours\n",
    "agents/a.md": b"ours",
    "agents/b.md": b"ours",
    "settings.json": json.dumps({"model": "opus", "env": {"A": "1"}, "list": ["x", "y"]}).encode(),
    ".mcp.json": json.dumps({"mcpServers": {"s": {"command": "ours"}}}).encode(),
}


def test_files_of_the_repository_are_joined_and_never_replaced(tmp_path: Path) -> None:
    base = folder_of(
        tmp_path / "base",
        **{
            ".claude/CLAUDE.md": "theirs\n",
            ".claude/agents/a.md": "theirs",
            ".claude/settings.json": json.dumps(
                {"model": "haiku", "env": {"A": "2", "B": "3"}, "list": ["y", "z"], "more": 1}
            ),
            ".mcp.json": json.dumps({"mcpServers": {"t": {"command": "theirs"}}}),
        },
    )
    got = AgentFiles(OURS).beside(Guidance(str(base), "why"), str(tmp_path))
    assert got == Guidance(str(base), "why")
    home = base / ".claude"
    assert (home / "CLAUDE.md").read_text() == "ours\n\ntheirs\n"
    assert (home / "agents/a.md").read_text() == "theirs"
    assert (home / "agents/b.md").read_text() == "ours"
    assert json.loads((home / "settings.json").read_text()) == {
        "model": "opus",
        "env": {"A": "1", "B": "3"},
        "list": ["y", "z", "x"],
        "more": 1,
    }
    servers = json.loads((base / ".mcp.json").read_text())["mcpServers"]
    assert servers == {"s": {"command": "ours"}, "t": {"command": "theirs"}}


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\xff"])
def test_settings_of_the_repository_that_are_none_give_way(tmp_path: Path, text: str) -> None:
    base = tmp_path / "base"
    (base / ".claude").mkdir(parents=True)
    (base / ".claude" / "settings.json").write_text(text, encoding="latin-1")
    AgentFiles(OURS).beside(Guidance(str(base), ""), str(tmp_path))
    kept = json.loads((base / ".claude" / "settings.json").read_text())
    assert kept == json.loads(OURS["settings.json"])


def test_a_link_of_the_repository_leads_no_file_elsewhere(tmp_path: Path) -> None:
    base, other = tmp_path / "base", tmp_path / "other"
    (base / ".claude").mkdir(parents=True)
    other.mkdir()
    (other / "CLAUDE.md").write_text("other")
    (base / ".claude" / "agents").symlink_to(other)
    (base / ".claude" / "CLAUDE.md").symlink_to(other / "CLAUDE.md")
    AgentFiles(OURS).beside(Guidance(str(base), ""), str(tmp_path))
    assert {path.name for path in other.iterdir()} == {"CLAUDE.md"}
    assert (other / "CLAUDE.md").read_text() == "other"


@pytest.mark.parametrize("name", ["agents", "skills"])
@pytest.mark.parametrize("loop", [False, True])
def test_what_isnt_a_folder_in_the_repository_stays_and_keeps_no_run_from_its_agent(
    tmp_path: Path, name: str, loop: bool
) -> None:
    base = folder_of(tmp_path / "base", **{".claude/rules/r.md": "theirs"})
    if loop:
        (base / ".claude" / name).symlink_to(name)
    else:
        (base / ".claude" / name).write_text("a file")
    ours = {"agents/a.md": b"ours", "skills/s/SKILL.md": b"ours", "rules/r2.md": b"ours"}
    AgentFiles(ours).beside(Guidance(str(base), ""), str(tmp_path))
    assert not (base / ".claude" / name).is_dir()
    assert (base / ".claude" / "rules" / "r2.md").read_text() == "ours"


def test_no_folder_is_made_where_a_link_of_the_repository_leads(tmp_path: Path) -> None:
    base, other = tmp_path / "base", tmp_path / "other"
    (base / ".claude").mkdir(parents=True)
    other.mkdir()
    (base / ".claude" / "skills").symlink_to(other)
    AgentFiles({"skills/s/SKILL.md": b"ours"}).beside(Guidance(str(base), ""), str(tmp_path))
    assert list(other.iterdir()) == []


def test_a_remark_is_told_also_where_there_is_nothing_to_lay_out(tmp_path: Path) -> None:
    found = AgentFiles(remark="They aren't there.")
    assert found.beside(None, str(tmp_path)) == Guidance(None, "They aren't there.", of_clone=True)
    both = found.beside(Guidance(None, "No base"), str(tmp_path))
    assert both == Guidance(None, "No base. They aren't there.")
