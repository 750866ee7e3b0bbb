"""The edge to Docker and Podman: their command, whose words for what is needed here are the same."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from cli.exits import Exit, Failure
from cli.local.way import With

CALL_SECONDS = 120.0
"""For everything but a pull, and what waits for the run itself."""


class EngineError(Exception):
    """The engine said no; the text is its own."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a call ended, and what it printed."""

    code: int
    output: bytes
    error: str


@dataclass(frozen=True, slots=True)
class State:
    """How a container fares, as `inspect` says: the same words with both."""

    status: str = ""
    exit_code: int = 0
    out_of_memory: bool = False
    error: str = ""
    restarts: int = 0

    @property
    def is_running(self) -> bool:
        """Say whether its program runs."""
        return self.status == "running"

    @property
    def never_ran(self) -> bool:
        """Say whether it was made, and its program never started."""
        return self.status in ("created", "configured", "initialized")


@dataclass(frozen=True, slots=True)
class Engine:
    """The command of Docker or Podman. Its processes are in sessions of their own: Ctrl-C doesn't reach them."""

    name: With
    command: str
    environment: Mapping[str, str] = field(repr=False)

    async def call(self, *arguments: str, given: bytes | None = None) -> Done:
        """Call it, whatever it answers. Raises EngineError when it doesn't answer in time, or can't be started."""
        process = await self.start(*arguments, given=given is not None)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                output, error = await process.communicate(given)
        except TimeoutError:
            await kill(process)
            raise EngineError(
                f"{self.name.value} {arguments[0]} took more than {CALL_SECONDS:g} s"
            ) from None
        except asyncio.CancelledError:
            # What was asked of a daemon is done though its client is gone: it would be there after everything was removed.
            if arguments[0] in _BREAKABLE:
                await kill(process)
            await process.wait()
            raise
        return Done(process.returncode or 0, output, error.decode("utf-8", "replace").strip())

    async def do(self, *arguments: str, given: bytes | None = None) -> str:
        """Call it and return what it printed. Raises EngineError when it says no."""
        done = await self.granted(*arguments, given=given)
        return done.output.decode("utf-8", "replace").strip()

    async def granted(self, *arguments: str, given: bytes | None = None) -> Done:
        """Call it and return all that it said. Raises EngineError when it says no."""
        done = await self.call(*arguments, given=given)
        if done.code != 0:
            raise EngineError(
                done.error or f"{self.name.value} {arguments[0]}: exit code {done.code}"
            )
        return done

    async def start(
        self, *arguments: str, given: bool = False, joined: bool = False
    ) -> asyncio.subprocess.Process:
        """Start a call; with `joined` both of its outputs come as one. Raises EngineError."""
        pipe = asyncio.subprocess.PIPE
        try:
            return await asyncio.create_subprocess_exec(
                self.command,
                *arguments,
                env=self.environment,
                stdin=pipe if given else asyncio.subprocess.DEVNULL,
                stdout=pipe,
                stderr=asyncio.subprocess.STDOUT if joined else pipe,
                start_new_session=True,
                limit=_LINE_BYTES,
            )
        except OSError as error:
            raise EngineError(f"{self.command} can't be started: {error.strerror}") from error

    async def state(self, container: str) -> State | None:
        """Return how a container fares; None when it isn't there."""
        done = await self.call("container", "inspect", container)
        if done.code != 0:
            return None
        (found,) = json.loads(done.output)
        state = found.get("State") or {}
        return State(
            status=str(state.get("Status") or ""),
            exit_code=int(state.get("ExitCode") or 0),
            out_of_memory=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
            restarts=int(found.get("RestartCount") or 0),
        )

    async def limits_nothing(self) -> bool:
        """Say whether it is a Docker without cgroups, which takes limits and forgets them. Raises EngineError."""
        return self.name is With.DOCKER and '"CgroupDriver":"none"' in await self.do(*_INFO)

    async def has_image(self, image: str) -> bool:
        """Say whether an image is here."""
        return (await self.call("image", "inspect", "--format", "{{.Id}}", image)).code == 0


async def find_engine(wanted: With | None, environment: Mapping[str, str]) -> Engine | None:
    """Return the engine that is wanted, or the first that answers; None for the bare process.

    What is installed and doesn't answer is no reason to run without isolation: that is only done where neither is installed,
    or a person says so. Raises Failure.
    """
    if wanted is With.BARE:
        return None
    names = (wanted,) if wanted is not None else (With.DOCKER, With.PODMAN)
    silent: list[str] = []
    for name in names:
        command = shutil.which(name.value, path=environment.get("PATH"))
        if command is None:
            continue
        engine = Engine(name, command, environment)
        why = await _silence(engine)
        if why is None:
            return engine
        silent.append(f"{name.value.title()} doesn't answer: {why}")
    if silent:
        raise Failure("\n".join(silent), _START_IT, Exit.CLUSTER)
    if wanted is not None:
        raise Failure(
            f"{wanted.value.title()} isn't installed: there is no {wanted.value!r} in PATH.",
            "Install it, or run the task as a plain process of this machine: --bare",
        )
    return None


async def _silence(engine: Engine) -> str | None:
    """Return why an engine doesn't answer; None when it does."""
    try:
        await engine.do(*_INFO)
    except EngineError as error:
        return str(error).strip().splitlines()[-1][:300]
    return None


async def kill(process: asyncio.subprocess.Process) -> None:
    """End a call at once, if it hasn't ended."""
    if process.returncode is None:
        process.kill()
    await process.wait()


async def lines_of(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Return the lines of a stream; one that is longer than its buffer comes in parts."""
    while True:
        try:
            line = await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                yield end.partial.decode("utf-8", "replace")
            return
        except asyncio.LimitOverrunError as over:
            line = await stream.read(max(over.consumed, 1))
        yield line.decode("utf-8", "replace").removesuffix("\n")


_INFO = ("info", "--format", "{{json .}}")
_LINE_BYTES = 1 << 20
_BREAKABLE = ("exec", "logs", "info", "image", "container")
"""Calls that make nothing."""
_START_IT = (
    "Start it (Docker Desktop, or: systemctl start docker), choose the other with --with podman, or run the task as a "
    "plain process of this machine: --bare"
)
