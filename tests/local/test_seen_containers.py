"""What an engine says of a run's containers means what it would mean on a cluster."""

from __future__ import annotations

import pytest

from cli.local.engine import State
from cli.local.seen import Seen, not_begun, outcome
from runs.outcome import Ending
from runs.outcome import Seen as Cause
from sandbox.report import Cause as Told
from sandbox.report import Phase, Report, Verdict, encode

RUNS = State("running")
PUSHED = encode(Report("run", Phase.DONE, Verdict.PUSHED, branch="b", pushed=True))
HALFWAY = encode(Report("run", Phase.AGENT))
BESIDE = {"broker": RUNS}


@pytest.mark.parametrize(
    ("agent", "report", "ending", "cause"),
    [
        (State("exited"), PUSHED, Ending.PUSHED, None),
        (State("exited"), b"", Ending.FINISHED, None),
        (State("exited", 3), b"", Ending.FAILED, Cause.EXIT_CODE),
        (State("exited", 1), PUSHED, Ending.FAILED, Cause.FORGED_REPORT),
        (State("exited", 137, out_of_memory=True), HALFWAY, Ending.FAILED, Cause.OUT_OF_MEMORY),
        (State("exited", 137), HALFWAY, Ending.FAILED, Cause.KILLED),
        (
            State("created", 127, error='exec: "python3": executable file not found in $PATH'),
            b"",
            Ending.FAILED,
            Told.TOOLS_MISSING,
        ),
        (State("created", 127, error="exec format error"), b"", Ending.FAILED, Cause.EXEC_FORMAT),
    ],
)
def test_an_agents_end(
    agent: State, report: bytes, ending: Ending, cause: Cause | Told | None
) -> None:
    found = outcome("run", Seen({**BESIDE, "claude": agent}, report=report), cancelled=False)
    assert (found.ending, found.cause) == (ending, cause)


def test_a_run_that_was_stopped_and_did_not_end_in_time_was_stopped() -> None:
    seen = Seen({**BESIDE, "claude": State("exited", 137)}, report=HALFWAY)
    assert outcome("run", seen, cancelled=True).ending is Ending.CANCELLED


def test_a_run_that_was_ended_because_its_time_was_over_says_so() -> None:
    seen = Seen({**BESIDE, "claude": State("exited", 137)}, report=HALFWAY, out_of_time=True)
    assert outcome("run", seen, cancelled=False).cause is Cause.DEADLINE_BY_CLUSTER


def test_a_program_that_could_not_be_brought_says_why() -> None:
    states = {**BESIDE, "sandbox-program": State("exited", 1)}
    words = {"sandbox-program": "no space left"}
    found = outcome("run", Seen(states, last_words=words), cancelled=False)
    assert (found.cause, found.error) == (Cause.NOT_STARTED, "sandbox-program: no space left")


def test_a_service_that_was_started_again_beside_a_good_end_is_a_remark() -> None:
    states = {"redis-sidecar": State("running", 1, restarts=2), "claude": State("exited")}
    seen = Seen(states, frozenset({"redis-sidecar"}), PUSHED)
    found = outcome("run", seen, cancelled=False)
    assert found.ending is Ending.PUSHED
    assert "redis-sidecar ended and was started again" in (found.remark or "")


@pytest.mark.parametrize(
    ("name", "state", "cause"),
    [
        ("redis-sidecar", State("exited", 1, restarts=5), Cause.SERVICE_FAILED),
        ("redis-sidecar", State("running", restarts=5), Cause.SERVICE_FAILED),
        ("redis-sidecar", State("running"), Cause.SERVICE_NOT_READY),
        (
            "redis-sidecar",
            State("exited", 137, out_of_memory=True, restarts=5),
            Cause.SERVICE_OUT_OF_MEMORY,
        ),
        ("broker", State("exited", 2, restarts=5), Cause.BROKER_FAILED),
        ("broker", State("running"), Cause.BROKER_FAILED),
    ],
)
def test_what_does_not_get_ready_beside_the_agent(name: str, state: State, cause: Cause) -> None:
    words = {name: "its last words"} if state.restarts else {}
    found = not_begun(Seen({name: state}, last_words=words))
    assert (found.ending, found.cause) == (Ending.FAILED, cause)
    assert (found.error or "").startswith(f"{name}: ")
    assert ("its last words" in (found.error or "")) is bool(state.restarts)


@pytest.mark.parametrize(
    ("redis", "cause", "error"),
    [
        (
            RUNS,
            Cause.SERVICE_NOT_READY,
            "redis-sidecar: not ready\nredis (127.0.0.1:6379): Connection refused\nits last words",
        ),
        (
            State("exited", 1),
            Cause.SERVICE_FAILED,
            "redis-sidecar: exit code 1 its last words",
        ),
        (
            State("restarting", 1, restarts=3),
            Cause.SERVICE_FAILED,
            "redis-sidecar: exit code 1 its last words",
        ),
        (
            State("running", 137, out_of_memory=True, restarts=3),
            Cause.SERVICE_OUT_OF_MEMORY,
            "redis-sidecar: OOMKilled, exit code 137 its last words",
        ),
    ],
)
def test_of_a_service_that_was_waited_for_in_vain_its_container_says_why(
    redis: State, cause: Cause, error: str
) -> None:
    told = Report(
        "run",
        Phase.SERVICES,
        Verdict.FAILED,
        cause=Told.SERVICE_UNREACHABLE,
        error="redis (127.0.0.1:6379): Connection refused",
    )
    states = {**BESIDE, "postgres-sidecar": RUNS, "redis-sidecar": redis}
    states["claude"] = State("exited", 1)
    seen = Seen(
        states,
        frozenset({"broker", "postgres-sidecar", "redis-sidecar"}),
        encode(told),
        {"redis-sidecar": "its last words", "postgres-sidecar": "ready to accept connections"},
    )
    found = outcome("run", seen, cancelled=False)
    assert (found.cause, found.error) == (cause, error)
