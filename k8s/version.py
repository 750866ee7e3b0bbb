"""Whether a cluster is new enough: for native sidecars in our Jobs, and for the admission policy."""

from __future__ import annotations

import logging
import re

import msgspec

from k8s.api import Api, Rejected
from runs.backend import BackendError, Refused

log = logging.getLogger(__name__)

OLDEST = (1, 30)
"""Native sidecars are on by default from 1.29 on, admission policies in CEL from 1.30 on, 1.29 itself is out of support:
https://kubernetes.io/blog/2024/04/17/kubernetes-v1-30-release/"""


class ServerVersion(msgspec.Struct, frozen=True):
    """What /version says; a provider's minor may be "27+"."""

    major: str = ""
    minor: str = ""


class VersionCheck:
    """Looks at the API server's version until it was new enough once; an old one may be replaced meanwhile."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._new_enough = False

    async def demand(self) -> None:
        """Make sure that the cluster can run our Jobs. Raises Refused with the sentence for people, Unavailable."""
        if self._new_enough:
            return
        sentence = too_old(await self._read())
        if sentence is not None:
            raise Refused(sentence)
        self._new_enough = True

    async def warn(self) -> None:
        """Say once in the log when the cluster is too old."""
        try:
            await self.demand()
        except Refused as refused:
            log.warning("nothing can be run here: %s", refused)
        except BackendError as error:
            log.warning("the cluster's version can't be read yet: %s", error)

    async def _read(self) -> ServerVersion:
        """Read the version; an empty one where that isn't allowed or makes no sense."""
        try:
            return msgspec.json.decode(await self._api.get("/version"), type=ServerVersion)
        except (Rejected, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("the cluster doesn't tell its version: %s", error)
            return ServerVersion()


def too_old(version: ServerVersion) -> str | None:
    """Say in words that a version is too old; None for one that is new enough, or that can't be read."""
    major, minor = (re.match("[0-9]{1,6}", text) for text in (version.major, version.minor))
    if major is None or minor is None or (int(major[0]), int(minor[0])) >= OLDEST:
        return None
    needed = ".".join(map(str, OLDEST))
    return f"Kubernetes {needed} or newer is needed; this one is {major[0]}.{minor[0]}."
