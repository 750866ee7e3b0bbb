"""The bot's log: one line per event, as text or as JSON, and no secret in any of them."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import re
import sys
import textwrap
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from bot.settings import LogFormat
from runs.run import is_run_id
from sandbox.keys import read_keys
from sandbox.redaction import Redactor

log = logging.getLogger(__name__)


class Plain(logging.Formatter):
    """Blackens the values of keys and tokens wherever they come from: exceptions of the HTTP client hold addresses."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._redactor = redactor

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        """Return the event's own line; what stands in it from outside can't begin another one."""
        # Blackened first: a key of several lines is known by its lines.
        return _BREAKS.sub(_escaped, self._redactor.text(super().formatMessage(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the library's name)
        """Return the traceback, each line behind a margin: what an exception says can't look like an event."""
        return textwrap.indent(super().formatException(ei), "    ", lambda _line: True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and behind it the traceback where there is one."""
        return self._redactor.text(super().format(record))


class Json(logging.Formatter):
    """One object on one line: `time`, `level`, `logger`, `message`, and `run` and `exception` where there are any."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        values = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._clean(record.getMessage()),
        }
        if (run := run_of(record)) is not None:
            values["run"] = run
        if record.exc_info:
            values["exception"] = self._clean(self.formatException(record.exc_info))
        return json.dumps(values)

    def _clean(self, text: str) -> str:
        # Half of a surrogate pair is nothing that a reader of JSON has to take.
        return self._redactor.text(text.encode("utf-8", "replace").decode())


class Lines(logging.StreamHandler[TextIO]):
    """Writes to standard error. An event that can't be put into words is told by its template, not by a raw traceback."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        """Say which event it is. Its values stay out: they are what failed."""
        with contextlib.suppress(OSError, ValueError):
            template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
            note = logging.makeLogRecord(
                {
                    "name": record.name,
                    "levelno": logging.ERROR,
                    "levelname": "ERROR",
                    "msg": "an event can't be put into words: %s",
                    "args": (template,),
                }
            )
            self.stream.write(self.format(note) + self.terminator)
            self.flush()


def run_of(record: logging.LogRecord) -> str | None:
    """Return the id of the Run that an event is about: what stands behind the word "run" in our own template."""
    template = str(record.msg).replace("%%", "")
    match = re.search(r"\brun %s", template)
    if match is None or not isinstance(record.args, tuple):
        return None
    place = template.count("%", 0, match.start())
    run = record.args[place] if place < len(record.args) else None
    return run if isinstance(run, str) and is_run_id(run) else None


def start_logging(environment: Mapping[str, str]) -> None:
    """Log to standard error from INFO on, as SANDBOX_LOG_FORMAT says; every secret of the environment is blackened."""
    redactor = Redactor(read_keys(environment).secrets)
    handler = Lines(sys.stderr)
    handler.setFormatter(Json(redactor) if _is_json(environment) else Plain(redactor))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    sys.excepthook = _log_end
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable
    for chatty in ("httpx", "httpcore", "apscheduler"):
        # httpx logs addresses at INFO, and the bot's token is a part of them.
        logging.getLogger(chatty).setLevel(logging.WARNING)


def complain(environment: Mapping[str, str], words: str) -> None:
    """Say why the bot doesn't start: to a person as it is, and in a log of objects as one of them."""
    if _is_json(environment):
        log.critical("%s", words)
    else:
        print(words, file=sys.stderr)


def _is_json(environment: Mapping[str, str]) -> bool:
    return environment.get("SANDBOX_LOG_FORMAT", "").strip() == LogFormat.JSON.value


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ends the process, instead of printing it: it may hold a secret, and is to be one event like all others."""
    log.critical("the bot ends by a bug", exc_info=(kind, error, trace))


def _log_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        told = (args.exc_type, args.exc_value, args.exc_traceback)
        log.error("a thread ends by a bug", exc_info=told)


def _log_unraisable(found: sys.UnraisableHookArgs) -> None:
    """Log what failed where nobody can be told, such as a finalizer."""
    told = None
    if found.exc_value is not None:
        told = (found.exc_type, found.exc_value, found.exc_traceback)
    where = getattr(found.object, "__qualname__", type(found.object).__name__)
    log.error("%s %s", found.err_msg or "Exception ignored in", where, exc_info=told)


_BREAKS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
