"""The edge to who builds images: Docker, Podman or Buildah, whichever is here. Their words for it are almost the same."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.exits import Exit, Failure
from cli.images.way import Builder

ANSWER_SECONDS = 60.0
"""So long a builder may take to say that it is there."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built: a target of a folder's Dockerfile, with these arguments, under these names."""

    folder: Path
    target: str
    arguments: tuple[tuple[str, str], ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Images:
    """The images of this machine, as its builder knows them. What the builder prints goes to standard error."""

    builder: Builder
    environment: Mapping[str, str] = field(repr=False)

    def build(self, order: Order) -> None:
        """Build it. Raises Failure."""
        options = [f"--target={order.target}"]
        for name, value in order.arguments:
            options += ["--build-arg", f"{name}={value}"]
        for name in order.names:
            options += ["--tag", name]
        verb = ["bud", "--layers", "--format=docker"] if self._is_buildah else ["build"]
        code = self._show(*verb, *options, str(order.folder))
        if code != 0:
            raise Failure(
                f"{self.builder.value} couldn't build the image (exit code {code}).",
                "What it said stands above. It needs the registries of Docker Hub, Debian and npm.",
                Exit.RUN_FAILED,
            )

    def silence(self) -> str | None:
        """Return why the builder doesn't answer; None when it does."""
        try:
            asked = self._ask("info", seconds=ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            return f"nothing in {ANSWER_SECONDS:g} s"
        return None if asked.returncode == 0 else _last(asked.stderr)

    def has(self, name: str) -> bool:
        """Say whether an image is here."""
        verb = ["inspect", "--type=image"] if self._is_buildah else ["image", "inspect"]
        return self._ask(*verb, name).returncode == 0

    def push(self, name: str, target: str) -> None:
        """Push an image under another name. Raises Failure."""
        tagged = self._ask("tag", name, target)
        if tagged.returncode != 0:
            raise Failure(f"{name} can't be called {target}: {_last(tagged.stderr)}")
        pushed = self._ask("push", target)
        if pushed.returncode != 0:
            raise _refused(self.builder, target, pushed.stderr)

    @property
    def _is_buildah(self) -> bool:
        return self.builder is Builder.BUILDAH

    def _show(self, *arguments: str) -> int:
        command = [self.builder.value, *arguments]
        return subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, stdout=2, check=False
        ).returncode

    def _ask(
        self, *arguments: str, seconds: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.builder.value, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )


def find_images(wanted: Builder | None, environment: Mapping[str, str]) -> Images:
    """Return the images of the builder that is wanted, or of the first that answers. Raises Failure."""
    silent = []
    for builder in (wanted,) if wanted else tuple(Builder):
        if shutil.which(builder.value, path=environment.get("PATH")) is None:
            continue
        images = Images(builder, environment)
        why = images.silence()
        if why is None:
            return images
        silent.append(f"{builder.value.title()} doesn't answer: {why}")
    if silent:
        raise Failure("\n".join(silent), "Start it, or choose another: --with podman", Exit.CLUSTER)
    name = wanted.value.title() if wanted else "Neither Docker nor Podman nor Buildah"
    raise Failure(f"{name} is {'not ' if wanted else ''}installed here.", _INSTALL)


def _refused(builder: Builder, target: str, said: str) -> Failure:
    first, slash, _ = target.partition("/")
    registry = first if slash and re.search(r"[.:]|^localhost$", first) else "Docker Hub"
    words = said.lower()
    if any(sign in words for sign in _NO_LOGIN):
        login = f"{builder.value} login{'' if registry == 'Docker Hub' else f' {registry}'}"
        what = f"{registry} refuses {target}: nobody with the right to push it is logged in."
        return Failure(what, f"Log in: {login}", Exit.RUN_FAILED)
    what = f"{target} can't be pushed: {_last(said)}"
    return Failure(what, "Name another: CLAUDE_IMAGE, or --to NAME", Exit.RUN_FAILED)


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "it says nothing"


_NO_LOGIN = ("denied", "unauthorized", "authentication required", "no basic auth", "not logged in")
_INSTALL = "Install one: https://docs.docker.com/engine/install, or apt-get install podman"
