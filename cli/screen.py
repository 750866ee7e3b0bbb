"""What a command prints: for people, for a pipe, or as JSON for a script."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from bot.markup import Markup, Tag
from cli.exits import Exit, Failure
from sandbox.words import printable

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; a narrow screen leaves out those of a high `rank`, and what `grows` may be cut."""

    title: str
    rank: int = 0
    grows: bool = False


class Screen:
    """Standard output holds the answer, standard error what is said beside it.

    With `as_json` the answer is one JSON value. Foreign text comes in plain, and can't move the cursor or set a colour.
    NO_COLOR, TERM and COLUMNS are obeyed.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._console: Console | None = None

    @property
    def is_live(self) -> bool:
        """Say whether lines may be drawn over: a person's terminal, and no JSON wanted."""
        if self.as_json or not sys.stdout.isatty():
            return False
        return self.console.is_terminal and not self.console.is_dumb_terminal

    @property
    def console(self) -> Console:
        """Return standard output as rich has it, loaded at the first use."""
        if self._console is None:
            self._console = _console(sys.stdout)
        return self._console

    @property
    def width(self) -> int | None:
        """Return the columns of a person's terminal; None where nobody looks, and nothing is cut."""
        return self.console.width if sys.stdout.isatty() else None

    def say(self, text: str) -> None:
        """Print a part of the answer for people: nothing where JSON is wanted."""
        if not self.as_json:
            _write(sys.stdout, clean(text))

    def markup(self, text: Markup) -> None:
        """Print a message of the chat: in a terminal with its marks, else plain."""
        if self.as_json:
            return
        if self.width is None:
            _write(sys.stdout, text.text())
            return
        from rich.text import Text

        drawn = Text()
        for span in text.spans:
            shown = Markup((span,)).text()
            drawn.append(shown, style=_STYLES.get(span.tag or Tag.LINK))
        self.console.print(drawn, soft_wrap=False)

    def hints(self, hints: Sequence[tuple[str, str]], *, as_note: bool = False) -> None:
        """Print what may be said next, and what that does: beside it, or below it where the screen is narrow."""
        longest = max(len(command) for command, _ in hints)
        lines = [f"  {command.ljust(longest)}  {meaning}" for command, meaning in hints]
        if self.width is not None and max(map(len, lines)) > self.width:
            lines = [f"  {command}\n    {meaning}" for command, meaning in hints]
        (self.note if as_note else self.say)("\n".join(lines))

    def note(self, text: str) -> None:
        """Print something beside the answer, such as a warning."""
        _write(sys.stderr, clean(text))

    def interrupted(self, text: str) -> None:
        """Say what Ctrl-C means, below the line on which a terminal shows it."""
        self.note(f"\n{text}" if sys.stderr.isatty() else text)

    def json(self, value: object) -> None:
        """Print the answer where JSON is wanted: one line."""
        if self.as_json:
            _write(sys.stdout, json.dumps(value))

    def failed(self, failure: Failure) -> None:
        """Say why a command failed and what to do; as JSON too where that is wanted."""
        self.note(f"{failure.what}\n➜ {failure.advice}" if failure.advice else failure.what)
        self.json({"error": failure.what, "advice": failure.advice, "exit": int(failure.code)})

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Print a table: in a terminal as wide as that, else whole, with a tab between the columns."""
        if self.as_json:
            return
        if self.width is None:
            lines = [[column.title for column in columns], *rows]
            for row in lines:
                _write(sys.stdout, "\t".join(clean(cell).replace("\n", " ") for cell in row))
            return
        self._draw(columns, rows, self.width)

    def _draw(self, columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> None:
        from rich.cells import cell_len
        from rich.text import Text

        shown = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
        titles = [column.title for column in columns]
        widths = fitting(columns, [titles, *shown], width)
        for number, row in enumerate([titles, *shown]):
            line = Text(style="bold" if number == 0 else "")
            for index, room in widths.items():
                cell = Text(row[index])
                cell.truncate(room, overflow="ellipsis")
                line.append(cell.plain + " " * (room + _GAP - cell_len(cell.plain)))
            line.rstrip()
            line.truncate(width, overflow="ellipsis")
            self.console.print(line, no_wrap=True)


_GAP = 2
_LEAST_GROWING = 12
_STYLES = {Tag.BOLD: "bold", Tag.ITALIC: "italic", Tag.CODE: "cyan", Tag.PRE: "dim"}


def fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """Return which columns a screen has room for, and how wide each of them is; `rows` are with the titles."""
    from rich.cells import cell_len

    widest = [
        max((cell_len(row[index]) for row in rows), default=0) for index in range(len(columns))
    ]
    shown: dict[int, int] = {}
    room = width + _GAP
    for index in sorted(range(len(columns)), key=lambda index: columns[index].rank):
        grows = columns[index].grows
        least = min(_LEAST_GROWING, widest[index]) if grows else widest[index]
        if columns[index].rank == 0 or least + _GAP <= room:
            shown[index] = least
            room -= least + _GAP
    _share(room, shown, widest)
    return dict(sorted(shown.items()))


def _share(room: int, shown: dict[int, int], widest: Sequence[int]) -> None:
    """Give the room that is left to those that need more, in equal parts as far as they need them."""
    needy = sorted(shown, key=lambda index: widest[index] - shown[index])
    for number, index in enumerate(needy):
        more = min(widest[index] - shown[index], max(0, room) // (len(needy) - number))
        shown[index] += more
        room -= more


def clean(text: str) -> str:
    """Return foreign text without what would move the cursor, change colours or hide: line by line."""
    return "\n".join(printable(line) for line in text.split("\n"))


def values_of(value: object) -> object:
    """Return enums and tuples within plain values as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): values_of(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [values_of(each) for each in value]
    return getattr(value, "value", value)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(_encodable(text, stream) + "\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk, a terminal that is gone
        raise Failure(
            f"The output can't be written: {error.strerror}.", code=Exit.CLUSTER
        ) from error


def _encodable(text: str, stream: TextIO) -> str:
    """Return a text as a stream can take it: LANG=C has no emoji."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _console(stream: TextIO) -> Console:
    from rich.console import Console, ConsoleDimensions

    found = Console(file=stream, highlight=False, markup=False, emoji=False)
    if found.is_dumb_terminal:  # of which rich takes the width to be 80
        found.size = ConsoleDimensions(*shutil.get_terminal_size())
    return found
