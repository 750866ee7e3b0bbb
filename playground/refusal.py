"""How the Bot API says no."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """A call that is answered with ok=false; `code` is the HTTP status and the error_code."""

    def __init__(
        self, code: int, description: str, parameters: Mapping[str, int] | None = None
    ) -> None:
        """Keep what the answer will hold; `parameters` is ResponseParameters or None."""
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(reason: str) -> Refused:
    """Make a 400 as Client::fail_query_with_error does: the first letter small, unless it is a code like BUTTON_X."""
    is_code = len(reason) > 1 and (reason[1] == "_" or "A" <= reason[1] <= "Z")
    return Refused(400, "Bad Request: " + (reason if is_code else reason[:1].lower() + reason[1:]))


def forbidden(reason: str) -> Refused:
    """Make a 403."""
    return Refused(403, f"Forbidden: {reason}")


def unauthorized() -> Refused:
    """Make the 401 of a token that isn't (any more) a bot's. Source: Client::get_closing_error."""
    return Refused(401, "Unauthorized")
