"""How large the bot's image is, as it is pulled; and that nothing in it, or in the sandbox's, has to be compiled at each start."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from bench.image_sizes import archives_of_cluster, layers_of, table

MOST_BYTES = 150e6
LAYERS_OF_SOURCE = 3
"""Ours is in the last ones."""


def archive_of(name: str) -> Path:
    (found,) = [path for path in archives_of_cluster() if path.name.startswith(f"{name}-")]
    return found


def files_of_ours(archive: Path) -> set[str]:
    """Return the files in an image's last layers."""
    with tarfile.open(archive) as opened:
        about = opened.extractfile("manifest.json")
        assert about is not None
        found: set[str] = set()
        for name in json.load(about)[0]["Layers"][-LAYERS_OF_SOURCE:]:
            with tarfile.open(fileobj=opened.extractfile(name)) as layer:
                found |= {member.name.lstrip("./") for member in layer if member.isfile()}
    return found


@pytest.mark.own_cluster
def test_the_bots_image_is_pulled_with_150_mb_at_most() -> None:
    layers = layers_of(archive_of("bot"))
    assert len(layers) >= 4
    assert sum(layer.bytes_pulled for layer in layers) <= MOST_BYTES, table("bot", layers)


@pytest.mark.own_cluster
@pytest.mark.parametrize(
    ("image", "folder", "packages"),
    [
        ("sandbox", "usr/local/lib/python3.11/dist-packages", ("sandbox",)),
        ("bot", "opt/claude-sandbox/source", ("bot", "cli", "k8s", "runs", "sandbox")),
    ],
)
def test_the_programs_in_the_images_are_compiled(
    image: str, folder: str, packages: tuple[str, ...]
) -> None:
    files = files_of_ours(archive_of(image))
    for package in packages:
        written = {
            path.removesuffix(".py")
            for path in files
            if path.startswith(f"{folder}/{package}/") and path.endswith(".py")
        }
        compiled = {
            path.replace("__pycache__/", "").removesuffix(".cpython-311.pyc")
            for path in files
            if path.startswith(f"{folder}/{package}/") and path.endswith(".pyc")
        }
        assert written and written == compiled
