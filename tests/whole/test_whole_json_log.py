"""`SANDBOX_LOG_FORMAT=json`: whatever happens to a real bot, each line of its log is an object, and none holds the token."""

from __future__ import annotations

import json
import signal

import pytest

from tests.whole.bot_process import until
from tests.whole.scene import Scene, run_of

PATIENT_SECONDS = 120.0


@pytest.fixture
def logging_scene(scene: Scene) -> Scene:
    """A scene whose bot logs objects."""
    scene.variables["SANDBOX_LOG_FORMAT"] = "json"
    return scene


def events(log: str) -> list[dict[str, str]]:
    """Return what each line says."""
    found = [json.loads(line) for line in log.splitlines()]
    for event in found:
        assert {"time", "level", "logger", "message"} <= set(event)
        assert set(event) <= {"time", "level", "logger", "message", "run", "exception"}
    return found


async def test_through_a_run_and_telegrams_mishaps_each_line_is_an_object(
    logging_scene: Scene,
) -> None:
    scene = logging_scene
    faults = scene.world.faults
    faults.drop("getMe", after_effect=False)
    faults.answer("getUpdates", 502, b"<html>Bad Gateway</html>")
    bot = await scene.start()
    faults.answer("getUpdates", 200, b"[1, 2")
    faults.drop("getUpdates", after_effect=False)
    faults.refuse("getUpdates", 409, "Conflict: terminated by other getUpdates request")
    faults.drop("sendMessage", after_effect=True)
    faults.answer("setMessageReaction", 500, b"no JSON")
    asked = scene.say("/run small note x")
    await scene.acknowledged(asked)
    bot.send(signal.SIGTERM)
    assert await bot.ended(PATIENT_SECONDS) == 0
    assert scene.world.token not in bot.log
    assert scene.world.token.partition(":")[2] not in bot.log
    said = events(bot.log)
    assert {event["level"] for event in said} <= {"INFO", "WARNING"}
    assert run_of(asked) in {event.get("run") for event in said}
    assert any(event["logger"] == "bot.intake" for event in said)


async def test_a_bot_that_cannot_start_says_so_in_an_object_too(logging_scene: Scene) -> None:
    scene = logging_scene
    good = dict(scene.variables)
    wrong = good["TELEGRAM_BOT_TOKEN"][:-4] + "oops"
    for changes, code, words in (
        ({"TELEGRAM_BOT_TOKEN": wrong}, 1, "Telegram refuses TELEGRAM_BOT_TOKEN."),
        ({"TELEGRAM_CHAT_ID": "ours", "SANDBOX_POLL_SECONDS": "x"}, 2, "TELEGRAM_CHAT_ID"),
    ):
        scene.variables = {**good, **changes}
        bot = scene.launch()
        assert await bot.ended(PATIENT_SECONDS) == code
        last = await until(lambda bot=bot: events(bot.log)[-1], "it says why")
        assert last["level"] == "CRITICAL"
        assert words in last["message"]
        assert wrong not in bot.log
