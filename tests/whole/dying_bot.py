"""The real bot, which dies by SIGKILL at the step whose number is its argument: around each call and each write.

Started as a module, with the checkout on PYTHONPATH; everything else of its environment is the bot's own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from telegram.request import HTTPXRequest

from cli.bot import run_bot
from runs import durable
from runs.local_files import RunFolder
from runs.local_place import Keepers


class Steps:
    """Counts what a crash could fall between, and dies at one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def around(self, owner: Any, name: str) -> None:
        """Make a function two steps: just before it, and just after."""
        original: Callable[..., Any] = getattr(owner, name)

        def stepping(*args: Any, **kwargs: Any) -> Any:
            self._step()
            result = original(*args, **kwargs)
            self._step()
            return result

        setattr(owner, name, stepping)

    def around_calls(self, owner: Any, name: str) -> None:
        """Do the same with a coroutine function."""
        original: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def stepping(*args: Any, **kwargs: Any) -> Any:
            self._step()
            result = await original(*args, **kwargs)
            self._step()
            return result

        setattr(owner, name, stepping)

    def _step(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


def main() -> None:
    steps = Steps(int(sys.argv[1]))
    steps.around(durable, "write")
    steps.around(durable, "sync_folder")
    steps.around(RunFolder, "admit")
    steps.around(Keepers, "start")
    steps.around_calls(HTTPXRequest, "do_request")
    raise SystemExit(run_bot(os.environ))


if __name__ == "__main__":
    main()
