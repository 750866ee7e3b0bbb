"""Looks for secrets where none may be: in every process's arguments and in git's configuration, while things run."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_PAUSE_SECONDS = 0.05


class Watch:
    """A context manager that samples the arguments of all processes, and .git/config of the clones below a state folder.

    `leaks` names each place where a secret was seen, `seen` the kinds of places that were looked at.
    """

    def __init__(self, secrets: Iterable[str], folder: Path) -> None:
        self.leaks: set[str] = set()
        self.seen: set[str] = set()
        self._secrets = [secret.encode() for secret in secrets]
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                self._look(path, "arguments of a process")
            for path in self._folder.glob("runs/*/workspace/*/.git/config"):
                self._look(path, "config of a clone")

    def _look(self, path: Path, where: str) -> None:
        with suppress(OSError):
            data = path.read_bytes()
            self.seen.add(where)
            self.leaks |= {f"{where}: {data!r}" for secret in self._secrets if secret in data}


def files_with(secrets: Iterable[str], *folders: Path) -> list[Path]:
    """Return the files below some folders that hold a secret in their content or name."""
    wanted = [secret.encode() for secret in secrets]
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if any(secret in str(path).encode() for secret in wanted)
        or (path.is_file() and any(secret in path.read_bytes() for secret in wanted))
    ]
