"""Objects in a bucket of S3, or of a server that speaks its API. With `runs/s3_cache.py` the edge to obstore."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import S3Store

from runs.backend import Unavailable
from runs.objects import Found, Listed
from runs.s3_place import VARIABLES, S3Place
from runs.s3_words import LOGS, Purpose, away, error_code, in_words

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class S3Limits:
    """How long a server may take: to be connected with, until it says something, to take a log, for one request in all.

    One that did not answer is left in peace for `pause_seconds`, in which every call fails at once.
    """

    connect_seconds: float = 5.0
    silence_seconds: float = 8.0
    write_seconds: float = 30.0
    request_seconds: float = 90.0
    pause_seconds: float = 15.0
    at_once: int = 16


class S3Objects:
    """See Objects. `environment` has the AWS variables: keys, region, endpoint."""

    def __init__(
        self,
        place: S3Place,
        environment: Mapping[str, str],
        limits: S3Limits | None = None,
        purpose: Purpose = LOGS,
    ) -> None:
        self._place = place
        self._purpose = purpose
        self._limits = limits or S3Limits()
        self._server = _server(environment)
        self._away = away(place, self._server, purpose)
        self._store = self._connected(environment, self._limits.silence_seconds)
        # While a log is on its way, the server is silent.
        self._store_of_logs = self._connected(environment, self._limits.write_seconds)
        self._at_once = asyncio.Semaphore(self._limits.at_once)
        self._quiet_until = 0.0
        self._conditional = True

    async def check(self) -> None:
        """See Objects.check; also finds out whether the server minds conditions, without which two bots overwrite each other."""
        name = f".check-{secrets.token_hex(4)}"
        await self.list_all()
        await self.write_if(name, b"", None)
        try:
            if not self._conditional:
                return
            minds = not await self.write_if(name, b"", None)
            if not (minds and not await self.write_if(name, b"", _NO_VERSION)):
                self._go_without_conditions()
        finally:
            await self.remove(name)

    async def read(self, name: str) -> Found | None:
        """See Objects.read."""
        async with self._asking():
            try:
                answer = await obstore.get_async(self._store, name)
                return Found(bytes(await answer.bytes_async()), answer.meta["e_tag"] or "")
            except _ABSENT as error:
                if error_code(error) == "NoSuchBucket":
                    raise
                return None

    async def read_many(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """See Objects.read_many."""
        found: dict[str, bytes] = {}

        async def read(name: str) -> None:
            there = await self.read(name)
            if there is not None:
                found[name] = there.data

        try:
            async with asyncio.TaskGroup() as group:
                for name in names:
                    group.create_task(read(name))
        except* Unavailable as failed:
            first = next(iter(failed.exceptions))
            raise Unavailable(str(first)) from first
        return found

    async def read_end(self, name: str, tail_bytes: int | None) -> bytes | None:
        """See Objects.read_end."""
        if not tail_bytes:
            found = await self.read(name)
            return None if found is None else found.data if tail_bytes is None else b""
        async with self._asking():
            try:
                answer = await obstore.get_async(
                    self._store, name, options={"range": {"suffix": tail_bytes}}
                )
                return bytes(await answer.bytes_async())
            except _ABSENT as error:
                if error_code(error) == "NoSuchBucket":
                    raise
                return None
            except BaseError as error:
                # An empty object has no last bytes: each server says that in its own way.
                if not any(words in str(error) for words in ("InvalidRange", "CONTENT_RANGE")):
                    raise
        found = await self.read(name)
        return None if found is None else found.data[-tail_bytes:]

    async def write(self, name: str, data: bytes) -> None:
        """See Objects.write."""
        async with self._asking():
            await obstore.put_async(self._store_of_logs, name, data, use_multipart=False)

    async def write_if(self, name: str, data: bytes, version: str | None) -> bool:
        """See Objects.write_if."""
        if self._conditional:
            try:
                return await self._write_on_condition(name, data, version)
            except _ConditionsUnknown:
                self._go_without_conditions()
        found = await self.read(name)
        if (None if found is None else found.version) != version:
            return False
        await self.write(name, data)
        return True

    async def list_all(self) -> list[Listed]:
        """See Objects.list_all."""
        async with self._asking():
            listed = await obstore.list_with_delimiter_async(self._store)
        return [
            Listed(each["path"], each["last_modified"].timestamp(), each["e_tag"])
            for each in listed["objects"]
        ]

    async def remove(self, name: str) -> None:
        """See Objects.remove."""
        async with self._asking():
            with suppress(*_ABSENT):
                await obstore.delete_async(self._store, name)

    def _connected(self, environment: Mapping[str, str], silence_seconds: float) -> S3Store:
        return S3Store(
            self._place.bucket,
            prefix=self._place.prefix or None,
            config=config_of(environment),
            client_options=client_of(environment, self._limits, silence_seconds),
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=6)},
        )

    async def _write_on_condition(self, name: str, data: bytes, version: str | None) -> bool:
        async with self._asking():
            try:
                await obstore.put_async(
                    self._store,
                    name,
                    data,
                    mode="create" if version is None else {"e_tag": version},
                    use_multipart=False,
                )
            except BaseError as error:
                if error_code(error) == "NotImplemented":
                    raise _ConditionsUnknown from error
                lost = isinstance(error, AlreadyExistsError | PreconditionError)
                if lost and error_code(error) != "NoSuchBucket":
                    return False
                raise
        return True

    def _go_without_conditions(self) -> None:
        self._conditional = False
        log.warning(
            "%s takes no conditional writes (If-Match): let no two bots use it at once",
            self._place,
        )

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Hold one of the places for requests; translate what goes wrong."""
        async with self._at_once:
            if time.monotonic() < self._quiet_until:
                raise Unavailable(self._away)
            try:
                yield
            except (BaseError, *_ABSENT) as error:
                words = in_words(error, self._place, self._server, self._purpose)
                if words == self._away:
                    self._quiet_until = time.monotonic() + self._limits.pause_seconds
                raise Unavailable(words) from error


class _ConditionsUnknown(Exception):
    """The server doesn't know conditional writes."""


_ABSENT = (NotFoundError, FileNotFoundError)
"""obstore raises the one or the other."""

_NO_VERSION = '"00000000000000000000000000000000"'


def config_of(environment: Mapping[str, str]) -> S3Config:
    """Return obstore's settings of a bucket: keys, region, endpoint."""
    found = {name.lower(): environment[name] for name in VARIABLES if environment.get(name)}
    # Not every server knows how to delete many at once, and that is how obstore deletes one.
    config: S3Config = {"disable_bulk_delete": True, **found}  # type: ignore[typeddict-item]  # obstore takes the variables' names too
    return config


def client_of(
    environment: Mapping[str, str], limits: S3Limits, silence_seconds: float
) -> ClientConfig:
    """Return obstore's settings of the connections to a server."""
    options: ClientConfig = {
        "allow_http": _server(environment).startswith("http://"),
        "connect_timeout": timedelta(seconds=limits.connect_seconds),
        "read_timeout": timedelta(seconds=silence_seconds),
        "timeout": timedelta(seconds=limits.request_seconds),
    }
    if bundle := environment.get("AWS_CA_BUNDLE"):
        options["root_certificate"] = Path(bundle).read_bytes()
    return options


def _server(environment: Mapping[str, str]) -> str:
    """Return the endpoint as it was set, without what must not be shown."""
    url = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    return re.sub(r"//[^/@]*@", "//", url) or "Amazon S3"
