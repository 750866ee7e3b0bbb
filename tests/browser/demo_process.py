"""`claude-sandbox demo` as a process."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.whole.bot_process import COMMAND, BotProcess, until


class Demo(BotProcess):
    """`claude-sandbox demo` as a person starts it; a port makes that the next one is found at the same address."""

    def __init__(self, folder: Path, port: int = 0, pace: float = 0.01) -> None:
        folder.mkdir(exist_ok=True)
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "SANDBOX_SCRIPTED_PACE": str(pace),
            "COLUMNS": "80",
        }
        command = (str(COMMAND), "demo", "--no-browser", "--port", str(port))
        super().__init__(variables, folder / "demo.log", command)

    async def address(self) -> str:
        """Wait until it says where its page is; return that."""
        return (await until(lambda: re.search(r"http://\S+", self.log), "the page's address"))[0]

    async def leave(self) -> None:
        """Press Ctrl-C, and wait for its end."""
        self.interrupt()
        assert await self.ended() == 0, self.log
