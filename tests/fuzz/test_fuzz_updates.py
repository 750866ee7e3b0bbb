"""Any update of Telegram's: the library's object becomes our values, and what is answered to it has no marks but ours."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from telegram import Update

from bot import answers
from bot.access import refuse_repo
from bot.config import Config, Role
from bot.guide import greeting, help_text
from bot.incoming import Incoming, read_message, read_move, read_press
from bot.mistake import Mistake
from bot.parse import read_command, read_run
from tests.fuzz.fuzzing import WATCH, check_markup, fuzzed, texts

GITHUB = "https://github.com"
ids = st.integers(-(2**52), 2**52)
PEOPLE = st.fixed_dictionaries(
    {"id": ids, "is_bot": st.booleans(), "first_name": texts},
    optional={"last_name": texts, "username": texts, "language_code": texts},
)
CHATS = st.fixed_dictionaries(
    {"id": ids, "type": st.sampled_from(["private", "group", "supergroup", "channel", "new"])},
    optional={"title": texts, "username": texts, "is_forum": st.booleans()},
)
ENTITIES = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["bot_command", "mention", "text_link", "new_kind"]),
            "offset": st.integers(-1, 10),
            "length": st.integers(-1, 10),
        }
    ),
    max_size=3,
)
said = st.one_of(texts, st.builds("/run {}".format, texts), st.builds("/run a/b {}".format, texts))


def message(inner: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    more = {} if inner is None else {"reply_to_message": inner}
    return st.fixed_dictionaries(
        {"message_id": ids, "date": st.integers(0, 2**32), "chat": CHATS},
        optional={
            "from": PEOPLE,
            "sender_chat": CHATS,
            "text": said,
            "caption": said,
            "entities": ENTITIES,
            "message_thread_id": ids,
            "is_topic_message": st.booleans(),
            "migrate_to_chat_id": ids,
            "migrate_from_chat_id": ids,
            "forum_topic_created": st.fixed_dictionaries({"name": texts, "icon_color": ids}),
            "forward_origin": st.fixed_dictionaries(
                {"type": st.just("hidden_user"), "date": st.just(1), "sender_user_name": texts}
            ),
            "surprise": texts,
            **more,
        },
    )


messages = message(message())
presses = st.fixed_dictionaries(
    {"id": texts, "from": PEOPLE, "chat_instance": texts},
    optional={"data": texts, "message": messages, "inline_message_id": texts},
)
updates = st.one_of(
    st.fixed_dictionaries({"update_id": st.integers(0, 2**31), "message": messages}),
    st.fixed_dictionaries({"update_id": st.integers(0, 2**31), "edited_message": messages}),
    st.fixed_dictionaries({"update_id": st.integers(0, 2**31), "channel_post": messages}),
    st.fixed_dictionaries({"update_id": st.integers(0, 2**31), "callback_query": presses}),
    st.fixed_dictionaries({"update_id": st.integers(0, 2**31), "a_new_kind": messages}),
)


@fuzzed(updates)
def test_any_update_is_read_and_its_answer_has_no_marks_but_ours(found: dict[str, Any]) -> None:
    with WATCH.listening():
        update = Update.de_json(found, None)
        incoming, press = read_message(update), read_press(update)
        move = read_move(update)
        if move is not None:
            check_markup(answers.moved(move.old, move.new, home=move.arrived))
        for heard in (incoming, None if press is None else press.asked):
            if heard is not None:
                check_answers(heard)


def check_answers(heard: Incoming) -> None:
    check_markup(answers.ids(heard))
    check_markup(greeting(heard.person.name, [heard.text[:20]], private=heard.private))
    check_markup(help_text(heard.text, []))
    command = read_command(heard.text, "me")
    if command is None:
        return
    check_markup(answers.unknown(command.name, None))
    config = Config()
    try:
        request = read_run(command.arguments, config, GITHUB, heard.replied_text)
    except Mistake as mistake:
        check_markup(answers.mistake(mistake))
        return
    refusal = refuse_repo(Role.RUNNER, request.target, config)
    if refusal is not None:
        check_markup(answers.refused(refusal, heard))


def test_a_deleted_account_has_no_name() -> None:
    chat = {"id": 1, "type": "private"}
    sender = {"id": 2, "is_bot": False, "first_name": ""}
    found = {"message_id": 3, "date": 4, "chat": chat, "from": sender, "text": "/id"}
    heard = read_message(Update.de_json({"update_id": 5, "message": found}, None))
    pressed = {"id": "6", "from": sender, "chat_instance": "7", "data": "jobs", "message": found}
    press = read_press(Update.de_json({"update_id": 8, "callback_query": pressed}, None))
    assert heard is not None and press is not None
    assert (heard.person.name, press.person.name) == ("", "")
