"""The bot's log as text and as JSON: one event is one line, whatever stands in it, and no secret is in any."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import LogFormat
from cli.log_format import Json, Plain, run_of
from sandbox.redaction import Redactor

HOSTILE: list[str] = json.loads(
    (Path(__file__).parents[1] / "data" / "hostile-strings.json").read_text()
)
SECRET = "hunter2-of-the-whole-team"
FORGED = "\n2026-11-28 17:00:00,000 INFO bot.completion run aaaaaaaa told: pushed"
MORE = (
    FORGED,
    FORGED.replace("\n", "\r"),
    FORGED.replace("\n", "\u2028"),
    FORGED.replace("\n", "\x85"),
    '", "level": "CRITICAL", "x": "',
    "half a pair: \ud800",
    "%s %d %(message)s",
    f"https://user:{SECRET}@git.example/x.git",
    f"Bearer {SECRET}",
    f'{{"token": "{SECRET}"}}',
)
FORMATTERS = {LogFormat.TEXT: Plain, LogFormat.JSON: Json}


def record(template: str, *args: object, error: Exception | None = None) -> logging.LogRecord:
    """Return an event; an error is raised first, so that it has its traceback."""
    info = None
    if error is not None:
        try:
            raise error
        except type(error):
            info = sys.exc_info()
    return logging.LogRecord("bot.completion", logging.WARNING, "x.py", 1, template, args, info)


def written(log_format: LogFormat, event: logging.LogRecord) -> str:
    return FORMATTERS[log_format](Redactor([SECRET])).format(event)


@pytest.mark.parametrize("text", [*HOSTILE, *MORE])
def test_an_event_in_json_is_one_object_on_one_line_and_says_what_the_text_says(text: str) -> None:
    line = written(LogFormat.JSON, record("run %s can't be kept: %s", "k7f3q2ab", text))
    assert line.isascii()
    assert len(line.splitlines()) == 1
    values = json.loads(line)
    assert set(values) == {"time", "level", "logger", "message", "run"}
    assert (values["level"], values["logger"]) == ("WARNING", "bot.completion")
    readable = text.encode("utf-8", "replace").decode()
    told = Redactor([SECRET]).text(f"run k7f3q2ab can't be kept: {readable}")
    assert values["message"] == told
    assert values["run"] == "k7f3q2ab"
    assert SECRET not in line


@pytest.mark.parametrize("text", [*HOSTILE, *MORE])
def test_an_event_as_text_is_one_line(text: str) -> None:
    line = written(LogFormat.TEXT, record("run %s can't be kept: %s", "k7f3q2ab", text))
    assert len(line.splitlines()) == 1
    assert " WARNING bot.completion run k7f3q2ab can't be kept: " in line
    assert SECRET not in line


@pytest.mark.parametrize("text", [*HOSTILE, *MORE])
def test_an_exception_begins_no_line_that_looks_like_an_event(text: str) -> None:
    event = record("an errand failed", error=ValueError(text))
    first, *rest = written(LogFormat.TEXT, event).splitlines()
    assert first.endswith("an errand failed")
    assert rest
    assert all(line.startswith("    ") for line in rest)
    values = json.loads(written(LogFormat.JSON, event))
    assert values["exception"].startswith("Traceback (most recent call last):\n")
    assert "ValueError" in values["exception"]
    assert SECRET not in json.dumps(values) + "".join(rest)


TOKEN = "123456789:AAFs3cretS3cretS3cretS3cretS3cretS3c"
MISHAPS = """\
import logging, sys, threading, warnings
from cli.log_format import start_logging
start_logging(VARIABLES)
ADDRESS = "POST https://api.telegram.org/bot" + TOKEN + "/getUpdates"

class Ill:
    def __del__(self):
        raise ValueError(ADDRESS)

def fail():
    raise OSError(ADDRESS)

logging.getLogger("httpx").info(ADDRESS)
warnings.warn(ADDRESS)
logging.getLogger("bot.intake").info("run %s: %s", ADDRESS)
logging.getLogger("bot.intake").info(Ill)
for target in (fail, sys.exit):
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
ill = Ill()
del ill
raise RuntimeError(ADDRESS)
"""


@pytest.mark.parametrize("log_format", LogFormat)
def test_whatever_goes_wrong_in_the_process_is_an_event_and_holds_no_token(
    log_format: LogFormat,
) -> None:
    variables = {"TELEGRAM_BOT_TOKEN": TOKEN, "SANDBOX_LOG_FORMAT": log_format.value}
    program = f"TOKEN, VARIABLES = {TOKEN!r}, {variables!r}\n{MISHAPS}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert TOKEN not in done.stderr
    events = [line for line in done.stderr.splitlines() if not line.startswith("    ")]
    words = (
        "UserWarning: POST https",
        "an event can't be put into words: run %s: %s",
        "<class '__main__.Ill'>",
        "a thread ends by a bug",
        "Exception ignored in",
        "the bot ends by a bug",
    )
    assert len(events) == len(words)
    for line, some in zip(events, words, strict=True):
        assert some in line
    if log_format is LogFormat.JSON:
        values = [json.loads(line) for line in events]
        assert values[-1]["level"] == "CRITICAL"
        traces = [value["exception"].splitlines()[-1] for value in values[-3:]]
        assert [trace.partition(":")[0] for trace in traces] == ["OSError", "ValueError", "RuntimeError"]  # fmt: skip
    else:
        assert "    RuntimeError: POST" in done.stderr


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_key_of_several_lines_is_blackened(log_format: LogFormat) -> None:
    body = "\n".join(["b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"] * 3)
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----"
    assert "b3Blbn" not in written(log_format, record("it said %s", key))


def test_the_time_in_json_is_utc_with_milliseconds() -> None:
    event = record("x")
    event.created = 1_700_000_000.0625
    assert json.loads(written(LogFormat.JSON, event))["time"] == "2023-11-14T22:13:20.062Z"


@pytest.mark.parametrize(
    ("template", "args", "run"),
    [
        ("run %s told: %s", ("k7f3q2ab", "pushed"), "k7f3q2ab"),
        ("the log of run %s can't be read: %s", ("k7f3q2ab", "no"), "k7f3q2ab"),
        ("%d of 100%%: run %s", (7, "k7f3q2ab"), "k7f3q2ab"),
        ("run %s", ("not an id",), None),
        ("run %s", (7,), None),
        ("run %s", (), None),
        ("rerun %s", ("k7f3q2ab",), None),
        ("a message could not be delivered: %s", ("run k7f3q2ab",), None),
        ("run k7f3q2ab", (), None),
        ("the sweep didn't end: %s", ("x",), None),
    ],
)
def test_the_run_is_what_stands_behind_that_word_in_our_own_words(
    template: str, args: tuple[object, ...], run: str | None
) -> None:
    assert run_of(record(template, *args)) == run
