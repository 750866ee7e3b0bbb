"""What comes back from a sandbox and from a cluster: read whatever it is, and told without a mark that isn't ours."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import strategies as st

from bot.card import Progress, card, step_of_log
from bot.messages import bare, completion, digest, home_notice
from bot.table import table
from k8s import annotations as notes
from k8s import diagnosis
from k8s.annotations import Asked
from k8s.names import job_name
from k8s.reading import run_of
from k8s.structs import Job, Pod
from runs import encoding
from runs.outcome import Ending, Outcome
from runs.run import Run, run_id
from sandbox import report as reports
from sandbox.report import MAX_BYTES, Cause, Phase, Verdict
from tests.bot.sample_runs import NOW, ORIGIN, PUSHED, TASK
from tests.fuzz.fuzzing import WATCH, check_markup, fuzzed, junk, numbers, texts

KEY = "message:1:2"
ID = run_id(KEY)


def mutilated(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Make JSON texts, some of them cut off, or with some bytes put in."""
    whole = values.map(lambda found: json.dumps(found).encode())
    return st.one_of(
        *[whole] * 6,
        st.builds(lambda data, end: data[:end], whole, st.integers(0, 300)),
        st.builds(
            lambda data, at, more: data[:at] + more + data[at:],
            whole,
            st.integers(0, 300),
            st.binary(max_size=8),
        ),
        st.binary(max_size=60),
    )


def values_of(
    required: dict[str, Any], names: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Make JSON objects, in which a value is of its kind or of any other."""
    return st.fixed_dictionaries(
        required, optional={name: st.one_of(*[kind] * 5, junk) for name, kind in names.items()}
    )


def members(kind: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([member.value for member in kind])


REPORT = {
    **dict.fromkeys(("summary", "branch", "base", "pull_request", "pull_request_error"), texts),
    **dict.fromkeys(("model", "session_id", "error", "remark"), texts),
    **dict.fromkeys(("commits", "files", "insertions", "deletions", "turns", "version"), numbers),
    **dict.fromkeys(("input_tokens", "output_tokens", "cost_usd"), numbers),
    **dict.fromkeys(("pushed", "agent_ended_well"), st.booleans()),
    "denied": st.lists(junk, max_size=30),
    "cause": members(Cause),
    "phase_seconds": junk | st.dictionaries(members(Phase), numbers | junk),
    "surprise": junk,
}
reports_told = values_of(
    {"run_id": st.just(ID) | texts, "phase": members(Phase), "verdict": members(Verdict)}, REPORT
)


def check_told(run: Run, log: str = "") -> None:
    """Let everything that is told of a Run be made and read by a strict parser."""
    check_markup(card(run, Progress(step_of_log(log), 400, phase_seconds=1.0), NOW))
    check_markup(table([run], NOW).text)
    if run.outcome is not None:
        for shown in (completion(run, log), digest([run] * 3), home_notice([run]), bare([run])):
            check_markup(shown)


@fuzzed(mutilated(reports_told), members(Ending), texts)
def test_any_report_is_read_kept_small_and_told(data: bytes, ending: str, log: str) -> None:
    with WATCH.listening():
        report = reports.decode(data)
        if report is None:
            return
        again = reports.encode(report)
        assert len(again) <= MAX_BYTES
        assert reports.decode(again) is not None
        outcome = Outcome(Ending(ending), report, report.cause, report.error)
        check_told(replace(PUSHED, report=report, outcome=outcome), log)


ASKED = values_of(
    {"repo_url": texts, "prompt": texts},
    {
        **dict.fromkeys(("repo_name", "branch", "base", "model", "memory", "cpu", "image"), texts),
        **dict.fromkeys(("timeout_seconds", "budget_usd"), numbers),
        "pull_request": st.booleans(),
        "services": st.lists(junk, max_size=3),
    },
)
ORIGINS = values_of(
    dict.fromkeys(("chat_id", "message_id", "person_id"), st.integers()),
    {"thread_id": numbers, "person_name": texts, "private": st.booleans()},
)
OUTCOMES = values_of(
    {"ending": members(Ending)},
    {
        "cause": members(Cause),
        "error": texts,
        "exit": values_of({}, {"code": numbers, "signal": numbers}),
        "report": reports_told,
    },
)
text_of = {
    notes.ASKED: values_of(
        {"key": st.just(KEY), "task": ASKED, "origin": ORIGINS}, {"at": numbers}
    ),
    notes.MARKS: values_of(
        {},
        dict.fromkeys(("card_id", "claimed_at", "told_at", "version"), numbers)
        | dict.fromkeys(("card_closed", "home_told"), st.booleans()),
    ),
    notes.CANCELLED: values_of({}, {"by": texts, "at": numbers}),
    notes.END: values_of({}, {"outcome": OUTCOMES, "at": numbers, "started_at": numbers}),
}
annotations = st.fixed_dictionaries(
    {notes.ASKED: text_of[notes.ASKED].map(json.dumps)},
    optional={
        **{
            name: mutilated(found).map(lambda data: data.decode("utf-8", "replace"))
            for name, found in text_of.items()
            if name != notes.ASKED
        },
        notes.ADMITTED: numbers.map(repr)
        | texts.map(lambda text: text.encode("utf-8", "replace").decode()),
    },
)
messages_of_pods = mutilated(reports_told).map(lambda data: data.decode("utf-8", "replace"))


@fuzzed(annotations, messages_of_pods, texts, numbers)
def test_any_annotations_and_any_pod_are_a_run_that_can_be_told_or_none(
    found: dict[str, str], message: str, words: str, number: float
) -> None:
    with WATCH.listening():
        job = Job(metadata=_metadata(found))
        pod = _pod(message, words, number)
        run = run_of(job, pod)
        notes.read_admitted(found)
        notes.told_text(found.get(notes.MARKS, ""), NOW)
        if run is None:
            return
        check_told(run, words)
        assert encoding.read_run(encoding.load(encoding.dump(encoding.run_values(run)))) is not None
        if pod is not None and (ended := diagnosis.ended_by_pod(run.id, pod, cancelled=False)):
            check_told(replace(run, outcome=ended.outcome, report=ended.outcome.report), words)


def _metadata(found: dict[str, str]) -> Any:
    return msgspec.json.decode(
        json.dumps({"metadata": {"name": job_name(ID), "annotations": found}}), type=Job
    ).metadata


def _pod(message: str, words: str, number: float) -> Pod | None:
    ended = {"exitCode": number, "signal": number, "reason": words, "message": message}
    status = {
        "phase": "Failed",
        "reason": words,
        "message": words,
        "containerStatuses": [{"name": "claude", "state": {"terminated": ended}}],
    }
    try:
        data = json.dumps({"metadata": {"name": "p"}, "status": status})
        return msgspec.json.decode(data, type=Pod)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None


@fuzzed(st.builds(replace, st.just(TASK), prompt=texts, repo_url=texts, repo_name=texts), texts)
def test_what_was_asked_comes_back_from_its_annotations_as_it_was(task: Any, name: str) -> None:
    asked = Asked(KEY, task, replace(ORIGIN, person_name=name), NOW)
    written = notes.initial(asked, admitted=True)
    assert all(text.isascii() for text in written.values())
    assert notes.read_asked(written, ID) == asked
