"""What is told of Runs: golden texts, the limits of Telegram, and hostile words in every place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.card import Progress, card, step_of_log
from bot.key_note import IN_IMAGE, PAST_BROKER
from bot.markup import MESSAGE_UNITS, Markup, clean
from bot.messages import (
    bare,
    completion,
    digest,
    home_notice,
    told_elsewhere,
)
from bot.table import table
from playground.markup import parse_html
from playground.text import MAX_ENTITIES, utf16_length
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run
from sandbox.report import Cause, Phase, Report
from sandbox.task import RepoStack
from tests.bot.golden_files import check_golden
from tests.bot.sample_runs import (
    ENDS,
    GOOD,
    ID,
    NOW,
    ORIGIN,
    PUSHED,
    QUEUED,
    RUNNING,
    ended,
    failed,
)

HOSTILE: list[str] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text(encoding="utf-8")
)
CAUSES: list[Cause | Seen] = [*Cause, *Seen]


def hiding(run: Run) -> Run:
    """Let the task hold what nobody sees: a zero width space, and two letters written in tags."""
    prompt = "tidy\u200b up\U000e0068\U000e0069"
    return replace(run, task=replace(run.task, prompt=prompt))


def test_cards_golden() -> None:
    phases = {
        f"running, {phase.value}": card(
            replace(RUNNING, report=Report(ID, phase)), Progress("$ pytest -q"), NOW
        )
        for phase in Phase
    }
    check_golden(
        "card",
        {
            "waiting": card(QUEUED, Progress(), NOW),
            "waiting, nobody knows for how many": card(
                replace(QUEUED, place=None), Progress(), NOW
            ),
            "running, nothing known yet": card(RUNNING, Progress(), NOW),
            **phases,
            "running, the phase's own time known, with services": card(
                replace(
                    RUNNING,
                    report=Report(ID, Phase.AGENT),
                    task=replace(
                        RUNNING.task,
                        services=("postgres:15", "redis"),
                        stack=RepoStack(
                            "ruby", "3.3.1", notes=("Redis 5 can't be had, 7 is used",)
                        ),
                    ),
                ),
                Progress("$ pytest -q", 3, phase_seconds=122),
                NOW,
            ),
            "running, with dependencies from the cache": card(
                replace(
                    RUNNING,
                    report=Report(ID, Phase.AGENT, cache="hit", dependency_seconds=3.2),
                ),
                Progress("$ pytest -q"),
                NOW,
            ),
            "running, silent": card(RUNNING, Progress("Let me think.", 420), NOW),
            **{
                f"running, {what}": card(RUNNING, Progress(), NOW, [note])
                for what, note in {"keys in its image": IN_IMAGE, "over ssh": PAST_BROKER}.items()
            },
            "running, options that don't apply": card(
                RUNNING, Progress(), NOW, ["memory can't be set on this machine"]
            ),
            "running, once more": card(replace(RUNNING, key="retry:aaaabbbb:1"), Progress(), NOW),
            "running, once more with more": card(
                replace(
                    RUNNING,
                    key="retry-memory:aaaabbbb:1",
                    task=replace(RUNNING.task, memory="8Gi"),
                ),
                Progress(),
                NOW,
            ),
            "running, from what was pushed": card(
                replace(RUNNING, key="retry-on:aaaabbbb:1"), Progress(), NOW
            ),
            "running, with an answer": card(
                replace(RUNNING, key="reply:aaaabbbb:-1001:9"), Progress(), NOW
            ),
            "stopping": card(replace(RUNNING, cancelled_by="Grace"), Progress(), NOW),
            **{
                f"a task that hides something, {state}": card(hiding(run), Progress(), NOW)
                for state, run in (("waiting", QUEUED), ("running", RUNNING), ("closed", PUSHED))
            },
            **{f"closed, {name}": card(run, Progress(), NOW) for name, run in ENDS.items()},
        },
    )


def test_completions_golden() -> None:
    tail = "▶ agent\n│ $ make\nmake: *** [all] Error 2\n"
    told = {name: completion(run, tail) for name, run in ENDS.items()}
    moved = replace(ORIGIN, private=True)
    printed = (Path(__file__).parent.parent / "data" / "proof" / "pytest.txt").read_text("utf-8")
    log = "▶ agent claude\n│ $ pytest\n" + "".join(f"│   {row}\n" for row in printed.split("\n"))
    over = failed(Cause.DEADLINE, "the time of 3600 seconds was over")
    check_golden(
        "completion",
        {
            **told,
            "failed, proved by its log": completion(over, log),
            "in the home chat": told_elsewhere(told["pushed"], ORIGIN),
            "in the home chat, from a private one": told_elsewhere(told["pushed"], moved),
            "noticed at home": home_notice(list(ENDS.values())),
            "noticed at home, from a private chat": home_notice([replace(PUSHED, origin=moved)]),
            "without words": bare(list(ENDS.values())[:5]),
        },
    )


def test_what_the_sentence_says_of_a_deadline_is_not_said_again_by_the_log() -> None:
    over = failed(Cause.DEADLINE, "the time of 3600 seconds was over")
    log = (
        "▶ agent\n│ Waiting, 1 of 3\n▶ done failed, deadline\n· the time of 3600 seconds was over\n"
    )
    told = completion(over, log).text()
    assert "Waiting, 1 of 3" in told
    assert "3600 seconds" not in told


def test_the_words_for_every_cause_golden() -> None:
    check_golden("causes", {str(cause.value): completion(failed(cause)) for cause in CAUSES})


def test_digests_golden() -> None:
    runs = [*ENDS.values(), failed(Cause.CLONE_BRANCH)]
    check_golden(
        "many",
        {
            "digest": digest(runs),
        },
    )


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.value)
def test_every_cause_is_told_with_its_proof_and_its_next_step(cause: Cause | Seen) -> None:
    text = completion(failed(cause)).text()
    if cause is Cause.CANCELLED:
        assert "Stopped" in text
        return
    assert "the words of\nthe program <that> failed & why" in text
    assert ("\n➜ " in text) is (cause is not Seen.UNKNOWN)
    assert text.endswith(ID)


def test_the_last_lines_of_the_log_prove_what_has_no_error_of_its_own() -> None:
    tail = "".join(f"line {number}\n" for number in range(40))
    text = completion(failed(Seen.NO_REPORT, None), tail).text()
    assert "line 39" in text
    assert "line 34\n" in text
    assert "line 33" not in text


def test_a_long_word_of_the_cluster_is_cut_in_its_middle() -> None:
    error = "claude: Back-off pulling image: " + "failed to pull and unpack: " * 20 + "not found"
    text = completion(failed(Seen.IMAGE_PULL, error)).text()
    assert "claude: Back-off pulling image: failed" in text
    assert " … " in text
    assert "unpack: not found\n" in text
    assert "unpack: " * 9 not in text


def test_a_time_that_was_over_is_told_once() -> None:
    error = "the time of 3600 seconds was over\nThe unfinished work isn't on the remote: refused"
    text = completion(failed(Cause.DEADLINE, error)).text()
    assert "3600" not in text
    assert "The unfinished work isn't on the remote: refused" in text


def test_a_run_that_goes_on_has_no_completion() -> None:
    for render in (completion, lambda run: digest([run]), lambda run: home_notice([run])):
        with pytest.raises(ValueError, match="hasn't ended"):
            render(RUNNING)


def worst_runs(text: str) -> Iterator[Run]:
    """Yield Runs with one text in every place where somebody else's text can stand."""
    task = replace(
        PUSHED.task, prompt=text, repo_name=text, branch=text, repo_url=f"https://x/{text}"
    )
    report = replace(
        GOOD,
        summary=text,
        branch=text,
        base=text,
        model=text,
        pull_request=f"https://github.com/a/b/pull/1{text}",
        denied=(text,) * 20,
        error=text,
        question=text,
    )
    origin = replace(ORIGIN, person_name=text)
    base = replace(PUSHED, task=task, origin=origin, cancelled_by=text)
    for ending, cause in [
        (Ending.PUSHED, None),
        (Ending.NOTHING_CHANGED, None),
        (Ending.ASKS, None),
        (Ending.NOT_PUSHED, Cause.PUSH_REFUSED),
        (Ending.CANCELLED, Cause.CANCELLED),
        *((Ending.FAILED, cause) for cause in CAUSES),
    ]:
        yield replace(base, outcome=Outcome(ending, report, cause, text))
    yield replace(
        base,
        outcome=Outcome(Ending.PUSHED, replace(report, pull_request=None, pull_request_error=text)),
    )


def renderings(text: str) -> Iterator[Markup]:
    """Yield everything that is told of these Runs."""
    runs = list(worst_runs(text))
    for run in runs:
        yield completion(run, text)
        yield card(run, Progress(), NOW)
    for run in (RUNNING, QUEUED):
        other = replace(run, task=runs[0].task, cancelled_by=text)
        yield card(other, Progress(step_of_log(text)), NOW)
    yield digest(runs[:20])
    yield table(runs, NOW).text
    yield told_elsewhere(completion(runs[0]), runs[0].origin)
    yield bare(runs)
    yield home_notice(runs[:20])


def assert_fits(markup: Markup) -> str:
    """Let the strict parser read a message; return the text that people see."""
    text, entities = parse_html(markup.html())
    assert utf16_length(text) == markup.units <= MESSAGE_UNITS
    assert len(entities) <= MAX_ENTITIES
    return text


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_words_change_nothing_around_them(number: int) -> None:
    for markup in renderings(HOSTILE[number]):
        text = assert_fits(markup)
        assert clean(text) == text


@pytest.mark.parametrize(
    "make",
    [lambda: "x" * 5000, lambda: "👩‍👩‍👧" * 1000, lambda: "<&>" * 2000, lambda: "a\n" * 3000],
)
def test_the_longest_texts_still_fit(make: Callable[[], str]) -> None:
    for markup in renderings(make()):
        assert_fits(markup)


@pytest.mark.parametrize("text", ["x" * 5000, "👩‍👩‍👧" * 1000, "a b " * 1000])
def test_a_digest_of_the_longest_names_every_run(text: str) -> None:
    runs = [
        replace(run, id=f"aaaaaa{chr(97 + number)}{chr(97 + number)}")
        for number, run in enumerate(list(worst_runs(text))[:20])
    ]
    shown = assert_fits(digest(runs))
    assert all(run.id in shown for run in runs)


def test_a_completion_cut_to_its_length_still_says_how_it_ended_first() -> None:
    report = replace(GOOD, summary="s" * 4000, branch="b" * 3000)
    assert assert_fits(completion(ended(Outcome(Ending.PUSHED, report)))).startswith(
        "✅ Done · demo"
    )


@pytest.mark.parametrize(
    ("tail", "step"),
    [
        ("", ""),
        ("▶ clone\n", ""),
        ("▶ agent\n│ $ pytest\n", "$ pytest"),
        ("│ $ pytest\n▶ deliver\n", "$ pytest"),
        ("│ one\n│ two\n\n   \n", "two"),
        ("half a line\r│ three", "three"),
    ],
)
def test_the_step_is_the_last_line_of_the_agent(tail: str, step: str) -> None:
    assert step_of_log(tail) == step
