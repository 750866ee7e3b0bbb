"""The person's mistake: an exception whose text is the reply."""

from __future__ import annotations


class Mistake(Exception):
    """What a person wrote can't be done as it stands.

    `what` is one or two plain sentences for the chat, without markup. `example` is a line that works, to tap or
    copy, or None. Neither ever repeats a secret that the person typed.
    """

    def __init__(self, what: str, example: str | None = None) -> None:
        super().__init__(what if example is None else f"{what}\n{example}")
        self.what = what
        self.example = example
