"""A bot in a process of its own, to be killed: starts Runs over a local place, and dies by SIGKILL at a chosen step.

Arguments: the state folder, the file of starts, the step to die at (0 is the first, -1 is never), the limit of
Runs at once (0 is none), the keys. Prints how many steps there were, then waits until all its Runs have ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runs import durable
from runs.backend import Limits
from runs.local import LocalBackend
from runs.local_files import RunFolder
from runs.local_place import Keepers, LocalPlace
from runs.local_runs import LocalRuns
from runs.run import Origin
from sandbox.task import Task

STAND_IN = Path(__file__).parent / "stand_in.py"
TASK = Task("file:///repo", "do it")
ORIGIN = Origin(-100, 1, 7)


class Steps:
    """Counts the steps of the work that a crash could fall between, and dies at one of them."""

    def __init__(self, last: int) -> None:
        self._last = last
        self.passed = 0

    def around(self, owner: Any, name: str) -> None:
        """Make a function two steps: just before it, and just after."""
        original: Callable[..., Any] = getattr(owner, name)

        def stepping(*args: Any, **kwargs: Any) -> Any:
            self._step()
            result = original(*args, **kwargs)
            self._step()
            return result

        setattr(owner, name, stepping)

    def _step(self) -> None:
        if self.passed == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1


async def run(place: LocalPlace, keys: list[str], steps: Steps) -> None:
    backend = LocalBackend(place)
    runs = [await backend.start(key, TASK, ORIGIN) for key in keys]
    print(steps.passed, flush=True)
    while not all([(await backend.get(run.id)).ended for run in runs]):
        await asyncio.sleep(0.02)


def main() -> None:
    state, starts, die_at, limit, *keys = sys.argv[1:]
    place = LocalPlace(
        Path(state),
        {"PATH": os.environ["PATH"], "STAND_IN_STARTS": starts},
        limits=Limits(runs=int(limit) or None),
        program=(sys.executable, "-I", "-S", str(STAND_IN)),
    )
    steps = Steps(int(die_at))
    steps.around(durable, "write")
    steps.around(durable, "sync_folder")
    steps.around(LocalRuns, "_create")
    steps.around(RunFolder, "admit")
    steps.around(Keepers, "start")
    asyncio.run(run(place, keys, steps))


if __name__ == "__main__":
    main()
