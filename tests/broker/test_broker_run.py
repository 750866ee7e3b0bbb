"""Whole runs of the sandbox program through a broker: it works as without one, and tells what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.keys import BROKER, BROKER_MODEL
from sandbox.report import Cause, Verdict
from tests.broker.broker_process import BrokerProcess
from tests.parts.git_server import TOKEN, GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, say
from tests.parts.model_fixtures import API_KEY
from tests.sandbox.running import run, start
from tests.sandbox.test_sandbox_forge import ADDRESS, EXISTS, FakeGitHub

Start = Callable[..., BrokerProcess]
CALL = """\
python3 -S -c 'import json, sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], json.dumps({"stream": True}).encode()))' \
"$MODEL/v1/messages" """


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    fake = FakeGitHub()
    yield fake
    fake.close()


def test_a_run_clones_pushes_and_opens_its_pull_request(
    start_broker: Start, origin_repo: OriginRepo, github: FakeGitHub, tmp_path: Path
) -> None:
    broker = start_broker(SANDBOX_PR="1", GITHUB_API_URL=github.url)
    variables = {BROKER: broker.url, "SANDBOX_PR": "1", "GITHUB_API_URL": github.url}
    script = "echo 1 > one; git remote get-url origin; git fetch -q origin main && echo Fetched."
    done = run(tmp_path / "run", script, origin_repo.url, **variables)
    assert (done.report.verdict, done.report.pull_request) == (Verdict.PUSHED, ADDRESS), done.log
    assert origin_repo.read(str(done.report.branch), "one") == "1\n"
    assert f"{broker.url}/git" in done.log and "Fetched." in done.log
    assert (done.report.remark, done.report.cost_usd) == (None, None)
    [(method, path, headers, values)] = github.asked
    assert (method, path, values["head"]) == ("POST", "/repos/small/pulls", done.report.branch)
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert done.workspace.exists()


def test_a_pull_request_that_is_there_already_is_found(
    start_broker: Start, origin_repo: OriginRepo, github: FakeGitHub, tmp_path: Path
) -> None:
    github.created = (422, EXISTS)
    variables = {"SANDBOX_PR": "1", "GITHUB_API_URL": github.url}
    broker = start_broker(**variables)
    done = run(
        tmp_path / "run", "echo 1 > one", origin_repo.url, **{BROKER: broker.url}, **variables
    )
    assert (done.report.pull_request, [asked[0] for asked in github.asked]) == (
        ADDRESS,
        ["POST", "GET"],
    ), done.log


def test_what_was_refused_is_told_in_the_report(
    start_broker: Start, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    broker = start_broker()
    before = origin_repo.branches()["main"]
    commit = "echo 1 > one; git add one; git commit -qm One"
    script = f"{commit}; git push -q origin HEAD:main; git push -q origin :main; true"
    done = run(tmp_path / "run", script, origin_repo.url, **{BROKER: broker.url})
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert done.report.remark == "The agent tried to push to main and to delete main; refused."
    assert origin_repo.branches()["main"] == before
    assert "this run may push to branches claude/abcd2345-* only" in done.log


def test_what_the_model_cost_is_measured_and_the_budget_is_the_cause(
    start_broker: Start,
    origin_repo: OriginRepo,
    messages_api: Callable[..., MessagesApi],
    tmp_path: Path,
) -> None:
    broker = start_broker(ANTHROPIC_BASE_URL=messages_api(say("x")).url, SANDBOX_BUDGET="0.001")
    script = f"MODEL={broker.url}/model; echo 1 > one; {CALL} && {CALL}"
    done = run(tmp_path / "run", script, origin_repo.url, **{BROKER: broker.url})
    assert (done.report.verdict, done.report.cause) == (Verdict.FAILED, Cause.BUDGET), done.log
    assert done.report.pushed
    # The scripted API names no model that has a price, so that of the dearest counts.
    assert done.report.cost_usd == pytest.approx((1200 * 15 + 5000 * 1.5 + 42 * 75) / 1e6)
    assert (done.report.input_tokens, done.report.output_tokens) == (6200, 42)


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(
    start_broker: Start, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    broker = start_broker()
    going = tmp_path / "go"
    script = f"echo 1 > one; while [ ! -e {going} ]; do sleep 0.05; done"
    begun = start(tmp_path / "run", script, origin_repo.url, **{BROKER: broker.url})
    begun.wait_for(lambda: "▶ agent" in begun.log())
    broker.kill()
    going.touch()
    broker.start()
    done = begun.finish()
    assert done.report.verdict is Verdict.PUSHED, done.log


def test_words_of_git_name_the_real_server_and_keys_stay_out(
    start_broker: Start, origin_repo: OriginRepo, git_server: GitServer, tmp_path: Path
) -> None:
    broker = start_broker(REPO_URL=git_server.repo_url("gone"))
    variables = {BROKER: broker.url, BROKER_MODEL: ""}
    done = run(tmp_path / "run", "true", git_server.repo_url("gone"), **variables)
    assert done.report.cause is Cause.CLONE_NOT_FOUND, done.log
    assert str(broker.port) not in done.log
    assert git_server.repo_url("gone") in (done.report.error or "")
    assert not [key for key in (TOKEN, API_KEY) if key in done.log]
