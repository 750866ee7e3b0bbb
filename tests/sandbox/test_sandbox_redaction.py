"""Secrets don't get into a log, in whatever form and however they are split."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.redaction import MARK, Redactor, forms

TOKEN = "ghp_0123456789abcdefABCDEF+/x"


def printed(lines: list[str], *secrets: str) -> list[str]:
    redactor = Redactor(secrets)
    return [done for line in lines for done in redactor.line(line)] + redactor.flush()


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zy", "\n"])
def test_every_alignment_of_base64_is_found(before: str, after: str) -> None:
    encoded = base64.b64encode(f"{before}{TOKEN}{after}".encode()).decode()
    for text in (encoded, encoded.replace("+", "-").replace("/", "_")):
        assert MARK in Redactor([TOKEN]).text(text)
        assert (
            len(Redactor([TOKEN]).text(text).replace(MARK, ""))
            <= len(before) * 2 + len(after) * 2 + 8
        )


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("length", [11, 12, 13])
def test_no_character_of_base64_that_only_the_secret_decides_is_left(
    before: int, length: int
) -> None:
    secret = "~~~???~~~???~"[:length]  # of which base64 makes + and /, whatever stands before
    texts = [
        base64.b64encode(f"{edge * before}{secret}{edge * 3}".encode()).decode()
        for edge in ("\0", "~")
    ]
    decided = "".join(one for one, other in zip(*texts, strict=True) if one == other).strip("=")
    assert {*"+/"} <= {*decided}
    assert {decided, decided.replace("+", "-").replace("/", "_")} <= forms(secret)


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"https://x-access-token:{TOKEN}@host/",
        quote(TOKEN, safe=""),
        TOKEN.encode().hex(),
        json.dumps({"token": TOKEN}),
        json.dumps(json.dumps({"token": TOKEN})),
    ],
)
def test_every_form_is_found(text: str) -> None:
    assert printed([text], TOKEN)[0].count(MARK) == 1


@pytest.mark.parametrize("escape", [shlex.quote, html.escape, json.dumps, ascii, quote_plus])
def test_what_has_to_be_escaped_is_found_escaped(escape: Callable[[str], str]) -> None:
    secret = """it's <a> "secret" & $(not) so é"""
    shown = Redactor([secret]).text(f"see {escape(secret)} there")
    assert re.fullmatch(r"see ['\"]*\[redacted\]['\"]* there", shown)


def test_what_a_shell_escapes_with_backslashes_is_found() -> None:
    secret = "it's <a> (secret)"
    printf = ["bash", "-c", 'printf "see %q there" "$1"', "-", secret]
    escaped = subprocess.run(printf, capture_output=True, text=True, timeout=60).stdout
    assert secret not in escaped
    assert Redactor([secret]).text(escaped) == "see [redacted] there"


@pytest.mark.parametrize("width", range(1, len(TOKEN) + 1))
def test_a_secret_folded_over_lines_is_found_in_all_of_them(width: int) -> None:
    text = f"before {TOKEN} after"
    lines = [text[start : start + width] for start in range(0, len(text), width)]
    done = printed(lines, TOKEN)
    joined = "".join(done)
    assert len(done) == len(lines)
    for start in range(len(TOKEN) - 8):
        assert TOKEN[start : start + 8] not in joined, done


def test_lines_keep_their_order_and_come_at_once_when_nothing_looks_like_a_secret() -> None:
    redactor = Redactor([TOKEN])
    assert redactor.line("one") == ["one"]
    assert redactor.line("ends like ghp_01") == []
    assert redactor.line("two") == ["ends like ghp_01", "two"]
    assert redactor.flush() == []


def test_only_a_line_as_short_as_those_of_a_key_file_waits_for_the_next() -> None:
    filled = "QUJD" * 50
    assert Redactor().line(filled) == []
    assert Redactor().line(filled + "QUJD") == [filled + "QUJD"]


def test_what_waits_is_bounded() -> None:
    redactor = Redactor(["a" * 5000])
    given_back = [line for _ in range(300) for line in redactor.line("a" * 10)]
    assert len(given_back) >= 200


def test_secrets_with_line_breaks_are_found() -> None:
    key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----"
    assert "abcdefgh" not in "".join(printed(["x", *key.split("\n"), "y"], key))
    assert "abcdefgh" not in Redactor([key]).text(f"x\n{key}\ny")


def test_short_forms_are_left_out() -> None:
    assert all(len(form) >= 8 for form in forms("12345678"))


@given(
    st.lists(st.text(max_size=30), max_size=10),
    st.text(alphabet="abcdef0123456789", min_size=8, max_size=30),
)
def test_nothing_but_secrets_is_changed(lines: list[str], secret: str) -> None:
    joined = "".join(lines)
    if not any(form in joined for form in forms(secret)):
        assert printed(lines, secret) == lines


@given(
    st.text(max_size=20), st.text(max_size=20), st.text(min_size=8, max_size=40), st.integers(0, 80)
)
def test_a_secret_cut_anywhere_never_shows(before: str, after: str, secret: str, cut: int) -> None:
    secret = secret.replace("\n", "n").replace("\r", "r")
    text = f"{before}{secret}{after}".replace("\n", " ")
    assert secret not in "".join(printed([text[:cut], text[cut:]], secret)).replace(MARK, "\0")


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        (b"", b""),
        (b"\n", b"\n"),
        (b"one", b"one"),
        (b"one\n\ntwo\n", b"one\n\ntwo\n"),
        (b"one\r\n10%\r20%\r\nend", b"one\n10%\n20%\nend"),
        (b"\xff\x1b[1mbold\x1b[0m\n", "\ufffdbold\n".encode()),
        (f"a {TOKEN[:9]}\r\n{TOKEN[9:]} b\n".encode(), b"a [redacted]\n b\n"),
    ],
)
def test_a_whole_log_stays_itself_but_for_secrets_and_what_harms_a_terminal(
    log: bytes, shown: bytes
) -> None:
    redactor = Redactor([TOKEN])
    assert redactor.line(f"waits {TOKEN[:9]}") == []
    assert redactor.log(log) == shown
    assert redactor.flush() == [f"waits {TOKEN[:9]}"]
