"""A broker for a repository on the git server and a scripted model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.broker_process import BrokerProcess
from tests.parts.git_server import OriginRepo


@pytest.fixture
def start_broker(tmp_path: Path, origin_repo: OriginRepo) -> Iterator[Callable[..., BrokerProcess]]:
    """Start a broker with the variables given; it ends with the test."""
    with ExitStack() as stack:

        def start(keys: dict[str, str] | None = None, **variables: str) -> BrokerProcess:
            brokers = len(list(tmp_path.glob("broker*")))
            folder = tmp_path / (f"broker-{brokers}" if brokers else "broker")
            folder.mkdir()
            made = BrokerProcess(folder, {"REPO_URL": origin_repo.url, **variables})
            if keys is not None:
                made.keys = keys
            return stack.enter_context(made)

        yield start


@pytest.fixture
def broker(start_broker: Callable[..., BrokerProcess]) -> BrokerProcess:
    """A broker with the keys of the tests."""
    return start_broker()
