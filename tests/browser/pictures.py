"""`make demo-pictures`: screenshots of the real demo, for the docs and for the people who write its messages."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.chat_page import ChatPage
from tests.browser.demo_process import Demo
from tests.browser.failure_scenes import SCENES, FailureScene
from tests.browser.staged import staged
from tests.parts.browser_fixtures import PHONE, find_browser

SIZE = (960, 760)
USUAL_PHONE = (390, 844)
"""PHONE is a small one, which the tests of the page are about."""

SLOW, QUICK = 4.0, 0.3
"""Seconds between two steps of the agent."""
LIMIT_MS = 90_000

Scene = Callable[[ChatPage], Awaitable[object]]


async def running(chat: ChatPage) -> None:
    """A run in the middle of its work."""
    await chat.say('/run demo "add a farewell to the greeter"')
    await chat.heard("Running", "the agent is working", "greeter/__init__.py")


async def success(chat: ChatPage) -> None:
    """A run that ended well."""
    await chat.say('/run demo "add a farewell to the greeter"')
    await chat.heard("Done", "Added farewell(name)")
    await chat.heard("Done", "edited")


async def agent_failed(chat: ChatPage) -> None:
    """The agent failed."""
    await chat.say("/run demo fail")
    await chat.heard("Failed", "here it is")


async def no_branch(chat: ChatPage) -> None:
    """The branch isn't there."""
    await chat.say("/run demo@release-7 add a farewell")
    await chat.heard("Failed", "There is no branch release-7")


async def deadline(chat: ChatPage) -> None:
    """The time was over."""
    await chat.say("/run demo --timeout 1m wait 300")
    await chat.heard("Failed", "The time limit of")


async def queue(chat: ChatPage) -> None:
    """Runs that wait for a place."""
    for number in range(1, 5):
        await chat.say(f"/run demo wait {60 + number}")
        # One after the other: what comes together is started side by side.
        await expect(chat.message("demo", f"wait {60 + number}", "Stop")).to_be_visible()
    await chat.heard("Waiting", "place 2", "wait 64")


async def jobs(chat: ChatPage) -> None:
    """The table of runs."""
    await success(chat)
    await agent_failed(chat)
    await chat.say("/run demo wait 90")
    await chat.heard("Running", "wait 90")
    await chat.say("/jobs")
    await chat.heard("1 running or waiting, 2 ended")


async def commands(chat: ChatPage) -> None:
    """The list of commands."""
    await chat.say("/help")
    await chat.heard("/run", "/logs", "/cancel")


WIDE_SCENES = (success, running, agent_failed, no_branch, deadline, queue, jobs, commands)


async def take(
    browser: Browser,
    scene: Scene,
    path: Path,
    *,
    size: tuple[int, int] = SIZE,
    dark: bool = False,
) -> None:
    """Play a scene in a demo of its own, and keep what is seen at its end."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder), pace=SLOW if scene is running else QUICK)
        try:
            page = await opened(browser, await demo.address(), size=size, dark=dark)
            await scene(ChatPage(page))
            await page.mouse.move(0, 0)
            await page.screenshot(path=path, animations="disabled")
            await page.context.close()
        finally:
            await demo.leave()
    print(f"{path}  {(scene.__doc__ or '').rstrip('.')}", flush=True)


async def take_failure(browser: Browser, scene: FailureScene, path: Path) -> None:
    """Let a run fail behind a page of its own, and keep what is seen of it on a phone."""
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder)) as stage:
            page = await opened(browser, stage.address, size=USUAL_PHONE, sharp=True)
            chat = ChatPage(page)
            await chat.say(scene.command)
            run = await stage.run(scene.task)
            await stage.end(scene.task, scene.outcome(run), scene.log, scene.seconds)
            await chat.heard(scene.words, run.id, "➜")
            await page.screenshot(path=path, animations="disabled")
            await page.context.close()
    print(f"{path}  {(scene.outcome.__doc__ or '').rstrip('.')}", flush=True)


async def opened(
    browser: Browser, url: str, *, size: tuple[int, int], dark: bool = False, sharp: bool = False
) -> Page:
    """Open the page of a demo; `sharp` with half as many pixels again each way."""
    width, height = size
    context = await browser.new_context(
        device_scale_factor=1.5 if sharp else 1,
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        has_touch=size != SIZE,
    )
    page = await context.new_page()
    page.set_default_timeout(LIMIT_MS)
    await page.goto(url)
    return page


async def main(folder: Path) -> int:
    """Take all pictures; return the exit code."""
    path = find_browser()
    if path is None:
        print("Chromium is missing. Install it, for example with: sudo apt-get install chromium")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=LIMIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for failure in SCENES:
            await take_failure(browser, failure, folder / f"{failure.name}.png")
        for scene in WIDE_SCENES:
            name = folder / f"{scene.__name__.replace('_', '-')}.png"
            await take(browser, scene, name)
        await take(browser, jobs, folder / "dark.png", dark=True)
        await take(browser, success, folder / "phone.png", size=PHONE)
        await browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
