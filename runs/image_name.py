"""What the sandbox's image is called where nobody says it: the owner's, of a fork its own owner's. Pure."""

from __future__ import annotations

import re

USUAL_OWNER = "landovsky"
NAME = "claude-sandbox"
RUBIES = ("3.2", "3.3", "3.4")
"""Each is a tag of the image, `ruby-3.3`; the newest one is `latest` too."""
OWNER = "SANDBOX_OWNER"
"""The variable that says whose images are the usual ones."""


def usual_image(owner: str | None = None) -> str:
    """Return the image of an owner, or of the project's where there is none."""
    return f"{(owner or USUAL_OWNER).lower()}/{NAME}:latest"


def image_of(named: str | None, owner: str | None = None) -> str:
    """Return the sandbox's image: the one that CLAUDE_IMAGE names, or else the owner's."""
    return named or usual_image(owner)


def owner_of(remote: str) -> str | None:
    """Return who owns a checkout, by its git remote on GitHub; None for any other.

    Images are looked for under the same name at Docker Hub. Of other servers a name says nothing about who has it there.
    """
    match = _GITHUB.fullmatch(remote.strip())
    return match[1].lower() if match else None


def repository(image: str) -> str:
    """Return an image's name without tag and digest; a port of its registry is no tag."""
    name = image.partition("@")[0]
    path = name.rpartition("/")[2]
    return name.removesuffix(path) + path.partition(":")[0]


def has_rubies(image: str, owner: str | None = None) -> bool:
    """Say whether an image is known to have a tag for each of RUBIES: those that the forge's CI pushes have."""
    return repository(image) == repository(usual_image(owner))


_GITHUB = re.compile(
    r"(?:https://(?:[^/@]+@)?github\.com/|(?:ssh://)?git@github\.com[:/])"
    r"([A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?)/[A-Za-z0-9._-]+?/?"
)
