"""The Bot API's methods about the bot itself, its commands, buttons and files.

Source of each: core.telegram.org/bots/api, under its name.
"""

from __future__ import annotations

import json
import re

from playground.arguments import Arguments
from playground.queries import answer_person
from playground.refusal import bad_request
from playground.state import Answer, State
from playground.text import utf16_length
from playground.wire import Json, person_json

MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024
"""Source: core.telegram.org/bots/api#getfile: "up to 20MB in size"."""

MAX_COMMANDS = 100
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")


def get_me(state: State, _arguments: Arguments) -> Json:
    """Describe the bot; can_read_all_group_messages is the privacy mode off."""
    return person_json(state.bot) | {
        "can_join_groups": True,
        "can_read_all_group_messages": not state.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def get_webhook_info(state: State, _arguments: Arguments) -> Json:
    """Say that there is no webhook, and what waits."""
    info: Json = {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": len(state.updates.pending()),
    }
    return info | ({"allowed_updates": state.updates.allowed} if state.updates.allowed else {})


def delete_webhook(state: State, arguments: Arguments) -> bool:
    """Drop what waits, if that is asked for; there is never a webhook."""
    if arguments.boolean("drop_pending_updates"):
        state.updates.clear()
    return True


def set_my_commands(state: State, arguments: Arguments) -> bool:
    """Set the menu of commands for a scope and a language."""
    found = arguments.json("commands", "commands")
    if found is not None and not isinstance(found, list):
        raise bad_request("Expected an Array of BotCommand")
    commands = [_command(value) for value in found or []]
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    state.commands[_scope(arguments)] = commands
    return True


def get_my_commands(state: State, arguments: Arguments) -> list[Json]:
    """Return the menu of commands of a scope and a language."""
    return state.commands.get(_scope(arguments), [])


def answer_callback_query(state: State, arguments: Arguments) -> bool:
    """Answer the press of a button: with a line, a window, or nothing."""
    text = arguments.text("text")
    if utf16_length(text) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = Answer(text, arguments.boolean("show_alert"), arguments.text("url") or None)
    answer_person(state, arguments.text("callback_query_id"), answer)
    return True


def get_file(state: State, arguments: Arguments) -> Json:
    """Prepare a file for the download from its file_path."""
    file_id = arguments.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    document = state.documents.get(file_id)
    if document is None:
        raise bad_request("invalid file_id")
    if document.size > MAX_DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return {
        "file_id": document.file_id,
        "file_unique_id": document.unique_id,
        "file_size": document.size,
        "file_path": f"documents/{document.file_id}",
    }


def _command(value: object) -> Json:
    if not isinstance(value, dict):
        raise bad_request("Can't parse BotCommand: expected an Object")
    command, description = (str(value.get(name, "")) for name in ("command", "description"))
    # "1-32 characters. Can contain only lowercase English letters, digits and underscores."
    if not _COMMAND.fullmatch(command.removeprefix("/")):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": command.removeprefix("/"), "description": description}


def _scope(arguments: Arguments) -> tuple[str, str]:
    found = arguments.json("scope", "BotCommandScope")
    if found is not None and not isinstance(found, dict):
        raise bad_request("Can't parse BotCommandScope: BotCommandScope must be an Object")
    scope = json.dumps(found or {"type": "default"}, sort_keys=True)
    return scope, arguments.text("language_code")
