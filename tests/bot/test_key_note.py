"""The card says where a Run's keys are when they aren't behind its broker."""

from __future__ import annotations

import pytest

from bot.key_note import IN_IMAGE, PAST_BROKER, key_note
from k8s.place import KubernetesPlace
from sandbox.keys import read_keys
from sandbox.task import Task

USUAL = "acme/sandbox:1"
HTTPS, SSH = "https://github.com/acme/demo", "git@github.com:acme/demo.git"


@pytest.mark.parametrize(
    ("url", "image", "expected"),
    [
        (HTTPS, None, ""),
        (HTTPS, "python:3", ""),
        (HTTPS, "own/sandbox:3", IN_IMAGE),
        (SSH, "own/sandbox:3", IN_IMAGE),
        (SSH, None, PAST_BROKER),
        ("ssh://git@git.example:2222/acme/demo", None, PAST_BROKER),
    ],
)
def test_what_isnt_behind_the_broker_is_said(url: str, image: str | None, expected: str) -> None:
    task = Task(url, "do it", image=image)
    assert key_note(task, USUAL, ["own/*"]) == expected
    # As the cluster and the sandbox program see it.
    assert KubernetesPlace("n", USUAL, entrypoints=("own/*",)).brokers(task) is (
        expected != IN_IMAGE
    )
    keys = read_keys({"SANDBOX_BROKER": "http://127.0.0.1:9180/x"})
    if expected != IN_IMAGE:
        assert keys.passes_by(url) is (expected == PAST_BROKER)


def test_an_image_that_a_task_need_not_name_can_have_a_program_too() -> None:
    assert key_note(Task(HTTPS, "do it"), "own/usual:1", ["own/*"]) == IN_IMAGE
