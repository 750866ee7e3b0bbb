"""One measured number with its target, and the table of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_WIDTHS = (58, 30, 24)


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table. `met` None means that there is no target, the number is for comparison only."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None


def at_most(what: str, value: float, limit: float, unit: str, detail: str = "") -> Figure:
    """Make the Figure of a value that may not exceed a limit, both in `unit`."""
    digits = 0 if limit >= 10 or isinstance(value, int) else 2 if limit >= 0.1 else 4
    measured = f"{value:.{digits}f} {unit}".rstrip()
    return Figure(
        what, f"{measured} {detail}".rstrip(), f"≤ {limit:g} {unit}".rstrip(), value <= limit
    )


def spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """Return the median of some values, with the least and the greatest."""
    shown = [
        f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    ]
    return f"{shown[0]} {unit} ({shown[1]}–{shown[2]})"


def header() -> str:
    """Return the head of the table."""
    return f"{_row(('figure', 'measured', 'target'))} met\n{'─' * (sum(_WIDTHS) + 10)}"


def line(figure: Figure) -> str:
    """Return one line of the table."""
    met = {None: "", True: "yes", False: "MISSED"}[figure.met]
    return f"{_row((figure.what, figure.measured, figure.target))} {met}".rstrip()


def _row(cells: tuple[str, str, str]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
