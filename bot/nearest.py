"""The word that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 60
"""The comparison is quadratic; nobody misspells a longer word of ours."""


def nearest(word: str, candidates: Iterable[str], alike: float = 0.6) -> str | None:
    """Return the candidate most like a word, whatever its case, or None when none is.

    `alike` is the least share of characters in common, from 0 to 1.
    """
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    found = difflib.get_close_matches(word[:_LONGEST].casefold(), by_folded, n=1, cutoff=alike)
    return by_folded[found[0]] if found else None
