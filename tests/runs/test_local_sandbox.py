"""The contract over the local Backend with the real sandbox program, its scripted agent, and a real repository."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.report import Verdict
from tests.runs.contract import BackendContract, ended, start
from tests.runs.local_places import SandboxPlace


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[SandboxPlace]:
    sandbox = SandboxPlace(tmp_path)
    yield sandbox
    await sandbox.close()


class TestLocalSandbox(BackendContract):
    pass


async def test_the_branch_that_is_told_is_on_the_remote(place: SandboxPlace) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    assert run.report is not None
    assert run.report.verdict is Verdict.PUSHED
    assert run.report.branch in place.branches()
    assert "▶ done" in (await backend.read_log(run.id)).decode()
