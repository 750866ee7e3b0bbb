"""The real Claude Code CLI against the scripted model: what it really does, read by our own agent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.agents import Agent, AgentResult
from sandbox.agents.choose import choose
from sandbox.keys import without_keys
from sandbox.process import Command, Limits, run
from sandbox.process import Ended as ByWhom
from sandbox.report import Cause
from sandbox.task import Assignment, Task
from tests.parts.messages_api import Garbage, Hang, MessagesApi, Refusal, Step, Turn, say, use
from tests.parts.model_fixtures import API_KEY, claude_environment

pytestmark = pytest.mark.claude

LIMIT_SECONDS = 180
HOSTILE = (
    "-rf x",
    "--version",
    "doctor",
    '"; rm -rf / #',
    "$(GITHUB_TOKEN) `id` {{7*7}} %s \\",
    '": \n- name: EVIL\n  value: x',
    "\r\n windows \r\n\t",
    "\u2028\ufeff\u202e\x1b[31m\x7f😀",
    "!ls",
    "@/etc/hostname #note",
    "x" * 4096,
)


@dataclass(frozen=True, slots=True)
class Ended:
    """What one execution came to."""

    lines: list[str]
    result: AgentResult
    exit_code: int


@dataclass(frozen=True, slots=True)
class Claude:
    """The CLI with a home of its own and a scripted model."""

    cli: Path
    api: MessagesApi
    clone: Path
    home: Path

    def work(
        self,
        prompt: str = "Do it",
        *extra: str,
        variables: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Ended:
        """Execute a task to its end; `extra` are options that our own grammar doesn't have."""
        agent = self.agent(prompt, variables or {}, **options)
        out = bytearray()
        limits = Limits(time.monotonic() + LIMIT_SECONDS)
        execution = run(
            self._command(agent, variables or {}, extra), limits, out.extend, out.extend
        )
        assert execution.ended is ByWhom.BY_ITSELF
        return read_to_end(agent, bytes(out), execution.exit_code)

    def agent(self, prompt: str, variables: Mapping[str, str], **options: Any) -> Agent:
        """Choose the agent as the sandbox program does."""
        task = Task("https://example.org/x.git", prompt, **options)
        assignment = Assignment("run1", task, "claude", "/report", "/workspace")
        return choose(assignment, {**self._environment(), **variables})

    @contextmanager
    def started(self, agent: Agent) -> Iterator[subprocess.Popen[bytes]]:
        """Start the agent in a process group of its own, for a test that sends it signals; it is dead after."""
        command = self._command(agent, {}, ())
        with subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def _command(self, agent: Agent, variables: Mapping[str, str], extra: Sequence[str]) -> Command:
        program, *arguments = agent.command()
        scrubbed = without_keys({**self._environment(), **variables})
        path = [program, *extra, *arguments]
        return Command(path, str(self.clone), {**scrubbed, **agent.environment()})

    def _environment(self) -> dict[str, str]:
        return claude_environment(self.cli, self.api, self.home)


@pytest.fixture
def claude(
    claude_cli: Path, messages_api: Callable[..., MessagesApi], tmp_path: Path
) -> Callable[..., Claude]:
    """Make a clone to work in, and the CLI with a model of these steps."""

    def make(*script: Step) -> Claude:
        clone, home = tmp_path / "clone", tmp_path / "home"
        clone.mkdir()
        home.mkdir()
        return Claude(claude_cli, messages_api(*script), clone, home)

    return make


def read_to_end(agent: Agent, out: bytes, exit_code: int) -> Ended:
    lines = [line for row in out.splitlines(keepends=True) for line in agent.read(row)]
    return Ended(lines, agent.result(exit_code), exit_code)


def test_a_task_is_really_done_and_every_step_is_one_line(claude: Callable[..., Claude]) -> None:
    made = claude()
    write = use("Write", file_path=str(made.clone / "src" / "hello.txt"), content="hello\n")
    made.api.script = [
        Turn([*say("I will write it.").blocks, *write.blocks]),
        use("Bash", command="cat src/hello.txt\nid -u", description="look"),
        say("Wrote hello.txt."),
    ]
    ended = made.work("Write hello.txt", model="claude-sonnet-5-5")
    assert (made.clone / "src" / "hello.txt").read_text() == "hello\n"
    assert ended.lines == [
        "I will write it.",
        "✎ Write src/hello.txt",
        "$ cat src/hello.txt …",
        "Wrote hello.txt.",
    ]
    assert (ended.exit_code, ended.result.ended_well) == (0, True)
    assert ended.result.summary == "Wrote hello.txt."
    assert (ended.result.input_tokens, ended.result.output_tokens) == (3 * 6200, 3 * 42)
    assert (ended.result.turns, ended.result.model) == (3, "claude-sonnet-5-5")
    assert ended.result.cost_usd and ended.result.session_id


def test_a_command_that_fails_is_told_by_the_lines_that_prove_it(
    claude: Callable[..., Claude],
) -> None:
    command = "seq 2000; echo 'app.c:4:18: error: expected a name'; seq 30; exit 3"
    ended = claude(use("Bash", command=command), say("It fails.")).work()
    assert ended.lines[0].startswith("$ seq 2000")
    assert "  app.c:4:18: error: expected a name" in ended.lines
    assert len(ended.lines) < 15
    assert ended.lines[-1] == "It fails."


def test_the_model_gets_the_key_the_task_and_the_setting(claude: Callable[..., Claude]) -> None:
    made = claude(say("Done."))
    made.work("Do it", model="claude-sonnet-5-5")
    (request,) = made.api.requests
    assert request.headers["x-api-key"] == API_KEY
    assert request.body["model"] == "claude-sonnet-5-5"
    assert "You work unattended" in json.dumps(request.body["system"])


def test_an_oauth_token_is_enough(claude: Callable[..., Claude]) -> None:
    made = claude(say("Done."))
    variables = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-test"}
    assert made.work("Do it", variables=variables).result.ended_well
    assert made.api.requests[0].headers["authorization"] == "Bearer sk-ant-oat01-test"


@pytest.mark.parametrize("prompt", HOSTILE, ids=lambda prompt: repr(prompt[:20]))
def test_a_prompt_arrives_as_it_was_written_fault_40(
    claude: Callable[..., Claude], prompt: str
) -> None:
    made = claude(say("Done."))
    assert made.work(prompt).result.ended_well
    assert f"<task-run1>\n{prompt}\n</task-run1>" in made.api.requests[0].user_texts


@pytest.mark.parametrize("prompt", ["/clear", "/help me", "/init"])
def test_a_prompt_is_a_task_even_if_it_looks_like_a_command(
    claude: Callable[..., Claude], prompt: str
) -> None:
    made = claude(say("Done."))
    assert made.work(prompt).result.summary == "Done."
    assert f"<task-run1>\n{prompt}\n</task-run1>" in made.api.requests[0].user_texts


@pytest.mark.parametrize(
    ("step", "cause", "words"),
    [
        (Refusal(529, "overloaded_error", "Overloaded"), Cause.API_OVERLOADED, "529 Overloaded"),
        (
            Refusal(401, "authentication_error", "invalid x-api-key"),
            Cause.API_AUTH,
            "Invalid API key",
        ),
        (Refusal(403, "permission_error", "not yours"), Cause.API_FORBIDDEN, "not yours"),
        (Refusal(404, "not_found_error", "model: x"), Cause.API_NOT_FOUND, "selected model"),
        (Refusal(429, "rate_limit_error", "slow down"), Cause.API_RATE_LIMIT, "slow down"),
        (Refusal(500, "api_error", "boom"), Cause.API_ERROR, "500 boom"),
        (Garbage(b"%#!\n\n"), Cause.API_ERROR, "malformed response"),
        (Garbage(b"<html>", "text/html"), Cause.API_ERROR, "malformed response"),
        (Garbage(b'event: message_start\ndata: {"ty\n\n'), Cause.API_ERROR, "malformed response"),
    ],
)
def test_what_the_api_refuses_is_told_with_its_cause(
    claude: Callable[..., Claude], step: Step, cause: Cause, words: str
) -> None:
    ended = claude(step).work()
    assert (ended.result.ended_well, ended.result.cause) == (False, cause)
    assert words in (ended.result.error or "")


def test_a_retry_is_a_line(claude: Callable[..., Claude]) -> None:
    ended = claude(Refusal(529, "overloaded_error"), say("Done.")).work()
    assert ended.lines[0].startswith("API overloaded (529), attempt 1 of 1, again in ")
    assert ended.result.ended_well


def test_no_login_is_told_as_such(claude: Callable[..., Claude]) -> None:
    made = claude(say("Done."))
    ended = made.work(variables={"ANTHROPIC_API_KEY": ""})
    assert (ended.result.cause, made.api.requests) == (Cause.LOGIN, [])


def test_an_api_that_never_answers_is_given_up_after_its_time(
    claude: Callable[..., Claude],
) -> None:
    ended = claude(Hang()).work(variables={"API_TIMEOUT_MS": "500", "CLAUDE_CODE_MAX_RETRIES": "0"})
    assert ended.result.cause is Cause.API_ERROR
    assert "timed out" in (ended.result.error or "")


def test_the_budget_ends_it(claude: Callable[..., Claude]) -> None:
    ended = claude(use("Bash", command="true")).work(budget_usd=0.01)
    assert (ended.result.cause, ended.result.ended_well) == (Cause.BUDGET, False)
    assert (ended.result.cost_usd or 0) > 0.01


def test_the_turns_end_it(claude: Callable[..., Claude]) -> None:
    ended = claude(use("Bash", command="true")).work("Do it", "--max-turns=1")
    assert (ended.result.cause, ended.result.ended_well) == (Cause.TURNS, False)


def test_a_tool_that_the_repo_denies_is_named_although_it_ends_well(
    claude: Callable[..., Claude],
) -> None:
    made = claude(use("Bash", command="touch denied"), say("I could not."))
    (made.clone / ".claude").mkdir()
    settings = {"permissions": {"deny": ["Bash(touch *)"]}}
    (made.clone / ".claude" / "settings.json").write_text(json.dumps(settings))
    ended = made.work()
    assert (ended.result.ended_well, ended.result.denied) == (True, ("Bash",))
    assert any(line.startswith("✗ Bash denied: ") for line in ended.lines)
    assert not (made.clone / "denied").exists()


@pytest.mark.parametrize(
    ("number", "cause"),
    [(signal.SIGTERM, Cause.AGENT_KILLED), (signal.SIGKILL, Cause.AGENT_KILLED)],
)
def test_an_agent_that_hangs_is_killed_and_told_as_killed(
    claude: Callable[..., Claude], number: signal.Signals, cause: Cause
) -> None:
    made = claude(Hang())
    agent = made.agent("Do it", {})
    with made.started(agent) as process:
        wait_for(lambda: bool(made.api.requests))
        os.killpg(process.pid, number)
        out, _ = process.communicate(timeout=LIMIT_SECONDS)
    ended = read_to_end(agent, out, process.returncode)
    assert (ended.result.ended_well, ended.result.cause) == (False, cause)
    assert number.name in (ended.result.error or "")


def test_an_interrupted_agent_exits_with_0_and_has_failed(claude: Callable[..., Claude]) -> None:
    made = claude(use("Bash", command="sleep 300"))
    agent = made.agent("Do it", {})
    with made.started(agent) as process:
        assert process.stdout is not None
        rows = [next(row for row in process.stdout if b"sleep 300" in row)]
        process.send_signal(signal.SIGINT)
        rows += process.stdout
        code = process.wait(timeout=LIMIT_SECONDS)
    ended = read_to_end(agent, b"".join(rows), code)
    assert (code, ended.result.ended_well, ended.result.cause) == (0, False, Cause.AGENT_FAILED)
    assert ended.result.error == "the agent was interrupted"


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
