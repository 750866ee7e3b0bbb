"""What Linux says of a process under /proc: memory, processor time, descendants."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1 << 20
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was there when it was looked for."""

    id: int
    parent: int
    command: tuple[str, ...]


def memory_bytes(process_id: int, field: str) -> int | None:
    """Return a size of /proc/<id>/status, such as VmRSS or VmHWM (its peak); None once the process has ended."""
    return _kilobytes(Path(f"/proc/{process_id}/status"), field)


def shared_memory_bytes(process_id: int) -> int | None:
    """Return the memory with what is shared divided by who shares it (Pss); None where it can't be read."""
    return _kilobytes(Path(f"/proc/{process_id}/smaps_rollup"), "Pss")


def processor_seconds(process_id: int) -> float:
    """Return the processor time that a process has used. Raises OSError once it has ended."""
    text = Path(f"/proc/{process_id}/stat").read_text(errors="replace")
    fields = text.rpartition(")")[2].split()  # proc(5): the name in brackets may hold anything
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wakeups(process_id: int) -> int:
    """Return how often the threads of a process gave up a processor to wait for something. Raises OSError."""
    field = "voluntary_ctxt_switches:"
    threads = Path(f"/proc/{process_id}/task").glob("*/status")
    lines = (line for status in threads for line in status.read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith(field))


def processes() -> list[Process]:
    """Return all processes of this machine."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(errors="replace")
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        found.append(Process(int(folder.name), parent, tuple(command.split("\0")[:-1])))
    return found


def sandboxes(bot: int) -> list[int]:
    """Return the sandbox programs of a bot: its grandchildren, below a keeper each."""
    found = processes()
    keepers = {process.id for process in found if process.parent == bot}
    return [process.id for process in found if process.parent in keepers]


async def sandbox_of(bot: int) -> int:
    """Wait for the next sandbox program of a bot; return its id."""
    while not (found := sandboxes(bot)):
        await asyncio.sleep(_LOOK_SECONDS)
    return found[0]


async def peak_until_end(process_id: int) -> int:
    """Wait for the end of a process; return the greatest memory that it ever had, in bytes."""
    peak = 0
    while (now := memory_bytes(process_id, "VmHWM")) is not None:
        peak = now
        await asyncio.sleep(_LOOK_SECONDS)
    return peak


async def end_of(process_id: int) -> float:
    """Wait for the end of a process; return when it was seen, to a millisecond, as `time.monotonic` counts."""
    while memory_bytes(process_id, "VmRSS") is not None:
        await asyncio.sleep(0.001)
    return time.monotonic()


def _kilobytes(path: Path, field: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        if name == field:
            return int(rest.split()[0]) * 1024
    return None  # a process that has ended but wasn't reaped has no memory
