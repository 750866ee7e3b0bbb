"""Names made from a person's words: the run's branch and the first line of its commit. Pure."""

from __future__ import annotations

import re
import unicodedata

MAX_SLUG = 40
MAX_TITLE = 72
_PARAGRAPH = "\n\n"


def branch_name(run_id: str, prompt: str) -> str:
    """Return `claude/<run>-<words>`, valid for git whatever the prompt is; the words are those of its first paragraph."""
    return f"claude/{run_id}-{slug(prompt.strip().partition(_PARAGRAPH)[0])}"


def slug(text: str) -> str:
    """Return the words of a text as at most MAX_SLUG characters of a-z, 0-9 and single hyphens, or "task"."""
    plain = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode("ascii")
    words = re.findall(r"[a-z0-9]+", plain.lower())
    kept = ""
    for word in words:
        longer = f"{kept}-{word}" if kept else word
        if len(longer) > MAX_SLUG:
            break
        kept = longer
    if not kept and words:
        kept = words[0][:MAX_SLUG]
    return kept or "task"


def title(prompt: str, limit: int = MAX_TITLE) -> str:
    """Return the prompt's first line that says something, cut at `limit` characters; "Task" when none does."""
    for line in prompt.splitlines():
        words = " ".join(printable(line).split())
        if words:
            return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"
    return "Task"


def printable(text: str) -> str:
    """Drop terminal escapes, control characters but tab, and characters that reorder or hide text.

    Line breaks go too: give this one line. Lone surrogates and bytes that weren't UTF-8 become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    plain = _UNPRINTABLE.sub("", _ESCAPE.sub("", text))
    return plain.encode("utf-8", "replace").decode("utf-8", "replace")


# ECMA-48: CSI and OSC sequences (ended by BEL or ST), then the other two-byte escapes.
_ESCAPE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*(?:[@-~]|$)|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b[ -/]*[0-~]?"
)
# C0 but tab, DEL, C1, the line and paragraph separators, the bidirectional controls of UAX 9, BOM, zero width space
# and the invisible operators, and two that are no characters. The zero width joiner stays: emoji are made with it.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2061-\u2064\u2066-\u2069\ufeff\ufffe\uffff]"
)
