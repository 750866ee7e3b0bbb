"""What is kept of the runs of this machine: seen from another terminal, and after they ended."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cli.exits import Failure
from cli.local.command import Wish, run_local
from cli.local.kept import KEPT_SECONDS, KILLED, Kept, held
from cli.local.look import is_here, refuse_here, run_local_jobs, run_local_logs, wanted
from cli.local.way import With
from cli.log_wish import LogWish
from cli.screen import Screen
from cli.where import Chosen
from cli.written import Written
from runs.outcome import Ending, Outcome
from runs.run import Run, State, command_line_origin, run_id
from sandbox.task import Task


class Machine:
    """A machine on which runs begin and end."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.environment = {"SANDBOX_STATE": str(folder / "state"), "HOME": str(folder)}
        self.kept = Kept(folder / "state")
        self._capsys = capsys

    @contextmanager
    def going(self, task: str, *lines: str) -> Iterator[Run]:
        """A run that goes on as long as the block lasts; then its command is gone."""
        run = begun(task)
        asyncio.run(self.kept.check())
        with held(self.kept.state, run.id):
            asyncio.run(self.kept.begin(run))
            with self.kept.logging(run.id) as write:
                for line in lines:
                    write(line)
                yield run

    def ended(self, task: str, *lines: str) -> Run:
        with self.going(task, *lines) as run:
            self.end(run)
        return run

    def end(self, run: Run) -> None:
        outcome = Outcome(Ending.PUSHED)
        ended = replace(run, state=State.ENDED, ended_at=time.time(), outcome=outcome)
        asyncio.run(self.kept.end(ended))

    def jobs(self) -> list[tuple[str, str, str | None]]:
        """Return what `jobs --local --json` says of each: its task, state and error."""
        self._capsys.readouterr()
        run_local_jobs(self.environment, Screen(as_json=True))
        found = json.loads(self._capsys.readouterr().out)
        return [(each["task"], each["state"], each["error"]) for each in found]

    def logs(self, wish: LogWish) -> tuple[str, str]:
        run_local_logs(self.environment, wish, Screen())
        shown = self._capsys.readouterr()
        return shown.out, shown.err


def begun(task: str) -> Run:
    key = f"command:{task}"
    origin = command_line_origin("Ada")
    what = Task("https://git.example/owner/name", task)
    return Run(run_id(key), key, what, origin, State.RUNNING, time.time(), "")


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machine:
    return Machine(tmp_path, capsys)


def test_what_goes_on_is_listed_first_and_what_a_killed_command_left_has_ended(
    machine: Machine,
) -> None:
    with machine.going("killed"):
        pass
    machine.ended("first")
    with machine.going("second"):
        machine.ended("third")
        assert machine.jobs() == [
            ("second", "running", None),
            ("third", "ended", None),
            ("first", "ended", None),
            ("killed", "ended", KILLED),
        ]


def test_a_person_sees_a_table_and_where_there_is_nothing_how_to_begin(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    run_local_jobs(machine.environment, Screen())
    assert 'claude-sandbox local "task"' in capsys.readouterr().err
    with machine.going("do it") as run:
        run_local_jobs(machine.environment, Screen())
    (_, row) = capsys.readouterr().out.splitlines()
    number, state, _, repo, *others = row.split("\t")
    assert (number, state, repo) == (run.id, "running", run.task.repo_url)
    assert others == ["Ada", "do it"]


def test_a_log_is_read_by_its_id_a_part_of_it_or_without_any(machine: Machine) -> None:
    run = machine.ended("do it", "▶ clone", "▶ agent", "▶ done")
    whole = "▶ clone\n▶ agent\n▶ done\n"
    for name in (run.id, run.id[:5], f"claude-{run.id}"):
        assert machine.logs(LogWish(name)) == (whole, "")
    assert machine.logs(LogWish(tail=1)) == ("▶ done\n", f"Run {run.id}, done\n")
    with machine.going("another", "▶ clone") as other:
        out, err = machine.logs(LogWish())
    assert (out, err.splitlines()[0]) == ("▶ clone\n", f"Run {other.id}, running")


def test_a_log_is_followed_until_its_run_has_ended(machine: Machine) -> None:
    with machine.going("do it", "▶ clone") as run:
        shown: list[tuple[str, str]] = []
        follower = threading.Thread(
            target=lambda: shown.append(machine.logs(LogWish(run.id, follows=True)))
        )
        follower.start()
        with machine.kept.log_of(run.id).open("a") as log:
            log.write("▶ agent\nthe last line")
        machine.end(run)
        follower.join(60)
    assert shown == [("▶ clone\n▶ agent\nthe last line\n", "")]


def test_what_is_older_than_30_days_goes_when_the_next_run_begins(machine: Machine) -> None:
    old = machine.ended("old", "▶ clone")
    before = time.time() - KEPT_SECONDS - 60
    for path in machine.kept.folder.glob(f"{old.id}.*"):
        os.utime(path, (before, before))
    machine.ended("new")
    assert [task for task, *_ in machine.jobs()] == ["new"]
    assert not machine.kept.log_of(old.id).exists()


def test_what_can_not_be_kept_is_said_before_the_run_begins(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    with pytest.raises(Failure, match="can't be used") as failure:
        asyncio.run(Kept(tmp_path / "state").check())
    assert "SANDBOX_STATE=" in failure.value.advice


def test_nothing_is_kept_of_a_run_that_never_began(machine: Machine, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\ncase "$1" in info|ps) ;; *) echo "no such image" >&2; exit 1; esac\n'
    )
    docker.chmod(0o755)
    variables = {
        "PATH": str(tmp_path),
        "CLAUDE_IMAGE": "team/sandbox:1",
        "SANDBOX_AGENT": "scripted",
    }
    wish = Wish("do it", repo="https://github.com/owner/name", way=With.DOCKER)
    wish = replace(wish, written=Written(services="none"))
    with pytest.raises(Failure, match="can't be pulled: no such image"):
        run_local({**machine.environment, **variables}, wish, Screen())
    assert machine.jobs() == []


@pytest.mark.parametrize(
    ("command", "going", "ended"),
    [
        ("cancel", "Press Ctrl-C", "claude-sandbox logs"),
        ("retry", "Press Ctrl-C", "claude-sandbox local"),
        ("clean", "Press Ctrl-C", "after 30 days"),
    ],
)
def test_what_only_a_job_knows_is_refused_with_the_next_step(
    command: str, going: str, ended: str, machine: Machine
) -> None:
    refuse_here(machine.environment, "abcdefgh", command)
    with machine.going("do it") as run:
        with pytest.raises(Failure, match="and goes on") as failure:
            refuse_here(machine.environment, run.id, command)
        assert going in failure.value.advice
    with pytest.raises(Failure, match="and has ended") as failure:
        refuse_here(machine.environment, f"claude-{run.id}", command)
    assert ended in failure.value.advice


def test_this_machine_is_meant_where_it_is_said_or_where_no_cluster_is_and_it_has_runs(
    machine: Machine, tmp_path: Path
) -> None:
    def asked(*, local: bool = False, namespace: str | None = None) -> bool:
        chosen = Chosen(None, namespace)
        return wanted(machine.environment, chosen, Screen(), local=local)

    assert (asked(), asked(local=True)) == (False, True)
    run = machine.ended("do it")
    assert (asked(), asked(namespace="team")) == (True, False)
    with pytest.raises(Failure, match="leave --context and --namespace out"):
        asked(local=True, namespace="team")
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").touch()
    assert not asked()
    assert is_here(machine.environment, run.id)
    assert not is_here(machine.environment, run.id[:7])


def test_a_services_log_and_an_unknown_run_are_answered(machine: Machine) -> None:
    machine.ended("do it")
    with pytest.raises(Failure, match="no service's"):
        machine.logs(LogWish(container="redis"))
    with pytest.raises(Failure, match="no run 'zz' on this machine"):
        machine.logs(LogWish("zz"))
