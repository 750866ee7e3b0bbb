"""The broker in a real Pod: an agent that looks everywhere finds no key, and what it may not do is refused and told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from k8s.backend import KubernetesBackend
from runs.outcome import Ending
from runs.run import Run
from sandbox.keys import HELD
from sandbox.report import Cause
from sandbox.task import Task
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.kubectl import Kubectl
from tests.parts.git_server import TOKEN, OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.parts.model_fixtures import API_KEY
from tests.runs.contract import ended, reached, start
from tests.whole.bot_process import until

MakeApi = Callable[..., MessagesApi]
LIMIT_SECONDS = 240.0
"""A search through a whole image takes its time."""
AGE_KEY = "AGE-SECRET-KEY-1TEST"
SEARCH = Path(__file__).with_name("search_for_keys.py").read_text("utf-8")


def claude(place: ClusterPlace, api: MessagesApi, **others: object) -> KubernetesBackend:
    return place.make(agent="claude", environment={"ANTHROPIC_BASE_URL": api.url}, **others)


async def done(backend: KubernetesBackend, task: Task) -> Run:
    run = await ended(backend, await start(backend, task), LIMIT_SECONDS)
    assert run.outcome is not None
    return run


@pytest.mark.parametrize("brought", [False, True])
async def test_an_agent_that_looks_everywhere_finds_no_key(
    brought: bool,
    place: ClusterPlace,
    kubectl: Kubectl,
    repo: OriginRepo,
    messages_api: MakeApi,
) -> None:
    kubectl.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "age-key"},
            "stringData": {"age-key.txt": AGE_KEY},
        }
    )
    # Written backwards, so that the search doesn't find itself. The last one is there: else it might not look at all.
    wanted = " ".join(secret[::-1] for secret in (TOKEN, API_KEY, AGE_KEY, HELD))
    command = (
        f"cat > /tmp/search.py <<'E'\n{SEARCH}\nE\npython3 /tmp/search.py {wanted} > found.txt 2>&1"
    )
    api = messages_api(use("Bash", command=command), say("Looked."))
    task = place.task("look")
    if brought:
        task = replace(task, image=place.images.plain)
    run = await done(claude(place, api), task)
    assert run.outcome is not None and run.outcome.ending is Ending.PUSHED, run.outcome
    assert run.report is not None and run.report.branch is not None
    lines = repo.read(run.report.branch, "found.txt").splitlines()
    assert lines[-1].startswith("looked at "), lines
    found = {line.partition(" in ")[0] for line in lines if line.startswith("KEY")}
    assert found == {"KEY 3"}, lines
    assert "port 9180 answers" in lines


async def test_what_an_agent_may_not_do_is_refused_and_told(
    place: ClusterPlace, repo: OriginRepo, messages_api: MakeApi
) -> None:
    repo.commit({"theirs": "x"}, "Theirs", "claude/theirs")
    before = repo.branches()
    command = (
        "echo 1 > one; git add one; git commit -qm One; git fetch -q origin claude/theirs; "
        "for what in HEAD:main :claude/theirs +HEAD:claude/theirs; do git push origin $what; done; "
        "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:9180/forge/user\")'; true"
    )
    api = messages_api(use("Bash", command=command), say("Tried."))
    run = await done(claude(place, api), place.task("try"))
    assert run.outcome is not None and run.outcome.ending is Ending.PUSHED, run.outcome
    assert run.report is not None
    assert run.report.remark == (
        "The agent tried to push to main and to delete claude/theirs; refused. (and 2 more)"
    )
    assert before.items() < repo.branches().items()
    assert run.report.input_tokens == 2 * 6200


async def test_the_budget_is_measured_and_ends_the_run(
    place: ClusterPlace, messages_api: MakeApi
) -> None:
    api = messages_api(use("Bash", command="echo 1 > one"))
    task = replace(place.task("spend"), budget_usd=0.02)
    run = await done(claude(place, api), task)
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.cause) == (Ending.FAILED, Cause.BUDGET)
    assert run.report is not None and run.report.cost_usd is not None
    assert run.report.cost_usd >= 0.02


_UNTIL_IT_DIES = "while (: >/dev/tcp/127.0.0.1/9180) 2>/dev/null; do sleep 0.1; done"


@pytest.mark.own_cluster
async def test_a_broker_that_is_killed_comes_back_and_the_run_goes_on(
    place: ClusterPlace, messages_api: MakeApi
) -> None:
    api = messages_api(
        use("Bash", command=f"echo 1 > one; {_UNTIL_IT_DIES}"), say("Went on."), say("x")
    )
    backend = claude(place, api)
    run = await start(backend, place.task("go on"))
    await reached(backend, run, lambda seen: seen.report is not None, LIMIT_SECONDS)
    # Not earlier: with the broker an answer would die that it is passing on.
    await until(
        lambda: processes(b"/dev/tcp/127.0.0.1/9180"), "the agent's tool runs", LIMIT_SECONDS
    )
    (broker,) = await until(lambda: brokers_of(run), "the broker is found")
    os.kill(broker, signal.SIGKILL)
    run = await ended(backend, run, LIMIT_SECONDS)
    assert run.outcome is not None and run.outcome.ending is Ending.PUSHED, run.outcome
    assert run.report is not None
    assert run.report.input_tokens == 2 * 6200


def brokers_of(run: Run) -> list[int]:
    """Return the processes on this machine, where the node is, of a run's broker."""
    return processes(b"sandbox.broker", f"SANDBOX_RUN={run.id}".encode())


def processes(words: bytes, environment: bytes = b"") -> list[int]:
    """Return the processes on this machine whose command line and environment hold this."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            named = words in (process / "cmdline").read_bytes()
            if named and environment in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found
