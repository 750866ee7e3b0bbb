"""Fixtures around the model: the scripted Messages API, and the real Claude Code CLI where it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.parts.messages_api import MessagesApi, Step

API_KEY = "sk-ant-api03-only-for-tests"
_PINS = Path(__file__).parents[2] / "image" / "package.json"


@pytest.fixture
def messages_api() -> Iterator[Callable[..., MessagesApi]]:
    """Start a Messages API with the steps given; it ends with the test."""
    with ExitStack() as stack:

        def start(*script: Step) -> MessagesApi:
            return stack.enter_context(MessagesApi(script))

        yield start


@pytest.fixture(scope="session")
def claude_cli() -> Path:
    """The real Claude Code CLI of the pinned version; tests that ask for it are marked `claude`."""
    found = find_claude_cli()
    if found is None:
        pytest.skip("the real Claude Code CLI is not installed: make claude-cli")
    return found


def find_claude_cli() -> Path | None:
    """Return the CLI that scripts/claude-cli installed, or one of the same version on PATH."""
    pinned = json.loads(_PINS.read_text("utf-8"))["dependencies"]["@anthropic-ai/claude-code"]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "claude-sandbox" / f"claude-code-{pinned}"
    installed = folder / "node_modules" / ".bin" / "claude"
    if installed.exists():
        return installed
    other = shutil.which("claude")
    if other is None:
        return None
    told = subprocess.run([other, "--version"], capture_output=True, text=True, timeout=30).stdout
    return Path(other) if told.split(" ")[0] == pinned else None


def claude_environment(cli: Path, api: MessagesApi, home: Path) -> dict[str, str]:
    """Return variables with which `claude` is the real CLI, its model the scripted one, and no login is there."""
    return {
        "PATH": f"{cli.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ANTHROPIC_API_KEY": API_KEY,
        "ANTHROPIC_BASE_URL": api.url,
        "CLAUDE_CODE_MAX_RETRIES": "1",
    }
