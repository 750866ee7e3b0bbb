"""`claude-sandbox local` with a real Podman: the same environment as on the cluster, and nothing left of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config_file import parse
from bot.settings import read
from cli.local.contained import Here, run_contained
from cli.local.engine import find_engine
from cli.local.one_run import OneRun
from cli.local.pod import Stopping
from cli.local.way import With
from runs.outcome import Ending
from runs.run import command_line_key, command_line_origin
from sandbox.report import Report
from sandbox.task import Task
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.podman import Podman, opened_podman
from tests.cluster.services_asked import ASK_THE_SERVICES, check_answers
from tests.parts.git_server import TOKEN, GitServer
from tests.parts.messages_api import MessagesApi, Step, say, use
from tests.parts.model_fixtures import API_KEY
from tests.runs.contract import ended, start

pytestmark = [pytest.mark.podman, pytest.mark.own_cluster]

LIMIT_SECONDS = 240.0
FILES = {
    "README.md": "# Small\n",
    "Gemfile": 'source "https://rubygems.org"\ngem "pg"\ngem "redis"\n',
}
OF_ONE_RUN = ("run_id", "branch", "session_id", "dependency_seconds")
"""Fields of a Report that differ from run to run."""


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with opened_podman() as found:
        yield found


@pytest.fixture(scope="module")
def here_server(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git server that containers reach; it demands the token."""
    with GitServer(tmp_path_factory.mktemp("git-here"), host=podman.address) as server:
        yield server


class Local:
    """Calls of the command."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self.podman = podman
        config = folder / "config.yaml"
        images = {"postgres": "localhost/postgres:test", "redis": "localhost/redis:test"}
        config.write_text(json.dumps({"serviceImages": images}))
        self.environment = {
            **podman.environment,
            "HOME": str(folder),
            "GITHUB_TOKEN": TOKEN,
            "CLAUDE_IMAGE": "localhost/claude-sandbox:test",
            "SANDBOX_AGENT": "scripted",
            "SANDBOX_CONFIG": str(config),
            "SANDBOX_STATE": str(folder / "state"),
        }

    def command(self, *arguments: str) -> list[str]:
        program = [sys.executable, "-m", "cli", "local", "--with", "podman"]
        return [*program, "--network", self.podman.network, *arguments]

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )


@pytest.fixture
def local(podman: Podman, tmp_path: Path) -> Local:
    return Local(podman, tmp_path)


def comparable(report: Report | None) -> Report:
    assert report is not None
    return replace(report, run_id="", branch="", session_id=None, dependency_seconds=None)


def script() -> tuple[Step, ...]:
    return (use("Bash", command=ASK_THE_SERVICES), say("Both services answer."))


async def in_podman(podman: Podman, task: Task, **variables: str) -> Report | None:
    environment = {**podman.environment, "GITHUB_TOKEN": TOKEN, **variables}
    environment |= {"CLAUDE_IMAGE": "localhost/claude-sandbox:test"}
    config = parse(
        'serviceImages: {postgres: "localhost/postgres:test", redis: "localhost/redis:test"}'
    )
    settings = read({**environment, "SANDBOX_BACKEND": "local"}, talks=False)
    engine = await find_engine(With.PODMAN, environment)
    assert engine is not None
    one = OneRun(
        command_line_key(), task, command_line_origin("Ada"), settings, config, environment
    )
    run = await run_contained(one, Here(engine, podman.network), print, Stopping())
    assert podman.left(f"claude-{run.id}") == []
    assert run.outcome is not None
    return run.outcome.report


async def test_a_run_with_services_ends_with_the_same_report_as_on_the_cluster(
    podman: Podman,
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
    with MessagesApi(script(), podman.address) as model:
        found = await in_podman(
            podman,
            Task(repos[1].url, "ask the services"),
            ANTHROPIC_BASE_URL=model.url,
            ANTHROPIC_API_KEY=API_KEY,
        )
    assert comparable(found) == comparable(run.outcome.report)
    for repo, report in zip(repos, (run.outcome.report, found), strict=True):
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
    assert (told["ending"], told["with"], told["pushed"]) == ("pushed", "podman", True)
    assert told["branch"] in repo.branches()
    assert "▶ agent" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert local.podman.left(told["job"]) == []


def test_a_failed_task_ends_in_the_words_of_the_chat_and_with_1(
    local: Local, here_server: GitServer
) -> None:
    repo = here_server.create("failing", {"README.md": "# Small\n"})
    done = local.run("fail", "--repo", repo.url, "--services", "none")
    assert done.returncode == 1, done.stderr
    assert "❌ Failed" in done.stdout
    assert "The task asked for a failure" in done.stdout


@pytest.mark.parametrize("at", ["▶ containers", "▶ beside", "▶ agent"])
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
    assert local.podman.left(told["job"]) == []


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
