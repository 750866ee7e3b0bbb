"""Text with markup for Telegram: the only place where text becomes HTML.

A message is built from spans, so its length is known before any escaping, cutting can't fall inside of a tag, and
the plain form is always there for a server that refuses the markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from sandbox.words import printable

MESSAGE_UNITS = 4096
"""The longest message, in UTF-16 units after parsing (Bot API, sendMessage: 1-4096 characters)."""

# Line breaks that some clients know and others don't.
_SEPARATORS = re.compile("\r\n?|[\u2028\u2029]")
# As Telegram finds mentions, but for what goes on as the scope of an npm package: that is copied into a shell.
_MENTION = re.compile(r"(?<![\w/])@(?=\w{3,}(?![\w/-]))")


class Tag(Enum):
    """The marks that we use; the value is the HTML tag of the Bot API's "HTML style"."""

    BOLD = "b"
    ITALIC = "i"
    CODE = "code"
    PRE = "pre"
    QUOTE = "blockquote"
    LINK = "a"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text under at most one tag; `url` belongs to a LINK."""

    text: str
    tag: Tag | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Markup:
    """A message text. Joined with `+`; an empty one is false."""

    spans: tuple[Span, ...] = ()

    def __add__(self, other: Markup | str) -> Markup:
        return Markup(self.spans + (other if isinstance(other, Markup) else plain(other)).spans)

    def __bool__(self) -> bool:
        return any(span.text for span in self.spans)

    @property
    def units(self) -> int:
        """The length that Telegram counts, in UTF-16 units."""
        return sum(units(span.text) for span in self.spans)

    def html(self) -> str:
        """Return it as the HTML that the Bot API parses."""
        return "".join(_span_html(span) for span in self.spans if span.text)

    def text(self) -> str:
        """Return it without any markup; a link is followed by its address."""
        return "".join(_span_text(span) for span in self.spans)

    def mapped(self, change: Callable[[str], str]) -> Markup:
        """Return it with each piece of text changed; a link whose address would change is one no more."""
        return Markup(
            tuple(
                Span(change(span.text), span.tag, span.url)
                if span.url is None or change(span.url) == span.url
                else Span(change(span.text))
                for span in self.spans
            )
        )

    def without_mentions(self) -> Markup:
        """Return it with no `@name` that calls a person, but where it stands as code, which calls nobody."""
        return Markup(
            tuple(
                span
                if span.tag in (Tag.CODE, Tag.PRE)
                else replace(span, text=_MENTION.sub("@\u2060", span.text))
                for span in self.spans
            )
        )

    def cut(self, limit: int = MESSAGE_UNITS) -> Markup:
        """Return at most `limit` units of it, ending in … where something was left out."""
        if self.units <= limit:
            return self
        kept: list[Span] = []
        room = limit - 1
        for span in self.spans:
            size = units(span.text)
            if size > room:
                kept.append(replace(span, text=first_units(span.text, room).rstrip() + "…"))
                break
            kept.append(span)
            room -= size
        return Markup(tuple(kept))


def plain(text: str) -> Markup:
    """Return text without markup."""
    return _marked(text, None)


def bold(text: str) -> Markup:
    """Return text in bold."""
    return _marked(text, Tag.BOLD)


def italic(text: str) -> Markup:
    """Return text in italics."""
    return _marked(text, Tag.ITALIC)


def code(text: str) -> Markup:
    """Return text that a tap copies."""
    return _marked(text, Tag.CODE)


def with_code(text: str) -> Markup:
    """Return text of our own in which what stands in `…` is code."""
    parts = text.split("`")
    return sum((code(part) if odd % 2 else plain(part) for odd, part in enumerate(parts)), Markup())


def pre(text: str) -> Markup:
    """Return lines in a fixed width."""
    return _marked(text, Tag.PRE)


def quote(text: str) -> Markup:
    """Return text as a quotation."""
    return _marked(text, Tag.QUOTE)


def link(text: str, url: str | None) -> Markup:
    """Return text that opens a web address; anything but http and https stays plain text."""
    if url is None or not re.fullmatch(r"https?://[^\s\"<>]+", url) or printable(url) != url:
        return plain(text)
    return Markup((Span(clean(text), Tag.LINK, url),))


def joined(parts: Iterable[Markup | str], separator: str) -> Markup:
    """Join the parts that aren't empty."""
    result = Markup()
    for part in parts:
        if not part:
            continue
        piece = part if isinstance(part, Markup) else plain(part)
        result = result + separator + piece if result else piece
    return result


def lines(*parts: Markup | str) -> Markup:
    """Join the parts that aren't empty, each on a line of its own."""
    return joined(parts, "\n")


def paragraphs(*parts: Markup | str) -> Markup:
    """Join the parts that aren't empty, with an empty line between."""
    return joined(parts, "\n\n")


def clean(text: str) -> str:
    """Return foreign text without what would change the text around it; ordinary emoji and scripts stay."""
    return "\n".join(map(printable, _SEPARATORS.sub("\n", text).split("\n")))


def units(text: str) -> int:
    """Count UTF-16 units, as Telegram does."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def shortened(text: str, limit: int) -> str:
    """Return foreign text cleaned, on one line, and at most `limit` UTF-16 units long."""
    flat = " ".join(clean(text).split())
    return flat if units(flat) <= limit else first_units(flat, limit - 1).rstrip() + "…"


def first_units(text: str, limit: int) -> str:
    """Return the beginning of a text, at most so many UTF-16 units, without half a character at its end."""
    room = limit
    for index, character in enumerate(text):
        room -= 2 if character > "\uffff" else 1
        if room < 0:
            # A joiner or a variation selector at the cut would glue the next thing to it.
            return text[:index].rstrip("\u200d\ufe0f")
    return text


def _marked(text: str, tag: Tag | None) -> Markup:
    cleaned = clean(text)
    return Markup((Span(cleaned, tag),)) if cleaned else Markup()


def _span_html(span: Span) -> str:
    text = html.escape(span.text, quote=False)
    if span.tag is None:
        return text
    if span.tag is Tag.LINK:
        return f'<a href="{html.escape(span.url or "", quote=True)}">{text}</a>'
    return f"<{span.tag.value}>{text}</{span.tag.value}>"


def _span_text(span: Span) -> str:
    if span.tag is Tag.LINK and span.url and span.url not in span.text:
        return f"{span.text} ({span.url})"
    return span.text
