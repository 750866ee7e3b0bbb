"""The real Claude Code CLI behind the broker: it works with the stand-in for its key, and ends at once at the budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.keys import BROKER
from sandbox.report import Cause, Verdict
from tests.broker.broker_process import BrokerProcess
from tests.parts.git_server import TOKEN, OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.parts.model_fixtures import claude_environment
from tests.sandbox.running import start_program

pytestmark = pytest.mark.claude

Start = Callable[..., BrokerProcess]
MakeApi = Callable[..., MessagesApi]


@pytest.mark.parametrize(
    ("key", "header", "sent"),
    [
        ("ANTHROPIC_API_KEY", "x-api-key", "real-key"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "authorization", "Bearer real-key"),
    ],
)
def test_it_works_with_either_kind_of_key_and_its_cost_is_measured(
    key: str,
    header: str,
    sent: str,
    start_broker: Start,
    origin_repo: OriginRepo,
    messages_api: MakeApi,
    claude_cli: Path,
    tmp_path: Path,
) -> None:
    api = messages_api(use("Bash", command="env > one"), say("Done."))
    broker = start_broker({key: "real-key", "GITHUB_TOKEN": TOKEN}, ANTHROPIC_BASE_URL=api.url)
    environment = claude_environment(claude_cli, api, tmp_path / "home")
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        del environment[name]
    done = start_program(
        tmp_path / "run", origin_repo.url, **environment, **{BROKER: broker.url}
    ).finish()
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert {request.headers[header] for request in api.requests} == {sent}
    assert "real-key" not in origin_repo.read(str(done.report.branch), "one")
    assert (done.report.input_tokens, done.report.output_tokens) == (2 * 6200, 2 * 42)
    assert done.report.cost_usd == broker.state().cost_usd


def test_at_the_budget_it_ends_at_once(
    start_broker: Start,
    origin_repo: OriginRepo,
    messages_api: MakeApi,
    claude_cli: Path,
    tmp_path: Path,
) -> None:
    api = messages_api(use("Bash", command="echo 1 >> one"))
    broker = start_broker(ANTHROPIC_BASE_URL=api.url, SANDBOX_BUDGET="0.01")
    environment = claude_environment(claude_cli, api, tmp_path / "home")
    del environment["CLAUDE_CODE_MAX_RETRIES"]
    environment[BROKER] = broker.url
    began = time.monotonic()
    # The sandbox program isn't told of the budget, so Claude Code doesn't keep it itself.
    done = start_program(tmp_path / "run", origin_repo.url, **environment).finish()
    assert (done.report.verdict, done.report.cause) == (Verdict.FAILED, Cause.BUDGET), done.log
    assert done.report.pushed
    assert [each.times for each in broker.state().refusals] == [1]
    # Ten tries, as many as it makes otherwise, take three minutes.
    assert time.monotonic() - began < 120
