"""When Python looks for what it can throw away: loaded before all else."""

from __future__ import annotations

import gc

_USUAL = gc.get_threshold()
_SELDOM = 100_000
"""So many more objects than now. Nearly all that a program makes while it loads stays: to look through it again and
again takes a sixth of a short command's time."""


def look_seldom() -> None:
    """Put it off: for a command, which has soon ended."""
    gc.set_threshold(_SELDOM)


def look_as_usual() -> None:
    """Leave what is there by now alone, and look at what comes as Python does: for who stays.

    The loop stands still for a full collection: without what was loaded, that are 60 ms less.
    """
    gc.freeze()
    gc.set_threshold(*_USUAL)


def look_no_more() -> None:
    """Leave all to the machine, which takes it back at the end anyway: Python would look through it before, several times."""
    gc.freeze()
