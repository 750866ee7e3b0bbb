"""A real Chromium, headless; a page that complained fails its test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    async_playwright,
    expect,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Under these names a browser is looked for; Playwright's own is not asked for, since it is another download."""

WIDE = (1280, 800)
PHONE = (360, 740)

LIMIT_MS = 90_000
"""How long the tests wait for something to be seen; nothing is asserted about time.

The bot sends at most 20 messages a minute to a group: in a demo that tests share, one may wait for a minute.
"""


class OpenPage:
    """Opens addresses, each as somebody of their own unless a `context` is given; `complaints` is what pages said in their consoles."""

    def __init__(self, browser: Browser, stack: AsyncExitStack) -> None:
        self._browser = browser
        self._stack = stack
        self.complaints: list[str] = []

    async def __call__(
        self,
        url: str,
        *,
        size: tuple[int, int] = WIDE,
        dark: bool = False,
        context: BrowserContext | None = None,
    ) -> Page:
        """Open an address: `await open_page(url, size=PHONE, dark=True)`."""
        page = await (context or await self._somebody(size, dark)).new_page()
        page.set_default_timeout(LIMIT_MS)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._listen)
        await page.goto(url)
        return page

    async def _somebody(self, size: tuple[int, int], dark: bool) -> BrowserContext:
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            has_touch=size == PHONE,
            locale="en-GB",
        )
        self._stack.push_async_callback(context.close)
        return context

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)


def find_browser() -> str | None:
    """Return the path of a Chromium on PATH."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; these are marked `browser` and share the session's event loop."""
    path = find_browser()
    if path is None:
        pytest.skip("Chromium is not installed")
    async with async_playwright() as playwright:
        # Root has no sandbox of Chromium's; the pages are ours.
        running = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        expect.set_options(timeout=LIMIT_MS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Open pages; what they complain of in their consoles fails the test, unless it took that out of `complaints`."""
    async with AsyncExitStack() as stack:
        opening = OpenPage(browser, stack)
        yield opening
    assert opening.complaints == []


async def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page as it is now: a line each, with the elements."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]
