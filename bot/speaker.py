"""The way out to Telegram: each kind of message once, the library's errors translated once.

Nothing leaves with a token in it, whoever wrote the text: all of it is redacted here, before it is cut.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    ReactionTypeEmoji,
    ReplyParameters,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    RetryAfter,
    TelegramError,
)

from bot.incoming import Place
from bot.markup import MESSAGE_UNITS, Markup
from bot.outbox import (
    ChatMovedError,
    Outbox,
    Priority,
    SlowDownError,
    UndeliverableError,
    UnreachableError,
)
from sandbox.redaction import Redacted, Redactor

log = logging.getLogger(__name__)

CAPTION_UNITS = 1024
"""UTF-16 units of a file's caption after its marks are parsed (Bot API, sendDocument)."""

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Button:
    """A button; `data` comes back when it is pressed, at most 64 bytes (Bot API, InlineKeyboardButton)."""

    text: str
    data: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before it is sent. `silent` rings nobody's phone; a lost `reply_to` doesn't matter."""

    text: Markup
    keyboard: tuple[tuple[Button, ...], ...] = ()
    reply_to: int | None = None
    silent: bool = False


class MessageGoneError(Exception):
    """The message to edit was deleted."""


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to send a letter; `marked` says that `text` is HTML."""

    text: str
    marked: bool
    thread_id: int | None
    reply_to: int | None
    keyboard: tuple[tuple[Button, ...], ...]

    @property
    def reply(self) -> ReplyParameters | None:
        """Return what it replies to; None where it replies to nothing."""
        if self.reply_to is None:
            return None
        return ReplyParameters(self.reply_to, allow_sending_without_reply=True)


_CHAT_REFUSES = (
    "chat not found",
    "not enough rights",
    "have no rights",
    "write_forbidden",
    "upgraded to a supergroup",
    "deactivated",
)
"""Refusals of a chat, whatever the message."""


class Speaker:
    """Says things in chats, in turn. Every method may raise UndeliverableError and UnreachableError of the outbox."""

    def __init__(self, bot: Bot, outbox: Outbox, redactor: Redactor) -> None:
        self._bot = bot
        self._outbox = outbox
        self._redactor = redactor
        self.addresses = outbox.addresses

    async def find(self, chat_ids: Iterable[int]) -> bool:
        """Learn which of these groups became supergroups, asking Telegram once for each; False where it didn't say.

        Reading the old group goes on working for ever, and so does nothing that only its members see: the smallest
        thing that is refused there is to be seen typing (telegram-bot-api, check_chat with AccessRights::Write).
        """
        sure = True
        for chat_id in self.addresses.unasked(chat_ids):
            try:
                await self._bot.send_chat_action(chat_id, ChatAction.TYPING)
            except ChatMigrated as error:
                self.addresses.note(chat_id, error.new_chat_id)
                log.warning("chat %s became a supergroup: it is %s now", chat_id, error.new_chat_id)
            except (BadRequest, Forbidden):
                self.addresses.note_asked(chat_id)
            except TelegramError as error:
                log.info("where chat %s is can't be said now: %s", chat_id, type(error).__name__)
                sure = False
            else:
                self.addresses.note_asked(chat_id)
        return sure

    async def say(self, place: Place, letter: Letter, priority: Priority = Priority.ANSWER) -> int:
        """Send a message when its turn comes; return its id."""
        return await self._outbox.deliver(
            place.chat_id,
            priority,
            lambda chat_id: self.send_now(place, letter, chat_id),
        )

    async def say_in_turn(self, chat_id: int, compose: Callable[[int], Awaitable[None]]) -> None:
        """Call `compose(chat id)` when a completion's turn comes, for ever until it went through.

        `compose` uses `send_now`, as late as it can.
        """
        await self._outbox.deliver(chat_id, Priority.COMPLETION, compose, attempts=None)

    async def send_now(self, place: Place, letter: Letter, chat_id: int) -> int:
        """Send a message without waiting for a turn, to the id that the chat has today; raises the outbox's four errors.

        Markup that is refused is sent as plain text, a message into a topic that is gone goes to the chat, and what
        is refused for a reason unknown here goes once more without anything that could be refused.
        """
        cut = replace(letter, text=self._harmless(letter.text).cut(MESSAGE_UNITS))
        return await _in_some_form(
            place, cut, chat_id, lambda form: self._send_form(chat_id, form, letter.silent)
        )

    async def _send_form(self, chat_id: int, form: _Form, silent: bool) -> int:
        sent = await self._bot.send_message(
            chat_id,
            form.text,
            parse_mode=ParseMode.HTML if form.marked else None,
            message_thread_id=form.thread_id,
            reply_parameters=form.reply,
            reply_markup=_keyboard(form.keyboard),
            disable_notification=silent,
            link_preview_options=NO_PREVIEW,
        )
        return sent.message_id

    async def edit(
        self,
        place: Place,
        message_id: int,
        compose: Callable[[], Letter],
        priority: Priority = Priority.CARD,
    ) -> None:
        """Edit a message when its turn comes; `compose` is called then. Raises MessageGoneError.

        An edit that changes nothing is a success. In a supergroup that a group became, the message's number belongs
        to another one, so it counts as gone.
        """

        async def send(chat_id: int) -> None:
            if chat_id != place.chat_id:
                raise MessageGoneError("the group became a supergroup")
            await self._edit_now(chat_id, message_id, compose())

        await self._outbox.deliver(place.chat_id, priority, send)

    async def react(self, place: Place, message_id: int, emoji: str) -> None:
        """Put one reaction on a message; repeating it changes nothing. A refusal doesn't matter and is only logged."""
        if self.addresses.of(place.chat_id) != place.chat_id:
            return
        try:
            await self._bot.set_message_reaction(
                place.chat_id, message_id, [ReactionTypeEmoji(emoji)]
            )
        except TelegramError as error:
            log.info("no reaction in chat %s: %s", place.chat_id, error)

    async def delete(self, place: Place, message_id: int) -> None:
        """Delete a message of ours that was sent just now; a refusal is only logged."""
        try:
            await self._bot.delete_message(self.addresses.of(place.chat_id), message_id)
        except TelegramError as error:
            log.info("a message in chat %s can't be deleted: %s", place.chat_id, error)

    async def send_file(
        self, place: Place, name: str, data: Redacted, caption: Markup, reply_to: int
    ) -> int:
        """Send a file of at most 50 MB (Bot API, sendDocument) when its turn comes; return the message's id.

        It goes on its way like a message: without its topic where that is gone, say.
        """
        letter = Letter(self._harmless(caption).cut(CAPTION_UNITS), reply_to=reply_to)
        file = InputFile(data, filename=name, attach=True)
        return await self._outbox.deliver(
            place.chat_id,
            Priority.ANSWER,
            lambda chat_id: _in_some_form(
                place, letter, chat_id, lambda form: self._send_file_form(chat_id, form, file)
            ),
        )

    async def _send_file_form(self, chat_id: int, form: _Form, file: InputFile) -> int:
        sent = await self._bot.send_document(
            chat_id,
            file,
            caption=form.text,
            parse_mode=ParseMode.HTML if form.marked else None,
            message_thread_id=form.thread_id,
            reply_parameters=form.reply,
        )
        return sent.message_id

    async def answer_press(self, press_id: str, text: str) -> None:
        """Answer a pressed button with a line of at most 200 characters; one that is too old is let be."""
        try:
            await self._bot.answer_callback_query(press_id, self._redactor.text(text)[:200])
        except TelegramError as error:
            log.info("a button's answer wasn't taken: %s", error)

    def _harmless(self, text: Markup) -> Markup:
        """Return what may leave: no secret in it, and nobody called by name whom we don't mean to call."""
        return text.mapped(self._redactor.text).without_mentions()

    async def _edit_now(self, chat_id: int, message_id: int, letter: Letter) -> None:
        text = self._harmless(letter.text).cut(MESSAGE_UNITS)
        for form, mode in ((text.html(), ParseMode.HTML), (text.text(), None)):
            try:
                await self._bot.edit_message_text(
                    form,
                    chat_id,
                    message_id,
                    parse_mode=mode,
                    reply_markup=_keyboard(letter.keyboard),
                    link_preview_options=NO_PREVIEW,
                )
            except BadRequest as error:
                said = error.message.lower()
                if "not modified" in said:
                    return
                if "can't parse entities" in said:
                    continue
                if (
                    "to edit not found" in said
                    or "can't be edited" in said
                    or "message_id_invalid" in said
                ):
                    raise MessageGoneError(said) from error
                raise _translated(error) from error
            except TelegramError as error:
                raise _translated(error) from error
            else:
                return


async def _in_some_form(
    place: Place, letter: Letter, chat_id: int, send: Callable[[_Form], Awaitable[int]]
) -> int:
    """Send a letter in the first form that isn't refused; return the message's id. Raises the outbox's four errors."""
    # In a supergroup that a group became, the old numbers belong to other messages.
    reply_to = letter.reply_to if chat_id == place.chat_id else None
    form = _Form(letter.text.html(), True, place.thread_id, reply_to, letter.keyboard)
    while True:
        try:
            return await send(form)
        except BadRequest as error:
            other = _other_form(form, error.message.lower(), letter)
            if other is None:
                raise _translated(error) from error
            form = other
            log.warning("telegram refused a message in chat %s, sent otherwise: %s", chat_id, error)
        except TelegramError as error:
            raise _translated(error) from error


def _other_form(form: _Form, said: str, letter: Letter) -> _Form | None:
    """Return how to send what was refused with these words, None when no form of it would be taken."""
    if any(words in said for words in _CHAT_REFUSES):
        return None
    if "can't parse entities" in said and form.marked:
        return replace(form, text=letter.text.text(), marked=False)
    in_topic = form.thread_id is not None or form.reply_to is not None
    if "topic" in said and in_topic:
        # One that is closed: a reply would go back into it.
        return replace(form, thread_id=None, reply_to=None)
    if "thread not found" in said and form.thread_id is not None:
        return replace(form, thread_id=None)
    if "repl" in said and form.reply_to is not None:
        return replace(form, reply_to=None)
    plainest = _Form(letter.text.cut(MESSAGE_UNITS // 2).text(), False, None, None, ())
    return None if form == plainest else plainest


def _translated(error: TelegramError) -> Exception:
    if isinstance(error, RetryAfter):
        wait = error.retry_after
        return SlowDownError(
            wait.total_seconds() if isinstance(wait, datetime.timedelta) else float(wait)
        )
    if isinstance(error, ChatMigrated):
        return ChatMovedError(error.new_chat_id)
    if isinstance(error, Forbidden | BadRequest):
        return UndeliverableError(str(error))
    # Time-outs, 5xx, garbage instead of JSON, a wedged pool: it may have arrived.
    return UnreachableError(type(error).__name__)


def _keyboard(rows: tuple[tuple[Button, ...], ...]) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(button.text, callback_data=button.data) for button in row]
            for row in rows
        ]
    )
