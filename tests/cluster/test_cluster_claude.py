"""The real Claude Code CLI in a restricted Pod, with PostgreSQL and Redis beside it; only its model is scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runs.outcome import Ending
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.images_of_tests import Images
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.runs.contract import ended, start

ASK_THE_SERVICES = """\
psql "$DATABASE_URL" -Atc 'SELECT version()' > services.txt && redis-cli -u "$REDIS_URL" PING >> services.txt"""


@pytest.fixture
def repo(git_server: GitServer) -> OriginRepo:
    return git_server.create("small", {"README.md": "# Small\n"})


@pytest.fixture
async def place(
    kubeconfig: Path, namespace: str, images: Images, repo: OriginRepo, tmp_path: Path
) -> AsyncIterator[ClusterPlace]:
    found = ClusterPlace(kubeconfig, namespace, images, repo.url, tmp_path)
    yield found
    await found.close()


async def test_the_real_claude_code_works_with_the_services_beside_it(
    place: ClusterPlace, repo: OriginRepo, messages_api: Callable[..., MessagesApi]
) -> None:
    api = messages_api(use("Bash", command=ASK_THE_SERVICES), say("Both services answer."))
    backend = place.make(agent="claude", environment={"ANTHROPIC_BASE_URL": api.url})
    task = replace(place.task("ask the services"), services=("postgres", "redis"))

    run = await ended(backend, await start(backend, task))

    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED, await backend.read_log(run.id)
    assert run.report is not None
    assert run.report.summary == "Both services answer."
    assert run.report.branch is not None
    version, pong = repo.read(run.report.branch, "services.txt").splitlines()
    assert version.startswith("PostgreSQL ")
    assert pong == "PONG"
