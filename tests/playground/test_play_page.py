"""The chat page over HTTP: its files, the live stream, files up and down."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from playground.arguments import Upload
from playground.chats import Chat
from playground.messages import Document
from playground.people import Person
from playground.server import start
from playground.view import Welcome
from playground.world import World
from tests.playground.play_api import Api, Clock

FOLDER = Path(str(resources.files("playground"))) / "page"
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def ada(world: World) -> Person:
    return world.person("Ada")


@pytest.fixture
def team(world: World, ada: Person) -> Chat:
    return world.supergroup("Team", [(ada, "administrator")], forum=True)


class Live:
    """The open stream of a page."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._lines = response.content

    async def next(self) -> dict[str, str]:
        """Return the next thing that is told, by field."""
        fields: dict[str, str] = {}
        while True:
            line = (await self._lines.readline()).decode().rstrip("\n")
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif set(fields) - {""}:
                return fields

    async def state(self) -> Any:
        """Return the next state, passing over what happens in chats."""
        while (told := await self.next()).get("event") != "state":
            pass
        return json.loads(told["data"])

    async def event(self) -> tuple[str, Any]:
        """Return the next event of a chat with its id, passing over states."""
        while "id" not in (told := await self.next()):
            pass
        return told["id"], json.loads(told["data"])


@asynccontextmanager
async def live(api: Api, after: int = 0, **headers: str) -> AsyncIterator[Live]:
    url = f"{api.playground.root}/play/live?after={after}"
    async with asyncio.timeout(60), api.session.get(url, headers=headers) as response:
        assert response.content_type == "text/event-stream"
        yield Live(response)


async def send_file(api: Api, data: bytes, **fields: object) -> tuple[int, Any]:
    query = {name: str(value) for name, value in fields.items()}
    url = f"{api.playground.root}/play/file"
    async with api.session.post(
        url, params=query, data=io.BytesIO(data), headers=OCTETS
    ) as response:
        return response.status, await response.json()


async def fetch(api: Api, document: Document) -> tuple[bytes, Any]:
    url = f"{api.playground.root}/play/file/{document.file_id}"
    async with api.session.get(url) as response:
        assert response.status == 200
        return await response.read(), response.headers


def test_the_page_makes_elements_of_texts_only_and_names_no_other_place() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js")}
    assert scripts
    for name, text in scripts.items():
        assert not re.search(r"(inner|outer)HTML|insertAdjacent|document\.write|eval\(", text), name
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://(?!\$)\w", text), path.name
        assert len(text.splitlines()) <= 400, path.name


def test_every_file_that_the_page_names_is_there_and_none_is_left_over() -> None:
    index = (FOLDER / "index.html").read_text(encoding="utf-8")
    named = set(re.findall(r'"/page/([^"]+)"', index)) | {"index.html"}
    for path in FOLDER.glob("*.js"):
        named |= set(re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8")))
    assert named == {path.name for path in FOLDER.iterdir()}


async def test_the_page_comes_whole_and_lets_no_other_program_run_in_it(api: Api) -> None:
    kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
    for path in FOLDER.iterdir():
        way = "/" if path.name == "index.html" else f"/page/{path.name}"
        async with api.session.get(api.playground.root + way) as response:
            assert response.status == 200
            assert await response.read() == path.read_bytes()
            assert response.content_type == kinds.get(path.suffix[1:], "image/svg+xml")
            rules = response.headers["Content-Security-Policy"].split("; ")
            assert {"default-src 'none'", "script-src 'self'", "form-action 'none'"} <= set(rules)
            assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("way", ["/", "/page/app.js", "/play/live", "/play/file/x"])
async def test_who_names_another_host_gets_nothing_of_the_page(api: Api, way: str) -> None:
    rebound = {"Host": "evil.example"}
    async with api.session.get(api.playground.root + way, headers=rebound) as response:
        assert response.status == 403


@pytest.mark.parametrize("way", ["/page/none.js", "/page/..%2fserver.py", "/page/", "/play/file/x"])
async def test_what_the_page_does_not_have_is_not_found(api: Api, way: str) -> None:
    async with api.session.get(api.playground.root + way) as response:
        assert response.status == 404


async def test_the_stream_tells_the_state_and_then_what_happens(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    world.say(ada, team, "before")
    async with live(api) as page:
        state = await page.state()
        assert [chat["title"] for chat in state["chats"]] == ["Team"]
        assert state["bot"]["username"] == "claude_sandbox_bot"
        number, event = await page.event()
        assert (number, event["kind"], event["message"]["text"]) == ("1", "sent", "before")
        sent = await api.ok("sendMessage", chat_id=team.id, text="now")
        await api.ok("editMessageText", chat_id=team.id, message_id=sent["message_id"], text="then")
        kinds = [(await page.event())[1] for _ in range(2)]
        assert [(event["kind"], event["text"]) for event in kinds] == [
            ("sent", "now"),
            ("edited", "then"),
        ]


async def test_a_page_that_comes_again_is_told_what_it_missed_and_nothing_twice(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    for number in range(5):
        world.say(ada, team, f"message {number}")
    async with live(api, 0, **{"Last-Event-ID": "3"}) as page:
        assert [(await page.event())[1]["text"] for _ in range(2)] == ["message 3", "message 4"]
    async with live(api, 4) as page:
        assert (await page.event())[0] == "5"


async def test_what_changes_beside_the_chats_comes_by_itself(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    async with live(api) as page:
        state = await page.state()
        assert (state["commands"], state["flood"], state["privacy"]) == ([], False, False)
        await api.ok("setMyCommands", commands=[{"command": "run", "description": "start"}])
        assert (await page.state())["commands"] == [{"command": "run", "description": "start"}]
        await api.play("flood", on=True)
        assert (await page.state())["flood"] is True
        await api.play("privacy", on=True)
        assert (await page.state())["privacy"] is True
        bob = world.person("Bob")
        world.set_status(bob, team, "member")
        names = [
            member["user"]["first_name"] for member in (await page.state())["chats"][0]["members"]
        ]
        assert "Bob" in names


async def test_what_the_bot_has_not_taken_yet_waits_for_it(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    said = world.say(ada, team, "/run x")
    async with live(api) as page:
        assert (await page.state())["waiting"] == [[team.id, said.id]]
        (update,) = await api.updates()
        await api.ok("getUpdates", offset=update["update_id"] + 1)
        while (await page.state())["waiting"]:
            pass


async def test_a_bot_that_was_killed_is_known_to_be_gone(api: Api, clock: Clock) -> None:
    poll = asyncio.create_task(api.call("getUpdates", timeout=50))
    await api.until_polled()
    async with live(api) as page:
        assert (await page.state())["listens"] is True
        poll.cancel()
        async with asyncio.timeout(60):
            while api.playground.world.bot_listens:
                await asyncio.sleep(0.01)
        clock.now += 6
        assert (await page.state())["listens"] is False


async def test_another_world_has_another_name_and_its_own_welcome(world: World, api: Api) -> None:
    other = World()
    playground = await start(other, welcome=Welcome("Hello", ("/run x",), ((7, "admin"),)))
    try:
        async with api.session.get(f"{playground.root}/play/state") as response:
            found = await response.json()
    finally:
        await playground.close()
    async with api.session.get(f"{api.playground.root}/play/state") as response:
        assert (await response.json())["world"] != found["world"]
    assert found["welcome"] == {
        "text": "Hello",
        "examples": ["/run x"],
        "notes": [{"person": 7, "note": "admin"}],
    }


async def test_a_file_goes_up_and_down_with_its_own_bytes(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    topic = world.topic(ada, team, "builds")
    data = bytes(range(256)) * 5000
    status, sent = await send_file(
        api,
        data,
        person=ada.id,
        chat=team.id,
        thread=topic.id,
        name="a b.bin",
        caption="see /help",
    )
    assert status == 200, sent
    assert (sent["caption"], sent["message_thread_id"]) == ("see /help", topic.id)
    assert sent["document"]["file_size"] == len(data)
    document = world.messages(team)[-1].document
    assert document is not None
    body, headers = await fetch(api, document)
    assert body == data
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b.bin"
    path = (await api.ok("getFile", file_id=document.file_id))["file_path"]
    url = f"{api.playground.file_url}{api.playground.token}/{path}"
    async with api.session.get(url) as response:
        assert await response.read() == data


async def test_a_photo_reaches_the_bot_as_a_photo_and_is_shown(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    fields = {"person": ada.id, "chat": team.id, "name": "p.png", "type": "image/png"}
    _, sent = await send_file(api, b"\x89PNG", **fields, width=40, height=30)
    (update,) = await api.updates()
    (size,) = update["message"]["photo"]
    assert (size["width"], size["height"], size["file_size"]) == (40, 30, 4)
    assert "document" not in sent
    document = world.messages(team)[-1].document
    assert document is not None
    _, headers = await fetch(api, document)
    assert (headers["Content-Type"], headers["Content-Disposition"]) == ("image/png", "inline")
    await send_file(api, b"<svg>", **fields | {"type": "image/svg+xml"}, width=4, height=3)
    svg = world.messages(team)[-1].document
    assert svg is not None and svg.pixels is None


async def test_a_hostile_file_is_kept_by_the_browser_and_never_run(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    name = 'a"\r\nX: y\u202egnp.html\ud800'
    upload = Upload(name, "text/html", b"<script>alert(1)</script>")
    document = world.send(ada, team, upload).document
    assert document is not None
    _, headers = await fetch(api, document)
    assert "X" not in headers
    assert headers["Content-Disposition"].endswith("''a%22%0D%0AX%3A%20ygnp.html%3F")
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"person": 1}, "there is no such person"),
        ({"chat": 1}, "there is no such chat"),
        ({"name": None}, "'name'"),
        ({"thread": 99}, "there is no such topic"),
        ({"person": "x"}, "invalid literal"),
        ({"caption": "x" * 1025}, "a text has 1 to 1024"),
    ],
)
async def test_a_file_for_nowhere_is_refused_in_words(
    world: World, api: Api, ada: Person, team: Chat, fields: dict[str, object], words: str
) -> None:
    given = {"person": ada.id, "chat": team.id, "name": "a.txt"} | fields
    kept = {name: value for name, value in given.items() if value is not None}
    status, answer = await send_file(api, b"abc", **kept)
    assert status == 400 and words in answer["error"]
    assert world.messages(team) == [] and not world.state.files


async def test_50_mb_are_taken_and_more_is_refused_in_words(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    fields = {"person": ada.id, "chat": team.id, "name": "big"}
    limit = 50 * 1024 * 1024
    for size in (limit + 1, 65 * 1024 * 1024):
        status, answer = await send_file(api, bytes(size), **fields)
        assert (status, answer) == (413, {"error": "a file has at most 50 MB here"})
    assert world.messages(team) == []
    assert (await send_file(api, bytes(limit), **fields))[0] == 200
    assert (await send_file(api, b"", **fields))[1] == {"error": "ValueError: the file is empty"}


@pytest.mark.parametrize("kind", [None, "text/plain", "multipart/form-data"])
async def test_a_page_of_another_origin_cannot_send_a_file(
    world: World, api: Api, ada: Person, team: Chat, kind: str | None
) -> None:
    query = {"person": str(ada.id), "chat": str(team.id), "name": "a"}
    url = f"{api.playground.root}/play/file"
    headers = {"Content-Type": kind} if kind else {}
    skipped = ["Content-Type"] if kind is None else []
    async with api.session.post(
        url, params=query, data=b"abc", headers=headers, skip_auto_headers=skipped
    ) as response:
        assert response.status == 415
    assert world.messages(team) == []


async def test_a_message_is_forwarded_into_a_topic(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    topic = world.topic(ada, team, "builds")
    said = world.say(ada, team, "look")
    status, sent = await api.play(
        "forward", person=ada.id, chat=team.id, message=said.id, to=team.id, thread=topic.id
    )
    assert (status, sent["message_thread_id"], sent["text"]) == (200, topic.id, "look")


async def test_reactions_are_seen_on_the_people_s_side(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    sent = await api.ok("sendMessage", chat_id=team.id, text="done")
    world.react(ada, world.messages(team)[0], "🎉")
    async with api.session.get(f"{api.playground.root}/play/messages?chat={team.id}") as response:
        (message,) = await response.json()
    assert message["reactions"] == [[ada.id, "🎉"]]
    assert "reactions" not in sent
