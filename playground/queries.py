"""Callback queries: a pressed button asks the bot, which answers once and in time."""

from __future__ import annotations

import asyncio
import secrets

from playground import wire
from playground.events import EventKind
from playground.messages import Message
from playground.people import Person
from playground.refusal import bad_request
from playground.state import Answer, Query, State

CALLBACK_SECONDS = 15.0
"""How long a press waits for its answer; after that the query is too old.

Source: core.telegram.org/method/messages.getBotCallbackAnswer, BOT_RESPONSE_TIMEOUT; the time isn't documented.
"""


def ask_bot(state: State, person: Person, message: Message, data: str) -> asyncio.Future[Answer]:
    """Send the bot a callback query and return the answer to come. The message may be gone by now."""
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    for old in [query for query in state.queries.values() if query.expires_at < state.clock()]:
        del state.queries[old.id]
    query_id = str(secrets.randbits(62))
    expires_at = state.clock() + CALLBACK_SECONDS
    state.queries[query_id] = Query(query_id, message.chat_id, message.id, expires_at, answer)
    state.tell(EventKind.PRESSED, message, who=person, detail=data)
    current = state.find_message(message.chat_id, message.id)
    chat = state.chat(message.chat_id)
    # A message that is gone comes as InaccessibleMessage: its date is 0.
    gone: wire.Json = {"chat": wire.chat_json(chat), "message_id": message.id, "date": 0}
    state.updates.add(
        "callback_query",
        {
            "id": query_id,
            "from": wire.person_json(person),
            "message": state.message_json(current) if current else gone,
            "chat_instance": str(abs(chat.id) * 7),
            "data": data,
        },
    )
    return answer


def answer_person(state: State, query_id: str, answer: Answer) -> None:
    """Take the bot's answer. Raises Refused for a query that is unknown, answered or too old.

    Source: Client::fail_query_with_error, QUERY_ID_INVALID.
    """
    query = state.queries.pop(query_id, None)
    if query is None or query.expires_at < state.clock():
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if not query.answer.done():
        query.answer.set_result(answer)
    state.tell_answer(query, answer.text)
