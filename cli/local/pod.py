"""One run in containers of Docker or Podman: up in the order of a Pod, down whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cli.exits import Exit, Failure
from cli.local import seen as seeing
from cli.local.arguments import LABEL, MARK, NETWORK, Made, create, holder, keys_of, prepare
from cli.local.engine import Engine, State, lines_of
from k8s.containers import Container
from runs.outcome import Ending, Outcome
from sandbox.report import MAX_BYTES, Cause

Tell = Callable[[str], None]
"""Takes a line for the person."""

_PAUSE_SECONDS = 0.2
_LAST_LINES = 5
_LAST_CHARACTERS = 1000
_MOST_RESTARTS = 5
_REPORT_BYTES = 2 * MAX_BYTES


class Stopping:
    """What a person wants: once to stop, which keeps the work; twice to end at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.urged = asyncio.Event()

    def ask(self) -> None:
        """Take note of one more wish to stop."""
        (self.urged if self.asked.is_set() else self.asked).set()


class NotBegun(Exception):
    """Something beside the agent doesn't get ready; `outcome` has what it is."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Means:
    """What a run is made with: the engine, what is made, where lines go, and the age key of Secrets if there is one."""

    engine: Engine
    made: Made
    tell: Tell
    age_key: bytes | None = None


class PodHere:
    """The containers of one run."""

    def __init__(self, means: Means, run_id: str) -> None:
        self._engine = means.engine
        self._made = means.made
        self._containers = means.made.containers
        self._tell = means.tell
        self._age_key = means.age_key
        self._run_id = run_id
        self._ready: set[str] = set()
        self._last_line = ""
        self._out_of_time = False

    async def run(self, stopping: Stopping) -> Outcome:
        """Carry out the run to its end; a stop before the agent began ends it at once. Raises EngineError."""
        deadline = time.monotonic() + self._containers.seconds
        beginning = asyncio.create_task(self._begin())
        asked = asyncio.create_task(stopping.asked.wait())
        try:
            await asyncio.wait({beginning, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not beginning.done():
                return Outcome(Ending.CANCELLED, cause=Cause.CANCELLED)
            process = beginning.result()
        except NotBegun as failed:
            return failed.outcome
        finally:
            asked.cancel()
            beginning.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await beginning
        await self._follow(process, stopping, deadline)
        return await self._end(cancelled=stopping.asked.is_set())

    async def remove(self) -> None:
        """Remove all that the run made, and what an earlier call left of it. Raises EngineError."""
        await remove(self._engine, self._containers.name, keep=self._made.network)

    async def _begin(self) -> asyncio.subprocess.Process:
        """Make everything and start it in the Pod's order, the agent last."""
        await self._make_room()
        for stays, group in itertools.groupby(self._containers.beside, lambda each: each.stays):
            await self._start_beside(list(group), stays=stays)
        agent = self._containers.agent
        await self._create(agent)
        return await self._engine.start(
            "start", "--attach", self._made.name(agent.name), joined=True
        )

    async def _make_room(self) -> None:
        made, engine = self._made, self._engine
        self._tell(f"▶ containers with {engine.name.value}")
        if made.network is None:
            await engine.do("network", "create", *made.labels, made.network_name)
        for name in self._containers.volumes:
            await engine.do("volume", "create", *made.labels, made.volume(name))
        with_secret = self._age_key is not None and bool(self._containers.secret)
        await engine.do(*prepare(made, with_secret=with_secret), given=self._age_key or b"")
        if _read(made.report).strip() != MARK.encode():
            raise Failure(
                f"The engine doesn't see {made.report} of this machine: the run's Report would be lost.",
                f"Let {engine.name.value.title()} share that folder, or name one that it shares: SANDBOX_STATE=…",
                Exit.CLUSTER,
            )
        made.report.write_bytes(b"")
        await engine.do(*holder(made))

    async def _start_beside(self, group: list[Container], *, stays: bool) -> None:
        """Start containers, and wait until they are ready; those that don't stay, one after the other until they end."""
        if not stays:
            for container in group:
                await self._create(container)
                await self._engine.call("start", "--attach", self._made.name(container.name))
                state = await self._engine.state(self._made.name(container.name))
                if state is None or state.exit_code != 0:
                    raise NotBegun(seeing.outcome(self._run_id, await self._see(), cancelled=False))
            return
        self._tell("▶ beside the agent: " + ", ".join(each.name for each in group))
        if not all(await _together([self._start(container) for container in group])):
            raise NotBegun(seeing.not_begun(await self._see()))

    async def _create(self, container: Container) -> None:
        keys = keys_of(container, self._engine.environment)
        engine = replace(self._engine, environment={**self._engine.environment, **keys})
        done = await engine.granted(*create(self._made, container, self._engine.environment))
        if container is self._containers.agent:
            # Without root, or on an older kernel, an engine may leave a limit out, and only mentions it.
            for line in filter(lambda said: "limit" in said.lower(), done.error.splitlines()):
                self._tell(f"· {engine.name.value}: {line}")

    async def _start(self, container: Container) -> bool:
        """Start a container that stays; say whether it became ready."""
        name = self._made.name(container.name)
        await self._create(container)
        await self._engine.do("start", name)
        if container.probe is None:
            self._ready.add(container.name)
            return True
        deadline = time.monotonic() + container.probe.seconds
        while time.monotonic() < deadline:
            done = await self._engine.call("exec", name, *container.probe.command)
            if done.code == 0:
                self._ready.add(container.name)
                return True
            state = await self._engine.state(name)
            if state is None or state.restarts >= _MOST_RESTARTS:
                return False
            await asyncio.sleep(_PAUSE_SECONDS)
        return False

    async def _follow(
        self, process: asyncio.subprocess.Process, stopping: Stopping, deadline: float
    ) -> None:
        """Show what the agent's container prints until it ends; end it when it is asked to, or its time is over."""
        ending = asyncio.create_task(self._end_in_time(stopping, deadline))
        try:
            assert process.stdout is not None
            async for line in lines_of(process.stdout):
                self._last_line = line
                self._tell(line)
            await process.wait()
        finally:
            ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ending

    async def _end_in_time(self, stopping: Stopping, deadline: float) -> None:
        name = self._made.name(self._containers.agent.name)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await stopping.asked.wait()
        except TimeoutError:
            self._out_of_time = True
        gently = asyncio.create_task(self._stop())
        urged = asyncio.create_task(stopping.urged.wait())
        try:
            await asyncio.wait({gently, urged}, return_when=asyncio.FIRST_COMPLETED)
            if urged.done():
                await self._engine.call("kill", name)
        finally:
            urged.cancel()
            await asyncio.gather(gently, urged, return_exceptions=True)

    async def _stop(self) -> None:
        name = self._made.name(self._containers.agent.name)
        await self._engine.call("stop", "--time", str(self._containers.grace_seconds), name)

    async def _end(self, *, cancelled: bool) -> Outcome:
        return seeing.outcome(self._run_id, await self._see(), cancelled=cancelled)

    async def _see(self) -> seeing.Seen:
        states: dict[str, State] = {}
        agent = self._containers.agent
        for container in self._containers.all:
            state = await self._engine.state(self._made.name(container.name))
            if state is None:
                continue
            if container is agent and state.never_ran and not state.error:
                state = replace(state, error=self._last_line)  # Podman says it there alone
            states[container.name] = state
        well = agent.name in states and states[agent.name].exit_code == 0
        words = {
            name: await self._last_words(self._made.name(name))
            for name, state in states.items()
            if name != agent.name and (state.restarts or not (state.is_running and well))
        }
        return seeing.Seen(
            states, frozenset(self._ready), _read(self._made.report), words, self._out_of_time
        )

    async def _last_words(self, name: str) -> str:
        done = await self._engine.call("logs", "--tail", str(_LAST_LINES), name)
        printed = done.output.decode("utf-8", "replace").strip()
        return "\n".join(filter(None, (printed, done.error)))[-_LAST_CHARACTERS:]


async def _together(works: Sequence[Coroutine[object, object, bool]]) -> list[bool]:
    """Do work side by side, to the end of all; raise what the first raised that failed."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]


async def remove(engine: Engine, name: str, *, keep: str | None = None) -> None:
    """Remove containers, volumes and network of a run, by their label. Raises EngineError."""
    label = f"label={LABEL}={name}"
    containers = await engine.do("ps", "--all", "--quiet", "--filter", label)
    if containers:
        # Those that share its network first: Podman refuses to remove the one that holds it before them.
        held = await engine.do("ps", "--all", "--quiet", "--filter", f"name={name}-{NETWORK}$")
        others = [each for each in containers.split() if each not in held.split()]
        for group in (others, held.split()):
            if group:
                await engine.do("rm", "--force", "--volumes", *group)
    volumes = await engine.do("volume", "ls", "--quiet", "--filter", label)
    if volumes:
        await engine.do("volume", "rm", "--force", *volumes.split())
    networks = await engine.do("network", "ls", "--quiet", "--filter", label)
    if networks and keep is None:
        await engine.do("network", "rm", *networks.split())


def _read(report: Path) -> bytes:
    try:
        with report.open("rb") as file:
            return file.read(_REPORT_BYTES)
    except OSError:
        return b""
