"""Characters of a task that nobody sees: what a screen leaves out, a model reads. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_MOST_NAMED = 6


def invisible(text: str) -> str:
    """Return a sentence that names the invisible characters of a task by their numbers; empty when it has none."""
    found = Counter(
        character for character in _MEANT.sub("", text) if _is_invisible(ord(character))
    )
    if not found:
        return ""
    count = found.total()
    shown = [
        f"{name}" + (f" ×{times}" if times > 1 else "")
        for name, times in _by_kind(found).most_common(_MOST_NAMED)
    ]
    more = ", …" if len(_by_kind(found)) > _MOST_NAMED else ""
    noun = "character" if count == 1 else "characters"
    return f"⚠️ {count} invisible {noun} in the task: {', '.join(shown)}{more}"


def _by_kind(found: Counter[str]) -> Counter[str]:
    """Count by the number of the character; a text written in tags is one kind, whatever it says."""
    kinds: Counter[str] = Counter()
    for character, times in found.items():
        code = ord(character)
        kind = "hidden letters (U+E0000–E007F)" if code in _TAGS else f"U+{code:04X}"
        if code in _SELECTORS:
            kind = "hidden bytes (U+E0100–E01EF)"
        kinds[kind] += times
    return kinds


_TAGS = range(0xE0000, 0xE0080)
_SELECTORS = range(0xE0100, 0xE01F0)

# Fillers, which are letters by their category and empty by their looks, and the selectors of variants.
_EMPTY = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
_VARIANTS = range(0xFE00, 0xFE10)


def _is_invisible(code: int) -> bool:
    if code < 0x80 and code != 0x7F:
        return code < 0x20 and chr(code) not in "\t\n\r"
    kind = unicodedata.category(chr(code))
    return (
        kind in ("Cf", "Cc", "Zl", "Zp")
        or code in _EMPTY
        or code in _VARIANTS
        or code in _TAGS
        or code in _SELECTORS
    )


# What belongs to what is seen: joiners and variants inside of emoji, flags of regions, joiners between letters as
# Persian and the languages of India write them, and marks of direction beside letters that run to the left.
_EMOJI = "[\u203c-\u3299\U0001f000-\U0001faff]"
_LEFTWARD = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]"
_JOINED = "[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff]"
_MEANT = re.compile(
    "\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f"
    f"|(?<={_EMOJI})[\ufe0e\ufe0f]|(?<=[0-9#*])\ufe0f(?=\u20e3)|[\u00a9\u00ae]\ufe0f"
    f"|(?<=[{_EMOJI[1:-1]}\ufe0f])\u200d(?={_EMOJI})"
    f"|(?<={_JOINED})[\u200c\u200d](?={_JOINED})"
    f"|(?<={_LEFTWARD})[\u200e\u200f\u061c]|[\u200e\u200f\u061c](?={_LEFTWARD})",
)
