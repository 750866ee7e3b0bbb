"""What commands are answered: golden texts, and hostile words in every place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot import answers, guide
from bot.access import Refusal
from bot.config import Config, Role
from bot.config_file import parse
from bot.incoming import Incoming, Person, Place
from bot.log_lines import Fitted, fitted, rows_of
from bot.markup import MESSAGE_UNITS, Markup, clean
from bot.mistake import Mistake
from bot.parse import LogsRequest, LogView
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

FORGE = "https://github.com"
CONFIG = parse(
    """
    repos:
      demo: https://github.com/acme/demo
      folder: file:///srv/git/folder.git
      shop:
        url: git@git.example:acme/shop.git
        branch: develop
        image: ghcr.io/acme/shop:1
        memory: 8Gi
        cpu: 4
        timeout: 2h
        services: [postgres, redis]
        pr: true
        protected: true
    defaults:
      memory: 4Gi
    """
)


def told() -> dict[str, Markup]:
    """Return every answer."""
    return {
        "help": guide.help_text("", ["api", "demo"]),
        "help without repos": guide.help_text("", []),
        **{f"help {name}": guide.help_text(name, ["demo"]) for name in guide.COMMANDS},
        "help of what there isn't": guide.help_text("jops", ["demo"]),
        "help of nothing": guide.help_text("qqq", ["demo"]),
        "greeting in a group": guide.greeting("Ada", ["demo"], private=False),
        "greeting in private": guide.greeting("Ada", [], private=True),
        "repos, for a runner": guide.repos(CONFIG, Role.RUNNER, FORGE, 1),
        "repos, for an admin": guide.repos(CONFIG, Role.ADMIN, FORGE, 1),
        "repos, for a viewer": guide.repos(CONFIG, Role.VIEWER, FORGE, 1),
        "repos, none named": guide.repos(Config(), Role.RUNNER, FORGE, 1),
        "ids": answers.ids(ASKED),
        "mistake": answers.mistake(Mistake("Say which repo.", "/run demo")),
        "mistake without example": answers.mistake(Mistake("Say which repo.")),
        **{f"refused, {why.value}": answers.refused(why, ASKED) for why in Refusal},
        "stale": answers.stale(23 * 3600),
        "edited": answers.edited(),
        "edited answer": answers.edited_answer(),
        "answered already": answers.answered_already(RUNNING),
        "forwarded": answers.forwarded(),
        "captioned": answers.captioned(),
        "glued": answers.glued(["demo"]),
        "unknown": answers.unknown("jops", "jobs"),
        "unknown, and nothing like it": answers.unknown("xyz", None),
        "gone": answers.gone(),
        "not now": answers.not_now("the cluster"),
        "unavailable": answers.unavailable("the cluster"),
        "not started": answers.not_started("no room for a folder"),
        "broken": answers.broken(),
        "cancelling": answers.cancelling(RUNNING),
        "ended already": answers.ended_already(PUSHED),
        "still runs": answers.still_runs(RUNNING),
        "retried already": answers.retried_already(PUSHED, replace(RUNNING, id="aaaabbbb")),
        "nothing failed": answers.nothing_failed(),
        "too late": answers.too_late(23 * 3600),
        "nothing runs": answers.nothing_runs(),
        "which one": answers.which_one([RUNNING, PUSHED], "cancel"),
        "cleaned": answers.cleaned([PUSHED], [(RUNNING, "it hasn't ended")]),
        "cleaned many": answers.cleaned([PUSHED] * 31, []),
        "nothing to clean": answers.cleaned([], []),
        **told_of_logs(),
    }


def told_of_logs() -> dict[str, Markup]:
    """Return every answer to /logs."""
    shown, part = Fitted(["one <two>", "three"], all=True), Fitted(["one", "two"], all=False)
    none = Fitted([], all=True)
    asked = {
        "errors": LogsRequest(None, LogView.ERRORS),
        "grep": LogsRequest(None, LogView.GREP, word="<two>"),
        "phase": LogsRequest(None, LogView.PHASE, word="agent"),
    }
    return {
        "log": answers.log_lines(RUNNING, shown, whole=True),
        "part of a log": answers.log_lines(RUNNING, part, whole=False),
        "an empty log of a run": answers.log_lines(RUNNING, none, whole=True),
        "an empty log of an end": answers.log_lines(PUSHED, none, whole=True),
        **{f"log {name}": answers.log_part(RUNNING, how, shown, 2) for name, how in asked.items()},
        **{
            f"too much, {name}": answers.log_part(RUNNING, how, part, 99)
            for name, how in asked.items()
        },
        **{f"no {name}": answers.log_part(RUNNING, how, none, 0) for name, how in asked.items()},
        "no errors but lines": answers.log_part(RUNNING, asked["errors"], shown, 0),
        "log of a service": answers.log_of_service(RUNNING, "postgres", shown),
        "an empty log of a service": answers.log_of_service(RUNNING, "postgres", none),
        "followed": answers.followed(RUNNING, shown, done=False),
        "no longer followed": answers.followed(RUNNING, shown, done=True),
        "followed to its end": answers.followed(PUSHED, shown, done=True),
        "caption of many lines": answers.last_lines_caption(RUNNING, 2000),
        "caption of a small log": answers.whole_log_caption(RUNNING, 12_345),
        "caption of a log": answers.whole_log_caption(RUNNING, 7_654_321),
    }


def test_answers_golden() -> None:
    check_golden("answers", told())


def test_every_command_has_its_help_and_every_help_its_command() -> None:
    assert set(guide.COMMANDS) == (set(BEHAVIOURS) | {"id"}) - {"start"}


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_words_change_nothing_around_them(number: int) -> None:
    text = HOSTILE[number]
    task = replace(RUNNING.task, prompt=text, repo_name=text, branch=text)
    run: Run = replace(RUNNING, task=task)
    for markup in (
        guide.help_text(text, [text] * 40),
        guide.greeting(text, [], private=True),
        answers.mistake(Mistake(text[:1000], f"/run demo {text}"[:200])),
        answers.unknown(text, None),
        answers.not_started(text),
        answers.cancelling(run),
        answers.ended_already(run),
        answers.which_one([run] * 20, "cancel"),
        answers.cleaned([run] * 40, [(run, "it hasn't ended")] * 10),
        answers.log_lines(run, fitted(rows_of(text.encode("utf-8", "replace")), 3600), whole=True),
        answers.log_part(run, LogsRequest(None, LogView.GREP, word=text), Fitted([], all=True), 0),
    ):
        shown, entities = parse_html(markup.cut(MESSAGE_UNITS).html())
        assert clean(shown) == shown
        assert len(entities) <= MAX_ENTITIES
