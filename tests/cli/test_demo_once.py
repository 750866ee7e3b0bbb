"""The demo's one conversation in the terminal: when it is over, and how it ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cli.demo import play_once
from cli.demo_stage import Ground, Stage
from playground.world import World
from runs.fake import FakeBackend, FakePlace
from runs.run import Origin, Run, message_key
from sandbox.report import Phase, Report, Verdict
from sandbox.task import Task


@dataclass
class Talk:
    """A world in which the bot acts while the demo looks at its Runs, which takes a while on a busy machine."""

    folder: Path
    world: World = field(default_factory=World)
    place: FakePlace = field(default_factory=FakePlace)
    looks: int = 0

    def __post_init__(self) -> None:
        self.ada = self.world.person("Ada")
        self.team = self.world.supergroup("Team", [(self.ada, "administrator")])

    async def play(self, backend: FakeBackend) -> int:
        ground = Ground(self.folder, "x", {}, backend, 0.001)
        bot = cast("Any", SimpleNamespace(returncode=None))
        stage = Stage(self.folder, self.world, cast("Any", None), self.ada, self.team, ground, bot)
        async with asyncio.timeout(30):
            return await play_once(stage, "/run demo")

    def answer(self) -> int:
        """Answer the newest message; its update is confirmed by then. Return its number."""
        asked = self.world.messages(self.team)[-1]
        self.world.state.updates.clear()
        self.world.say(self.world.bot, self.team, "…", reply_to=asked)
        return asked.id


class Busy(FakeBackend):
    """A place whose list is old when it comes: the Run was started, and its card sent, meanwhile."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk.place)
        self._talk = talk

    async def list_runs(self) -> list[Run]:
        found = await super().list_runs()
        self._talk.looks += 1
        if self._talk.looks == 1:
            key = message_key(self._talk.team.id, self._talk.answer())
            run = await self.start(key, Task("https://git.example/x", "do"), Origin(1, 1, 1))
            report = Report(run.id, Phase.DONE, Verdict.NOTHING_CHANGED)
            ended = self._talk.place.finish(run.id, report=report)
            await self.acknowledge(ended, 0.0)
        return found


async def test_a_run_that_is_started_during_a_look_isnt_taken_for_none(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    assert await talk.play(Busy(talk)) == 0


async def test_an_answer_without_a_run_ends_the_talk_as_not_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Talk(tmp_path)

    class Refusing(FakeBackend):
        async def list_runs(self) -> list[Run]:
            talk.looks += 1
            if talk.looks == 1:
                talk.answer()
            return await super().list_runs()

    assert await talk.play(Refusing(talk.place)) == 1
    assert "No task was started." in capsys.readouterr().err
