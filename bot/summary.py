"""The agent's own last words, as people read them on a phone: its Markdown as markup, cut behind a whole sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.markup import Markup, bold, clean, code, first_units, plain, pre, units

MOST_MARKS = 50
"""Telegram takes 100 entities in a message; the rest of the text stays as it was written."""


def summary(text: str, limit: int) -> Markup:
    """Return foreign Markdown as markup of at most `limit` UTF-16 units, ending in … where something was left out.

    Code, bold text, headings and list items are shown as such; everything else stays as it stands, links too, so that
    no text can hide where it leads.
    """
    shown = Markup()
    for number, block in enumerate(_blocks(cut_behind_sentence(clean(text).strip(), limit))):
        # Not `lines`, which leaves out what is empty.
        shown = shown + "\n" + block if number else block
    return shown.cut(limit)


def cut_behind_sentence(text: str, limit: int) -> str:
    """Return at most so many units of Markdown: whole sentences or lines, never a part of something marked."""
    if units(text) <= limit:
        return text
    head = first_units(text, limit - 2)
    ends = [match.end() for match in _END.finditer(head)]
    for end in reversed(ends):
        if end < len(head) // 3:
            break
        if _is_whole(head[:end]):
            return head[:end].rstrip() + " …"
    space = head.rfind(" ", len(head) * 2 // 3)
    return head[: space if space > 0 else len(head)].rstrip() + "…"


_END = re.compile(r"[.!?:](?=\s)|[^\s](?=\n)")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_HEADING = re.compile(r"#{1,6} +(?P<title>.+?)[ #]*")
_ITEM = re.compile(r"(?P<indent> *)[-*+] +(?P<text>.*)")
_INLINE = re.compile(r"`(?P<code>[^`\n]+)`|\*\*(?P<bold>[^*\n]+)\*\*")


def _is_whole(text: str) -> bool:
    """Say whether no fence, code or bold text is open at the end of a text."""
    fences = sum(1 for line in text.split("\n") if _FENCE.match(line))
    last = text.rpartition("\n")[2]
    return fences % 2 == 0 and last.count("`") % 2 == 0 and last.count("**") % 2 == 0


def _blocks(text: str) -> Iterator[Markup]:
    """Yield what stands on lines of its own."""
    inside: list[str] | None = None
    room = MOST_MARKS
    for line in text.split("\n"):
        if _FENCE.match(line):
            if inside is None:
                inside = []
            else:
                yield _fenced(inside, room)
                room -= 1
                inside = None
        elif inside is not None:
            inside.append(line)
        else:
            shown = _line(line) if room > 0 else plain(line)
            room -= sum(span.tag is not None for span in shown.spans)
            yield shown
    if inside:
        yield _fenced(inside, room)


def _fenced(rows: list[str], room: int) -> Markup:
    text = "\n".join(rows)
    return pre(text) if room > 0 else plain(text)


def _line(line: str) -> Markup:
    heading = _HEADING.fullmatch(line)
    if heading is not None:
        return bold(heading["title"].replace("**", "").replace("`", ""))
    item = _ITEM.fullmatch(line)
    if item is not None:
        return plain(f"{item['indent']}• ") + _inline(item["text"])
    return _inline(line)


def _inline(text: str) -> Markup:
    shown, at = Markup(), 0
    for match in _INLINE.finditer(text):
        shown += plain(text[at : match.start()])
        shown += code(match["code"]) if match["code"] else bold(match["bold"])
        at = match.end()
    return shown + plain(text[at:])
