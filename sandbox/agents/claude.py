"""Claude Code, headless."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sandbox.agents.steps import Redact
from sandbox.agents.stream import StreamAgent
from sandbox.keys import read_keys
from sandbox.task import Assignment

VARIABLES = (
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_MAX_RETRIES",
    "API_TIMEOUT_MS",
    "CLAUDE_CONFIG_DIR",
)
"""What Claude Code takes from the sandbox's environment, beside its key, HOME, PATH and the like. Without a key, the
login in HOME or CLAUDE_CONFIG_DIR decides."""

_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
}
"""With these it opens connections to the model's API only."""

_SETTING = """\
You work unattended in a fresh clone: nobody answers while you work, so decide yourself and say what you decided. \
Only when a decision would be a mere guess that could ruin the work, stop and end your last message with one question: \
a person's answer to it comes as your next task. \
Don't push and don't open a pull request; that is done for you when you have ended. You may commit; what you leave \
uncommitted is committed for you. Your last message is shown in a chat: sum up in a few sentences what you did, \
and what is left."""


def claude(assignment: Assignment, environment: Mapping[str, str], redact: Redact) -> StreamAgent:
    """Make the execution of Claude Code for a Task; its key and VARIABLES are handed on from `environment`."""
    task = assignment.task
    command = ["claude", "-p", "--output-format", "stream-json", "--verbose"]
    command += ["--dangerously-skip-permissions", "--append-system-prompt", _SETTING]
    if task.model is not None:
        command.append(f"--model={task.model}")
    if task.budget_usd is not None:
        command.append(f"--max-budget-usd={task.budget_usd}")
    command += ["--", _verbatim(task.prompt)]
    needed = {name: environment[name] for name in VARIABLES if environment.get(name)}
    needed |= read_keys(environment).model_environment()
    return StreamAgent(command, {**_QUIET, **_as_root(), **needed}, redact)


def _verbatim(prompt: str) -> str:
    """Keep a prompt from being taken as a command of Claude Code's own, such as /clear, which asks no model.

    Only at the very start is a slash a command, so one space keeps the text what it is. Nothing else at the start
    means anything after `--`.
    """
    return f" {prompt}" if prompt.startswith("/") else prompt


def _as_root() -> dict[str, str]:
    """Root may skip permissions in a sandbox only; Claude Code believes this variable."""
    return {"IS_SANDBOX": "1"} if os.geteuid() == 0 else {}
