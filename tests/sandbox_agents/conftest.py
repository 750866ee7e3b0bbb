"""The studio of the tests of whose files configure the agent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parts.git_server import OriginRepo
from tests.parts.messages_api import MessagesApi, say
from tests.sandbox_agents.studio import Studio


@pytest.fixture
def studio(
    file_repo: OriginRepo,
    claude_cli: Path,
    messages_api: Callable[..., MessagesApi],
    tmp_path: Path,
) -> Studio:
    return Studio(file_repo, claude_cli, messages_api(say("Done.")), tmp_path)
