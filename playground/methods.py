"""The table of the Bot API's methods, by their names in small letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from playground import methods_bot, methods_chats, methods_messages
from playground.arguments import Arguments
from playground.state import State
from playground.updates import MAX_WAIT_SECONDS

Method = Callable[[State, Arguments], object]

METHODS: Mapping[str, Method] = {
    "getme": methods_bot.get_me,
    "getwebhookinfo": methods_bot.get_webhook_info,
    "deletewebhook": methods_bot.delete_webhook,
    "setmycommands": methods_bot.set_my_commands,
    "getmycommands": methods_bot.get_my_commands,
    "answercallbackquery": methods_bot.answer_callback_query,
    "getfile": methods_bot.get_file,
    "getchat": methods_chats.get_chat,
    "getchatmember": methods_chats.get_chat_member,
    "getchatadministrators": methods_chats.get_chat_administrators,
    "getchatmembercount": methods_chats.get_chat_member_count,
    "leavechat": methods_chats.leave_chat,
    "sendchataction": methods_chats.send_chat_action,
    "createforumtopic": methods_chats.create_forum_topic,
    "sendmessage": methods_messages.send_message,
    "senddocument": methods_messages.send_document,
    "editmessagetext": methods_messages.edit_message_text,
    "editmessagereplymarkup": methods_messages.edit_message_reply_markup,
    "deletemessage": methods_messages.delete_message,
    "setmessagereaction": methods_messages.set_message_reaction,
}


async def get_updates(state: State, arguments: Arguments) -> list[dict[str, object]]:
    """Wait for updates. Numbers out of range are brought into it. Source: Client::process_get_updates_query."""
    found = None
    if arguments.has("allowed_updates"):
        found = arguments.json("allowed_updates", "allowed updates")
    if isinstance(found, list):
        state.updates.allow(str(kind) for kind in found)
    limit = min(max(arguments.integer("limit", 100), 1), 100)
    timeout = min(max(arguments.integer("timeout"), 0), MAX_WAIT_SECONDS)
    return await state.updates.get(arguments.integer("offset"), limit, timeout)
