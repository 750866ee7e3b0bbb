"""Text as Telegram keeps it. Source: td fix_formatted_text, clean_input_string, find_entities."""

from __future__ import annotations

import pytest

from playground.messages import Entity
from playground.text import clean, combine, find_entities, utf16_length


@pytest.mark.parametrize(
    ("text", "units"), [("", 0), ("abc", 3), ("é", 1), ("😀", 2), ("👨‍💻", 5), ("\uffff", 1)]
)
def test_a_text_is_measured_in_utf16_units(text: str, units: int) -> None:
    assert utf16_length(text) == units == len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  a\n", "a"),
        ("\n\n a", "a"),
        ("a\tb", "a b"),
        ("a\0b\x1bc", "a b c"),
        ("a\r\nb", "a\nb"),
        ("a\u202eb\u2028c", "abc"),
        ("a\u200bb", "a\u200bb"),
        (" \n\t", ""),
    ],
)
def test_a_text_is_cleaned_and_trimmed(text: str, kept: str) -> None:
    assert clean(text, ()) == (kept, ())


@pytest.mark.parametrize(
    ("text", "entity", "kept", "moved"),
    [
        ("  ab", Entity("bold", 2, 2), "ab", [Entity("bold", 0, 2)]),
        ("  ab", Entity("pre", 0, 4), "  ab", [Entity("pre", 0, 4)]),
        ("ab  ", Entity("bold", 0, 4), "ab", [Entity("bold", 0, 2)]),
        ("😀\r😀b", Entity("bold", 5, 1), "😀😀b", [Entity("bold", 4, 1)]),
        ("ab", Entity("bold", 9, 2), "ab", []),
        ("a  ", Entity("bold", 1, 2), "a", []),
    ],
)
def test_entities_move_with_what_is_cut(
    text: str, entity: Entity, kept: str, moved: list[Entity]
) -> None:
    assert clean(text, [entity]) == (kept, tuple(moved))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/run demo", [("bot_command", "/run")]),
        ("/run@my_bot x", [("bot_command", "/run@my_bot")]),
        ("a /run", [("bot_command", "/run")]),
        ("/run@ab x", []),
        ("a/run", []),
        ("//run", []),
        ("</run>", []),
        ("/run/x", []),
        ("/" + "a" * 65, []),
        ("/запуск", []),
        ("hi @ada_l!", [("mention", "@ada_l")]),
        ("a@ada", []),
        ("@a", []),
        ("see http://a.b/c_(d). x", [("url", "http://a.b/c_(d")]),
        ("www.a.b", [("url", "www.a.b")]),
        ("me@a.org", [("email", "me@a.org")]),
        ("#tag1 #12 #a#", [("hashtag", "#tag1")]),
    ],
)
def test_commands_mentions_and_links_are_found(text: str, found: list[tuple[str, str]]) -> None:
    entities = find_entities(text)
    assert [(one.type, text[one.offset : one.end]) for one in entities] == found


def test_a_command_behind_emoji_is_placed_in_utf16_units() -> None:
    assert find_entities("😀 /run") == [Entity("bot_command", 3, 4)]


def test_nothing_stands_inside_code() -> None:
    bold, code = Entity("bold", 0, 9), Entity("code", 3, 3)
    assert combine([bold, code], [Entity("bot_command", 3, 3)]) == (
        Entity("bold", 0, 3),
        code,
        Entity("bold", 6, 3),
    )


def test_the_hundred_and_first_entity_is_left_out() -> None:
    many = [Entity("bold", 2 * place, 1) for place in range(101)]
    assert combine(many, []) == tuple(many[:100])
