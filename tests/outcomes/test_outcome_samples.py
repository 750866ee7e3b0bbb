"""What a cluster said of each end is judged again without one: the ending, the cause, the words, what proves them."""

from __future__ import annotations

import pytest

from bot.explain import explain, seen_in_log
from bot.messages import completion
from runs.outcome import Ending, Seen
from tests.cluster.outcome_scenes import SCENES
from tests.outcomes.page import PAGE, page
from tests.outcomes.samples import FOLDER, MOST_LINES, TEST, judged, read_samples, run_with

SAMPLES = read_samples()
UNPROVED = {"killed", "pod-deleted", "pod-deleted-deaf", "job-deleted", "job-deleted-unseen"}
"""Nothing is seen of these but that they ended so, and their sentence says it."""


PENDING: set[str] = set()
"""Scenes that were changed since samples were taken last: the next `KEEP_SAMPLES=1 make test-cluster` empties this."""


@pytest.mark.parametrize("name", SCENES)
def test_each_scene_that_is_played_on_the_cluster_has_its_sample(name: str) -> None:
    assert (name in SAMPLES) is (name not in PENDING), "KEEP_SAMPLES=1 make test-cluster takes it"


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_names_the_test_that_made_it_and_that_test_exists(name: str) -> None:
    assert name in SCENES
    assert SAMPLES[name].name == name
    assert SAMPLES[name].test == f"{TEST}[{name}]"
    path, function = TEST.split("::")
    source = (FOLDER.parents[2] / path).read_text(encoding="utf-8")
    assert f'@pytest.mark.parametrize("name", SCENES)\ndef {function}(' in source


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_can_be_read_by_a_person(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert "managedFields" not in text


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_cluster_said_leads_to_the_same_end_again(name: str) -> None:
    scene = SCENES[name]
    outcome = judged(SAMPLES[name])
    assert outcome is not None
    assert (outcome.ending, outcome.cause) == (scene.ending, scene.cause)
    log = "\n".join(SAMPLES[name].log)
    assert scene.proof in "\n".join([outcome.error or "", outcome.remark or "", log])


@pytest.mark.parametrize("name", SAMPLES)
def test_each_failure_is_told_with_its_sentence_its_proof_and_its_next_step(name: str) -> None:
    sample, scene = SAMPLES[name], SCENES[name]
    outcome = judged(sample)
    assert outcome is not None
    run = run_with(sample, outcome)
    text = completion(run, "\n".join(sample.log)).text()
    if outcome.ended_well or outcome.ending is Ending.CANCELLED:
        assert scene.proof in text + "\n".join(sample.log)
        return
    words = explain(seen_in_log(outcome, "\n".join(sample.log)), run.task, run.id)
    assert words.sentence in text
    assert ("➜" in text) is (outcome.cause is not Seen.UNKNOWN)
    assert "➜ " + words.advice.replace("`", "") in text or not words.advice
    assert scene.proof or name in UNPROVED
    assert scene.proof in text


def test_the_page_says_what_the_samples_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(SAMPLES), "it is out of date: make outcomes"
