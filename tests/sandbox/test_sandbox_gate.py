"""The gate: before anything of the repository runs, an address is refused that network policies refuse."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.gate import Gate, GateMode, Watch, is_refused, read_gate
from sandbox.report import Cause, Phase, Verdict
from sandbox.task import BadEnvironment, from_environment
from tests.parts.git_server import OriginRepo
from tests.sandbox.running import Started, run, start

AGENT = "touch ran.txt; echo done"


@pytest.fixture
def reachable() -> Iterator[socket.socket]:
    """A server that takes connections, until it is closed."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        server.settimeout(60)
        yield server


def address(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def started_at_the_gate(folder: Path, repo: OriginRepo, server: socket.socket) -> Started:
    """Start a run that waits at the gate by now."""
    gate = f"{address(server)} fail 50"
    started = start(folder, AGENT, repo.url, SANDBOX_GATE=gate, SANDBOX_TIMEOUT="900")
    started.wait_for(lambda: "▶ gate" in started.log())
    return started


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.43.0.1:443 warn 10", Gate("10.43.0.1", 443, GateMode.WARN, 10.0)),
        ("kubernetes.default:6443 fail 0.5", Gate("kubernetes.default", 6443, GateMode.FAIL, 0.5)),
        ("fd00::1:443 fail 3", Gate("fd00::1", 443, GateMode.FAIL, 3.0)),
        ("[fd00::1]:443 fail 3", Gate("fd00::1", 443, GateMode.FAIL, 3.0)),
    ],
)
def test_a_gate_is_an_address_a_mode_and_a_time(text: str, expected: Gate) -> None:
    assert read_gate(text) == expected


@pytest.mark.parametrize(
    "text", ["10.43.0.1", "10.43.0.1:443", "$(HOST):$(PORT) warn 10", "a:1 maybe 2", "a:1 warn -2"]
)
def test_a_gate_that_cannot_be_read_is_a_bad_environment(text: str) -> None:
    with pytest.raises(BadEnvironment, match=r"SANDBOX_GATE is .*ADDRESS:PORT"):
        from_environment({"TASK": "t", "REPO_URL": "u", "SANDBOX_GATE": text})


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ("refused refused", 2),
        ("taken refused refused", 3),
        # A server that is just being restarted refuses once.
        ("refused taken refused refused", 4),
    ],
)
def test_an_address_is_refused_once_it_was_twice_in_a_row_fault_36(
    monkeypatch: pytest.MonkeyPatch, answers: str, asked: int
) -> None:
    coming = iter(answers.split())
    probed = []

    def connect(address: tuple[str, int], _: float) -> socket.socket:
        probed.append(address)
        if next(coming) == "refused":
            raise ConnectionRefusedError
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr("sandbox.gate.PAUSE_SECONDS", 0)
    assert is_refused("10.43.0.1", 443, 600)
    assert probed == [("10.43.0.1", 443)] * asked


def test_nobody_waits_at_the_gate_whose_time_is_over_or_who_is_stopped(
    reachable: socket.socket,
) -> None:
    watch = Watch(Gate("127.0.0.1", reachable.getsockname()[1], GateMode.FAIL, 600))
    try:
        assert watch.wait(time.monotonic(), lambda: False) is None
        assert watch.wait(time.monotonic() + 600, lambda: True) is None
    finally:
        watch.close()


def test_without_a_gate_nothing_is_waited_for(tmp_path: Path, file_repo: OriginRepo) -> None:
    finished = run(tmp_path, AGENT, file_repo.url)
    assert "▶ gate" not in finished.log


def test_a_refused_address_lets_the_run_go_on(
    tmp_path: Path, file_repo: OriginRepo, reachable: socket.socket
) -> None:
    gate = f"{address(reachable)} fail 30"
    reachable.close()
    finished = run(tmp_path, AGENT, file_repo.url, SANDBOX_GATE=gate)
    assert finished.report.verdict is Verdict.PUSHED
    assert finished.report.summary == "done"
    order = [line for line in finished.log.splitlines() if line.startswith("▶")]
    assert [line.split()[1] for line in order][:4] == ["environment", "clone", "gate", "agent"]


def test_the_agent_waits_until_the_address_is_refused_fault_36(
    tmp_path: Path, file_repo: OriginRepo, reachable: socket.socket
) -> None:
    started = started_at_the_gate(tmp_path, file_repo, reachable)
    for _ in range(3):  # it is probed, and goes on being probed
        reachable.accept()[0].close()
    assert "▶ agent" not in started.log()
    reachable.close()
    finished = started.finish()
    assert finished.report.verdict is Verdict.PUSHED


def test_a_run_goes_on_without_policies_where_it_may_and_says_so_fault_36(
    tmp_path: Path, file_repo: OriginRepo, reachable: socket.socket
) -> None:
    gate = f"{address(reachable)} warn 0.3"
    finished = run(tmp_path, AGENT, file_repo.url, SANDBOX_GATE=gate)
    assert finished.report.verdict is Verdict.PUSHED
    assert finished.report.summary == "done"
    assert "No network policy kept this run away" in (finished.report.remark or "")
    assert "no network policy holds, the run goes on without" in finished.log


def test_a_run_fails_without_policies_where_it_must_and_nothing_of_the_repo_has_run_fault_36(
    tmp_path: Path, file_repo: OriginRepo, reachable: socket.socket
) -> None:
    gate = f"{address(reachable)} fail 0.3"
    finished = run(tmp_path, AGENT, file_repo.url, SANDBOX_GATE=gate)
    assert finished.exit_code == 1
    assert (finished.report.verdict, finished.report.cause) == (Verdict.FAILED, Cause.UNPROTECTED)
    assert finished.report.phase is Phase.CLONE
    assert "could still be reached after 0.3 s" in (finished.report.error or "")
    assert "▶ agent" not in finished.log
    assert set(file_repo.branches()) == {"main"}


def test_a_run_is_stopped_while_it_waits_at_the_gate(
    tmp_path: Path, file_repo: OriginRepo, reachable: socket.socket
) -> None:
    started = started_at_the_gate(tmp_path, file_repo, reachable)
    started.process.terminate()
    finished = started.finish()
    assert finished.report.cause is Cause.CANCELLED
    assert "▶ agent" not in finished.log


def test_a_run_whose_time_is_over_ends_at_the_gate(
    tmp_path: Path, file_repo: OriginRepo, reachable: socket.socket
) -> None:
    gate = f"{address(reachable)} fail 50"
    finished = run(tmp_path, AGENT, file_repo.url, SANDBOX_GATE=gate, SANDBOX_TIMEOUT="5")
    assert finished.report.cause is Cause.DEADLINE
