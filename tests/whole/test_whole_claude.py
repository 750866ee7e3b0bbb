"""From the chat through the real Claude Code CLI to a pushed branch and back, and what is told when the model fails."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from playground.messages import Message
from sandbox.keys import HELD
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import Hang, MessagesApi, Refusal, Step, say, use
from tests.parts.model_fixtures import API_KEY, claude_environment
from tests.whole.bot_process import until
from tests.whole.leaks import Watch, files_with
from tests.whole.scene import Scene, open_scene, run_of

pytestmark = pytest.mark.claude

SONG = "Row, row, row your boat,\ngently down the stream.\n"


@dataclass(frozen=True, slots=True)
class Studio:
    """A bot whose agent is the real CLI, whose model is scripted, and whose git server demands the token."""

    scene: Scene
    repo: OriginRepo
    api: MessagesApi
    secrets: tuple[str, ...]

    def ask(self, text: str, *steps: Step) -> Message:
        """Say a command for which the model takes these steps; the bot hears of it later than the model."""
        self.api.script = steps
        return self.scene.say(text)


@pytest.fixture
async def studio(
    tmp_path: Path,
    git_server: GitServer,
    origin_repo: OriginRepo,
    messages_api: Callable[..., MessagesApi],
    claude_cli: Path,
) -> AsyncIterator[Studio]:
    api = messages_api(say("Done."))
    model = claude_environment(claude_cli, api, tmp_path / "home")
    keys = {"GITHUB_TOKEN": git_server.token, "SANDBOX_AGENT": "claude"}
    async with open_scene(tmp_path, {**model, **keys}) as scene:
        scene.configure(repos={"small": origin_repo.url})
        await scene.start()
        yield Studio(scene, origin_repo, api, (git_server.token, API_KEY, scene.world.token))


async def test_a_task_from_the_chat_is_done_by_claude_code_pushed_and_told(
    studio: Studio, git_server: GitServer
) -> None:
    scene, repo = studio.scene, studio.repo
    with Watch(studio.secrets, scene.state) as watch:
        asked = studio.ask("/run small --model claude-sonnet-5-5 “write a song”")
        song = scene.run_folder(asked) / "workspace" / "repo" / "songs" / "boat.txt"
        studio.api.script = [
            use("Write", file_path=str(song), content=SONG),
            use("Bash", command="env; git config --list; sleep 1"),
            say("Wrote a song about a boat."),
        ]
        told = await scene.reply(asked)
        await scene.acknowledged(asked)
    branch = f"claude/{run_of(asked)}-write-a-song"
    assert sorted(repo.branches()) == [branch, "main"]
    assert repo.read(branch, "songs/boat.txt") == SONG
    assert "✅ Done · small" in told and "Wrote a song about a boat." in told and branch in told
    assert repo.diffstat("main", branch) == "1 file changed, 2 insertions(+)"
    assert "1 file +2 −0" in told
    assert re.search(r"\$\d+\.\d\d · 19k tokens · 3 turns · claude-sonnet-5-5 · \d+ s", told), told
    marked = f"<task-{run_of(asked)}>\nwrite a song\n</task-{run_of(asked)}>"
    assert marked in studio.api.requests[0].user_texts
    assert watch.seen == {"arguments of a process", "config of a clone"}
    assert not watch.leaks
    assert "$ env" in (scene.store / f"{run_of(asked)}.log").read_text("utf-8")
    assert not files_with(studio.secrets, scene.state, scene.store, repo.path)
    assert not any(secret in scene.log for secret in studio.secrets)
    said = [event.text for event in scene.world.events()]
    assert not any(secret in text for secret in studio.secrets for text in said)
    # What `env` showed to the agent is in the CLI's own diary.
    diary = files_with([HELD], scene.folder / "home")
    assert diary and not files_with(studio.secrets, scene.folder / "home")


@pytest.mark.parametrize(
    ("command", "steps", "words"),
    [
        (
            "/run small do it",
            [Refusal(401, "authentication_error", "invalid x-api-key")],
            ["❌ Failed · small", "The model's API refused the key (401).", "An admin renews"],
        ),
        (
            "/run small do it",
            [Refusal(529, "overloaded_error", "Overloaded")],
            ["❌ Failed · small", "overloaded (529)", "send the task again"],
        ),
        (
            "/run small --budget 0.01 do it",
            [use("Bash", command="echo half > half.txt")],
            ["❌ Failed", "its budget of $0.01", "higher --budget", "its work so far is pushed"],
        ),
        (
            "/run small do it",
            [use("Bash", command="touch denied"), say("I could not.")],
            ["⚪ Done, nothing changed · small", "I could not.", "🚫 Refused to the agent: Bash"],
        ),
    ],
    ids=["401", "529", "budget", "denied"],
)
async def test_what_the_model_does_is_told_with_its_own_words(
    studio: Studio, command: str, steps: list[Step], words: list[str]
) -> None:
    settings = {"permissions": {"deny": ["Bash(touch *)"]}}
    studio.repo.commit({".claude/settings.json": json.dumps(settings)}, "Deny")
    told = await studio.scene.reply(studio.ask(command, *steps))
    assert [word for word in words if word not in told] == [], told


async def test_a_model_that_hangs_is_stopped_by_cancel_and_its_work_is_pushed(
    studio: Studio,
) -> None:
    scene, repo = studio.scene, studio.repo
    asked = studio.ask("/run small do it", use("Bash", command="echo half > half.txt"), Hang())
    await until(lambda: len(studio.api.requests) == 2, "the model is asked a second time")
    answer = await scene.reply(scene.say("/cancel"))
    assert "⏹ Stopping small" in answer
    told = await scene.reply(asked)
    branch = f"claude/{run_of(asked)}-do-it-wip"
    assert "⏹ Stopped by Ada · small" in told and branch in told and "1 file +1 −0" in told
    assert repo.read(branch, "half.txt") == "half\n"
