"""Which lines of a log prove a failure: the error and what belongs to it, not the tail of a progress bar.

It lies in this room because the sandbox program uses it too, and imports go down only. Pure, and linear in the log's
length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from sandbox.evidence import (
    Weight,
    is_frame,
    is_noise,
    is_success,
    is_verdict,
    mark,
    telling_part,
)
from sandbox.report import Phase
from sandbox.words import printable

MOST = 15
LEAST = 5
"""So many lines are shown at least, where there are as many, so that an error has something around it."""

ROW_CHARACTERS = 600
"""A longer line is cut around the words of its failure."""

_GAP = 60
"""So many lines without a verdict end what belongs together."""
_CLUSTER_ROWS = 3000
_REACH = 25
"""So far from a verdict a line may still belong to it."""
_LOOKED_AT = 100_000
"""So many different lines, the last of a log, are looked at: those of the 8 MiB that a sandbox prints, mostly."""

_SCAN = 64 << 10
"""Of a longer line only so many characters are looked at."""
_TELLING_WORDS = ("rror", "xception", "fatal", "panic", "ailed", "Killed", "No space")
_COMMAND = "$ "
"""How the sandbox, and Yarn, begin the line of a command that is about to run."""
_COMMANDS = 4
"""So many later commands that didn't fail have overcome a failure: the sandbox prints why a command failed."""
_TRACEBACK = "Traceback (most recent call last):"
_PREFIXES = ("│ ", "· ")
_PHASE = "▶ "
_PHASE_STARTS = tuple(_PHASE + phase.value for phase in Phase)
_PHASES = 20
"""A run has fewer."""
_DELIVER = _PHASE + Phase.DELIVER.value
_DONE = _PHASE + Phase.DONE.value


def proving_lines(log: str, *, most: int = MOST) -> list[str]:
    """Return the at most `most` lines that prove the failure that a log ends with, in their order.

    The log may be framed by the sandbox (`sandbox.log`) or be what any program printed, and may begin anywhere.
    Lines come without escapes, prefixes and what progress wrote over; equal ones in a row are one. Where nothing
    says what went wrong they are the last that say anything.
    """
    rows, found = _looked_at(log, most)
    return _shown(_chosen(rows, most) if found else rows[-most:])


def tells_of_failure(log: str) -> bool:
    """Say whether anything in a log, or in its phase that failed, says what went wrong."""
    return _looked_at(log, MOST)[1]


def narrowed(row: str, width: int) -> str:
    """Cut a line to at most `width` characters around the words of its failure, for a narrow display."""
    if len(row) <= width:
        return row
    start = telling_part(row)
    if start < width * 2 // 3:
        return row[: width - 1].rstrip() + "…"
    start = min(start - width // 4, len(row) - width + 2)
    end = start + width - 2
    return "…" + row[start:end].strip() + ("…" if end < len(row) else "")


@dataclass(frozen=True, slots=True)
class _Row:
    """A line that says something, and how often it came in a row."""

    text: str
    times: int = 1

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip())


def _looked_at(log: str, most: int) -> tuple[list[_Row], bool]:
    """Return the lines that matter, and whether one says what went wrong."""
    lines = log.split("\n")
    part = _failing_part(lines) if _PHASE in log else lines
    return _end_of(_cleaned_backwards(part), most)


def _failing_part(lines: list[str]) -> list[str]:
    """Return the lines of the phase that failed; all of a log that isn't framed."""
    starts = [index for index, line in enumerate(lines) if line.startswith(_PHASE_STARTS)]
    starts = starts[-_PHASES:]
    if not starts:
        return lines
    ends = [*starts[1:], len(lines)]
    phases = [
        (lines[start], lines[start + 1 : end]) for start, end in zip(starts, ends, strict=True)
    ]
    phases.insert(0, ("", lines[: starts[0]]))  # of a log that is cut, its first phase has no name
    if not phases[-1][0].startswith(_DONE):
        return phases[-1][1]
    end_line, told = phases.pop()
    part = _blamed(phases, end_line)
    # What the sandbox says of the end comes last, where it doesn't only repeat.
    seen = {_without_prefix(line) for line in part}
    return part + [line for line in told if _without_prefix(line) not in seen]


def _blamed(phases: list[tuple[str, list[str]]], end_line: str) -> list[str]:
    if ", push-" in end_line:
        return phases[-1][1]
    # After a failed agent its unfinished work is still delivered.
    before = [lines for start, lines in phases if not start.startswith(_DELIVER)]
    return before[-1] if before else phases[-1][1]


def _cleaned_backwards(lines: list[str]) -> Iterator[_Row]:
    """Yield what says something, the last first."""
    waiting: _Row | None = None
    for line, same in islice(groupby(reversed(lines)), _LOOKED_AT):
        text = _cleaned(line)
        if not text or is_noise(text):
            continue
        times = sum(1 for _ in same)
        if waiting is not None and waiting.text == text:
            waiting = _Row(text, waiting.times + times)
            continue
        if waiting is not None:
            yield waiting
        waiting = _Row(text, times)
    if waiting is not None:
        yield waiting


def _cleaned(line: str) -> str:
    line = line.rstrip()
    if "\r" in line:
        line = line.rpartition("\r")[2]
    if len(line) > _SCAN:
        line = _telling_window(line)
    text = printable(_without_prefix(line)).rstrip()
    return narrowed(text, ROW_CHARACTERS) if len(text) > ROW_CHARACTERS else text


def _telling_window(line: str) -> str:
    """Cut a line of any length to one that can be searched; `str.find` takes milliseconds for megabytes."""
    found = [at for word in _TELLING_WORDS if (at := line.find(word)) >= 0]
    start = max(min(found, default=0) - _SCAN // 2, 0)
    return line[start : start + _SCAN]


def _without_prefix(line: str) -> str:
    return line[2:] if line.startswith(_PREFIXES) else line


def _end_of(backwards: Iterable[_Row], most: int) -> tuple[list[_Row], bool]:
    """Return the last failure with what is around it, and True; without one at least `most` last lines, and False.

    A failure reaches from the command that failed, or from where nothing was wrong for a while, to the end. One that
    later commands overcame doesn't count.
    """
    rows: list[_Row] = []
    found = succeeded = overcome = False
    quiet = commands = 0
    for row in backwards:
        rows.append(row)
        if row.text.startswith(_COMMAND):
            if found:
                break
            commands += 1
            overcome = overcome or succeeded or commands >= _COMMANDS
        elif overcome:
            pass
        elif is_verdict(row.text) or row.text.endswith(_TRACEBACK):
            if not found:
                del rows[: -_REACH - 1]  # what came long after it
            found, quiet = True, 0
        elif found:
            quiet += 1
        else:
            succeeded = succeeded or is_success(row.text)
        if (
            quiet > _GAP
            or (found and len(rows) > _CLUSTER_ROWS)
            or (overcome and len(rows) >= most)
        ):
            break
    return rows[::-1], found


def _chosen(rows: list[_Row], most: int) -> list[_Row]:
    weights = _weights(rows)
    chosen = _verdicts(rows, weights, most)
    if not chosen:  # a traceback that was cut off before it said of what
        return rows[-most:]
    if rows[0].text.startswith(_COMMAND) and len(chosen) < most:
        chosen.add(0)
    near = sorted(
        (min((abs(index - verdict), index < verdict) for verdict in sorted(chosen)), index)
        for index in range(len(rows))
        if index not in chosen
    )
    taken = {rows[index].text for index in chosen}
    for weight, room in ((Weight.PLACE, most), (Weight.HINT, LEAST), (Weight.NOTHING, LEAST)):
        for (distance, _), index in near:
            if len(chosen) >= min(room, most) or distance > _REACH:
                break
            if weights[index] >= weight and rows[index].text not in taken:
                chosen.add(index)
                taken.add(rows[index].text)
    return [rows[index] for index in sorted(chosen)]


def _weights(rows: list[_Row]) -> list[Weight]:
    """Judge the lines, each with what its neighbours say of it."""
    marks = [mark(row.text) for row in rows]
    weights = [each.weight for each in marks]
    frames_at: int | None = None
    for index, row in enumerate(rows):
        for later in range(index + 1, min(index + 1 + marks[index].following, len(rows))):
            weights[later] = max(weights[later], marks[index].following_weight)
        if is_frame(row.text):
            frames_at = row.indent
        elif frames_at is not None and row.indent < frames_at:
            weights[index] = Weight.VERDICT  # the exception, whatever its name
            frames_at = None
    return weights


def _verdicts(rows: list[_Row], weights: list[Weight], most: int) -> set[int]:
    """Choose the first verdicts, since the others often follow from them, and the last, which often counts them."""
    found = {
        row.text: index
        for index, row in reversed(list(enumerate(rows)))
        if weights[index] is Weight.VERDICT
    }
    indices = sorted(found.values())
    limit = max(1, most * 2 // 3)
    return set(indices if len(indices) <= limit else [*indices[: limit - 1], indices[-1]])


def _shown(rows: list[_Row]) -> list[str]:
    """Return the lines as far left as they go together."""
    common = min((row.indent for row in rows), default=0)
    texts = [_without_rule(row.text[common:].replace("\t", "    ")) for row in rows]
    return [
        f"{text} (×{row.times})" if row.times > 1 else text
        for text, row in zip(texts, rows, strict=True)
    ]


def _without_rule(text: str) -> str:
    """Take the rules from beside a heading, as pytest draws them over the width of a terminal."""
    bare = text.lstrip()
    if not bare.startswith(("===", "___")):
        return text
    return text[: len(text) - len(bare)] + bare.strip("=_ ")
