"""Which files configure the agent, what they lead to, and what is taken of a base: the pure part, and git's."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.base_files import find_guidance
from sandbox.clone import Clone, make_clone
from sandbox.git import Git, clean_environment
from sandbox.guidance import (
    Guidance,
    TooMany,
    Tree,
    differing,
    is_configuration,
    moved,
    named,
    reached,
    read_tree,
)
from sandbox.keys import Keys, read_keys
from sandbox.task import Task
from tests.parts.git_server import GitServer, OriginRepo, run_git

LINK = "120000"


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("CLAUDE.md", True),
        ("claude.MD", True),
        ("deep/down/CLAUDE.local.md", True),
        ("AGENTS.md", True),
        (".mcp.json", True),
        (".claude/settings.json", True),
        ("packages/one/.claude/skills/x/SKILL.md", True),
        (".claude", True),
        ("docs/CLAUDE.md.txt", False),
        ("src/claude/main.py", False),
        ("README.md", False),
        (".claudeignore", False),
    ],
)
def test_a_file_configures_the_agent_by_its_name(path: str, counts: bool) -> None:
    assert is_configuration(path) is counts


def tree_of(**texts: str) -> tuple[Tree, dict[str, str]]:
    """Make a tree of texts by path; a text that begins with → is a link."""
    files = {
        path: (LINK if text.startswith("→") else "100644", text) for path, text in texts.items()
    }
    plain = {path: text.removeprefix("→") for path, text in texts.items()}
    return Tree(files, "/workspace/repo"), plain


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"CLAUDE.md": "Be kind.", "x.md": ""}, []),
        ({"CLAUDE.md": "See @x.md", "x.md": ""}, ["x.md"]),
        ({"CLAUDE.md": "See @./x.md.", "x.md": ""}, ["x.md"]),
        ({"CLAUDE.md": "(@x.md#part)", "x.md": ""}, ["x.md"]),
        ({"CLAUDE.md": "@with\\ space.md", "with space.md": ""}, ["with space.md"]),
        ({"CLAUDE.md": "@/workspace/repo/x.md", "x.md": ""}, ["x.md"]),
        ({"CLAUDE.md": "@a.md", "a.md": "@b.md", "b.md": "@a.md"}, ["a.md", "b.md"]),
        ({"a/CLAUDE.md": "@../x.md", "x.md": ""}, ["x.md"]),
        ({".claude/rules/r.md": "@../../x.md", "x.md": ""}, ["x.md"]),
        ({"CLAUDE.md": "→README", "README": "@x.md", "x.md": ""}, ["README", "x.md"]),
        ({".claude": "→tools/agent", "tools/agent/settings.json": "{}"}, None),
        ({"CLAUDE.md": "@docs/x.md", "docs": "→text", "text/x.md": ""}, ["docs", "text/x.md"]),
        ({"CLAUDE.md": "mail me@example.com @nobody", "x.md": ""}, []),
        ({"CLAUDE.md": "@../../etc/passwd @~/x @/etc/passwd", "x.md": ""}, []),
        ({".claude/commands/c.md": "@x.md", "x.md": ""}, []),
    ],
)
def test_instructions_lead_to_what_they_import_and_link_to(
    texts: dict[str, str], found: list[str] | None
) -> None:
    tree, read = tree_of(**texts)
    start = [path for path in texts if is_configuration(path)]
    led_to = sorted({*reached(tree, start, read.__getitem__)} - {*start})
    assert led_to == (["tools/agent/settings.json"] if found is None else found)


def test_too_many_instructions_are_not_read_to_their_end() -> None:
    chain = {f"{number}.md": f"@{number + 1}.md" for number in range(500)}
    tree, read = tree_of(**{"CLAUDE.md": "@0.md"}, **chain)
    with pytest.raises(TooMany):
        list(reached(tree, ["CLAUDE.md"], read.__getitem__))


def test_what_an_import_leads_to_makes_a_branch_differ() -> None:
    own, read = tree_of(**{"CLAUDE.md": "@x.md", "x.md": "theirs", "y.md": "other"})
    base, _ = tree_of(**{"CLAUDE.md": "@x.md", "x.md": "ours", "y.md": "y"})
    assert differing(own, base, read.__getitem__) == ["x.md"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"$CLAUDE_PROJECT_DIR"/.claude/h.sh', '"${CLAUDE_CONFIG_DIR}"/h.sh'),
        ('"$CLAUDE_PROJECT_DIR/.claude/h.sh"', '"${CLAUDE_CONFIG_DIR}/h.sh"'),
        ("${CLAUDE_PROJECT_DIR}/.claude/h.sh", "${CLAUDE_CONFIG_DIR}/h.sh"),
        ("${CLAUDE_PROJECT_DIR:-.}/.claude/h.sh", "${CLAUDE_CONFIG_DIR}/h.sh"),
        ("sh .claude/h.sh", "sh ${CLAUDE_CONFIG_DIR}/h.sh"),
        ("./.claude/h.sh", "${CLAUDE_CONFIG_DIR}/h.sh"),
        ("npm run lint", "npm run lint"),
        ("~/.claude/h.sh", "~/.claude/h.sh"),
        ("packages/one/.claude/h.sh", "packages/one/.claude/h.sh"),
    ],
)
def test_a_program_in_the_projects_folder_becomes_the_bases(written: str, read: str) -> None:
    settings = {"hooks": [{"command": written}], "permissions": {"deny": ["Read(.claude/**)"]}}
    changed = json.loads(moved(json.dumps(settings)))
    assert changed == {**settings, "hooks": [{"command": read}]}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\ud800"])
def test_settings_that_are_no_json_stay_as_they_are(text: str) -> None:
    assert moved(text) == text


def test_a_listing_of_git_is_read_with_any_path() -> None:
    tree = read_tree("100644 blob aa\ta b\tc\x00120000 blob bb\tl\nk\x00160000 commit cc\tsub\x00")
    assert tree.files["a b\tc"] == ("100644", "aa")
    assert tree.is_link("l\nk") and not tree.is_link("sub")


def test_few_paths_are_named() -> None:
    assert named(["a", "b"]) == "a, b"
    assert named(list("abcde")) == "a, b, c and 2 more"


class Workspace:
    """A workspace in which clones are made."""

    def __init__(self, folder: Path, url: str, **keys: str) -> None:
        folder.mkdir()
        self.folder, self._url = folder, url
        self._keys: Keys = read_keys(keys)
        executable = shutil.which("git")
        assert executable is not None
        environment = clean_environment({"PATH": "/usr/local/bin:/usr/bin:/bin"})
        self.git = Git(executable, str(folder), environment, time.monotonic() + 60)

    def guidance(
        self, branch: str | None, base: str | None = None
    ) -> tuple[Guidance | None, Clone]:
        task = Task(self._url, "mend the roof", branch=branch, trusted_base=base)
        clone = make_clone(self.git, self._keys, task, "claude/x")
        before = run_git(Path(clone.folder), "status", "--short", "--ignored")
        found = find_guidance(self.git, self._keys, clone, task)
        assert run_git(Path(clone.folder), "status", "--short", "--ignored") == before == ""
        return found, clone


def test_the_bases_files_are_put_beside_the_clone_with_what_they_lead_to(
    origin_repo: OriginRepo, git_server: GitServer, tmp_path: Path
) -> None:
    origin_repo.commit(
        {
            "CLAUDE.md": "@docs/a.md",
            "docs/a.md": "a",
            ".claude/CLAUDE.md": "own",
            "big": "x" * 9999,
        },
        "Configure",
    )
    origin_repo.commit({"CLAUDE.md": "theirs"}, "Take over", "feature")
    place = Workspace(tmp_path / "w", origin_repo.url, GITHUB_TOKEN=git_server.token)
    before = len(git_server.requests)
    found, clone = place.guidance("feature")
    assert found is not None and found.folder is not None
    files = Path(found.folder)
    there = sorted(str(f.relative_to(files)) for f in files.rglob("*") if f.is_file())
    assert there == [".claude/CLAUDE.md", ".claude/CLAUDE.project.md", "CLAUDE.md", "docs/a.md"]
    assert (files / ".claude/CLAUDE.md").read_text() == "@../CLAUDE.md\n@CLAUDE.project.md\n"
    assert not files.is_relative_to(clone.folder)
    assert all(git_server.token not in f.read_text("latin-1") for f in found_files(place.folder))
    assert len(git_server.requests) - before < 30


def found_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def test_the_base_is_the_branch_that_the_config_names(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    file_repo.commit({"CLAUDE.md": "develop"}, "Configure", "develop")
    file_repo.commit({"CLAUDE.md": "theirs"}, "Take over", "feature")
    found, _ = Workspace(tmp_path / "w", file_repo.file_url).guidance("feature", "develop")
    assert found is not None and found.folder is not None
    assert Path(found.folder, "CLAUDE.md").read_text() == "develop"
    assert "develop's files" in found.remark


def test_a_base_without_configuration_leaves_an_empty_home(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    file_repo.commit({"CLAUDE.md": "theirs"}, "Take over", "feature")
    found, _ = Workspace(tmp_path / "w", file_repo.file_url).guidance("feature")
    assert found is not None and found.folder is not None
    assert [path.read_text() for path in found_files(Path(found.folder))] == [""]


@pytest.mark.parametrize("target", ["/etc", "../../..", "gone/away"])
def test_a_base_whose_folder_leads_elsewhere_configures_nothing(
    target: str, file_repo: OriginRepo, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    run_git(None, "clone", "-q", file_repo.file_url, str(work))
    (work / ".claude").symlink_to(target)
    run_git(work, "add", "-A")
    run_git(work, "commit", "-qm", "Link")
    run_git(work, "push", "-q", "origin", "HEAD:main")
    file_repo.commit({"CLAUDE.md": "theirs"}, "Take over", "feature")
    found, _ = Workspace(tmp_path / "w", file_repo.file_url).guidance("feature")
    assert found is not None and found.folder is None
    assert "can't be put beside it" in found.remark


def test_a_server_without_filters_is_enough(file_repo: OriginRepo, tmp_path: Path) -> None:
    run_git(file_repo.path, "config", "uploadpack.allowFilter", "false")
    file_repo.commit({"CLAUDE.md": "@a.md", "a.md": "a"}, "Configure")
    file_repo.commit({"a.md": "theirs"}, "Take over", "feature")
    found, _ = Workspace(tmp_path / "w", file_repo.file_url).guidance("feature")
    assert found is not None and found.folder is not None
    assert Path(found.folder, "a.md").read_text() == "a"
    assert found.remark.endswith(": a.md")


def test_a_workspace_without_room_for_the_base_configures_nothing(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    file_repo.commit({"CLAUDE.md": "theirs"}, "Take over", "feature")
    place = Workspace(tmp_path / "w", file_repo.file_url)
    _, clone = place.guidance("feature")
    full = replace(place.git, folder=str(tmp_path / "nowhere"))
    task = Task(file_repo.file_url, "mend the roof", branch="feature")
    found = find_guidance(full, read_keys({}), clone, task)
    assert found is not None and found.folder is None
    assert "can't be put beside it" in found.remark
