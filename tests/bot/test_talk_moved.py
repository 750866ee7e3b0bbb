"""A group becomes a supergroup while TELEGRAM_CHAT_ID, the config and the Runs keep its old id: the bot goes on there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.config import Config, Role
from playground.chats import Chat
from runs.fake import FakeBackend
from runs.run import command_line_key, command_line_origin
from sandbox.task import Task
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo "add a farewell"'
TOLD = "This group is a supergroup now"


@dataclass
class Small:
    """A Talk at home in a basic group."""

    talk: Talk
    group: Chat

    def migrate(self) -> Chat:
        """Let the group become a supergroup, with enough messages that no old number is free there."""
        moved = self.talk.world.migrate(self.group)
        while len(self.talk.world.messages(moved)) < 12:
            self.talk.world.say(self.talk.ada, moved, "chatting")
        return moved


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Small]:
    async with talking(tmp_path) as talk:
        group = talk.world.group("Small", [(talk.ada, "administrator"), (talk.grace, "member")])
        talk.home_chat_id = group.id
        yield Small(talk, group)


async def test_commands_of_the_new_supergroup_are_followed_and_it_is_told_once_fault_9(
    small: Small,
) -> None:
    talk = small.talk
    async with talk.bot():
        old = await talk.run_of(talk.world.say(talk.grace, small.group, RUN))
        moved = small.migrate()
        said = await talk.said(TOLD, chat=moved.id)
        assert "TELEGRAM_CHAT_ID" in said.text
        assert str(moved.id) in said.text
        shown = await talk.said("1 running or waiting", old.id, chat=moved.id)
        assert shown.id > said.id, "what runs is seen where the old cards aren't"
        new = await talk.run_of(talk.world.say(talk.grace, moved, RUN))
        assert new.origin.chat_id == moved.id
        talk.world.say(talk.grace, moved, f"/cancel {old.id}")
        await talk.said("Stopped by Grace", old.id, chat=moved.id)
    async with talk.bot():
        talk.world.say(talk.ada, moved, RUN)
        await talk.until(lambda: len(talk.place.runs) == 3, "a run by the bot that began later")
        await talk.quiet()
    assert len(talk.heard(TOLD, chat=moved.id)) == 1
    assert not talk.heard("I don't work in this chat", chat=moved.id)


async def test_who_joined_the_supergroup_only_is_a_member_of_home_fault_9(small: Small) -> None:
    talk = small.talk
    async with talk.bot():
        moved = small.migrate()
        await talk.said(TOLD, chat=moved.id)
        talk.world.set_status(talk.mallory, moved, "member")
        run = await talk.run_of(talk.world.say(talk.mallory, moved, RUN))
        assert run.origin.person_id == talk.mallory.id


async def test_a_bot_that_never_heard_of_the_move_finds_it_out_fault_9(small: Small) -> None:
    talk = small.talk
    moved = small.migrate()
    talk.world.state.updates.clear()  # Telegram keeps them for a day
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, moved, RUN))
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.", chat=moved.id)
        await talk.told(run)
        await talk.quiet()
    assert not talk.heard("asked for in chat", chat=moved.id), "home is no other chat"
    assert f"chat {small.group.id} became a supergroup: it is {moved.id} now" in talk.log.text()


async def test_no_card_is_left_standing_in_the_supergroup_that_nobody_could_edit_fault_9(
    small: Small,
) -> None:
    talk = small.talk
    talk.world.say(talk.ada, small.group, RUN)
    moved = small.migrate()
    async with talk.bot():
        run = await talk.one_run()
        await talk.quiet(20)
        assert not talk.heard("Running", chat=moved.id)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.", chat=moved.id)
        await talk.told(run)


async def test_while_the_old_id_is_set_no_card_of_the_command_line_comes_and_goes_fault_9(
    small: Small,
) -> None:
    talk = small.talk
    async with talk.bot():
        moved = small.migrate()
        await talk.said(TOLD, chat=moved.id)
        task = Task("https://github.com/owner/demo.git", "add a farewell", repo_name="owner/demo")
        origin = command_line_origin("grace")
        run = await FakeBackend(talk.place).start(command_line_key(), task, origin)
        await talk.quiet(20)
        assert not talk.world.calls("deleteMessage")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.", run.id, chat=moved.id)
        await talk.told(run)


async def test_with_the_new_id_set_the_old_runs_are_this_chats_fault_9(small: Small) -> None:
    talk = small.talk
    async with talk.bot():
        told = await talk.run_of(talk.world.say(talk.grace, small.group, RUN))
        open_ = await talk.run_of(talk.world.say(talk.grace, small.group, RUN))
        talk.place.finish(told.id, report=talk.pushed(told))
        await talk.told(told)
    moved = small.migrate()
    talk.world.state.updates.clear()
    talk.home_chat_id = moved.id
    async with talk.bot():
        talk.world.say(talk.grace, moved, "/jobs")
        await talk.said("1 running or waiting, 1 ended", chat=moved.id)
        talk.world.say(talk.grace, moved, f"/logs {told.id}")
        await talk.said("It printed nothing.", chat=moved.id)
        talk.place.finish(open_.id, report=talk.pushed(open_))
        await talk.said("Added a farewell.", open_.id, chat=moved.id)
        await talk.told(open_)
        await talk.quiet(60)
    assert not talk.heard("asked for in chat", chat=moved.id)


async def test_who_has_set_the_new_id_already_is_not_told_to_fault_9(small: Small) -> None:
    talk = small.talk
    moved = small.migrate()
    talk.home_chat_id = moved.id
    async with talk.bot():
        talk.world.say(talk.grace, moved, "/jobs")
        await talk.said("No runs here.", chat=moved.id)
        await talk.quiet()
    assert not talk.heard(TOLD, chat=moved.id)


async def test_a_chat_of_the_config_is_followed_too_and_told_which_line_to_change_fault_9(
    small: Small,
) -> None:
    talk = small.talk
    other = talk.world.group("Other", [(talk.ada, "administrator")])
    talk.config = Config(chats=frozenset({other.id}), people={talk.ada.id: Role.RUNNER})
    async with talk.bot():
        await talk.run_of(talk.world.say(talk.ada, other, RUN))
        moved = talk.world.migrate(other)
        said = await talk.said(TOLD, chat=moved.id)
        assert "chats in the config" in said.text
        run = await talk.run_of(talk.world.say(talk.ada, moved, RUN))
        assert run.origin.chat_id == moved.id


async def test_a_strange_group_that_moves_gets_no_word_and_no_right_fault_9(small: Small) -> None:
    talk = small.talk
    strange = talk.world.group("Strange", [(talk.mallory, "creator")])
    async with talk.bot():
        moved = talk.world.migrate(strange)
        talk.world.say(talk.mallory, moved, RUN)
        await talk.said("I don't work in this chat", chat=moved.id)
        await talk.quiet()
    assert len(talk.heard(chat=moved.id)) == 1
    assert not talk.place.runs
