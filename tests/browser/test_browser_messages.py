"""What messages are on the page: their marks, their buttons' answers, what is unread, and where what is typed goes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from playground.chats import Chat
from playground.people import Person
from playground.server import Playground
from playground.world import World
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import Serve
from tests.parts.browser_fixtures import PHONE, OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MARKED = """<b>bold <i>both</i></b> <u>under</u> <s>struck</s> <tg-spoiler>the secret</tg-spoiler> \
<code>some code</code> <a href="https://example.com/x">a link</a> /help
<pre><code class="language-python">if a &lt; b:
    pass</code></pre><blockquote>quoted</blockquote><blockquote expandable>1
2
3
4
the fifth line</blockquote>after"""

ANY_ENTITIES = """async () => {
  const { rendered } = await import("/page/entities.js");
  const kinds = ["bold", "italic", "spoiler", "code", "pre", "text_link", "url", "mention", "bot_command",
    "blockquote", "expandable_blockquote", "text_mention", "of_the_future"];
  const parts = [" ", "ab", "\\u{1f680}", "<i>x</i>", "\\u202e", "&amp;"];
  let seed = 7;
  const any = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const wrong = [];
  for (let round = 0; round < 2000; round += 1) {
    let text = "";
    for (let part = any(20); part > 0; part -= 1) text += parts[any(parts.length)];
    const entities = [];
    for (let left = any(7); left > 0; left -= 1) {
      const offset = any(text.length + 2);
      const url = ["https://a.example/", "javascript:alert(1)", " data:text/html,x"][any(3)];
      entities.push({ type: kinds[any(kinds.length)], offset, length: any(text.length + 3), url, language: "py" });
    }
    const box = document.createElement("div");
    box.append(...rendered(text, entities, { command() {}, copy() {}, opened: new Set(), key: "" }));
    for (const head of box.querySelectorAll(".pre-head")) head.remove();
    const links = [...box.querySelectorAll("a")].filter((link) => !/^(https?|mailto):/.test(link.href));
    if (box.textContent !== text || links.length > 0) wrong.push(JSON.stringify([text, entities]));
  }
  return wrong;
}"""


class Bot:
    """The bot of a playground, played by a test."""

    def __init__(self, playground: Playground, session: aiohttp.ClientSession) -> None:
        self._url = f"{playground.url}{playground.token}"
        self._session = session

    async def call(self, method: str, **arguments: Any) -> Any:
        """Call a method that has to succeed; return the result."""
        async with self._session.post(f"{self._url}/{method}", json=arguments) as response:
            answer = await response.json()
        assert answer["ok"], answer
        return answer["result"]

    async def pressed(self) -> str:
        """Wait for a pressed button; return the id of the query."""
        async with asyncio.timeout(120):
            while True:
                for update in await self.call("getUpdates", timeout=10):
                    await self.call("getUpdates", offset=update["update_id"] + 1)
                    if "callback_query" in update:
                        return str(update["callback_query"]["id"])


def team_of_two() -> tuple[World, Person, Person, Chat]:
    """Return a World with two people in one group, and a private chat of the first."""
    world = World(privacy=False)
    ada, bob = world.person("Ada"), world.person("Bob")
    team = world.supergroup("Team", [(ada, "creator"), (bob, "member")])
    world.private(ada)
    return world, ada, bob, team


async def test_marks_are_shown_as_telegram_shows_them(serve: Serve, open_page: OpenPage) -> None:
    world, _, _, team = team_of_two()
    playground = await serve(world)
    async with aiohttp.ClientSession() as session:
        bot = Bot(playground, session)
        await bot.call("sendMessage", chat_id=team.id, text=MARKED, parse_mode="HTML")
    page = await open_page(playground.root)
    chat = ChatPage(page)
    message = await chat.heard("bold both")
    for tag, words in (("b", "bold both"), ("b i", "both"), ("u", "under"), ("s", "struck")):
        await expect(message.locator(f".text {tag}").first).to_have_text(words)
    await expect(message.locator("code")).to_have_text("some code")
    await expect(message.locator("pre")).to_have_text("if a < b:\n    pass")
    await expect(message.get_by_role("link", name="a link")).to_have_attribute(
        "href", "https://example.com/x"
    )
    await expect(message.get_by_text("the secret")).to_be_hidden()
    await message.get_by_role("button", name="Hidden text: show it").click()
    await expect(message.get_by_text("the secret")).to_be_visible()
    await message.get_by_role("button", name="Show all").click()
    await expect(message.get_by_role("button", name="Show less")).to_be_visible()
    await message.get_by_role("button", name="/help").click()
    await expect(chat.message("/help", by="Ada")).to_be_visible()


async def test_a_text_stays_what_it_is_whatever_entities_it_has(
    serve: Serve, open_page: OpenPage
) -> None:
    page = await open_page((await serve(team_of_two()[0])).root)
    assert await page.evaluate(ANY_ENTITIES) == []


async def test_the_bots_answer_to_a_button_is_a_line_or_a_window(
    serve: Serve, open_page: OpenPage
) -> None:
    world, _, _, team = team_of_two()
    playground = await serve(world)
    keys = {"inline_keyboard": [[{"text": "Press me", "callback_data": "x"}]]}
    async with aiohttp.ClientSession() as session:
        bot = Bot(playground, session)
        await bot.call("sendMessage", chat_id=team.id, text="a card", reply_markup=keys)
        page = await open_page(playground.root)
        chat = ChatPage(page)
        for window in (False, True):
            await chat.press(await chat.heard("a card"), "Press me")
            query = await bot.pressed()
            await bot.call(
                "answerCallbackQuery", callback_query_id=query, text="<b>no", show_alert=window
            )
            if window:
                await expect(page.get_by_role("alertdialog")).to_contain_text("<b>no")
                await page.get_by_role("button", name="OK").click()
                await expect(page.get_by_role("alertdialog")).to_have_count(0)
            else:
                await expect(page.get_by_text("<b>no")).to_be_visible()


async def test_a_tap_that_has_begun_survives_what_happens_meanwhile(
    serve: Serve, open_page: OpenPage
) -> None:
    world, _, bob, team = team_of_two()
    playground = await serve(world)
    keys = {"inline_keyboard": [[{"text": "Press me", "callback_data": "x"}]]}
    async with aiohttp.ClientSession() as session:
        bot = Bot(playground, session)
        card = await bot.call("sendMessage", chat_id=team.id, text="a card", reply_markup=keys)
        page = await open_page(playground.root)
        chat = ChatPage(page)
        await hold(page, (await chat.heard("a card")).get_by_role("button", name="Press me"))
        named = {"chat_id": team.id, "message_id": card["message_id"], "reply_markup": keys}
        await bot.call("editMessageText", text="a card that moved on", **named)
        await chat.heard("a card that moved on")
        await page.mouse.up()
        query = await bot.pressed()
        await bot.call("answerCallbackQuery", callback_query_id=query, text="pressed")
    await hold(
        page, page.get_by_role("navigation", name="Chats").get_by_text("Claude Sandbox", exact=True)
    )
    world.say(bob, team, "said meanwhile")
    await chat.heard("said meanwhile")
    await page.mouse.up()
    await expect(page.get_by_role("heading", name="Claude Sandbox").first).to_be_visible()


async def hold(page: Page, target: Locator) -> None:
    """Press the mouse on something, and don't let it go."""
    box = await target.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()


async def test_a_tapped_command_leaves_what_is_being_written(
    serve: Serve, open_page: OpenPage
) -> None:
    world, _, bob, team = team_of_two()
    world.say(bob, team, "you might try /help")
    page = await open_page((await serve(world)).root)
    chat = ChatPage(page)
    message = await chat.heard("you might try")
    await chat.choose(message, "Reply")
    await chat.field.fill("half a thought")
    await message.get_by_role("button", name="/help").click()
    await expect(chat.message("/help", by="Ada")).to_be_visible()
    await expect(chat.field).to_have_value("half a thought")
    await expect(page.get_by_text("Reply to Bob")).to_be_visible()
    assert world.messages(team)[-1].reply_to_id is None


async def test_what_others_say_elsewhere_is_counted_until_it_is_read(
    serve: Serve, open_page: OpenPage
) -> None:
    world, ada, bob, team = team_of_two()
    playground = await serve(world)
    page = await open_page(playground.root)
    chat = ChatPage(page)
    await chat.open("Claude Sandbox")
    world.say(bob, team, "one")
    world.say(bob, team, "two")
    world.say(ada, team, "my own, from another device")
    async with aiohttp.ClientSession() as session:
        await Bot(playground, session).call("sendChatAction", chat_id=team.id, action="typing")
    row = page.get_by_role("navigation", name="Chats").get_by_role("button").filter(has_text="Team")
    await expect(row).to_contain_text("typing…")
    await expect(row.get_by_label("2 unread")).to_be_visible()
    await expect(page).to_have_title("(2) Claude Sandbox – Claude Sandbox")
    await chat.open("Team")
    await expect(page.get_by_text("Claude Sandbox is typing…")).to_be_visible()
    await expect(row.get_by_label("unread")).to_have_count(0)
    await expect(page).to_have_title("Team – Claude Sandbox")


async def test_who_reads_above_stays_there_and_is_told_of_what_comes(
    serve: Serve, open_page: OpenPage
) -> None:
    world, _, bob, team = team_of_two()
    for number in range(60):
        world.say(bob, team, f"line {number}, ")
    page = await open_page((await serve(world)).root)
    chat = ChatPage(page)
    await expect(chat.message("line 59,")).to_be_in_viewport()
    await page.get_by_role("region", name="Conversation").evaluate("each => each.scrollTo(0, 0)")
    newest = page.get_by_role("button", name="To the newest message")
    await expect(newest).to_be_visible()
    world.say(bob, team, "the latest")
    await expect(newest).to_have_text("1")
    await expect(chat.message("line 0,")).to_be_in_viewport()
    await newest.click()
    await expect(chat.message("the latest")).to_be_in_viewport()
    await expect(newest).to_be_hidden()


async def test_a_text_longer_than_a_message_becomes_several(
    serve: Serve, open_page: OpenPage
) -> None:
    world, _, _, team = team_of_two()
    chat = ChatPage(await open_page((await serve(world)).root))
    text = "🚀" * 3000 + " " + "word " * 1500
    await chat.say(text)
    await chat.heard("word word")
    async with asyncio.timeout(120):
        while sum(message.text.count("word") for message in world.messages(team)) < 1500:
            await asyncio.sleep(0.02)
    said = "".join(message.text for message in world.messages(team))
    assert said.replace(" ", "") == text.replace(" ", "")


async def test_what_was_begun_in_a_chat_waits_there(serve: Serve, open_page: OpenPage) -> None:
    page = await open_page((await serve(team_of_two()[0])).root)
    chat = ChatPage(page)
    await chat.field.fill("begun in the team")
    await chat.open("Claude Sandbox")
    await expect(chat.field).to_have_value("")
    await chat.open("Team")
    await expect(chat.field).to_have_value("begun in the team")
    await page.reload()
    await expect(chat.field).to_have_value("begun in the team")


async def test_what_is_typed_behind_a_window_or_a_click_goes_into_the_field(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    page = await open_page((await serve(team_of_two()[0])).root)
    chat = ChatPage(page)
    path = tmp_path / "a.txt"
    path.write_text("a")
    await expect(chat.field).to_be_focused()
    await page.get_by_label("Files").set_input_files(
        path
    )  # as by drag and drop: the field keeps the focus
    await expect(page.get_by_role("textbox", name="Caption")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.type("typed at once ")
    await expect(chat.field).to_have_value("typed at once ")
    sent = await chat.heard("a.txt")
    await sent.locator(".bubble").click(position={"x": 4, "y": 4})
    await page.keyboard.type("refer")
    await expect(chat.field).to_have_value("typed at once refer")


async def test_the_keys_on_a_message_work_only_where_one_walked_to_it(
    serve: Serve, open_page: OpenPage
) -> None:
    world, _, bob, team = team_of_two()
    world.say(bob, team, "the first")
    world.say(bob, team, "the second")
    page = await open_page((await serve(world)).root)
    chat = ChatPage(page)
    await expect(chat.message("the second")).to_be_visible()
    await page.get_by_role("region", name="Conversation").focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(chat.message("the first")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(chat.message("the first")).to_be_focused()
    await page.keyboard.press("r")
    await expect(page.get_by_text("Reply to Bob")).to_be_visible()
    await expect(chat.field).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("Reply to Bob")).to_have_count(0)


async def test_a_message_is_edited_on_a_phone(serve: Serve, open_page: OpenPage) -> None:
    world, ada, _, team = team_of_two()
    world.say(ada, team, "to tap on")
    page = await open_page((await serve(world)).root, size=PHONE)
    chat = ChatPage(page)
    message = await chat.heard("to tap on")
    await message.locator(".bubble").click(button="right", position={"x": 8, "y": 8})
    await page.get_by_role("menuitem", name="Edit").tap()
    await chat.field.fill("tapped")
    await page.get_by_role("button", name="Send", exact=True).tap()
    await chat.heard("tapped", "edited")
    assert await chat.overflow() == 0
