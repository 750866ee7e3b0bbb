"""Which variables a repository may set: one list for its encrypted files and for its own configuration."""

from __future__ import annotations

import pytest

from sandbox.agents.claude import VARIABLES
from sandbox.reserved import may_be_set
from sandbox.task import Task, to_environment


@pytest.mark.parametrize(
    "name",
    [
        *to_environment(Task("https://git.example/x", "do it"), "run1"),
        *VARIABLES,
        *("SANDBOX_BROKER", "telegram_bot_token", "GIT_CONFIG_COUNT", "ssl_cert_file", "Path"),
        *("DISABLE_PROMPT_CACHING", "NODE_EXTRA_CA_CERTS", "A B", "", "A=B", "A\n", "LD_X\nY"),
    ],
)
def test_what_we_and_the_agent_live_by_may_not_be_set(name: str) -> None:
    assert not may_be_set(name)
    assert not may_be_set(name, beside_ours=True)


@pytest.mark.parametrize(
    "name", ["RAILS_ENV", "DATABASE_URL", "DISABLE_SPRING", "DISABLE_DATABASE_ENVIRONMENT_CHECK"]
)
def test_what_projects_live_by_may_be_set(name: str) -> None:
    assert may_be_set(name)
    assert may_be_set(name, beside_ours=True)


def test_a_repositorys_own_key_for_the_forge_doesnt_come_to_our_program() -> None:
    assert may_be_set("GITHUB_TOKEN")
    assert not may_be_set("GITHUB_TOKEN", beside_ours=True)
