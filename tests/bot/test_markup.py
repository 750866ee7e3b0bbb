"""Text with markup: whatever a person or an agent writes, the HTML stays ours."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.markup import (
    Markup,
    bold,
    clean,
    code,
    joined,
    lines,
    link,
    paragraphs,
    plain,
    pre,
    quote,
    shortened,
    units,
)

HOSTILE: list[str] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text(encoding="utf-8")
)


class Reader(HTMLParser):
    """Reads HTML back into its text, and checks that tags are ours and closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"b", "i", "code", "pre", "a", "blockquote"}
        assert [name for name, _ in attrs] == (["href"] if tag == "a" else [])
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: Markup) -> str:
    reader = Reader()
    reader.feed(markup.html())
    reader.close()
    assert reader.open == []
    return reader.text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("mark", [plain, bold, code, pre, quote])
def test_a_hostile_text_stays_text_under_every_mark_fault_10(mark, text: str) -> None:
    assert read(mark(text)) == clean(text)


@given(
    st.lists(st.tuples(st.sampled_from([plain, bold, code, pre, quote]), st.text())),
    st.integers(1, 60),
)
def test_any_cut_is_whole_markup_within_its_limit(parts, limit: int) -> None:
    markup = Markup()
    for mark, text in parts:
        markup = markup + mark(text)
    cut = markup.cut(limit)
    read(cut)
    assert cut.units <= limit
    assert units(cut.text()) == cut.units


def test_a_cut_never_splits_a_character_and_says_that_something_is_missing() -> None:
    faces = plain("😀" * 3000)
    assert faces.units == 6000
    cut = faces.cut(4096)
    assert cut.text() == "😀" * 2047 + "…"
    assert cut.units == 4095


def test_4097_units_with_emoji_become_at_most_4096_fault_10() -> None:
    text = "a" * 4095 + "😀"
    assert units(text) == 4097
    assert plain(text).cut().units <= 4096


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://example.com/x?a=1&b=2", True),
        ("http://example.com", True),
        ("javascript:alert(1)", False),
        ('https://example.com/"onclick=x', False),
        ("tg://user?id=1", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(url: str | None, is_link: bool) -> None:
    assert ("<a href=" in link("text", url).html()) is is_link


@pytest.mark.parametrize(
    ("harmful", "left"),
    [
        ("a\x00b", "ab"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\u2028b", "a\nb"),
        ("\x1b[31mred", "red"),
        ("\ud800x", "?x"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("tab\there", "tab\there"),
    ],
)
def test_characters_that_change_their_surroundings_are_taken_out(harmful: str, left: str) -> None:
    assert clean(harmful) == left


def test_joining_leaves_out_what_is_empty() -> None:
    assert lines("a", "", Markup(), bold("b")).text() == "a\nb"
    assert paragraphs(Markup(), "a", "b").text() == "a\n\nb"
    assert joined(["", "x"], " · ").text() == "x"


def test_shortened_text_is_one_line_within_its_limit() -> None:
    assert shortened("one\n  two\tthree", 100) == "one two three"
    assert shortened("😀" * 10, 7) == "😀😀😀…"


def test_the_plain_form_of_a_link_shows_its_address() -> None:
    assert link("PR #3", "https://x.example/pull/3").text() == "PR #3 (https://x.example/pull/3)"
