"""What people do with a run that failed or that asks, on the chat page with the real demo behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from runs.outcome import Ending, Outcome, Seen
from tests.browser.chat_page import ChatPage
from tests.browser.failure_scenes import SCENES, FailureScene
from tests.browser.staged import staged
from tests.parts.browser_fixtures import PHONE, OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_run_that_lacked_memory_gets_twice_as_much_at_a_press(
    tmp_path: Path, open_page: OpenPage
) -> None:
    async with staged(tmp_path) as stage:
        chat = ChatPage(await open_page(stage.address, size=PHONE))
        await chat.say("/run shop import all prices")
        starved = Outcome(Ending.FAILED, None, Seen.OUT_OF_MEMORY)
        run = await stage.end("import all prices", starved)
        told = await chat.heard("needed more memory", run.id)
        await chat.press(told, "🔁 with 8 GiB")
        await chat.heard("Running", f"🔁 {run.id} once more, with 8 GiB")
        assert sorted(each.task.memory or "" for each in stage.place.runs.values()) == ["", "8Gi"]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_a_failure_fits_on_a_small_phone(
    scene: FailureScene, tmp_path: Path, open_page: OpenPage
) -> None:
    async with staged(tmp_path) as stage:
        chat = ChatPage(await open_page(stage.address, size=PHONE))
        await chat.say(scene.command)
        run = await stage.run(scene.task)
        await stage.end(scene.task, scene.outcome(run), scene.log, scene.seconds)
        told = await chat.heard(scene.words, run.id, "➜")
        assert await chat.overflow() == 0
        for button in await told.get_by_role("group", name="Buttons").get_by_role("button").all():
            cut = await button.evaluate(_CUT)
            assert not cut, f"the words of {await button.inner_text()!r} are cut"


_CUT = "b => [b, ...b.querySelectorAll('*')].some(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"


async def test_the_full_log_of_a_failure_is_downloaded(demo: str, open_page: OpenPage) -> None:
    page = await open_page(demo)
    chat = ChatPage(page)
    await chat.say("/run demo fail with a log")
    told = await chat.heard("Failed", "here it is", "fail-with-a-log")
    await chat.press(told, "📎 Full log")
    sent = page.get_by_role("link", name=re.compile(r"Download .*\.log")).last
    await expect(sent).to_be_visible()
    async with page.expect_download() as downloading:
        await sent.click()
    text = Path(await (await downloading.value).path()).read_text()
    assert "▶ clone" in text and "▶ deliver" in text


async def test_a_reply_to_a_question_goes_on(demo: str, open_page: OpenPage) -> None:
    chat = ChatPage(await open_page(demo))
    await chat.say("/run demo ask before you note it")
    told = await chat.heard("Asks back", "Which one shall it be?", "Reply to this message")
    await chat.choose(told, "Reply")
    await chat.say("casually, please")
    await chat.heard("with the answer", "ask before you note it")
    await chat.heard("Done", "NOTES.md", "ask-before-you-note-it")
