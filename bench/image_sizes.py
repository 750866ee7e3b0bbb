"""How large the images are, layer by layer, as they are pulled: `python -m bench.image_sizes ARCHIVE…` prints a table.

An archive is what `docker save` or `buildah push … docker-archive:` writes. Without any it is those of the test cluster.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PIECE = 1 << 20
_SHOWN = 70


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: what made it, and its size on disk and as it is pulled, compressed by gzip."""

    made_by: str
    bytes_on_disk: int
    bytes_pulled: int


def layers_of(archive: Path) -> list[Layer]:
    """Return the layers of an image's archive, the lowest first."""
    with tarfile.open(archive) as opened:
        (about,) = _json(opened, "manifest.json")
        history = _json(opened, about["Config"])["history"]
        made = [entry.get("created_by", "") for entry in history if not entry.get("empty_layer")]
        return [
            _layer(opened, name, text) for name, text in zip(about["Layers"], made, strict=True)
        ]


def table(title: str, layers: list[Layer]) -> str:
    """Return the layers as a table of Markdown, with their sum."""
    rows = [f"| {title} | on disk, MB | pulled, MB |", "|---|---|---|"]
    for layer in layers:
        if layer.bytes_on_disk >= _PIECE:
            rows.append(_row(layer.made_by, layer.bytes_on_disk, layer.bytes_pulled))
    on_disk = sum(layer.bytes_on_disk for layer in layers)
    pulled = sum(layer.bytes_pulled for layer in layers)
    return "\n".join([*rows, _row("**all**", on_disk, pulled)])


def archives_of_cluster() -> list[Path]:
    """Return the images of the test cluster, ours only."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "claude-sandbox" / "cluster" / "images"
    return [path for name in ("sandbox", "bot") for path in sorted(folder.glob(f"{name}-*.tar"))]


def _json(opened: tarfile.TarFile, name: str) -> Any:
    file = opened.extractfile(name)
    assert file is not None, name
    return json.loads(file.read())


def _layer(opened: tarfile.TarFile, name: str, made_by: str) -> Layer:
    compressing = zlib.compressobj(6, zlib.DEFLATED, 31)
    size = pulled = 0
    for piece in _pieces(opened, name):
        size += len(piece)
        pulled += len(compressing.compress(piece))
    return Layer(_words(made_by), size, pulled + len(compressing.flush()))


def _pieces(opened: tarfile.TarFile, name: str) -> Iterator[bytes]:
    file = opened.extractfile(name)
    assert file is not None, name
    while piece := file.read(_PIECE):
        yield piece


def _words(made_by: str) -> str:
    """Return an instruction as people know it from the Dockerfile."""
    text = re.sub(r"^/bin/sh -c (#\(nop\) *)?", "", made_by).strip()
    text = "Debian" if text == "/bin/sh" else text
    text = re.sub(r"^(?:\|\d+ (?:\w+=\S* )*)?/bin/sh -c ", "", text)
    text = re.sub(r"\b(dir|file|multi):[0-9a-f]{64}", r"\1", text)
    text = re.sub(
        r"apt-get update +&& apt-get install --yes --no-install-recommends +", "apt: ", text
    )
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _row(what: str, on_disk: int, pulled: int) -> str:
    return f"| {what} | {on_disk / 1e6:.0f} | {pulled / 1e6:.0f} |"


def main(arguments: list[str]) -> None:
    """Print a table for each archive."""
    archives = [Path(text) for text in arguments] or archives_of_cluster()
    print(
        "\n\n".join(
            table(path.stem.rpartition("-")[0] or path.stem, layers_of(path)) for path in archives
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
