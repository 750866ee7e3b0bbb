"""The real bot over the cluster, which dies by SIGKILL at the place in the life of a Run that its argument names.

Started as a module in the checkout; everything else of its environment is the bot's own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bot.speaker import Speaker
from cli.bot import run_bot
from k8s.backend import KubernetesBackend
from runs.run import Marks, Run

PLACES = (
    "update taken",
    "job created",
    "card sent",
    "card noted",
    "ended",
    "claimed",
    "being sent",
    "sent",
    "acknowledged",
)
"""In the order in which a Run comes by."""

Call = Callable[..., Awaitable[Any]]


def lay(last: str) -> None:
    """Lay the places out in the program; it dies at the last one."""

    def reach(place: str) -> None:
        if place == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(owner: Any, name: str, make: Callable[[Call], Call]) -> None:
        setattr(owner, name, make(getattr(owner, name)))

    def starting(start: Call) -> Call:
        async def outer(*args: Any) -> Any:
            reach("update taken")
            run = await start(*args)
            reach("job created")
            return run

        return outer

    def sending(send: Call) -> Call:
        async def outer(speaker: Speaker, chat_id: int, form: Any, silent: bool) -> int:
            if not silent:
                reach("claimed")
            number: int = await send(speaker, chat_id, form, silent)
            reach("card sent" if silent else "being sent")
            return number

        return outer

    def marking(mark: Call) -> Call:
        async def outer(backend: Any, run: Run, marks: Marks) -> Run:
            if marks.claimed_at != run.marks.claimed_at:
                reach("ended")
            marked: Run = await mark(backend, run, marks)
            if marks.card_id != run.marks.card_id:
                reach("card noted")
            return marked

        return outer

    def acknowledging(acknowledge: Call) -> Call:
        async def outer(*args: Any) -> Run:
            reach("sent")
            run: Run = await acknowledge(*args)
            reach("acknowledged")
            return run

        return outer

    def editing(edit: Call) -> Call:
        async def outer(*args: Any) -> Any:
            if last == "acknowledged":  # the card's last edit must not come before
                await asyncio.Event().wait()
            return await edit(*args)

        return outer

    around(KubernetesBackend, "start", starting)
    around(KubernetesBackend, "mark", marking)
    around(KubernetesBackend, "acknowledge", acknowledging)
    around(Speaker, "_send_form", sending)
    around(Speaker, "edit", editing)


def main() -> None:
    lay(sys.argv[1])
    raise SystemExit(run_bot(os.environ))


if __name__ == "__main__":
    main()
