"""The watch of the fuzzed tests hears and sees what it is there for: without this they would prove nothing."""

from __future__ import annotations

import contextlib
import socket
import subprocess

import jinja2
import pytest
import yaml

from bot.markup import Markup, Span, plain
from tests.fuzz.fuzzing import WATCH, check_markup


def test_a_process_and_a_connection_are_heard() -> None:
    with pytest.raises(AssertionError, match=r"subprocess\.Popen"), WATCH.listening():
        subprocess.run(["true"], check=True)
    with (
        pytest.raises(AssertionError, match=r"socket\.connect"),
        WATCH.listening(),
        socket.socket() as client,
        contextlib.suppress(OSError),
    ):
        client.connect(("127.0.0.1", 1))


def test_silence_is_heard_too() -> None:
    with WATCH.listening():
        pass


class Leaking(Markup):
    """A message whose text gets into its markup, as it would without escaping."""

    def html(self) -> str:
        return "".join(span.text for span in self.spans)


def test_a_mark_that_isnt_ours_is_seen() -> None:
    check_markup(plain("<b>bold</b>"))
    with pytest.raises(AssertionError):
        check_markup(Leaking((Span("<b>bold</b>"),)))


def test_a_text_between_quotes_would_change_a_manifest() -> None:
    template = jinja2.Environment(autoescape=False).from_string('task: "{{ task }}"\n')
    read = [
        yaml.safe_load(template.render(task=text)) for text in ("plain", 'x"\nprivileged: "yes')
    ]
    assert read == [{"task": "plain"}, {"task": "x", "privileged": "yes"}]
