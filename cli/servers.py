"""Asks the servers whether they take the keys: Telegram, the forge, the model. One Finding for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from k8s.installation.finding import Finding, bad, good, unknown, warned

TELEGRAM, FORGE, MODEL = (
    "https://api.telegram.org",
    "https://api.github.com",
    "https://api.anthropic.com",
)
_LIMIT = aiohttp.ClientTimeout(20, sock_connect=10)
_MOST_BYTES = 1024 * 1024
_SET_CHAT = "Say claude-sandbox init once more, with TELEGRAM_CHAT_ID"
_PRESENT = ("creator", "administrator", "member")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its HTTP status, 0 when there was none; its JSON, {} when it had none; its headers in small letters."""

    status: int
    values: Mapping[str, Any]
    headers: Mapping[str, str]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Bot:
    """Who a bot's token is for."""

    id: int
    name: str
    reads_all: bool


async def ask(url: str, headers: Mapping[str, str] | None = None, body: object = None) -> Answer:
    """Ask once; a POST where there is a body. Never shows the URL, which may hold a token."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_LIMIT, trust_env=True) as session,
            session.request(
                "GET" if body is None else "POST",
                url,
                headers=dict(headers or {}),
                json=body,
                allow_redirects=False,
            ) as response,
        ):
            data = await response.content.read(_MOST_BYTES)
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, _values(data), found)
    except (aiohttp.ClientConnectorError, aiohttp.ClientSSLError) as error:
        return Answer(0, {}, {}, str(error.os_error) or type(error).__name__)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answer(0, {}, {}, type(error).__name__)


def _values(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


async def check_bot(token: str, server: str = "") -> tuple[Finding, Bot | None]:
    """Ask Telegram who the bot is."""
    server = server or TELEGRAM
    name = "Telegram token"
    answer = await ask(f"{server}/bot{token}/getMe")
    if answer.status in (401, 404):
        advice = (
            "Take the token that @BotFather shows with /mybots: TELEGRAM_BOT_TOKEN=123456789:AAF…"
        )
        return bad(name, "Telegram refuses it", advice), None
    me = answer.values.get("result")
    if answer.status != 200 or not isinstance(me, dict):
        return _silent(name, server, answer, "TELEGRAM_API_URL"), None
    bot = Bot(me.get("id", 0), me.get("username", ""), bool(me.get("can_read_all_group_messages")))
    hook = (await ask(f"{server}/bot{token}/getWebhookInfo")).values.get("result")
    if isinstance(hook, dict) and hook.get("url"):
        taken = f"it is @{bot.name}'s, whose messages a webhook of another program takes"
        return bad(name, taken, "Make a bot of its own, or end the webhook: deleteWebhook"), bot
    return good(name, f"it is @{bot.name}"), bot


async def check_chat(token: str, chat: str, bot: Bot, server: str = "") -> Finding:
    """Ask Telegram whether the bot is in the group, and may write there."""
    server = server or TELEGRAM
    name, query = "Telegram chat", f"chat_id={chat}"
    invite = f"Add @{bot.name} to the group; then /id there says its id: TELEGRAM_CHAT_ID=-100…"
    answer = await ask(f"{server}/bot{token}/getChat?{query}")
    found = answer.values.get("result")
    if answer.status in (400, 403):
        words = str(answer.values.get("description", ""))
        return bad(name, f"@{bot.name} can't see {chat}: {words}", invite)
    if answer.status != 200 or not isinstance(found, dict):
        return _silent(name, server, answer, "TELEGRAM_API_URL")
    title = found.get("title") or found.get("first_name") or chat
    if found.get("type") == "private":
        return good(name, f"{title}, a private chat")
    if found.get("type") == "group" and (now := await _moved_to(token, chat, server)):
        return bad(name, f"{title} is a supergroup now, with another id", f"{_SET_CHAT}={now}")
    member = await ask(f"{server}/bot{token}/getChatMember?{query}&user_id={bot.id}")
    of_bot = member.values.get("result")
    if not isinstance(of_bot, dict):
        return bad(name, f"@{bot.name} isn't a member of {title}", invite)
    status = of_bot.get("status")
    if status == "restricted" and of_bot.get("is_member") and not of_bot.get("can_send_messages"):
        return bad(name, f"@{bot.name} may not write in {title}", "Give it that right there.")
    if status not in (*_PRESENT, "restricted"):
        return bad(name, f"@{bot.name} isn't a member of {title}", invite)
    if status == "administrator" or bot.reads_all:
        return good(name, title)
    return warned(
        name,
        f"{title}: in privacy mode, the bot hears commands and replies to it only",
        f"That is enough for one bot in a group; with several write /run@{bot.name}",
    )


async def _moved_to(token: str, chat: str, server: str) -> int | None:
    """Return the id of the supergroup that a group became, which only who wants to write there is told."""
    body = {"chat_id": chat, "action": "typing"}
    answer = await ask(f"{server}/bot{token}/sendChatAction", body=body)
    parameters = answer.values.get("parameters")
    return parameters.get("migrate_to_chat_id") if isinstance(parameters, dict) else None


async def check_forge(token: str, api: str = "") -> Finding:
    """Ask the forge whose token it is, and whether it may read and write repositories."""
    api = api or FORGE
    name = "GitHub token"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    answer = await ask(f"{api}/user", headers)
    if answer.status == 401:
        return bad(
            name,
            f"{urlsplit(api).hostname} refuses it",
            "Make one at github.com/settings/tokens that may read and write the repositories.",
        )
    if answer.status == 403:
        return unknown(name, "it is taken, but says not whose it is, as a token of an app doesn't")
    if answer.status != 200:
        return _silent(name, api, answer, "GITHUB_API_URL")
    who = answer.values.get("login", "")
    scopes = answer.headers.get("x-oauth-scopes")
    given = {scope.strip() for scope in (scopes or "").split(",")}
    if scopes is None or "repo" in given:
        return good(name, f"it is {who}'s")
    if "public_repo" in given:
        return warned(name, f"it is {who}'s, for public repositories only")
    shown = ", ".join(sorted(filter(None, given))) or "no scope"
    return bad(
        name,
        f"it is {who}'s, and may not write repositories ({shown})",
        "Give it the scope repo at github.com/settings/tokens.",
    )


async def check_model(keys: Mapping[str, str], url: str = "") -> Finding:
    """Ask the model's server whether it takes the key, without using the model."""
    url = url or MODEL
    name = "ANTHROPIC_API_KEY" if keys.get("ANTHROPIC_API_KEY") else "CLAUDE_CODE_OAUTH_TOKEN"
    headers = {"anthropic-version": "2023-06-01"}
    if name == "ANTHROPIC_API_KEY":
        headers["x-api-key"] = keys[name]
    else:
        headers |= {
            "Authorization": f"Bearer {keys.get(name, '')}",
            "anthropic-beta": "oauth-2025-04-20",
        }
    answer = await ask(f"{url}/v1/models?limit=1", headers)
    if answer.status == 200:
        return good("Model key", f"{name} is taken")
    if answer.status == 401:
        again = (
            "Make one at console.anthropic.com/settings/keys"
            if name == "ANTHROPIC_API_KEY"
            else "Make one with: claude setup-token"
        )
        return bad("Model key", f"{urlsplit(url).hostname} refuses {name}", f"{again}.")
    if answer.status == 403:
        return unknown(
            "Model key", f"{name} may use the model only, so it isn't known before a run"
        )
    if answer.status in (404, 405):
        return unknown(
            "Model key", f"{urlsplit(url).hostname} lists no models, so it can't be asked"
        )
    return _silent("Model key", url, answer, "ANTHROPIC_BASE_URL")


async def say_hello(token: str, chat: str, text: str, server: str = "") -> str | None:
    """Say something in the chat; return None, or why it couldn't be said."""
    body = {"chat_id": chat, "text": text}
    answer = await ask(f"{server or TELEGRAM}/bot{token}/sendMessage", body=body)
    if answer.status == 200:
        return None
    return str(answer.values.get("description") or answer.why or f"HTTP {answer.status}")


async def groups_heard(token: str, server: str = "") -> list[tuple[str, str]]:
    """Return id and title of the groups that wrote lately; nothing is confirmed, so a bot hears it all again."""
    answer = await ask(f"{server or TELEGRAM}/bot{token}/getUpdates?timeout=0")
    found: dict[str, str] = {}
    for update in answer.values.get("result") or ():
        for part in update.values() if isinstance(update, dict) else ():
            chat = part.get("chat") if isinstance(part, dict) else None
            if isinstance(chat, dict) and str(chat.get("id", "")).startswith("-"):
                found[str(chat["id"])] = str(chat.get("title", ""))
    return list(found.items())


def _silent(name: str, server: str, answer: Answer, variable: str) -> Finding:
    host = urlsplit(server).hostname
    why = answer.why or f"HTTP {answer.status}"
    return unknown(
        name,
        f"{host} doesn't answer as it should ({why})",
        f"Is {host} reached from here, is {variable} right, is there a proxy (HTTPS_PROXY)?",
    )
