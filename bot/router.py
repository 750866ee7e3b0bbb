"""Which message or button goes to which behaviour, once it is known who asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import Update
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from bot import answers
from bot.access import Action, Actor, Refusal, needs_membership, refuse, role_of
from bot.commands.answer import answer, asking_run
from bot.commands.cancel import cancel, stop_button
from bot.commands.clean import clean
from bot.commands.follow import unfollow_button
from bot.commands.help import help_, start_
from bot.commands.jobs import jobs, jobs_button, show_jobs
from bot.commands.late import run_late
from bot.commands.logs import file_button, logs, logs_button
from bot.commands.repos import repos, repos_button
from bot.commands.retry import retry, retry_button
from bot.commands.run import run
from bot.config import Role
from bot.desk import Asked, Desk
from bot.guide import aliases_of
from bot.incoming import Incoming, Person, Place, Press, read_message, read_move, read_press
from bot.markup import plain
from bot.members import Members
from bot.mistake import Mistake
from bot.nearest import nearest
from bot.parse import read_command
from bot.speaker import Letter
from runs.backend import BackendError, UnknownRun

log = logging.getLogger(__name__)

Context = ContextTypes.DEFAULT_TYPE
PRESS_SECONDS = 3.0
"""So long the button's own answer waits for what it did; then the outcome comes as a message."""

NOTICE_SECONDS = 3600.0
"""A stranger is told so once in this time, not at every word."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A command: what it does, and which right it takes."""

    carry_out: Callable[[Asked, Desk], Awaitable[None]]
    action: Action


BEHAVIOURS: dict[str, Behaviour] = {
    "run": Behaviour(run, Action.RUN),
    "repos": Behaviour(repos, Action.READ),
    "jobs": Behaviour(jobs, Action.READ),
    "logs": Behaviour(logs, Action.READ),
    "cancel": Behaviour(cancel, Action.READ),
    "retry": Behaviour(retry, Action.RUN),
    "clean": Behaviour(clean, Action.READ),
    "help": Behaviour(help_, Action.READ),
    "start": Behaviour(start_, Action.READ),
}
"""`cancel` and `clean` decide for themselves, since a person's own Run is another matter than somebody else's."""

BUTTONS: dict[str, Callable[[Press, Role, str, Desk], Awaitable[str]]] = {
    "stop": stop_button,
    "late": run_late,
    "retry": retry_button,
    "logs": logs_button,
    "file": file_button,
    "unfollow": unfollow_button,
    "repos": repos_button,
    "jobs": jobs_button,
}
"""What a button does, by the first word of its data; the rest of it is for the behaviour, which returns what is said."""

_TOLD_ONCE = (Refusal.ELSEWHERE, Refusal.STRANGER, Refusal.CHANNEL, Refusal.BOT)
"""Refusals of those who don't belong here: the bot is no means to flood a chat."""


class Router:
    """Hands updates of the library's Application to behaviours."""

    def __init__(self, desk: Desk, members: Members) -> None:
        self._desk = desk
        self._members = members
        self._noticed: dict[tuple[int, int], float] = {}

    def register(self, application: Application) -> None:  # type: ignore[type-arg]  # its six parameters say nothing here
        """Tell the Application what goes where."""
        fresh = filters.UpdateType.MESSAGE
        application.add_handler(CommandHandler(list(BEHAVIOURS), self._on_command, fresh))
        application.add_handler(CommandHandler("id", self._on_id, fresh))
        application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, self._on_move))
        edited = filters.UpdateType.EDITED_MESSAGE
        application.add_handler(CommandHandler(list(BEHAVIOURS), self._on_edit, edited))
        application.add_handler(MessageHandler(fresh & filters.COMMAND, self._on_unknown))
        application.add_handler(MessageHandler(fresh & filters.CAPTION, self._on_caption))
        replies = filters.TEXT & filters.REPLY & ~filters.COMMAND
        application.add_handler(MessageHandler(fresh & replies, self._on_reply))
        application.add_handler(MessageHandler(edited & replies, self._on_edited_reply))
        application.add_handler(CallbackQueryHandler(self._on_press))
        application.add_error_handler(self._on_error)

    async def _on_command(self, update: Update, _context: Context) -> None:
        message = read_message(update)
        if message is None:
            return
        command = read_command(message.text, self._desk.bot_name)
        if command is None:
            # To us, or it wouldn't be here; but something other than a space stands behind the command.
            if await self._admitted(message, Action.READ) is not None:
                self._desk.answer(message, answers.glued(aliases_of(self._desk.config)))
            return
        behaviour = BEHAVIOURS[command.name]
        role = await self._admitted(message, behaviour.action)
        if role is None:
            return
        if message.forwarded:
            self._desk.answer(message, answers.forwarded())
            return
        asked = Asked(message, role, command.arguments)
        await self._carried_out(message, behaviour.carry_out(asked, self._desk))

    async def _on_reply(self, update: Update, _context: Context) -> None:
        """Take a reply to a Run's question as the answer; other talk is none of ours."""
        message = read_message(update)
        run = await asking_run(message, self._desk) if message else None
        if message is None or run is None:
            return
        role = await self._admitted(message, Action.RUN)
        if role is not None:
            asked = Asked(message, role, message.text)
            await self._carried_out(message, answer(asked, run, self._desk))

    async def _on_edited_reply(self, update: Update, _context: Context) -> None:
        message = read_message(update)
        if message is None or await asking_run(message, self._desk) is None:
            return
        if await self._admitted(message, Action.RUN) is not None:
            self._desk.answer(message, answers.edited_answer())

    async def _carried_out(self, message: Incoming, doing: Awaitable[None]) -> None:
        """Wait for what a message asks for; say what keeps it from being done."""
        try:
            await doing
        except Mistake as error:
            self._desk.answer(message, answers.mistake(error))
        except UnknownRun:
            self._desk.answer(message, answers.gone())
        except BackendError as error:
            log.warning("a message can't be followed: %s", error)
            self._desk.answer(message, answers.not_now(self._desk.backend.called))

    async def _on_id(self, update: Update, _context: Context) -> None:
        message = read_message(update)
        if message is not None:
            self._desk.answer(message, answers.ids(message))

    async def _on_move(self, update: Update, _context: Context) -> None:
        """Go on in the supergroup that a group became; Telegram says so in both, and it is answered in the new one."""
        move = read_move(update)
        if move is None:
            return
        desk, (old, new) = self._desk, (move.old, move.new)
        desk.addresses.note(old, new)
        if not move.arrived:
            return
        log.warning("chat %s became the supergroup %s", old, new)
        if old not in {desk.home_chat_id, *desk.config.chats}:
            return
        place = Place(new)
        said = answers.moved(old, new, home=old == desk.home_chat_id)
        desk.errands.run(desk.speaker.say(place, Letter(said)))
        if any(desk.addresses.same(run.origin.chat_id, new) for run in desk.book.live):
            await show_jobs(place, desk)

    async def _on_edit(self, update: Update, _context: Context) -> None:
        message = read_message(update)
        if message is not None and await self._admitted(message, Action.READ) is not None:
            self._desk.answer(message, answers.edited())

    async def _on_caption(self, update: Update, _context: Context) -> None:
        """Answer a command under a file, which the library doesn't count as one, or a file that answers a question."""
        message = read_message(update)
        command = read_command(message.text, self._desk.bot_name) if message else None
        if message is None or (command is not None and command.name not in BEHAVIOURS):
            return
        if command is None and await asking_run(message, self._desk) is None:
            return
        if await self._admitted(message, Action.READ) is not None:
            self._desk.answer(message, answers.captioned())

    async def _on_unknown(self, update: Update, _context: Context) -> None:
        """Answer a command that nobody knows where it can only be meant for this bot."""
        message = read_message(update)
        command = read_command(message.text, self._desk.bot_name) if message else None
        if message is None or command is None:
            return
        addressed = "@" in message.text.split(maxsplit=1)[0]
        if not (message.private or addressed) or await self._admitted(message, Action.READ) is None:
            return
        self._desk.answer(message, answers.unknown(command.name, nearest(command.name, BEHAVIOURS)))

    async def _on_press(self, update: Update, _context: Context) -> None:
        press = read_press(update)
        if press is None:
            return
        working = asyncio.ensure_future(self._pressed(press))
        try:
            done, _ = await asyncio.wait({working}, timeout=PRESS_SECONDS)
            if done:
                self._answer_press(press, working.result())
                return
            self._answer_press(press, "One moment …")
            letter = Letter(plain(await working), reply_to=press.message_id)
            self._desk.errands.run(self._desk.speaker.say(press.place, letter))
        finally:
            working.cancel()

    def _answer_press(self, press: Press, said: str) -> None:
        self._desk.errands.run(self._desk.speaker.answer_press(press.id, said))

    async def _pressed(self, press: Press) -> str:
        role = await self._role(press.person, press.place, private=press.private)
        if isinstance(role, Refusal):
            return f"I don't know you. Your id is {press.person.id}."
        verb, _, rest = press.data.partition(":")
        try:
            if (button := BUTTONS.get(verb)) is not None:
                return await button(press, role, rest, self._desk)
        except Mistake as error:
            return error.what
        except UnknownRun:
            return "That run is gone."
        except BackendError as error:
            log.warning("button %s failed: %s", verb, error)
            return answers.press_again(self._desk.backend.called)
        return "That button is from an older time. Send the command again."

    async def _on_error(self, update: object, context: Context) -> None:
        log.error("an update met a bug", exc_info=context.error)
        if not isinstance(update, Update):
            return
        # The message of a press is our own one.
        if (press := read_press(update)) is not None:
            self._answer_press(press, "Something went wrong on my side; my log says what.")
        elif (message := read_message(update)) is not None:
            self._desk.answer(message, answers.broken())

    async def _admitted(self, message: Incoming, action: Action) -> Role | None:
        """Return the role of who asks if it allows the action; else say why not, strangers once an hour."""
        role = await self._role(message.person, message.place, private=message.private)
        reason = role if isinstance(role, Refusal) else refuse(role, action)
        if reason is None:
            return role if isinstance(role, Role) else None
        if reason not in _TOLD_ONCE or self._first_time(message):
            self._desk.answer(message, answers.refused(reason, message))
        return None

    async def _role(self, person: Person, place: Place, *, private: bool) -> Role | Refusal:
        """Say who somebody is; while Telegram doesn't say whether they are a member, or whether this chat is one that
        the config knows by an older id, ask again, for a lost answer must not lose a command.
        """
        config, home = self._desk.config, self._desk.home_chat_id
        delay = 0.5
        while True:
            sure = await self._desk.speaker.find((home, *config.chats))
            actor = self._actor(person, place, private=private)
            asks = needs_membership(actor, config, home)
            member = await self._members.of(person.id) if asks else None
            role = role_of(actor, config, home, member)
            if member is not None or (not asks and (sure or role is not Refusal.ELSEWHERE)):
                return role
            await asyncio.sleep(delay)
            delay = min(10.0, delay * 2)

    def _actor(self, person: Person, place: Place, *, private: bool) -> Actor:
        """Return who acts, with chats called as the config calls them, whatever their ids are today."""
        names = (self._desk.home_chat_id, *self._desk.config.chats)
        called = self._desk.addresses.known_as
        sender = person.sender_chat_id
        return Actor(
            person.id,
            called(place.chat_id, names),
            private,
            person.is_bot,
            None if sender is None else called(sender, names),
        )

    def _first_time(self, message: Incoming) -> bool:
        now = self._desk.clock()
        who = (message.place.chat_id, message.person.id)
        if now - self._noticed.get(who, float("-inf")) < NOTICE_SECONDS:
            return False
        if len(self._noticed) > 10_000:
            self._noticed.clear()
        self._noticed[who] = now
        return True
