"""The agent's own last words: shown as it meant them, and cut well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.markup import clean, units
from bot.summary import cut_behind_sentence, summary
from playground.markup import parse_html
from playground.text import MAX_ENTITIES

HOSTILE: list[str] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text(encoding="utf-8")
)
LIMIT = 300


def shown(text: str, limit: int = LIMIT) -> str:
    return summary(text, limit).html()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("Done.", "Done."),
        ("Added `a<b>` and **more**.", "Added <code>a&lt;b&gt;</code> and <b>more</b>."),
        ("## What I did ##\n\n- one\n  * `two`", "<b>What I did</b>\n\n• one\n  • <code>two</code>"),
        ("Run:\n```sh\nmake <all>\n\nmake test\n```\nOK", "Run:\n<pre>make &lt;all&gt;\n\nmake test</pre>\nOK"),
        ("```\nnever closed", "<pre>never closed</pre>"),
        ("2 ** 3 and ` alone", "2 ** 3 and ` alone"),
        ("[github.com](https://evil.example)", "[github.com](https://evil.example)"),
        ("<b>not ours</b>", "&lt;b&gt;not ours&lt;/b&gt;"),
    ],
)  # fmt: skip
def test_markdown_is_shown_as_it_was_meant_and_links_as_they_are(text: str, html: str) -> None:
    assert shown(text) == html


def test_a_long_text_is_cut_behind_a_whole_sentence() -> None:
    text = " ".join(f"This is sentence {number}." for number in range(100))
    cut = cut_behind_sentence(text, LIMIT)
    assert cut.endswith(". …")
    assert LIMIT * 2 // 3 < len(cut) <= LIMIT


@pytest.mark.parametrize("marked", ["```\n{}\n```", "`{}`", "**{}**"])
def test_a_cut_never_falls_into_something_marked(marked: str) -> None:
    inside = "a sentence. Another one. " * 20
    text = (
        "The first sentence, which is long enough to be worth it. " * 3
        + "\n"
        + marked.format(inside.strip())
    )
    cut = cut_behind_sentence(text, LIMIT)
    assert cut.endswith("worth it. …")
    assert "another" not in cut.lower()


def test_a_text_without_a_sentence_is_cut_between_words() -> None:
    assert cut_behind_sentence("word " * 500, LIMIT).endswith("word…")
    assert units(cut_behind_sentence("👩‍👩‍👧" * 500, LIMIT)) <= LIMIT
    assert cut_behind_sentence("x" * 500, LIMIT).endswith("x…")


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_words_change_nothing_around_them(number: int) -> None:
    text = HOSTILE[number]
    for written in (
        text,
        f"`{text}`",
        f"**{text}**",
        f"```\n{text}\n```",
        f"- {text}",
        f"# {text}",
        f"{text}. " * 90,
    ):
        markup = summary(written, LIMIT)
        told, entities = parse_html(markup.html())
        assert clean(told) == told
        assert markup.units <= LIMIT
        assert len(entities) <= MAX_ENTITIES


def test_very_many_marks_are_shown_as_far_as_telegram_takes_them() -> None:
    for text in ("- `x` and **y**\n" * 200, "```\nx\n```\ny\n" * 300):
        _, entities = parse_html(summary(text, 4000).html())
        assert 40 < len(entities) <= 60
