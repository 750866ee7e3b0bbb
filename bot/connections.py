"""The HTTP client to Telegram, which knows an answer of the Bot API from anything else that a network hands out."""

from __future__ import annotations

import json
import logging
from typing import Any

from telegram import Update
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from bot.metrics import NO_ANSWER, Metrics

log = logging.getLogger(__name__)


class Connections(HTTPXRequest):
    """A pool of `size` connections; every wait has a limit, and every request is counted.

    The library itself logs what isn't JSON in full, and breaks on JSON that is no answer.
    """

    def __init__(self, size: int, metrics: Metrics) -> None:
        self._metrics = metrics
        super().__init__(
            connection_pool_size=size,
            read_timeout=15.0,
            write_timeout=15.0,
            connect_timeout=10.0,
            pool_timeout=10.0,
        )

    async def do_request(self, url: str, *rest: Any, **more: Any) -> tuple[int, bytes]:
        """Send a request, as the library asks for it; return the HTTP status and what came."""
        called = url.rpartition("/")[2]  # all before it holds the token
        try:
            status, body = await super().do_request(url, *rest, **more)
        except TelegramError:
            self._metrics.asked_telegram(called, NO_ANSWER)
            raise
        self._metrics.asked_telegram(called, str(status))
        return status, body

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return an answer of the Bot API. Raises TelegramError for anything else, a proxy's page for example."""
        try:
            found = json.loads(payload)
        except (ValueError, RecursionError):
            raise TelegramError("that isn't JSON") from None
        if not isinstance(found, dict) or ("result" not in found and found.get("ok") is not False):
            raise TelegramError("that isn't an answer of the Bot API")
        return found


class PollConnections(Connections):
    """The one connection of getUpdates: an update that the library can't read comes as one with nothing in it.

    So it is passed over like any other, instead of keeping all later ones out for ever.
    """

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(1, metrics)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return an answer of getUpdates. Raises TelegramError."""
        answer = Connections.parse_json_payload(payload)
        if answer.get("ok") is False:
            return answer
        if not isinstance(answer["result"], list):
            raise TelegramError("that isn't an answer of getUpdates")
        return {**answer, "result": [_readable(update) for update in answer["result"]]}


def _readable(update: object) -> dict[str, Any]:
    """Return an update as it is, or only its number when nothing more of it can be read."""
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        raise TelegramError("there is an update without a number")
    try:
        Update.de_json(update, None)
    except Exception as error:
        # Whatever the parser stumbles over; its words may hold the message's.
        log.error("update %s can't be read: %s", update["update_id"], type(error).__name__)
        return {"update_id": update["update_id"]}
    return update
