"""A Run: one execution of a Task, seen from outside."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from enum import Enum

from runs.outcome import Outcome, Seen
from sandbox.report import Report
from sandbox.task import Task


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to answer. `message_id` is the message that asked; ids are Telegram's (groups are negative).

    Of the command line see `command_line_origin`.
    """

    chat_id: int
    message_id: int
    person_id: int
    person_name: str = ""
    thread_id: int | None = None
    private: bool = False

    @property
    def by_command_line(self) -> bool:
        """Say whether no message asked: then there is no chat of its own in which to answer."""
        return self.message_id == COMMAND_LINE


COMMAND_LINE = 0
"""What stands for the chat and the message where the command line asked; Telegram's ids are never 0."""


def command_line_origin(person_name: str) -> Origin:
    """Return the Origin of what a person asks on the command line.

    Each name is a person of its own for the limits; below 0 there are no ids of people in Telegram.
    """
    number = zlib.crc32(person_name.encode("utf-8", "surrogatepass"))
    return Origin(COMMAND_LINE, COMMAND_LINE, -1 - number, person_name)


class State(Enum):
    """QUEUED waits for a place, RUNNING has a place (its program may still be starting), ENDED has an Outcome."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Marks:
    """What the bot writes on a Run; every field is None until then. Times are seconds since 1970.

    `card_id` is the message that is edited as the Run moves. `claimed_at` is set just before the completion is
    sent, `told_at` after it was: a Run that is claimed but not told may have been told (the crash fell in between).
    `card_closed` says that the card shows the end, `home_told` that the home chat heard of a Run of another chat.
    """

    card_id: int | None = None
    claimed_at: float | None = None
    told_at: float | None = None
    card_closed: bool = False
    home_told: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a Task.

    `place` is 1 for the next Run to start, None unless QUEUED. `held` is what keeps a RUNNING one from starting so far, None
    where nothing is known to; it is not kept. `report` is the newest Report, provisional while
    the Run is RUNNING, None before the first. `outcome` stands exactly when `state` is ENDED. `cancelled_by` is
    the name of who asked to stop it. `version` guards `Backend.mark`: opaque, other after every change of the
    marks. Times are seconds since 1970.
    """

    id: str
    key: str
    task: Task
    origin: Origin
    state: State
    created_at: float
    version: str
    marks: Marks = Marks()
    started_at: float | None = None
    ended_at: float | None = None
    place: int | None = None
    held: Seen | None = None
    report: Report | None = None
    outcome: Outcome | None = None
    cancelled_by: str | None = None

    @property
    def ended(self) -> bool:
        """Say whether the Run has its Outcome."""
        return self.state is State.ENDED

    @property
    def told(self) -> bool:
        """Say whether the completion is known to have been delivered."""
        return self.marks.told_at is not None


def run_id(key: str) -> str:
    """Return the id that belongs to a key: 8 characters of a-z and 2-7, the same for the same key."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:5]).decode("ascii").lower()


def is_run_id(text: str) -> bool:
    """Say whether a text can be the id of a Run; what can't must never become part of a path."""
    return re.fullmatch("[a-z2-7]{8}", text) is not None


def command_line_key() -> str:
    """Return the key of a Run that the command line asks for; never the same."""
    return f"command:{secrets.token_hex(16)}"


def message_key(chat_id: int, message_id: int) -> str:
    """Return the key of a Run asked for by a message, so that a redelivered message meets its own Run."""
    return f"message:{chat_id}:{message_id}"


def retry_key(parent_id: str, attempt: int, change: str = "") -> str:
    """Return the key of a Run that does the Task of another again, so that a second press meets the first's Run.

    `change` is a word for what it does otherwise, of small letters; each counts its attempts for itself.
    """
    return f"retry{change and '-'}{change}:{parent_id}:{attempt}"


def reply_key(parent_id: str, chat_id: int, message_id: int) -> str:
    """Return the key of a Run that goes on where another one asked, with the message that answers it."""
    return f"reply:{parent_id}:{chat_id}:{message_id}"


@dataclass(frozen=True, slots=True)
class Lineage:
    """From which Run a Run descends: a retry has an `attempt`, and a `change` where it does something otherwise.

    One that answers its parent's question has attempt 0.
    """

    parent_id: str
    attempt: int
    change: str = ""

    @property
    def answers(self) -> bool:
        """Say whether it goes on with an answer."""
        return self.attempt == 0


def lineage(key: str) -> Lineage | None:
    """Return what a key says of where its Run comes from; None for a Run that began by itself."""
    match = re.fullmatch("retry(?:-([a-z]{1,20}))?:([a-z2-7]{8}):([1-9][0-9]{0,8})", key)
    if match is not None:
        return Lineage(match[2], int(match[3]), match[1] or "")
    match = re.fullmatch("reply:([a-z2-7]{8}):-?[0-9]{1,20}:[0-9]{1,20}", key)
    return None if match is None else Lineage(match[1], 0)


def by_age(run: Run) -> tuple[int, int, str]:
    """Order Runs, the oldest first: by the second, and within one by their messages.

    Commands that came together are started side by side, so within a second their times say nothing.
    """
    return (int(run.created_at), run.origin.message_id, run.id)
