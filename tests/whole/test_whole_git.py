"""What a git server refuses, told in the chat: its own lines, our words, and where the work is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.git_server import GitServer, OriginRepo
from tests.whole.scene import Scene, open_scene, run_of


@pytest.fixture
async def forge_scene(
    tmp_path: Path, git_server: GitServer, origin_repo: OriginRepo
) -> AsyncIterator[Scene]:
    """A bot that isn't started yet, whose repo `small` is on the git server; `gone` is not there."""
    async with open_scene(tmp_path, {"GITHUB_TOKEN": git_server.token}) as made:
        made.configure(repos={"small": origin_repo.url, "gone": git_server.repo_url("gone")})
        yield made


@pytest.mark.parametrize(
    ("command", "changes", "words"),
    [
        (
            "/run small do it",
            {"GITHUB_TOKEN": "ghp_wrong0123456789"},
            ["refused the git token", "Authentication failed", "GITHUB_TOKEN is valid"],
        ),
        (
            "/run small do it",
            {"GITHUB_TOKEN": ""},
            ["refused the git token, or there is none", "could not read Username"],
        ),
        (
            "/run gone do it",
            {},
            ["The repository gone isn't there", "not found", "Check the name"],
        ),
        (
            "/run small@nope do it",
            {},
            ["There is no branch nope in small.", "Remote branch nope not found in upstream"],
        ),
    ],
    ids=["wrong token", "no token", "no repo", "no branch"],
)
async def test_a_clone_that_is_refused_is_told_with_gits_lines_and_what_to_do(
    forge_scene: Scene, command: str, changes: dict[str, str], words: list[str]
) -> None:
    forge_scene.variables.update(changes)
    await forge_scene.start()
    asked = forge_scene.say(command)
    told = await forge_scene.reply(asked)
    assert told.startswith("❌ Failed · ") and "It ended in the clone" in told
    assert [word for word in words if word not in told] == [], told
    assert "ghp_" not in told
    log = await forge_scene.reply(forge_scene.whisper(f"/logs {run_of(asked)[:5]}"))
    assert "▶ clone" in log and words[1] in log


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (
            'echo "no pushes on Fridays" >&2; exit 1\n',
            ["⚠️ Not pushed", "refused the push", "no pushes on Fridays", "claude/*"],
        ),
        (
            "protected",
            ["⚠️ Not pushed", "refused the push", "GH006: Protected branch update failed"],
        ),
    ],
    ids=["hook", "protected"],
)
async def test_a_push_that_is_refused_is_told_with_the_servers_lines(
    forge_scene: Scene, origin_repo: OriginRepo, hook: str, words: list[str]
) -> None:
    if hook == "protected":
        origin_repo.protect(["claude/*"])
    else:
        origin_repo.hook("pre-receive", hook)
    await forge_scene.start()
    asked = forge_scene.say("/run small do it")
    told = await forge_scene.reply(asked)
    assert [word for word in words if word not in told] == [], told
    assert set(origin_repo.branches()) == {"main"}
    log = await forge_scene.reply(forge_scene.whisper("/logs"))
    assert words[2] in log


async def test_a_branch_that_moved_is_left_alone_and_the_work_goes_beside_it(
    forge_scene: Scene, origin_repo: OriginRepo
) -> None:
    await forge_scene.start()
    asked = forge_scene.say("/run small do it")
    branch = f"claude/{run_of(asked)}-do-it"
    theirs = origin_repo.commit({"theirs.txt": "theirs\n"}, "Theirs", branch=branch)
    told = await forge_scene.reply(asked)
    assert "✅ Done" in told and f"{branch}-2" in told and "it was left alone" in told
    assert origin_repo.branches()[branch] == theirs
    assert "NOTES.md" in origin_repo.files(f"{branch}-2")


async def test_work_of_an_agent_that_fails_is_pushed_to_a_wip_branch(
    forge_scene: Scene, origin_repo: OriginRepo
) -> None:
    await forge_scene.start()
    asked = forge_scene.say("/run small fail, please")
    told = await forge_scene.reply(asked)
    branch = f"claude/{run_of(asked)}-fail-please-wip"
    assert "❌ Failed" in told and "The task asked for a failure, and here it is." in told
    assert f"its work so far is pushed: {branch}" in told and "1 file +3 −0" in told
    assert origin_repo.diffstat("main", branch) == "1 file changed, 3 insertions(+)"
    await forge_scene.acknowledged(asked)
