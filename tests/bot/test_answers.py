"""What commands are answered: golden texts, and hostile words in every place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot import answers
from bot.access import Refusal
from bot.incoming import Incoming, Person, Place
from bot.markup import MESSAGE_UNITS, Markup, clean
from bot.mistake import Mistake
from bot.router import BEHAVIOURS
from playground.markup import parse_html
from playground.text import MAX_ENTITIES
from runs.run import Run
from tests.bot.golden_files import check_golden
from tests.bot.sample_runs import PUSHED, RUNNING

HOSTILE: list[str] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text(encoding="utf-8")
)
ASKED = Incoming(Place(-1001, 5), False, 9, Person(42, "Ada"), "/id", 0.0)


def told() -> dict[str, Markup]:
    """Return every answer."""
    return {
        "help": answers.help_text("", ["api", "demo"]),
        "help without repos": answers.help_text("", []),
        **{f"help {name}": answers.help_text(name, ["demo"]) for name in answers.COMMANDS},
        "ids": answers.ids(ASKED),
        "mistake": answers.mistake(Mistake("Say which repo.", "/run demo")),
        "mistake without example": answers.mistake(Mistake("Say which repo.")),
        **{f"refused, {why.value}": answers.refused(why, ASKED) for why in Refusal},
        "stale": answers.stale(23 * 3600),
        "edited": answers.edited(),
        "forwarded": answers.forwarded(),
        "captioned": answers.captioned(),
        "glued": answers.glued(),
        "unknown": answers.unknown("jops", "jobs"),
        "unknown, and nothing like it": answers.unknown("xyz", None),
        "gone": answers.gone(),
        "not now": answers.not_now(),
        "unavailable": answers.unavailable(),
        "not started": answers.not_started("no room for a folder"),
        "broken": answers.broken(),
        "cancelling": answers.cancelling(RUNNING),
        "ended already": answers.ended_already(PUSHED),
        "nothing runs": answers.nothing_runs(),
        "which one": answers.which_one([RUNNING, PUSHED], "cancel"),
        "cleaned": answers.cleaned([PUSHED], [(RUNNING, "it hasn't ended")]),
        "cleaned many": answers.cleaned([PUSHED] * 31, []),
        "nothing to clean": answers.cleaned([], []),
        "log": answers.log_lines(RUNNING, "one <two>\nthree", 2, True),
        "part of a log": answers.log_lines(RUNNING, "one\ntwo", 2, False),
        "an empty log of a run": answers.log_lines(RUNNING, "", 0, True),
        "an empty log of an end": answers.log_lines(PUSHED, " \n", 0, True),
    }


def test_answers_golden() -> None:
    check_golden("answers", told())


def test_every_command_has_its_help_and_every_help_its_command() -> None:
    assert set(answers.COMMANDS) == (set(BEHAVIOURS) | {"id"}) - {"start"}


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_words_change_nothing_around_them(number: int) -> None:
    text = HOSTILE[number]
    task = replace(RUNNING.task, prompt=text, repo_name=text, branch=text)
    run: Run = replace(RUNNING, task=task)
    for markup in (
        answers.help_text(text, [text] * 40),
        answers.mistake(Mistake(text[:1000], f"/run demo {text}"[:200])),
        answers.unknown(text, None),
        answers.not_started(text),
        answers.cancelling(run),
        answers.ended_already(run),
        answers.which_one([run] * 20, "cancel"),
        answers.cleaned([run] * 40, [(run, "it hasn't ended")] * 10),
        answers.log_lines(run, text, 1, True),
    ):
        shown, entities = parse_html(markup.cut(MESSAGE_UNITS).html())
        assert clean(shown) == shown
        assert len(entities) <= MAX_ENTITIES
