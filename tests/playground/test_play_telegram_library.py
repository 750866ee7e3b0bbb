"""The library that the bot uses, against the playground: it must not be able to tell it from Telegram."""

from __future__ import annotations

import asyncio

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter

from playground.flood import FloodLimits, Window
from playground.world import World
from tests.playground.play_api import Api


def bot_of(api: Api) -> Bot:
    playground = api.playground
    return Bot(playground.token, base_url=playground.url, base_file_url=playground.file_url)


async def test_a_whole_conversation_with_the_library(world: World, api: Api) -> None:
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    async with bot_of(api) as bot:
        assert bot.username == "claude_sandbox_bot"
        asked = world.say(ada, team, '/run demo "x"')
        (update,) = await bot.get_updates(timeout=5)
        assert update.message is not None and update.message.text == '/run demo "x"'
        await bot.set_message_reaction(team.id, asked.id, "👀")
        stop = InlineKeyboardMarkup([[InlineKeyboardButton("Stop", callback_data="s")]])
        card = await bot.send_message(
            team.id,
            "<b>Running</b> 😀",
            parse_mode="HTML",
            reply_markup=stop,
            reply_parameters=ReplyParameters(asked.id, allow_sending_without_reply=True),
        )
        assert card.parse_entities()[card.entities[0]] == "Running"
        message = world.message(team, card.message_id)
        assert message is not None
        press = asyncio.create_task(world.press(ada, message, "Stop"))
        (update,) = await bot.get_updates(offset=update.update_id + 1, timeout=5)
        assert update.callback_query is not None and update.callback_query.data == "s"
        await update.callback_query.answer("Stopping")
        answer = await press
        assert answer is not None and answer.text == "Stopping"
        await card.edit_text("Done")
        document = (await bot.send_document(team.id, b"log", filename="run.log")).document
        assert document is not None
        file = await bot.get_file(document.file_id)
        assert bytes(await file.download_as_bytearray()) == b"log"
        administrators = await bot.get_chat_administrators(team.id)
        assert [member.user.id for member in administrators] == [ada.id]


async def test_the_library_raises_what_it_raises_on_telegram(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it the library warns of a coming change whenever it makes a RetryAfter.
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    ada = world.person("Ada")
    group = world.group("Small", [(ada, "creator")])
    async with bot_of(api) as bot:
        with pytest.raises(BadRequest, match="Chat not found"):
            await bot.send_message(12345, "x")
        with pytest.raises(Forbidden):
            await bot.send_message(ada.id, "x")
        world.limit(FloodLimits(group=Window(1, 60.0)))
        await bot.send_message(group.id, "x")
        with pytest.raises(RetryAfter):
            await bot.send_message(group.id, "y")
        new = world.migrate(group)
        with pytest.raises(ChatMigrated) as migrated:
            await bot.send_message(group.id, "x")
        assert migrated.value.new_chat_id == new.id
        await bot.get_updates(offset=-1)
        offset = (await bot.get_updates())[0].update_id + 1
        older = asyncio.create_task(bot.get_updates(offset=offset, timeout=30))
        await api.until_polled()
        async with bot_of(api) as second:
            newer = asyncio.create_task(second.get_updates(offset=offset, timeout=1))
            with pytest.raises(Conflict):
                await older
            assert await newer == ()
        world.revoke_token()
        with pytest.raises(InvalidToken):
            await bot.get_me()
