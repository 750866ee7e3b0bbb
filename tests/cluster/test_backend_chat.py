"""The product as a whole: a message in the chat becomes a Job, and its end comes back; the bot is the real process."""

from __future__ import annotations

import signal

from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene


async def test_a_message_becomes_a_job_and_its_end_comes_back(scene: ChatScene) -> None:
    bot = await scene.start()
    asked = scene.say('/run demo "add a note"')
    await scene.settled(asked)
    (told,) = scene.tellings(asked)
    assert told.reply_to_id == asked.id
    assert all(words in told.text for words in ("Done", "NOTES.md", "1 file"))
    assert len(scene.kubectl.list("jobs", "app=claude-sandbox,status=complete")) == 1
    bot.send(signal.SIGTERM)
    assert await bot.ended(LIMIT_SECONDS) == 0, bot.log


async def test_a_bot_that_is_killed_while_a_job_runs_tells_its_end_once(scene: ChatScene) -> None:
    bot = await scene.start()
    asked = scene.say('/run demo "wait 3"')
    await scene.works(asked)
    bot.end()
    await scene.start()
    await scene.settled(asked)
    (told,) = scene.tellings(asked)
    (card,) = scene.cards(asked)
    assert "1 file" in told.text
    assert all("Done" in message.text for message in (told, card))
    assert len(scene.kubectl.list("jobs")) == 1
