"""The chat page as its user: finds things by what they are called, never by how they are made."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Locator, Page, expect


class ChatPage:
    """What a person does on the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def field(self) -> Locator:
        """Return where messages are written."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def log(self) -> Locator:
        """Return the messages of the open place."""
        return self.page.get_by_role("log", name="Messages")

    def message(self, *words: str, by: str = "") -> Locator:
        """Return the newest message that holds all the words, of the person whose name is given."""
        found = self.log.get_by_role("article", name=f"{by}, " if by else None)
        for each in words:
            found = found.filter(has_text=each)
        return found.last

    async def say(self, text: str) -> None:
        """Write a message and send it."""
        await self.field.fill(text)
        await self.field.press("Enter")

    async def heard(self, *words: str) -> Locator:
        """Wait for a message that holds all the words."""
        found = self.message(*words)
        await expect(found).to_be_visible()
        return found

    async def press(self, message: Locator, label: str) -> None:
        """Press a button below a message."""
        await message.get_by_role("group", name="Buttons").get_by_role("button", name=label).click()

    async def choose(self, message: Locator, action: str) -> None:
        """Choose something in the menu of a message."""
        await message.locator(".bubble").click(button="right", position={"x": 12, "y": 6})
        await self.page.get_by_role("menuitem", name=action).click()

    async def speak_as(self, name: str) -> None:
        """Let another person speak."""
        await (
            self.page.get_by_role("radiogroup", name="You speak as")
            .get_by_role("radio", name=name)
            .click()
        )

    async def open(self, title: str) -> None:
        """Open a chat or a topic from the list."""
        rows = self.page.get_by_role("navigation", name="Chats").get_by_role("button")
        await rows.filter(has=self.page.get_by_text(title, exact=True)).click()

    async def attach(self, path: Path, caption: str = "") -> None:
        """Send a file."""
        async with self.page.expect_file_chooser() as chooser:
            await self.page.get_by_role("button", name="Send a file").click()
        await (await chooser.value).set_files(path)
        asked = self.page.get_by_role("dialog")
        await asked.get_by_role("textbox", name="Caption").fill(caption)
        await asked.get_by_role("button", name="Send").click()

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        wider: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider
