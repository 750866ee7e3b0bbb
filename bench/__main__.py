"""`python -m bench [name ...]`: measure all figures, or those that are named, and print a table.

Exit code 0 when everything could be measured, also where a target was missed (the table says so).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import (
    broker,
    clone,
    command_line,
    dependencies,
    idle,
    intake,
    job_created,
    job_list,
    job_logs,
    job_requests,
    job_seen,
    job_services,
    job_whole,
    log,
    programs,
    redaction,
    relist,
    stack,
    start,
    told,
)
from bench.cluster import NoCluster
from bench.figure import Figure, header, line

BENCHES: dict[str, Callable[[Path], Awaitable[list[Figure]]]] = {
    "start": start.measure,
    "idle": idle.measure,
    "clone": clone.measure,
    "dependencies": dependencies.measure,
    "broker": broker.measure,
    "log": log.measure,
    "intake": intake.measure,
    "told": told.measure,
    "command-line": command_line.measure,
    "programs": programs.measure,
    "redaction": redaction.measure,
    "relist": relist.measure,
    "stack": stack.measure,
    "job-created": job_created.measure,
    "job-list": job_list.measure,
    "job-seen": job_seen.measure,
    "job-logs": job_logs.measure,
    "job-requests": job_requests.measure,
    "job-services": job_services.measure,
    "job-whole": job_whole.measure,
}
LIMIT_SECONDS = 300.0


def main(names: list[str]) -> int:
    """Measure the named figures, all without a name; return the exit code."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"There is no {', '.join(unknown)}. Known: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    if sys.platform != "linux":
        print("The figures are read from /proc, which only Linux has.", file=sys.stderr)
        return 2
    print(header(), flush=True)
    failed = [name for name in names or BENCHES if not _print(name)]
    return 1 if failed else 0


def _print(name: str) -> bool:
    """Measure one and print its lines; False when that failed."""
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
        try:
            figures = asyncio.run(_measure(name, Path(folder).resolve()))
        except TimeoutError:
            print(f"{name} took more than {LIMIT_SECONDS:.0f} s, and was ended", file=sys.stderr)
            return False
        except NoCluster as error:
            print(f"{name} was left out. {error}", file=sys.stderr)
            return True
        except (OSError, RuntimeError) as error:
            print(f"{name} couldn't be measured: {error}", file=sys.stderr)
            return False
    for figure in figures:
        print(line(figure), flush=True)
    return True


async def _measure(name: str, folder: Path) -> list[Figure]:
    async with asyncio.timeout(LIMIT_SECONDS):
        return await BENCHES[name](folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
