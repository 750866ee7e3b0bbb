"""What a test starts as another user: a bot with keys in its environment, whose agent looks for them everywhere.

Its arguments are a folder, a repository's URL and the program of the agent; it prints the branch with what was found.
"""

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from runs.backend import Limits
from runs.local import LocalBackend
from runs.local_place import LocalPlace
from runs.run import Origin
from sandbox.descendants import close_memory
from sandbox.task import Task


async def main(folder: Path, url: str) -> None:
    backend = LocalBackend(LocalPlace(folder / "state", os.environ, limits=Limits(runs=1)))
    run = await backend.start("key", Task(url, "look"), Origin(1, 1, 1, "Ada"))
    while not run.ended:
        await asyncio.sleep(0.05)
        run = await backend.get(run.id)
    sys.stdout.buffer.write(await backend.read_log(run.id))
    print(run.outcome)
    await backend.close()


if __name__ == "__main__":
    close_memory()
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
