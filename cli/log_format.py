"""The bot's log: one line per event, and no secret in any of them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

from sandbox.keys import read_keys
from sandbox.redaction import Redactor


class _Redacting(logging.Formatter):
    """Blackens the values of keys and tokens wherever they come from: exceptions of the HTTP client hold addresses."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))


def start_logging(environment: Mapping[str, str]) -> None:
    """Log to standard error from INFO on; every secret of the environment is blackened."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(Redactor(read_keys(environment).secrets)))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("httpx", "httpcore", "apscheduler"):
        # httpx logs addresses at INFO, and the bot's token is a part of them.
        logging.getLogger(chatty).setLevel(logging.WARNING)
