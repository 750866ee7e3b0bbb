"""`claude-sandbox local` with a real Docker and a real Podman: the same environment as on the cluster, nothing left of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config_file import parse
from bot.settings import read
from cli.local.bare import run_bare
from cli.local.contained import Here, run_contained
from cli.local.engine import find_engine
from cli.local.one_run import OneRun
from cli.local.pod import Stopping
from runs.outcome import Ending
from runs.run import Run, command_line_key, command_line_origin
from sandbox.report import Report
from sandbox.task import Task
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.docker import opened_docker
from tests.cluster.engine_here import EngineHere
from tests.cluster.podman import opened_podman
from tests.cluster.services_asked import ASK_THE_SERVICES, check_answers
from tests.parts.git_server import TOKEN, GitServer
from tests.parts.messages_api import MessagesApi, Step, say, use
from tests.parts.model_fixtures import API_KEY
from tests.runs.contract import ended, start

pytestmark = pytest.mark.own_cluster

LIMIT_SECONDS = 240.0
FILES = {
    "README.md": "# Small\n",
    "Gemfile": 'source "https://rubygems.org"\ngem "pg"\ngem "redis"\n',
}


PODMAN = pytest.param("podman", marks=pytest.mark.podman)
DOCKER = pytest.param("docker", marks=pytest.mark.docker)
with_both = pytest.mark.parametrize("engine", [PODMAN, DOCKER], indirect=True)
"""For what their words and ways could make different; all else is with Podman alone, for the time that it takes."""


@pytest.fixture(scope="module")
def podman() -> Iterator[EngineHere]:
    with opened_podman() as found:
        yield found


@pytest.fixture(scope="module")
def docker() -> Iterator[EngineHere]:
    with opened_docker() as found:
        yield found


@pytest.fixture(params=[PODMAN])
def engine(request: pytest.FixtureRequest) -> EngineHere:
    found: EngineHere = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def here_server(engine: EngineHere, tmp_path: Path) -> Iterator[GitServer]:
    """A git server that containers reach; it demands the token."""
    with GitServer(tmp_path / "git-here", host=engine.address) as server:
        yield server


class Local:
    """Calls of the command."""

    def __init__(self, engine: EngineHere, folder: Path) -> None:
        self.engine = engine
        config = folder / "config.yaml"
        images = {"postgres": "localhost/postgres:test", "redis": "localhost/redis:test"}
        config.write_text(json.dumps({"serviceImages": images}))
        self.environment = {
            **engine.environment,
            "HOME": str(folder),
            "GITHUB_TOKEN": TOKEN,
            "CLAUDE_IMAGE": "localhost/claude-sandbox:test",
            "SANDBOX_AGENT": "scripted",
            "SANDBOX_CONFIG": str(config),
            "SANDBOX_STATE": str(folder / "state"),
        }

    def command(self, *arguments: str) -> list[str]:
        program = [sys.executable, "-m", "cli", "local", "--with", self.engine.name.value]
        return [*program, "--network", self.engine.network, *arguments]

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )


@pytest.fixture
def local(engine: EngineHere, tmp_path: Path) -> Local:
    return Local(engine, tmp_path)


def comparable(report: Report | None) -> Report:
    """Return a Report without what differs from run to run; its phases without how long they took."""
    assert report is not None
    assert report.branch is not None
    return replace(
        report,
        run_id="",
        branch=report.branch.replace(report.run_id, "ID"),
        session_id=None,
        phase_seconds=tuple((phase, 0.0) for phase, _ in report.phase_seconds),
    )


def script() -> tuple[Step, ...]:
    return (use("Bash", command=ASK_THE_SERVICES), say("Both services answer."))


def one_run(task: Task, environment: Mapping[str, str]) -> OneRun:
    config = parse(
        'serviceImages: {postgres: "localhost/postgres:test", redis: "localhost/redis:test"}'
    )
    settings = read({**environment, "SANDBOX_BACKEND": "local"}, talks=False)
    origin = command_line_origin("Ada")
    return OneRun(command_line_key(), task, origin, settings, config, environment)


async def contained(one: OneRun, engine: EngineHere) -> Run:
    found = await find_engine(engine.name, one.environment)
    assert found is not None
    run = await run_contained(one, Here(found, engine.network), print, Stopping())
    assert engine.left(f"claude-{run.id}") == []
    return run


@with_both
async def test_a_bare_process_and_containers_end_with_the_same_report(
    engine: EngineHere, local: Local, here_server: GitServer
) -> None:
    reports = []
    for way in ("engine", "bare"):
        repo = here_server.create(f"both-{way}", {"README.md": "# Small\n"})
        task = Task(repo.url, "add a readme and commit it", services=())
        one = one_run(task, {**local.environment, "SANDBOX_AGENT": "scripted"})
        if way == "engine":
            run = await contained(one, engine)
        else:
            run = await run_bare(one, print, Stopping())
        assert run.outcome is not None
        assert run.outcome.report is not None
        assert run.outcome.report.branch in repo.branches()
        reports.append(comparable(run.outcome.report))
    assert reports[0] == reports[1]


@with_both
async def test_a_run_with_services_ends_with_the_same_report_as_on_the_cluster(
    engine: EngineHere,
    local: Local,
    place: ClusterPlace,
    here_server: GitServer,
    git_server: GitServer,
    messages_api: Callable[..., MessagesApi],
) -> None:
    repos = (git_server.create("same", FILES), here_server.create("same", FILES))
    on_cluster = messages_api(*script())
    backend = place.make(agent="claude", environment={"ANTHROPIC_BASE_URL": on_cluster.url})
    task = Task(repos[0].url, "ask the services", services=("postgres", "redis"))
    run = await ended(backend, await start(backend, task), LIMIT_SECONDS)
    assert run.outcome is not None
    with MessagesApi(script(), engine.address) as model:
        variables = {"SANDBOX_AGENT": "claude", "ANTHROPIC_BASE_URL": model.url}
        variables |= {"ANTHROPIC_API_KEY": API_KEY}
        asked = Task(repos[1].url, "ask the services")  # which ones, the repository says
        here = await contained(one_run(asked, {**local.environment, **variables}), engine)
    assert here.outcome is not None
    assert comparable(here.outcome.report) == comparable(run.outcome.report)
    for repo, report in zip(repos, (run.outcome.report, here.outcome.report), strict=True):
        assert report is not None
        assert report.branch is not None
        check_answers(repo, report.branch)


def test_a_task_is_done_from_the_command_line_and_nothing_is_left_of_it(
    local: Local, here_server: GitServer
) -> None:
    repo = here_server.create("plain", {"README.md": "# Small\n"})
    done = local.run("add a readme", "--repo", repo.url, "--services", "none", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["ending"], told["with"], told["pushed"]) == (
        "pushed",
        local.engine.name.value,
        True,
    )
    assert told["branch"] in repo.branches()
    assert "▶ agent" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert local.engine.left(told["job"]) == []


def test_a_failed_task_ends_in_the_words_of_the_chat_and_with_1(
    local: Local, here_server: GitServer
) -> None:
    repo = here_server.create("failing", {"README.md": "# Small\n"})
    done = local.run("fail", "--repo", repo.url, "--services", "none")
    assert done.returncode == 1, done.stderr
    assert "❌ Failed" in done.stdout
    assert "The task asked for a failure" in done.stdout


@pytest.mark.parametrize(
    ("engine", "at"),
    [
        pytest.param("podman", "▶ containers", marks=pytest.mark.podman),
        pytest.param("podman", "▶ beside", marks=pytest.mark.podman),
        pytest.param("podman", "▶ agent", marks=pytest.mark.podman),
        pytest.param("docker", "▶ beside", marks=pytest.mark.docker),
    ],
    indirect=["engine"],
)
def test_ctrl_c_at_any_moment_says_what_became_of_the_run_and_leaves_nothing(
    at: str, local: Local, here_server: GitServer, tmp_path: Path
) -> None:
    repo = here_server.create(f"stopped-{len(at)}", {"README.md": "# Small\n"})
    process = subprocess.Popen(
        local.command("wait 200", "--repo", repo.url, "--services", "redis", "--json"),
        env=local.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith(at):
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 130, "".join(seen) + err
    told = json.loads(out)
    assert told["ending"] == Ending.CANCELLED.value
    assert "Stopping" in err
    assert local.engine.left(told["job"]) == []


@pytest.mark.parametrize(
    ("options", "images", "words"),
    [
        (("--image", "localhost/redis:test"), {}, "lacks python3"),
        (
            ("--services", "redis"),
            {"redis": "localhost/plain:test"},
            "A service beside the agent doesn't start.",
        ),
    ],
)
def test_what_fails_here_has_the_words_that_it_has_on_the_cluster(
    options: tuple[str, ...],
    images: dict[str, str],
    words: str,
    local: Local,
    here_server: GitServer,
    tmp_path: Path,
) -> None:
    repo = here_server.create(f"ends-{len(words)}", {"README.md": "# Small\n"})
    config = tmp_path / "config.yaml"
    known = json.loads(config.read_text())["serviceImages"]
    config.write_text(
        json.dumps({"serviceImages": {**known, **images}, "patience": {"service": "1m"}})
    )
    done = local.run("add a readme", "--repo", repo.url, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in done.stdout


def test_what_a_killed_command_left_is_removed_by_the_next_and_two_runs_go_on_beside_each_other(
    local: Local, here_server: GitServer
) -> None:
    repo = here_server.create("killed", {"README.md": "# Small\n"})
    arguments = ("--repo", repo.url, "--services", "redis", "--json")
    killed, beside = (
        subprocess.Popen(
            local.command("wait 60", *arguments),
            env=local.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    )
    for process in (killed, beside):
        assert process.stderr is not None
        assert any(line.startswith("▶ agent") for line in process.stderr)
    killed.kill()
    killed.communicate()
    done = local.run("add a readme", *arguments)
    assert done.returncode == 0, done.stderr
    assert "whose command was killed" in done.stderr
    beside.send_signal(signal.SIGTERM)
    out, _ = beside.communicate(timeout=LIMIT_SECONDS)
    for told in (json.loads(out), json.loads(done.stdout)):
        assert local.engine.left(told["job"]) == []
    assert local.engine.run("ps", "-aq", "--filter", "label=claude-sandbox.run") == ""


@with_both
def test_the_broker_has_the_keys_and_the_agents_container_has_none(
    local: Local, here_server: GitServer, tmp_path: Path
) -> None:
    repo = here_server.create("keys", {"README.md": "# Small\n"})
    key = tmp_path / "age.txt"
    key.write_text("AGE-SECRET-KEY-1TEST\n")
    key.chmod(0o600)
    process = subprocess.Popen(
        local.command("wait 200", "--repo", repo.url, "--services", "none", "--json"),
        env={**local.environment, "SOPS_AGE_KEY_FILE": str(key)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    named = next(line for line in process.stderr if line.startswith("▶ environment run "))
    assert any(line.startswith("▶ agent") for line in process.stderr)
    pod = f"claude-{named.split()[-1]}"
    engine = local.engine
    assert "AGE-SECRET-KEY" in engine.run("exec", f"{pod}-broker", "cat", "/secrets/age-key.txt")
    assert f"GITHUB_TOKEN={TOKEN}" in engine.run("exec", f"{pod}-broker", "env")
    assert TOKEN not in engine.run("exec", f"{pod}-claude", "env")
    assert "secrets" not in engine.run("exec", f"{pod}-claude", "ls", "/").split()
    assert TOKEN not in engine.run("inspect", f"{pod}-claude")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_SECONDS)
    assert engine.left(pod) == []
