"""Somebody deletes a run's folder: it is told, once, and its card shows it."""

from __future__ import annotations

import shutil

import pytest

from tests.whole.bot_process import until
from tests.whole.scene import Scene, run_of

WORDS = "Somebody deleted the run"


@pytest.mark.parametrize("up", [True, False])
async def test_a_run_whose_folder_is_deleted_is_told_once_fault_23(scene: Scene, up: bool) -> None:
    bot = await scene.start()
    asked = scene.say('/run small "wait 2"')
    await scene.under_way(asked)
    record = scene.store / f"{run_of(asked)}.json"
    await until(lambda: '"card_id": null' not in record.read_text("utf-8"), "the card is recorded")
    if not up:
        bot.end()
    # Its program ends by itself, without a place for what it would say.
    shutil.rmtree(scene.run_folder(asked), ignore_errors=True)
    if not up:
        await scene.start()
    await until(lambda: scene.tellings(asked), "the end is told")
    await scene.card_says(asked, "Failed")
    scene.bots[-1].end()
    await scene.start()
    other = scene.say("/run small do it")
    await scene.acknowledged(other)
    (told,) = scene.tellings(asked)
    assert WORDS in told.text
