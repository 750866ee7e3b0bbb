"""The broker beside a Run on this machine: it holds the keys, is started again, and ends with the Run."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from runs.backend import Limits
from runs.beside import FOLDER
from runs.keeper import STARTED
from runs.local import LocalBackend
from runs.run import Run
from sandbox.broker.client import read_state
from sandbox.broker.state import ModelKey
from tests.runs.contract import ended, reached, start
from tests.runs.local_places import StandInPlace
from tests.whole.bot_process import until

GIT_KEY, MODEL_KEY = "key-for-git-0123", "key-for-model-0123"
KEYS = {
    "GITHUB_TOKEN": GIT_KEY,
    "CLAUDE_CODE_OAUTH_TOKEN": MODEL_KEY,
    "AWS_SECRET_KEY": "cloud-0123",
}
SECRETS = [value.encode() for value in KEYS.values()]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[StandInPlace]:
    made = StandInPlace(tmp_path)
    yield made
    await made.close()


def backend_of(place: StandInPlace, limits: Limits | None = None, **keys: str) -> LocalBackend:
    environment = {**place.settings().environment, **(keys or KEYS)}
    return place.make(limits, environment=environment)


async def begun(backend: LocalBackend, place: StandInPlace) -> tuple[Run, str]:
    """Start a run that waits; return it and its broker's address."""
    run = await start(backend, place.task("environment wait"))

    async def variables() -> list[bytes]:
        return [line for line in (await backend.read_log(run.id)).splitlines() if line[:1] == b"{"]

    await reached(backend, run, lambda seen: seen.report is not None)
    while not (lines := await variables()):
        pass
    return run, json.loads(lines[0])["SANDBOX_BROKER"]


def brokers(place: StandInPlace, run: Run) -> list[int]:
    """Return the keeper's children beside the program; their environment only root may read."""
    started = json.loads((place.state / "runs" / run.id / STARTED).read_bytes())
    keeper = started["keeper"]
    with suppress(OSError):
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        return [int(child) for child in children if int(child) != started.get("program")]
    return []


def lives(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_no_process_and_no_file_of_a_run_shows_a_key(place: StandInPlace) -> None:
    backend = backend_of(place)
    run, address = await begun(backend, place)
    state = read_state(address, 10)
    assert state is not None and state.model_key is ModelKey.OAUTH
    for name in [path.name for path in Path("/proc").iterdir()]:
        for path in (Path("/proc", name, "environ"), Path("/proc", name, "cmdline")):
            with suppress(OSError):
                data = path.read_bytes() if name.isdigit() else b""
                assert not [secret for secret in SECRETS if secret in data], path
    for path in place.state.rglob("*"):
        if path.is_file():
            assert not [secret for secret in SECRETS if secret in path.read_bytes()], path
    await backend.cancel(run.id, "Ada")
    await ended(backend, run)


async def test_only_who_knows_its_address_may_use_it(place: StandInPlace) -> None:
    _, address = await begun(backend_of(place), place)
    assert read_state(address, 10) is not None
    assert read_state(address.rpartition("/")[0], 0) is None
    assert read_state(f"{address}x", 0) is None


async def test_a_broker_that_is_killed_is_started_again(place: StandInPlace) -> None:
    backend = backend_of(place)
    run, address = await begun(backend, place)
    for _ in range(2):
        assert read_state(address, 10) is not None
        (process,) = await until(lambda: brokers(place, run), "the broker is there")
        os.kill(process, signal.SIGKILL)
        await until(lambda old=process: brokers(place, run) not in ([], [old]), "another is there")
    assert read_state(address, 10) is not None
    (process,) = brokers(place, run)
    await backend.cancel(run.id, "Ada")
    await ended(backend, run)
    assert not lives(process)


async def test_it_ends_with_the_program_when_the_keeper_was_killed(place: StandInPlace) -> None:
    backend = backend_of(place)
    run, address = await begun(backend, place)
    assert read_state(address, 10) is not None
    (process,) = brokers(place, run)
    started = json.loads((place.state / "runs" / run.id / STARTED).read_bytes())
    os.kill(started["keeper"], signal.SIGKILL)
    assert read_state(address, 10) is not None
    os.kill(started["program"], signal.SIGKILL)
    await until(lambda: not lives(process), "the broker ended")


async def test_a_run_that_starts_later_gets_the_keys_of_the_new_bot(place: StandInPlace) -> None:
    run = await start(place.make(Limits(runs=0)), place.task("environment"))
    backend = backend_of(place, ANTHROPIC_API_KEY="new")
    await ended(backend, run)
    assert b'"SANDBOX_BROKER_MODEL": "ANTHROPIC_API_KEY"' in await backend.read_log(run.id)
    assert (place.state / "runs" / run.id / FOLDER).exists()


async def test_without_keys_there_is_no_broker(place: StandInPlace) -> None:
    backend = place.make()
    run = await start(backend, place.task("environment"))
    await ended(backend, run)
    assert b"SANDBOX_BROKER" not in await backend.read_log(run.id)
