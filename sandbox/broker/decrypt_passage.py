"""Decrypting the repository's own files with the age key, until anything of the repository runs."""

from __future__ import annotations

import threading

from sandbox.broker.refusals import Refused, refusal
from sandbox.broker.server import TEXT, Exchange, NotLetThrough
from sandbox.broker.settings import Settings
from sandbox.secrets_of_repo import FILE_BYTES
from sandbox.sops import PRINTED_AS, NotDecrypted, decrypt

END = "/end"
_CLOSED = "decrypted"
_OCTETS = {"Content-Type": "application/octet-stream"}


class DecryptPassage:
    """Decrypts files for the sandbox program, and nothing more once it has said that it is done.

    Otherwise an agent could have whatever is encrypted for the same key opened, such as files of another repository.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closed = threading.Event()
        # A broker that was killed must not open again.
        self._mark = settings.folder and settings.folder / _CLOSED
        if self._mark and self._mark.exists():
            self._closed.set()

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        head = exchange.head
        kind = exchange.path.removeprefix("/")
        data = b"".join(exchange.wire.body(head, FILE_BYTES))
        exchange.reusable = True
        if head.method == "POST" and exchange.path == END:
            self._close()
            exchange.answer(200, TEXT, b"")
            return
        if head.method != "POST" or kind not in PRINTED_AS or self._closed.is_set():
            detail = refusal(Refused.OTHER_API, f"{head.method} /decrypt{exchange.path}")
            raise NotLetThrough(403, "the broker decrypts nothing any more", detail)
        try:
            plain = decrypt(data, kind, self._settings.environment)
        except NotDecrypted as error:
            exchange.answer(422, TEXT, f"{error}".encode())
        else:
            exchange.answer(200, _OCTETS, plain)

    def _close(self) -> None:
        self._closed.set()
        if self._mark:
            self._mark.touch()
