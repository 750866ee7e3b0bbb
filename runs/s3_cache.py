"""Signing the addresses at which one repository's dependencies are kept in a bucket. With `runs/s3.py` the edge to obstore."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from runs.s3 import S3Limits, S3Objects, client_of, config_of
from runs.s3_place import S3Place
from runs.s3_words import DEPENDENCIES
from sandbox.dependencies.cache import folder_name
from sandbox.dependencies.slots import COUNT, Slot

if TYPE_CHECKING:
    from obstore import HTTP_METHOD

log = logging.getLogger(__name__)

LONGEST_SECONDS = 7 * 24 * 3600.0
"""S3 takes no address that is valid for longer."""


class S3Cache:
    """The bucket of dependencies. Signing asks nobody, but for keys of a role."""

    def __init__(self, place: S3Place, environment: Mapping[str, str]) -> None:
        limits = S3Limits()
        self._objects = S3Objects(place, environment, limits, DEPENDENCIES)
        self._store = S3Store(
            place.bucket,
            prefix=place.prefix or None,
            config=config_of(environment),
            client_options=client_of(environment, limits, limits.silence_seconds),
        )

    async def check(self) -> None:
        """Try what runs do: ask for what isn't there, write, read. Raises Unavailable with what to do.

        Who may not list a bucket is told "forbidden" instead of "there is none", and so no run would ever write.
        """
        await self._objects.read(_NOTHING)
        await self._objects.write(_CHECK, b"")
        await self._objects.read(_CHECK)

    async def sign(self, repo_url: str, seconds: float) -> tuple[Slot, ...]:
        """Return the slots of a repository, whose addresses are valid for so long; none where they can't be signed.

        A Run without its cache is a slower one, so this is never a reason not to start it.
        """
        names = [f"{folder_name(repo_url)}/{number}.entry" for number in range(COUNT)]
        valid = timedelta(seconds=min(seconds, LONGEST_SECONDS))

        async def signed(method: HTTP_METHOD) -> list[str]:
            return list(await obstore.sign_async(self._store, method, names, valid))

        try:
            reads, writes = await signed("GET"), await signed("PUT")
        except BaseError as error:
            log.warning("the addresses of the cache can't be signed: %s", type(error).__name__)
            return ()
        return tuple(map(Slot, reads, writes))


_NOTHING = ".nothing"
_CHECK = ".check"
"""It stays, since these keys needn't be allowed to delete: an empty object, whoever tries it and how often."""
