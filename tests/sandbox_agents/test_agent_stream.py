"""What the stream of Claude Code comes to, over real transcripts and made-up rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.agents import AgentResult
from sandbox.agents.stream import MAX_ERROR, MAX_SUMMARY, StreamAgent
from sandbox.report import Cause

TRANSCRIPTS = Path(__file__).parents[1] / "data" / "claude"


def made(redact: Callable[[str], str] = str) -> StreamAgent:
    return StreamAgent(["claude"], {}, redact)


def play(name: str, exit_code: int) -> tuple[list[str], AgentResult]:
    agent = made()
    rows = (TRANSCRIPTS / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
    lines = [line for row in rows for line in agent.read(row)]
    return lines, agent.result(exit_code)


def judge(exit_code: int, *rows: dict[str, Any]) -> AgentResult:
    agent = made()
    for row in rows:
        agent.read(json.dumps(row).encode())
    return agent.result(exit_code)


def ending(**values: Any) -> dict[str, Any]:
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": "Did it.",
        **values,
    }


def said(text: str, **message: Any) -> dict[str, Any]:
    return {
        "type": "assistant",
        "message": {"content": [{"type": "text", "text": text}], **message},
    }


@pytest.mark.parametrize(
    ("name", "exit_code", "cause", "error"),
    [
        ("success", 0, None, None),
        ("partial", 0, None, None),
        ("denied", 0, None, None),
        ("529", 1, Cause.API_OVERLOADED, "API Error: 529 Overloaded."),
        ("budget", 1, Cause.BUDGET, "Reached maximum budget ($0.03)"),
        ("maxturns", 1, Cause.TURNS, "Reached maximum number of turns (3)"),
        ("nokey", 1, Cause.LOGIN, "Not logged in"),
        ("sigint", 0, Cause.AGENT_FAILED, "the agent was interrupted"),
    ],
)
def test_every_real_transcript_comes_to_its_own_end(
    name: str, exit_code: int, cause: Cause | None, error: str | None
) -> None:
    _, result = play(name, exit_code)
    assert (result.ended_well, result.cause) == (cause is None, cause)
    assert (result.error or "").startswith(error or "")
    assert (result.error is None) == (error is None)


def test_a_success_brings_its_summary_its_figures_and_who_worked() -> None:
    _, result = play("success", 0)
    assert result.cost_usd == pytest.approx(0.02442)
    assert replace(result, cost_usd=None) == AgentResult(
        ended_well=True,
        summary="Done: created hello.txt and committed it.",
        input_tokens=3600 + 900 + 15000,
        output_tokens=126,
        turns=3,
        model="claude-opus-5-5",
        session_id="11083aae-9d38-4c92-80cf-9ebe72e269b8",
    )


def test_denied_tools_are_told_once_each_although_it_ended_well() -> None:
    _, result = play("denied", 0)
    assert result.denied == ("Write", "Bash")
    twice = [{"tool_name": name} for name in ("Bash", "Bash", "", None, "Write")]
    assert judge(0, ending(permission_denials=twice)).denied == ("Bash", "Write")


@pytest.mark.parametrize(
    ("status", "words", "cause"),
    [
        (
            401,
            "API Error: 401 OAuth token has expired. Please obtain a new token",
            Cause.LOGIN_EXPIRED,
        ),
        (401, "Invalid API key · Fix external API key", Cause.API_AUTH),
        (403, "Failed to authenticate. API Error: 403 no", Cause.API_FORBIDDEN),
        (404, "There's an issue with the selected model (x).", Cause.API_NOT_FOUND),
        (429, "API Error: Request rejected (429) · slow down", Cause.API_RATE_LIMIT),
        (529, "API Error: 529 Overloaded.", Cause.API_OVERLOADED),
        (500, "API Error: 500 boom.", Cause.API_ERROR),
        (400, "Credit balance is too low", Cause.API_ERROR),
        (None, "API Error: 529 Overloaded.", Cause.API_OVERLOADED),
        (None, "API Error (401 invalid x-api-key)", Cause.API_AUTH),
        (None, "API Error: Connection refused", Cause.API_ERROR),
        ("529", "Something else", Cause.AGENT_FAILED),
    ],
)
def test_an_api_error_calls_itself_success_and_is_told_by_its_status(
    status: object, words: str, cause: Cause
) -> None:
    result = judge(1, ending(is_error=True, result=words, api_error_status=status))
    assert (result.ended_well, result.cause, result.error) == (False, cause, words)


def test_an_api_that_never_answered_is_an_api_error() -> None:
    row = ending(is_error=True, result="Request timed out.", terminal_reason="api_error")
    assert judge(1, row).cause is Cause.API_ERROR


@pytest.mark.parametrize(
    ("exit_code", "cause", "error"),
    [
        (0, Cause.AGENT_SILENT, "the agent ended without a result"),
        (
            3,
            Cause.AGENT_FAILED,
            "the agent ended without a result, with exit code 3: no such model",
        ),
        (-15, Cause.AGENT_KILLED, "the agent was ended by SIGTERM"),
        (143, Cause.AGENT_KILLED, "the agent was ended by SIGTERM"),
        (137, Cause.AGENT_KILLED, "the agent was ended by SIGKILL"),
        (-250, Cause.AGENT_KILLED, "the agent was ended by signal 250"),
        (
            255,
            Cause.AGENT_FAILED,
            "the agent ended without a result, with exit code 255: no such model",
        ),
    ],
)
def test_an_end_without_a_result_is_judged_by_the_exit_fault_33(
    exit_code: int, cause: Cause, error: str
) -> None:
    agent = made()
    agent.read(b"no such model\n")
    result = agent.result(exit_code)
    assert (result.ended_well, result.cause, result.error) == (False, cause, error)


@pytest.mark.parametrize(
    ("exit_code", "cause", "error"),
    [
        (3, Cause.AGENT_FAILED, "the agent told of success, but exited with code 3"),
        (-9, Cause.AGENT_KILLED, "the agent told of success, then was ended by SIGKILL"),
    ],
)
def test_a_told_success_is_not_believed_beside_another_exit_fault_33(
    exit_code: int, cause: Cause, error: str
) -> None:
    result = judge(exit_code, ending())
    assert (result.ended_well, result.cause, result.error) == (False, cause, error)
    assert result.summary == "Did it."


def test_a_result_of_a_kind_that_nobody_knows_is_no_success() -> None:
    result = judge(0, ending(subtype="error_of_tomorrow"))
    assert (result.cause, result.error) == (Cause.AGENT_FAILED, "Did it.")


def test_half_a_character_is_replaced() -> None:
    assert judge(0, ending(result="a\ud800b")).summary == "a?b"


def test_the_last_of_several_result_rows_counts() -> None:
    assert judge(0, ending(is_error=True), ending(total_cost_usd=2)).cost_usd == 2
    assert not judge(0, ending(), ending(is_error=True)).ended_well


def test_after_a_failure_the_summary_is_what_the_agent_said_last() -> None:
    failed = ending(is_error=True, subtype="error_max_turns", result=None)
    rows = [
        said("One."),
        said("Half of it is done."),
        said("API Error", model="<synthetic>"),
        failed,
    ]
    assert judge(1, *rows).summary == "Half of it is done."
    assert judge(-9, *rows[:-1]).summary == "Half of it is done."


def test_usage_of_single_messages_is_not_counted() -> None:
    usage = {"input_tokens": 7, "output_tokens": 7}
    assert judge(0, said("x", usage=usage), ending()).input_tokens is None


@pytest.mark.parametrize("value", [-1, True, "5", None, [], {}, 10**30, 1e300, float("nan")])
def test_a_figure_that_cannot_be_one_is_unknown(value: object) -> None:
    usage = {"input_tokens": value, "output_tokens": value}
    result = judge(0, ending(total_cost_usd=value, num_turns=value, usage=usage))
    assert result == AgentResult(True, "Did it.")


def test_long_words_are_cut() -> None:
    assert len(judge(0, ending(result="x" * 99_999)).summary) == MAX_SUMMARY
    long = judge(0, ending(result="First. " + "x" * 99_999 + " Which one?")).summary
    assert (long[:6], long[-10:], len(long)) == ("First.", "Which one?", MAX_SUMMARY)
    failed = ending(is_error=True, subtype="error_during_execution", errors=["x" * 99_999])
    assert len(judge(1, failed).error or "") == MAX_ERROR


def test_lines_that_are_no_rows_are_shown_and_prove_the_failure() -> None:
    agent = made()
    shown = [line for n in range(9) for line in agent.read(f"trouble {n}\r\n".encode())]
    assert shown == [f"trouble {n}" for n in range(9)]
    last = "\n".join(f"trouble {n}" for n in range(4, 9))
    assert agent.result(2).error == f"the agent ended without a result, with exit code 2: {last}"


def test_a_secret_at_the_cut_is_blackened_before_it_is_cut_fault_35() -> None:
    secret = "sk-ant-0123456789"
    at_the_cut = ("x" * (MAX_ERROR - 9) + secret, "x" * (MAX_SUMMARY - 9) + secret)
    agent = made(lambda text: text.replace(secret, "[redacted]"))
    shown = agent.read(json.dumps(said("x" * 150 + secret)).encode())
    shown += agent.read(json.dumps(ending(result=at_the_cut[1])).encode())
    told = agent.result(0).summary
    agent.read(json.dumps(ending(is_error=True, result=at_the_cut[0])).encode())
    told += agent.result(1).error or ""
    agent = made(lambda text: text.replace(secret, "[redacted]"))
    shown += agent.read(at_the_cut[0].encode())
    told += agent.result(1).error or ""
    assert "[redact" in shown[0] and "sk-a" not in "".join(shown) + told


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
real_rows = [
    json.loads(line)
    for path in sorted(TRANSCRIPTS.glob("*.jsonl"))
    for line in path.read_text("utf-8").splitlines()
]


@st.composite
def damaged_rows(draw: st.DrawFn) -> bytes:
    """A real row in which one value, at any depth, is something else."""
    row = json.loads(json.dumps(draw(st.sampled_from(real_rows))))
    place: Any = row
    while isinstance(place, (dict, list)) and place:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = draw(st.sampled_from(list(keys)))
        if draw(st.booleans()) or not isinstance(place[key], (dict, list)):
            place[key] = draw(json_values)
            break
        place = place[key]
    return json.dumps(row).encode()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        damaged_rows() | json_values.map(lambda value: json.dumps(value).encode()) | st.binary()
    ),
    st.integers(-70, 300),
)
def test_no_output_whatever_makes_the_reader_fail_fault_34(rows: list[bytes], code: int) -> None:
    agent = made()
    shown = [line for row in rows for line in agent.read(row)]
    assert all(len(line.splitlines()) == 1 for line in shown)
    result = agent.result(code)
    assert result.ended_well == (result.cause is None) == (result.error is None)
    result.summary.encode()


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"a":' * 100_000, b'{"type":' + b"9" * 5000 + b"}"]
)
def test_json_that_breaks_parsers_is_only_a_line(line: bytes) -> None:
    assert len(made().read(line)) == 1
