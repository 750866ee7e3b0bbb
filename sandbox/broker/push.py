"""What a push wants to change, read from its first lines, and whether this Run may. Pure.

The form is that of gitprotocol-pack(5), "Reference Update Request": pkt-lines of `old new name`, the first with the
client's capabilities behind a NUL, up to a flush; what follows is the pack.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.broker.refusals import Refusal, Refused, refusal

MAX_COMMAND_BYTES = 1 << 20
_FLUSH = b"0000"
_PACKET_BYTES = 65516
"""What fits into one side-band-64k packet beside its length and its band."""


class MalformedPush(Exception):
    """Not the beginning of a push as git makes it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One change of a branch or tag; ids are hexadecimal, all zeros for one that isn't there."""

    old: str
    new: str
    name: str


@dataclass(frozen=True, slots=True)
class Push:
    """The changes, all or none of which are let through, and the client's capabilities."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str] = frozenset()


class PushReader:
    """Takes a body piece by piece until the changes are known."""

    def __init__(self) -> None:
        self.seen = bytearray()
        self.push: Push | None = None
        self._at = 0
        self._commands: list[Command] = []
        self._capabilities: frozenset[str] = frozenset()

    def feed(self, chunk: bytes) -> bool:
        """Take a piece; True once `push` is known. `seen` holds all that was fed. Raises MalformedPush."""
        self.seen += chunk
        while self.push is None and len(self.seen) - self._at >= 4:
            size = self.seen[self._at : self._at + 4]
            if size == _FLUSH:
                self.push = Push(tuple(self._commands), self._capabilities)
                break
            if not re.fullmatch(rb"[0-9a-fA-F]{4}", size) or int(size, 16) <= 4:
                raise MalformedPush("a packet that isn't a line")
            end = self._at + int(size, 16)
            if end > MAX_COMMAND_BYTES:
                raise MalformedPush("too many changes")
            if len(self.seen) < end:
                break
            self._read_line(bytes(self.seen[self._at + 4 : end]))
            self._at = end
        return self.push is not None

    def _read_line(self, line: bytes) -> None:
        text, separator, capabilities = line.partition(b"\0")
        if separator:
            if self._commands or self._capabilities:
                raise MalformedPush("capabilities in a later line")
            if b"\0" in capabilities:
                raise MalformedPush("capabilities that git reads a part of")
            self._capabilities = frozenset(capabilities.decode("utf-8", "replace").split())
        if _SHALLOW.fullmatch(text) and not separator:
            return
        command = _COMMAND.fullmatch(text)
        if command is None:
            raise MalformedPush("a line that is no change of a branch")
        name = command["name"].decode("utf-8", "surrogateescape")
        self._commands.append(Command(command["old"].decode(), command["new"].decode(), name))


_ID = rb"(?:[0-9a-f]{40}|[0-9a-f]{64})"
_SHALLOW = re.compile(rb"shallow " + _ID + rb"\n?")
_COMMAND = re.compile(
    rb"(?P<old>" + _ID + rb") (?P<new>" + _ID + rb") (?P<name>[^\x00-\x20\x7f]{1,1000})\n?"
)


def judge(push: Push, run_id: str) -> list[Refusal | None]:
    """Say of each change why this Run may not make it; None for one that it may.

    It may make and move branches `claude/<run>-…`, and make, but never move, other branches `claude/…`. With options
    (`git push --push-option`) it may do nothing: by them forges open and merge requests, or publish a repository.
    """
    if any(name.partition("=")[0] == _OPTIONS for name in push.capabilities):
        return [refusal(Refused.PUSH_OPTIONS, command.name) for command in push.commands]
    return [_judge(command, run_id) for command in push.commands]


_OPTIONS = "push-options"


def _judge(command: Command, run_id: str) -> Refusal | None:
    name = command.name
    if not command.new.strip("0"):
        return refusal(Refused.DELETION, name)
    if not name.startswith("refs/heads/claude/") or ".." in name or name.endswith("/"):
        return refusal(Refused.PUSH, name)
    own = name.startswith(f"refs/heads/claude/{run_id}-")
    if command.old.strip("0") and not own:
        return refusal(Refused.FOREIGN_BRANCH, name)
    return None


def report(push: Push, judged: Sequence[Refusal | None], run_id: str) -> bytes | None:
    """Return git's own answer to a push of which nothing was done (gitprotocol-pack(5), "Report Status").

    None when the client doesn't ask for one.
    """
    if not {"report-status", "report-status-v2"} & push.capabilities:
        return None
    lines = [b"unpack ok\n"]
    for command, refused in zip(push.commands, judged, strict=True):
        why = (
            "another branch of this push is refused" if refused is None else _REASONS[refused.kind]
        )
        name = command.name.encode("utf-8", "surrogateescape")
        lines.append(b"ng %s %s\n" % (name, why.replace("<run>", run_id).encode()))
    status = b"".join(map(_packet, lines)) + _FLUSH
    if "side-band-64k" not in push.capabilities:
        return status
    parts = [status[at : at + _PACKET_BYTES - 1] for at in range(0, len(status), _PACKET_BYTES - 1)]
    return b"".join(_packet(b"\x01" + part) for part in parts) + _FLUSH


_REASONS = {
    Refused.PUSH_OPTIONS: "this run may not push with options",
    Refused.DELETION: "this run may not delete branches",
    Refused.PUSH: "this run may push to branches claude/<run>-* only",
    Refused.FOREIGN_BRANCH: "this branch isn't this run's: use claude/<run>-*",
}


def _packet(line: bytes) -> bytes:
    return b"%04x" % (len(line) + 4) + line
