"""The page itself: odd input, other people's texts, long chats, and who can't see or has no mouse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from playground.arguments import Upload
from playground.chats import Chat
from playground.people import Person
from playground.server import Playground
from playground.world import World
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import Serve
from tests.parts.browser_fixtures import PHONE, OpenPage, violations
from tests.whole.bot_process import BotProcess

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE: list[str] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text()
)
SCRIPTS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<b onmouseover=alert(1)>bold</b>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "&lt;i&gt; &amp;amp; &#60;",
]


def small_world() -> tuple[World, Person, Chat]:
    """Return a World with one person in one group."""
    world = World(privacy=False)
    ada = world.person("Ada")
    return world, ada, world.supergroup("Team", [(ada, "creator")])


async def test_texts_of_anybody_are_shown_as_they_are(serve: Serve, open_page: OpenPage) -> None:
    world = World(privacy=False)
    texts = [text for text in HOSTILE + SCRIPTS if text.strip("\0\r\n\t ") and len(text) <= 4096]
    people = [world.person(text[:60]) for text in texts]
    team = world.supergroup("<u>Team</u>", [(people[0], "creator")])
    said = [world.say(people[0], team, text) for text in texts]
    for text in texts:
        world.send(people[0], team, Upload(text[:60], "text/plain", b"content"))
    page = await open_page((await serve(world)).root)
    page.on("dialog", lambda _: open_page.complaints.append("a dialog was opened"))
    await expect(page.get_by_role("heading", name="<u>Team</u>")).to_be_visible()
    shown = await page.get_by_role("log").locator(".text").all_text_contents()
    kept = [message.text for message in said]
    assert kept and all(any(text in each for each in shown) for text in kept)
    assert await page.get_by_role("log").locator("script, svg, img, [onmouseover]").count() == 0
    names = await page.locator(".file-name").all_text_contents()
    assert len(names) == len(texts)
    assert await ChatPage(page).overflow() == 0


async def test_two_thousand_messages_open_at_their_end_and_scroll_to_their_beginning(
    serve: Serve, open_page: OpenPage
) -> None:
    world, ada, team = small_world()
    for number in range(2000):
        world.say(ada, team, f"message number {number}, " + "and some words more " * (number % 9))
    page = await open_page((await serve(world)).root)
    chat = ChatPage(page)
    await expect(chat.message("message number 1999,")).to_be_in_viewport()
    await page.get_by_role("region", name="Conversation").evaluate("each => each.scrollTo(0, 0)")
    await expect(chat.message("message number 0,")).to_be_in_viewport()
    await page.get_by_role("button", name="To the newest message").click()
    await expect(chat.message("message number 1999,")).to_be_in_viewport()
    await page.keyboard.press("Control+f")
    await page.get_by_role("searchbox").fill("number 777,")
    await expect(chat.message("message number 777,")).to_be_in_viewport()


async def test_a_file_goes_up_and_comes_down_as_it_was(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    page = await open_page((await serve(small_world()[0])).root)
    chat = ChatPage(page)
    path = tmp_path / "a file ü;.bin"
    path.write_bytes(bytes(range(256)) * 100)
    await chat.attach(path, "with a caption")
    sent = await chat.heard("with a caption")
    async with page.expect_download() as downloading:
        await sent.get_by_role("link", name="Download").click()
    download = await downloading.value
    assert Path(await download.path()).read_bytes() == path.read_bytes()
    assert download.suggested_filename == path.name


async def test_a_file_of_50_mb_is_sent_and_a_larger_one_refused_in_words(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    page = await open_page((await serve(small_world()[0])).root)
    chat = ChatPage(page)
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    await chat.attach(large)
    await expect(chat.message("50.0 MB")).to_be_visible(timeout=120_000)
    with large.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Send a file").click()
    await (await chooser.value).set_files(large)
    await expect(page.get_by_role("alertdialog")).to_contain_text("Files of up to 50 MB")
    await page.keyboard.press("Escape")
    await chat.say("and the chat goes on")
    await chat.heard("and the chat goes on")


async def test_messages_are_edited_forwarded_reacted_to_and_deleted(
    serve: Serve, open_page: OpenPage
) -> None:
    page = await open_page((await serve(small_world()[0])).root)
    chat = ChatPage(page)
    await chat.say("the first version")
    await chat.choose(await chat.heard("the first version"), "Edit")
    await chat.field.fill("the second version")
    await chat.field.press("Enter")
    edited = await chat.heard("the second version", "edited")
    await expect(chat.message("the first version")).to_have_count(0)
    await edited.locator(".bubble").click(button="right", position={"x": 12, "y": 6})
    await page.get_by_role("button", name="React with 🔥").click()
    await expect(edited.get_by_role("button", name="🔥 by Ada")).to_be_visible()
    await chat.choose(edited, "Forward")
    await page.get_by_role("dialog").get_by_role("button", name="Team").click()
    await chat.heard("Forwarded from", "the second version")
    await chat.choose(chat.message("edited"), "Delete")
    await expect(chat.message("edited")).to_have_count(0)


async def test_the_settings_switch_telegrams_limits(serve: Serve, open_page: OpenPage) -> None:
    world, _, _ = small_world()
    page = await open_page((await serve(world)).root)
    await page.get_by_role("button", name="Settings").click()
    assert not world.state.privacy
    await page.get_by_role("switch", name="Privacy mode").check()
    await page.get_by_role("switch", name="Flood limits").check()
    await expect(page.get_by_role("switch", name="Flood limits")).to_be_checked()
    await page.reload()
    await page.get_by_role("button", name="Settings").click()
    await expect(page.get_by_role("switch", name="Privacy mode")).to_be_checked()
    await expect(page.get_by_role("switch", name="Flood limits")).to_be_checked()
    assert world.state.privacy


async def test_a_bot_that_is_away_is_said_and_takes_what_waited(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    world, _, team = small_world()
    playground = await serve(world)
    page = await open_page(playground.root)
    chat = ChatPage(page)
    await expect(page.get_by_text("The bot isn't running now")).to_be_visible()
    await chat.say("/id")
    bot = start_bot(playground, team, tmp_path)
    try:
        await chat.heard("-100")
        await expect(page.get_by_text("The bot isn't running now")).to_be_hidden()
    finally:
        bot.end()
    await expect(page.get_by_text("The bot isn't running now")).to_be_visible(timeout=120_000)


def start_bot(playground: Playground, team: Chat, folder: Path) -> BotProcess:
    """Start the real bot in a group."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TELEGRAM_BOT_TOKEN": playground.token,
        "TELEGRAM_API_URL": playground.root,
        "TELEGRAM_CHAT_ID": str(team.id),
        "SANDBOX_BACKEND": "local",
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_STATE": str(folder / "state"),
        "SANDBOX_LOG_STORE": str(folder / "logs"),
    }
    return BotProcess(variables, folder / "bot.log")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), PHONE], ids=["wide", "phone"])
async def test_axe_finds_nothing(
    demo: str, open_page: OpenPage, size: tuple[int, int], dark: bool
) -> None:
    page = await open_page(demo, size=size, dark=dark)
    chat = ChatPage(page)
    await chat.say(f"/run demo add a note on axe, {size[0]} {dark}")
    await chat.heard("Done", "a-note-on-axe")
    assert await violations(page) == []
    await chat.field.fill("/")
    await expect(page.get_by_role("listbox", name="Commands")).to_be_visible()
    assert await violations(page) == []
    await chat.field.fill("")
    await page.keyboard.press("Control+f")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    if size == PHONE:
        await page.get_by_role("button", name="Chats").click()
        assert await violations(page) == []
    for window in ("Settings", "Keyboard and help"):
        await page.get_by_role("button", name=window).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
