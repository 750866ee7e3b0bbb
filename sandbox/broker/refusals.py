"""What the broker refuses, and the words in which people are told of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sandbox.words import printable

MAX_DETAIL = 80
MAX_KEPT = 20


class Refused(str, Enum):
    """The kinds of what isn't let through."""

    PUSH = "push"
    DELETION = "deletion"
    FOREIGN_BRANCH = "foreign-branch"
    PUSH_OPTIONS = "push-options"
    OTHER_REPOSITORY = "other-repository"
    OTHER_API = "other-api"
    PULL_REQUEST = "pull-request"
    BUDGET = "budget"
    SIZE = "size"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was refused `times`; `detail` is a branch, an address or the like, fit to be shown."""

    kind: Refused
    detail: str = ""
    times: int = 1


def refusal(kind: Refused, detail: str = "") -> Refusal:
    """Make a Refusal of a text of anybody's."""
    shown = printable(detail.removeprefix("refs/heads/"))
    return Refusal(kind, shown if len(shown) <= MAX_DETAIL else shown[: MAX_DETAIL - 1] + "…")


def joined(known: Sequence[Refusal], new: Refusal) -> tuple[Refusal, ...]:
    """Count a new Refusal among those that are known; of too many different ones the first are kept."""
    for index, each in enumerate(known):
        if (each.kind, each.detail) == (new.kind, new.detail):
            counted = Refusal(each.kind, each.detail, each.times + new.times)
            return (*known[:index], counted, *known[index + 1 :])
    return (*known, new)[:MAX_KEPT]


def remark(refusals: Sequence[Refusal]) -> str | None:
    """Return one short sentence or two for the people who asked; None when nothing was refused that they should know."""
    told = [_WORDS[each.kind].replace("<detail>", each.detail) for each in refusals]
    told = list(dict.fromkeys(words for words in told if words))
    if not told:
        return None
    more = f" (and {len(told) - 2} more)" if len(told) > 2 else ""
    return f"The agent tried to {' and to '.join(told[:2])}; refused.{more}"


_WORDS = {
    Refused.PUSH: "push to <detail>",
    Refused.DELETION: "delete <detail>",
    Refused.FOREIGN_BRANCH: "change <detail>, which isn't this run's",
    Refused.PUSH_OPTIONS: "give the forge orders with a push to <detail>",
    Refused.OTHER_REPOSITORY: "reach another repository (<detail>)",
    Refused.OTHER_API: "call an API that isn't its own (<detail>)",
    Refused.PULL_REQUEST: "open a pull request of its own (<detail>)",
    Refused.BUDGET: "",  # the end of the run tells it
    Refused.SIZE: "send more than is let through (<detail>)",
    Refused.MALFORMED: "send the broker malformed requests",
}
