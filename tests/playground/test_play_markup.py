"""Telegram's HTML: what it makes of it, and in which words it refuses. Source: td MessageEntity.cpp, parse_html."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.markup import BadMarkup, checked_link, parse_html
from playground.messages import Entity
from playground.text import clean, combine, find_entities, utf16_length

EMOJI = "😀"


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain", "plain", []),
        ("<b>a</b>", "a", [Entity("bold", 0, 1)]),
        ("<STRONG >a</sTrong >", "a", [Entity("bold", 0, 1)]),
        ("<i>a<u>b</u></i>", "ab", [Entity("underline", 1, 1), Entity("italic", 0, 2)]),
        (f"{EMOJI}<s>{EMOJI}</s>", EMOJI * 2, [Entity("strikethrough", 2, 2)]),
        ("<b></b>x", "x", []),
        ("<b>x</>", "x", [Entity("bold", 0, 1)]),
        ("&lt;&gt;&amp;&quot;", '<>&"', []),
        ("&lt&#65;&#x42;", "<AB", []),
        ("&apos;&nbsp;&;& ", "&apos;&nbsp;&;& ", []),
        ("&#0;&#1114111;&#99999999999;", "&#0;&#1114111;&#99999999999;", []),
        (f"&#{'9' * 5000};", f"&#{'9' * 5000};", []),
        ("a > b", "a > b", []),
        ('<span class="tg-spoiler">a</span>', "a", [Entity("spoiler", 0, 1)]),
        ("<tg-spoiler>a</tg-spoiler>", "a", [Entity("spoiler", 0, 1)]),
        ("<blockquote>a</blockquote>", "a", [Entity("blockquote", 0, 1)]),
        ("<blockquote expandable>a</blockquote>", "a", [Entity("expandable_blockquote", 0, 1)]),
        ("<pre>a</pre>", "a", [Entity("pre", 0, 1)]),
        ('<code class="language-py">a</code>', "a", [Entity("code", 0, 1)]),
        (
            '<pre><code class="language-py">a</code></pre>',
            "a",
            [Entity("pre", 0, 1, language="py")],
        ),
        (
            '<code class="language-py"><pre>a</pre></code>',
            "a",
            [Entity("pre", 0, 1, language="py")],
        ),
        ('<a href="http://x.y">a</a>', "a", [Entity("text_link", 0, 1, url="http://x.y/")]),
        ("<a href='x.y/z'>a</a>", "a", [Entity("text_link", 0, 1, url="http://x.y/z")]),
        ("<a>x.y</a>", "x.y", [Entity("text_link", 0, 3, url="http://x.y/")]),
        ('<a href="http://localhost">a</a>', "a", []),
        ('<a href="http://[">a</a>', "a", []),
        ('<a href="javascript:alert(1)">a</a>', "a", []),
        (
            '<a href="http://x.y/?a=1&amp;b=2">a</a>',
            "a",
            [Entity("text_link", 0, 1, url="http://x.y/?a=1&b=2")],
        ),
        (
            '<a href="tg://user?id=7">a</a>',
            "a",
            [Entity("text_mention", 0, 1, url="tg://user?id=7")],
        ),
        (
            '<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji>',
            "👍",
            [Entity("custom_emoji", 0, 2, custom_emoji_id="5368324170671202286")],
        ),
    ],
)
def test_markup_becomes_text_and_entities(source: str, text: str, entities: list[Entity]) -> None:
    assert parse_html(source) == (text, entities)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("<", "Unclosed start tag at byte offset 0"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("<b>x", "Can't find end tag corresponding to start tag b"),
        ("</b>", "Unexpected end tag at byte offset 0"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<b>x</b y>", "Unclosed end tag at byte offset 4"),
        (
            "<b><i>x</b></i>",
            'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
        ),
        (f"{EMOJI}<x>", 'Unsupported start tag "x" at byte offset 4'),
        ("é<br/>", 'Unsupported start tag "br/" at byte offset 2'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<a =x>", 'Empty attribute name in the tag "a" at byte offset 0'),
        (
            "<b c d>",
            'Expected equal sign in declaration of an attribute of the tag "b" at byte offset 0',
        ),
        ("<a href=", 'Unclosed start tag "a" at byte offset 0'),
        ("<a href='x", "Unclosed start tag at byte offset 0"),
        ("<a href=x/y>z</a>", "Unexpected end of name token at byte offset 8"),
        ("<tg-emoji emoji-id='x'>a</tg-emoji>", "Invalid custom emoji identifier specified"),
        (
            "&#xD800;",
            "Text contains invalid Unicode characters after decoding HTML entities, "
            "check for unmatched surrogate code units",
        ),
    ],
)
def test_bad_markup_is_refused_in_telegrams_words(source: str, words: str) -> None:
    with pytest.raises(BadMarkup) as refused:
        parse_html(source)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com", "https://example.com/"),
        ("example.com/a?b", "http://example.com/a?b"),
        ("tg://resolve?domain=x", "tg://resolve?domain=x"),
        ("http://localhost:8080/", None),
        ("ftp://example.com", None),
        ("", None),
    ],
)
def test_a_link_needs_a_known_scheme_and_a_dot(url: str, kept: str | None) -> None:
    assert checked_link(url) == kept


PIECES = ["<b>", "</b>", "<a href='", "'>", "</a>", "<pre>", "</pre>", "<code class=", "</code>"]
PIECES += [
    "<",
    ">",
    "/",
    "&",
    "&lt;",
    "&#",
    "x41;",
    "=",
    '"',
    " ",
    "\n",
    "\r",
    "\0",
    EMOJI,
    "@ada",
    "/run",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join))
def test_any_text_is_parsed_or_refused_and_entities_lie_inside_it(source: str) -> None:
    try:
        text, entities = parse_html(source)
    except BadMarkup:
        return
    text, kept = clean(text, entities)
    for entity in combine(kept, find_entities(text)):
        assert 0 <= entity.offset < entity.end <= utf16_length(text)
