"""What people do on the chat page, with the real demo behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.chat_page import ChatPage
from tests.browser.conftest import StartDemo
from tests.parts.browser_fixtures import PHONE, OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_newcomer_taps_an_example_and_reads_how_it_ended(
    start_demo: StartDemo, open_page: OpenPage
) -> None:
    page = await open_page(await start_demo().address())
    chat = ChatPage(page)
    await page.get_by_role("button", name='/run demo "add a farewell to the greeter"').click()
    await chat.heard("Done", "Added farewell(name)", "2 files +22 −1")
    asked = chat.message("add a farewell", by="You")
    await expect(asked.get_by_role("button", name="👀 by Claude Sandbox")).to_be_visible()


async def test_what_is_written_is_run_and_its_card_moves(demo: str, open_page: OpenPage) -> None:
    chat = ChatPage(await open_page(demo))
    await chat.say("/run demo add a note on moving cards")
    await chat.heard("Done", "NOTES.md", "1 file")
    card = await chat.heard("Done", "edited")
    await expect(card).to_contain_text("add a note on moving cards")


async def test_the_stop_button_stops_a_run(demo: str, open_page: OpenPage) -> None:
    chat = ChatPage(await open_page(demo))
    await chat.say("/run demo wait 250")
    card = await chat.heard("Running", "wait 250")
    await chat.press(card, "Stop")
    await chat.heard("Stopped", "You")
    await expect(card.get_by_role("group", name="Buttons")).to_have_count(0)


async def test_the_retry_button_does_a_failed_task_again(demo: str, open_page: OpenPage) -> None:
    chat = ChatPage(await open_page(demo))
    # Other tests fail in this chat too: its branch tells this one's.
    words = ("Failed", "here it is", "fail-on-retries")
    await chat.say("/run demo fail on retries")
    await chat.press(await chat.heard(*words), "Retry")
    await chat.heard("once more", "fail on retries")
    ends = chat.log.get_by_role("article")
    for word in words:
        ends = ends.filter(has_text=word)
    await expect(ends).to_have_count(2)


async def test_a_log_is_downloaded_as_a_file(demo: str, open_page: OpenPage) -> None:
    page = await open_page(demo)
    chat = ChatPage(page)
    await chat.say("/run demo add a note on files")
    told = await chat.heard("Done", "Wrote the task", "add-a-note-on-files")
    await chat.choose(told, "Reply")
    await chat.say("/logs file")
    sent = page.get_by_role("link", name=re.compile(r"Download .*\.log")).last
    await expect(sent).to_be_visible()
    async with page.expect_download() as downloading:
        await sent.click()
    text = Path(await (await downloading.value).path()).read_text()
    assert "▶ clone" in text and "▶ deliver" in text


async def test_a_reply_asks_for_the_log_of_the_run_that_it_replies_to(
    demo: str, open_page: OpenPage
) -> None:
    chat = ChatPage(await open_page(demo))
    await chat.say("/run demo add a note on replies")
    told = await chat.heard("Done", "Wrote the task", "add-a-note-on-replies")
    await chat.choose(told, "Reply")
    await chat.say("/logs")
    answer = await chat.heard("all of it")
    await expect(answer).to_contain_text("deliver")
    quote = chat.message("/logs", by="You").get_by_role("button", name="In reply to Claude Sandbox")
    await expect(quote).to_be_visible()


async def test_a_viewer_may_not_run_and_a_stranger_gets_nothing_done(
    demo: str, open_page: OpenPage
) -> None:
    chat = ChatPage(await open_page(demo))
    await chat.speak_as("Victor")
    await chat.say("/run demo what a viewer asks")
    await chat.heard("You may look (/jobs, /logs), but not change things")
    await chat.speak_as("Sam")
    await chat.say("/run demo what a stranger asks")
    await expect(chat.message("what a stranger asks")).to_be_visible()
    await chat.speak_as("You")
    await chat.say("/jobs")
    table = await chat.heard("run")
    await expect(table).not_to_contain_text("stranger asks")


async def test_what_is_asked_in_a_topic_is_answered_there(demo: str, open_page: OpenPage) -> None:
    page = await open_page(demo)
    chat = ChatPage(page)
    await chat.open("Greeter")
    await expect(page.get_by_role("heading", name="Greeter")).to_be_visible()
    await chat.say("/run demo add a note on topics")
    await chat.heard("Done", "1 file")
    await chat.open("Team")
    await expect(chat.message("a note on topics")).to_have_count(0)
    await page.go_back()
    await expect(page.get_by_role("heading", name="Greeter")).to_be_visible()
    await expect(chat.message("a note on topics")).to_be_visible()


async def test_a_private_chat_is_one_persons_own(demo: str, open_page: OpenPage) -> None:
    chat = ChatPage(await open_page(demo))
    await chat.speak_as("Rita")
    await chat.open("Claude Sandbox")
    await chat.say("/run demo add a note in private")
    await chat.heard("Done", "1 file")
    await chat.speak_as("You")
    await expect(chat.message("a note in private")).to_have_count(0)


async def test_the_slash_opens_the_commands_and_keys_choose_one(
    demo: str, open_page: OpenPage
) -> None:
    page = await open_page(demo)
    chat = ChatPage(page)
    await expect(chat.field).to_be_focused()
    await page.keyboard.type("/")
    menu = page.get_by_role("listbox", name="Commands")
    await expect(menu.get_by_role("option", name="/run")).to_be_visible()
    await page.keyboard.type("jo")
    await expect(menu.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(chat.field).to_have_value("/jobs ")
    await page.keyboard.press("Enter")
    await expect(chat.message("/jobs")).to_be_visible()


async def test_the_keyboard_alone_replies_to_a_message(demo: str, open_page: OpenPage) -> None:
    page = await open_page(demo)
    chat = ChatPage(page)
    await expect(chat.field).to_be_focused()
    await page.keyboard.type("a word to reply to")
    await page.keyboard.press("Enter")
    await expect(chat.message("a word to reply to")).to_be_visible()
    await page.keyboard.press("Control+ArrowUp")
    await page.keyboard.type("and the reply")
    await page.keyboard.press("Enter")
    reply = await chat.heard("and the reply")
    await expect(reply.get_by_role("button", name="In reply to You")).to_be_visible()


async def test_a_second_tab_sees_what_the_first_one_says(demo: str, open_page: OpenPage) -> None:
    first = await open_page(demo)
    second = ChatPage(await open_page(demo, context=first.context))
    await ChatPage(first).say("said in the first tab")
    await second.heard("said in the first tab")


async def test_a_tab_finds_the_next_demo_by_itself(
    start_demo: StartDemo, open_page: OpenPage
) -> None:
    first = start_demo()
    url = await first.address()
    page = await open_page(url)
    chat = ChatPage(page)
    await chat.say("said to the first demo")
    await first.leave()
    await expect(page.get_by_text("The demo isn't running")).to_be_visible()
    await start_demo(port=int(url.rstrip("/").rpartition(":")[2])).address()
    await expect(page.get_by_role("button", name="/run demo wait 20")).to_be_visible()
    await expect(page.get_by_text("The demo isn't running")).to_be_hidden()
    await expect(chat.message("said to the first demo")).to_have_count(0)
    open_page.complaints.clear()  # that the first demo was gone


async def test_a_run_can_be_asked_for_on_a_phone(demo: str, open_page: OpenPage) -> None:
    page = await open_page(demo, size=PHONE, dark=True)
    chat = ChatPage(page)
    await chat.say("/run demo add a note from a phone")
    await chat.heard("Done", "a-note-from-a-phone")
    assert await chat.overflow() == 0
    await page.get_by_role("button", name="Chats").click()
    await chat.speak_as("Rita")
    await chat.open("Greeter")
    await expect(page.get_by_role("heading", name="Greeter")).to_be_visible()
    await expect(page.get_by_role("navigation", name="Chats")).not_to_be_in_viewport()
