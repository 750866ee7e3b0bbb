"""The ways in which a run can go on this machine."""

from __future__ import annotations

from enum import Enum


class With(Enum):
    """What a run on this machine goes with: --with."""

    DOCKER = "docker"
    PODMAN = "podman"
    BARE = "bare"
