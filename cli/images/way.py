"""Who builds images; apart, so that a help is printed without loading the rest."""

from __future__ import annotations

from enum import Enum


class Builder(Enum):
    """Who builds: --with."""

    DOCKER = "docker"
    PODMAN = "podman"
    BUILDAH = "buildah"
