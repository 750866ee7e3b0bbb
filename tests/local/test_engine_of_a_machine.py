"""Which engine is taken, and what is said where none can be: with stand-ins for docker and podman on the PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.exits import Failure
from cli.local.engine import EngineError, find_engine
from cli.local.way import With


class Machine:
    """A PATH on which a test puts engines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": str(self.folder), "HOME": os.devnull}


ANSWERS = 'echo "{}"'
SILENT = 'echo "Cannot connect to the Docker daemon. Is the docker daemon running?" >&2; exit 1'


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("docker", "podman", "wanted", "found"),
    [
        (ANSWERS, ANSWERS, None, "docker"),
        (ANSWERS, ANSWERS, With.PODMAN, "podman"),
        (None, ANSWERS, None, "podman"),
        (SILENT, ANSWERS, None, "podman"),
        (ANSWERS, None, With.BARE, None),
        (None, None, None, None),
    ],
)
async def test_the_first_that_answers_is_taken(
    docker: str | None, podman: str | None, wanted: With | None, found: str | None, machine: Machine
) -> None:
    for name, body in (("docker", docker), ("podman", podman)):
        if body is not None:
            machine.put(name, body)
    engine = await find_engine(wanted, machine.environment)
    assert (engine and engine.name.value) == found


@pytest.mark.parametrize("wanted", [None, With.DOCKER])
async def test_an_engine_that_does_not_answer_is_no_reason_to_run_without_isolation(
    wanted: With | None, machine: Machine
) -> None:
    machine.put("docker", SILENT)
    with pytest.raises(Failure) as failure:
        await find_engine(wanted, machine.environment)
    assert "Docker doesn't answer: Cannot connect to the Docker daemon" in failure.value.what
    assert "--bare" in failure.value.advice
    assert failure.value.code == 3


async def test_an_engine_that_is_wanted_and_missing_is_named(machine: Machine) -> None:
    with pytest.raises(Failure, match="Podman isn't installed"):
        await find_engine(With.PODMAN, machine.environment)


async def test_a_refusal_has_the_words_of_the_engine(machine: Machine) -> None:
    machine.put("docker", 'test "$1" = info && exit 0; echo "no such thing" >&2; exit 125')
    engine = await find_engine(With.DOCKER, machine.environment)
    assert engine is not None
    with pytest.raises(EngineError, match="no such thing"):
        await engine.do("create")
    assert await engine.state("gone") is None
