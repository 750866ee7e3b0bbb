"""Objects in a folder of this machine, or of a volume that is mounted here. Made when the first is written."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from runs import durable
from runs.backend import Unavailable
from runs.objects import Found, Listed

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

YOUNG_SECONDS = 2.0
"""A file written so shortly ago may be written again without looking different from outside."""


class Folder:
    """See Objects: a file for each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # One write of this process after the other: they wait for the disk, and not in every thread that there is.
        self._writing = asyncio.Lock()

    async def check(self) -> None:
        """See Objects.check."""
        await self._do(self._make)
        if not await asyncio.to_thread(os.access, self._path, os.R_OK | os.W_OK | os.X_OK):
            raise Unavailable(f"{self._path} can't be written. Let the bot's user own it.")

    async def read(self, name: str) -> Found | None:
        """See Objects.read."""
        data = await self.read_end(name, None)
        return None if data is None else Found(data, _version(data))

    async def read_many(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """See Objects.read_many."""
        return await self._do(self._read_many, list(names))

    async def read_end(self, name: str, tail_bytes: int | None) -> bytes | None:
        """See Objects.read_end."""
        return await self._do(durable.read_end, self._path / name, tail_bytes)

    async def write(self, name: str, data: bytes) -> None:
        """See Objects.write."""
        async with self._writing:
            await self._do(self._write, name, data)

    async def write_if(self, name: str, data: bytes, version: str | None) -> bool:
        """See Objects.write_if."""
        async with self._writing:
            return await self._do(self._write_if, name, data, version)

    async def list_all(self) -> list[Listed]:
        """See Objects.list_all."""
        return await self._do(self._list)

    async def remove(self, name: str) -> None:
        """See Objects.remove."""
        await self._do((self._path / name).unlink, missing_ok=True)

    def _make(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _read_many(self, names: list[str]) -> dict[str, bytes]:
        found = {}
        for name in names:
            with suppress(OSError):
                data = durable.read_end(self._path / name, None)
                if data is not None:
                    found[name] = data
        return found

    def _write(self, name: str, data: bytes) -> None:
        self._make()
        durable.write(self._path / name, data)

    def _write_if(self, name: str, data: bytes, version: str | None) -> bool:
        self._make()
        with durable.guarded(self._path / ".lock"):
            there = durable.read_end(self._path / name, None)
            if (None if there is None else _version(there)) != version:
                return False
            durable.write(self._path / name, data)
        return True

    def _list(self) -> list[Listed]:
        listed = []
        now = time.time()
        with suppress(FileNotFoundError), os.scandir(self._path) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        listed.append(_listed(entry.name, found, now))
        return listed

    async def _do(
        self,
        work: Callable[_Parameters, _Result],
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> _Result:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except OSError as error:
            raise Unavailable(durable.in_words(error, "the log store")) from error


def _listed(name: str, found: os.stat_result, now: float) -> Listed:
    settled = now - found.st_mtime > YOUNG_SECONDS
    version = f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}" if settled else None
    return Listed(name, found.st_mtime, version)


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
