"""Where and how Runs go on this machine: the settings, the program's environment, and the start of its keeper."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runs.backend import Limits, Refused
from runs.beside import HANDED, write_keys
from runs.local_files import LOG, REPORT, WORKSPACE, RunFolder
from runs.run import Run
from sandbox.dependencies.cache import folder_name
from sandbox.keys import BROKER, BROKER_MODEL, MODEL_KEYS, split_keys
from sandbox.task import Task, to_environment

CACHE = "cache"
"""The folder below the state that holds what runs keep for later ones, in a folder for each repository."""

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent
# Every Run waits for two starts of Python, and `site` would take a quarter of each. Without it -m finds no package of
# ours; last on the path, they can't shadow the standard library.
_PYTHON = (sys.executable, "-I", "-S", "-c")
_PREPARE = "import os, sys; sys.path.append(sys.argv.pop(1)); "
_SANDBOX = _PREPARE + "from sandbox.__main__ import main; sys.exit(main(os.environ))"


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """Where and how Runs go on this machine.

    `state` is a folder of its own. `environment` is what the sandbox program gets beside the contract's
    variables: HOME, PATH; it is never written to disk. What begins with TELEGRAM_ or is a key by its name isn't passed
    on; the git token and the model's key go to a broker beside each Run.
    With a limit of 0 Runs nothing is started at all, for who only watches and cancels what another process runs.
    `program` must not import from the current folder, where the agent may write. After a cancel it has
    `grace_seconds` to deliver. A Run that was told is removed after `ttl_seconds`. While Runs are running
    their files are looked at every `poll_seconds`. `clock` gives seconds since 1970.
    """

    state: Path
    environment: Mapping[str, str]
    agent: str = "claude"
    limits: Limits = field(default_factory=Limits)
    program: tuple[str, ...] = (*_PYTHON, _SANDBOX, str(_ROOT))
    grace_seconds: float = 90.0
    ttl_seconds: float = 3600.0
    poll_seconds: float = 0.1
    clock: Callable[[], float] = time.time


class Keepers:
    """Starts the keepers of Runs, and reaps those that this process started."""

    def __init__(self, place: LocalPlace) -> None:
        self._place = place
        self._processes: set[int] = set()

    def check(self, task: Task, folder: RunFolder) -> None:
        """Refuse a Task that no process can be given. Raises Refused."""
        for name, value in self._environment(task, folder).items():
            try:
                size = len(os.fsencode(f"{name}={value}"))
            except UnicodeEncodeError:
                raise Refused("The task holds a character that isn't valid Unicode.") from None
            if "\0" in value:
                raise Refused("The task holds a NUL character.")
            if size >= _MAX_VARIABLE_BYTES:
                raise Refused(f"The task is too long: {name} may have 128 KiB at most.")

    def start(self, run: Run, folder: RunFolder) -> None:
        """Start the keeper of a Run. Where that fails it is logged, and may be tried again.

        Two keepers of one Run are harmless: one of them does nothing.
        """
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log = (os.POSIX_SPAWN_OPEN, 1, str(folder.path / LOG), append, 0o600)
        command = [*_PYTHON, _KEEPER, str(_ROOT), str(folder.path)]
        command += [str(self._place.grace_seconds), *self._place.program]
        try:
            with self._broker() as broker:
                keeper = os.posix_spawn(
                    command[0],
                    command,
                    {**self._environment(run.task, folder), **broker.variables},
                    file_actions=[null, log, (os.POSIX_SPAWN_DUP2, 1, 2), *broker.actions],
                    setsid=True,
                    setsigdef=[signal.SIGPIPE],
                )
        except OSError as error:
            logger.warning("run %s: its keeper can't be started: %s", run.id, error)
        else:
            self._processes.add(keeper)
            logger.info("run %s: started", run.id)

    def reap(self) -> None:
        """Let go of the keepers that have ended."""
        for process in list(self._processes):
            try:
                ended = os.waitpid(process, os.WNOHANG)[0]
            except ChildProcessError:
                ended = process
            if ended:
                self._processes.discard(process)

    @contextmanager
    def _broker(self) -> Iterator[_Handed]:
        """Open what a Run's broker is handed: a socket, and a pipe of the keys; nothing when there is no key."""
        keys, _ = split_keys(self._place.environment)
        if not keys:
            yield _Handed()
            return
        prefix = f"/{secrets.token_urlsafe(16)}"
        with socket.create_server(("127.0.0.1", 0), backlog=_QUEUE) as listening:
            pipe = write_keys(keys)
            try:
                numbers = (pipe, listening.fileno())
                port = listening.getsockname()[1]
                variables = {
                    BROKER: f"http://127.0.0.1:{port}{prefix}",
                    BROKER_MODEL: next((name for name in MODEL_KEYS if name in keys), ""),
                    "SANDBOX_BROKER_PREFIX": prefix,
                    HANDED: " ".join(map(str, _KEEPERS)),
                }
                # By way of numbers that are free in any case: one may be what the other is to become.
                far = [(os.POSIX_SPAWN_DUP2, n, _FAR + i) for i, n in enumerate(numbers)]
                near = [(os.POSIX_SPAWN_DUP2, _FAR + i, n) for i, n in enumerate(_KEEPERS)]
                away = [(os.POSIX_SPAWN_CLOSE, _FAR + i) for i in range(len(numbers))]
                yield _Handed(variables, [*far, *near, *away])
            finally:
                os.close(pipe)

    def _environment(self, task: Task, folder: RunFolder) -> dict[str, str]:
        _, given = split_keys(self._place.environment)
        return {
            **{name: value for name, value in given.items() if not name.startswith("TELEGRAM_")},
            **to_environment(task, folder.path.name),
            "SANDBOX_AGENT": self._place.agent,
            "SANDBOX_REPORT": str(folder.path / REPORT),
            "SANDBOX_CACHE": str(self._place.state.absolute() / CACHE / folder_name(task.repo_url)),
            "SANDBOX_WORKSPACE": str(folder.path / WORKSPACE),
        }


@dataclass(frozen=True, slots=True)
class _Handed:
    """What a keeper's start gets for the broker: variables, and what is done with descriptors."""

    variables: Mapping[str, str] = field(default_factory=dict)
    actions: Sequence[tuple[int, ...]] = ()


_KEEPERS = (3, 4)
_FAR = 900
_QUEUE = 64
_MAX_VARIABLE_BYTES = 32 * 4096  # MAX_ARG_STRLEN of Linux, its end mark included
_KEEPER = _PREPARE + "from runs.keeper import main; sys.exit(main(sys.argv[1:], os.environ))"
