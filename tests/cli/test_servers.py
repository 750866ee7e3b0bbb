"""What the servers of the keys answer, and what `init` and `doctor` make of it."""

from __future__ import annotations

from typing import Any

import pytest

from cli.servers import check_bot, check_chat, check_forge, check_model, groups_heard
from k8s.installation.finding import Mark
from playground.server import start
from playground.world import World
from tests.parts.key_servers import KeyServer

Answer = tuple[int, dict[str, Any], dict[str, str]]
ADA = {"login": "ada"}
NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("answer", "mark", "words"),
    [
        ((200, ADA, {"X-OAuth-Scopes": "repo, gist"}), Mark.GOOD, "it is ada's"),
        ((200, ADA, {}), Mark.GOOD, "it is ada's"),  # a fine-grained token names no scopes
        ((200, ADA, {"X-OAuth-Scopes": "public_repo"}), Mark.WARNED, "public repositories only"),
        ((200, ADA, {"X-OAuth-Scopes": "gist"}), Mark.BAD, "may not write repositories (gist)"),
        ((200, ADA, {"X-OAuth-Scopes": ""}), Mark.BAD, "(no scope)"),
        ((401, {}, {}), Mark.BAD, "refuses it"),
        ((403, {}, {}), Mark.UNKNOWN, "a token of an app"),
        ((503, {}, {}), Mark.UNKNOWN, "HTTP 503"),
    ],
)
async def test_a_forge_says_whose_token_it_is_and_what_it_may(
    answer: Answer, mark: Mark, words: str
) -> None:
    with KeyServer("key", {"/user": answer}) as server:
        found = await check_forge("key", server.url)
    assert (found.mark, words in found.what) == (mark, True), found
    assert (found.mark is Mark.BAD) <= bool(found.advice)


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"])
@pytest.mark.parametrize(
    ("status", "mark", "words"),
    [
        (200, Mark.GOOD, "is taken"),
        (401, Mark.BAD, "refuses"),
        (403, Mark.UNKNOWN, "isn't known before a run"),
        (404, Mark.UNKNOWN, "lists no models"),
        (529, Mark.UNKNOWN, "HTTP 529"),
    ],
)
async def test_a_model_says_whether_it_takes_a_key_of_either_kind(
    name: str, status: int, mark: Mark, words: str
) -> None:
    with KeyServer("key", {"/v1/models?limit=1": (status, {}, {})}) as server:
        found = await check_model({name: "key"}, server.url)
    assert (found.mark, words in found.what) == (mark, True), found


@pytest.mark.parametrize("check", [check_forge, check_bot])
async def test_a_server_that_is_not_there_is_not_known_and_no_key_is_shown(check: Any) -> None:
    found = await check("1:secret", NOBODY)
    finding = found[0] if isinstance(found, tuple) else found
    assert finding.mark is Mark.UNKNOWN
    assert "secret" not in str(finding)


async def test_a_bot_with_a_webhook_hears_nothing() -> None:
    me = {"result": {"id": 7, "username": "other_bot"}}
    hook = {"result": {"url": "https://elsewhere.example/"}}
    answers = {"/bot1:k/getMe": (200, me, {}), "/bot1:k/getWebhookInfo": (200, hook, {})}
    with KeyServer("", answers) as server:
        found, _ = await check_bot("1:k", server.url)
    assert found.mark is Mark.BAD
    assert "a webhook of another program" in found.what


@pytest.mark.parametrize(
    ("status", "privacy", "mark", "words"),
    [
        ("administrator", True, Mark.GOOD, "Team"),
        ("member", False, Mark.GOOD, "Team"),
        ("member", True, Mark.WARNED, "privacy mode"),
        ("left", False, Mark.BAD, "can't see"),
        ("kicked", False, Mark.BAD, "can't see"),
    ],
)
async def test_telegram_says_what_the_bot_is_in_the_group(
    status: str, privacy: bool, mark: Mark, words: str
) -> None:
    world = World(privacy=privacy)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    world.set_status(world.bot, team, status)
    server = await start(world)
    try:
        _, bot = await check_bot(server.token, server.root)
        assert bot is not None
        found = await check_chat(server.token, str(team.id), bot, server.root)
    finally:
        await server.close()
    assert (found.mark, words in found.what) == (mark, True), found


async def test_a_group_that_became_a_supergroup_is_told_with_its_new_id_fault_9() -> None:
    world = World(privacy=False)
    group = world.group("Small", [(world.person("Ada"), "administrator")])
    server = await start(world)
    try:
        _, bot = await check_bot(server.token, server.root)
        assert bot is not None
        before = await check_chat(server.token, str(group.id), bot, server.root)
        moved = world.migrate(group)
        after = await check_chat(server.token, str(group.id), bot, server.root)
    finally:
        await server.close()
    assert (before.mark, after.mark) == (Mark.GOOD, Mark.BAD)
    assert f"TELEGRAM_CHAT_ID={moved.id}" in after.advice


async def test_the_groups_that_wrote_are_found_and_their_messages_stay_for_the_bot() -> None:
    world = World(privacy=False)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    world.say(ada, team, "hi")
    world.say(ada, world.private(ada), "psst")
    server = await start(world)
    try:
        for _ in range(2):
            assert (str(team.id), "Team") in await groups_heard(server.token, server.root)
    finally:
        await server.close()
