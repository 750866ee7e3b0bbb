"""Tokens of every form are found, however they are written, and hardly anything else is."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from sandbox.redaction import MARK, Redactor
from sandbox.secret_places import PLACES
from sandbox.service_token_forms import SERVICES
from sandbox.token_forms import PLATFORMS
from tests.parts.token_samples import samples

WELL_KNOWN = (
    *("ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "npm_", "pypi-", "hf_", "dckr_pat_"),
    *("sk-ant-", "sk-proj-", "gsk_", "xai-", "ya29.", "hvs.", "hvb.", "xoxb-", "xoxp-"),
    *("sk_live_", "rk_live_", "figd_", "AGE-SECRET-KEY-1"),
)
VENDORS = (*PLATFORMS, *SERVICES, *PLACES)
SAMPLES = [sample for seed in range(4) for sample in samples(seed)]
PIECE = 12
"""So many characters of a secret in a row are too many."""


def coloured(text: str) -> str:
    return "\x1b[1m" + "".join(
        character + ("\x1b[0;33m" if number % 5 == 3 else "")
        for number, character in enumerate(text)
    )


def in_base64(text: str, before: str) -> str:
    return base64.b64encode((before + text + "\n").encode()).decode()


WRITTEN: dict[str, Callable[[str], str]] = {
    "bare": lambda text: f"see {text}\nand so on",
    "in a URL": lambda text: f"https://h.example/p?q={quote(text, safe='')}&z=1",
    "in a URL's user info": lambda text: f"https://me:{quote(text, safe='')}@h.example/p",
    "in JSON": lambda text: json.dumps({"a": text, "b": 1}),
    "in JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "in PHP's JSON": lambda text: json.dumps({"a": text}).replace("/", "\\/"),
    "in colours": coloured,
    "with invisible characters": lambda text: "\u200b".join(text[:40]) + text[40:],
    "in base64": lambda text: in_base64(text, ""),
    "in base64, second alignment": lambda text: in_base64(text, ":"),
    "in base64, third alignment": lambda text: in_base64(text, "e:"),
    "in base64 behind one letter of a word": lambda text: f"a{in_base64(text, '')}",
    "in base64 behind two letters of a word": lambda text: f"a/{in_base64(text, ':')}",
    "in base64 behind three letters of a word": lambda text: f"ab/{in_base64(text, 'e:')}",
    "in base64 for URLs": lambda text: in_base64(text, "").replace("+", "-").replace("/", "_"),
    "in base64 twice": lambda text: in_base64('{"auth":"' + in_base64(text, "me:") + '"}', ""),
}


def leaked(shown: str, secret: str) -> str:
    """Return a piece of the secret that can still be read in what is shown, written as it may be."""
    plain = re.sub(r"[\\\s]", "", shown)
    secret = re.sub(r"\s", "", secret)
    for start in range(max(1, len(secret) - PIECE + 1)):
        piece = secret[start : start + PIECE]
        if piece in plain or quote(piece, safe="") in plain:
            return piece
    return ""


def decoded(text: str) -> str:
    """Return all that base64 in a text may mean, the text itself too."""
    found = [text]
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
        for offset in range(4):
            piece = run[offset:].replace("-", "+").replace("_", "/")
            piece = piece[: len(piece) // 4 * 4]
            found.append(base64.b64decode(piece).decode("latin-1"))
    return "\n".join(found)


@pytest.mark.parametrize("how", WRITTEN)
def test_every_form_is_found_however_it_is_written_fault_35(how: str) -> None:
    missed = []
    for sample in SAMPLES:
        written = WRITTEN[how](sample.text)
        shown = "\n".join(Redactor().stream(written.split("\n")))
        seen = shown + decoded(shown) + decoded(decoded(shown))
        if MARK not in shown or leaked(seen, sample.secret):
            missed.append(f"{sample.template}: {written!r} -> {shown!r}")
    assert not missed, f"{len(missed)} of {len(SAMPLES)}\n" + "\n".join(missed[:20])


def test_there_is_a_sample_of_every_form() -> None:
    texts = [sample.text for sample in SAMPLES]
    for vendor in VENDORS:
        for keyword in vendor.forms:
            if vendor not in PLACES:
                assert any(keyword in text for text in texts), f"{vendor.name}: {keyword}"
    assert sum(len(vendor.forms) for vendor in VENDORS) >= 60


def test_every_form_has_its_source() -> None:
    for vendor in VENDORS:
        assert re.fullmatch(r"https://[a-z0-9.-]+/\S+", vendor.source), vendor.name


def test_a_text_is_redacted_before_it_is_cut_so_no_half_shows_fault_35() -> None:
    for sample in SAMPLES:
        text = f"it printed {sample.text} and went on"
        shown = Redactor().text(text)
        for cut in range(0, len(shown), 7):
            assert not leaked(shown[:cut], sample.secret), sample.template
            assert not leaked(shown[-cut:], sample.secret), sample.template


def test_what_is_redacted_stays_as_it_is() -> None:
    for sample in SAMPLES:
        once = Redactor().text(sample.text)
        assert Redactor().text(once) == once, sample.template


@pytest.mark.parametrize("end", ["", "…"])
def test_half_a_token_at_the_end_or_before_an_ellipsis_is_one_too_fault_35(end: str) -> None:
    halves = [sample for sample in SAMPLES if sample.template.startswith(WELL_KNOWN)]
    missed = [
        sample.template
        for sample in halves
        if leaked(Redactor().text(f"see {sample.text[:28]}{end}"), sample.text[:28])
    ]
    assert len(halves) > 100
    assert not missed


def test_what_looks_random_behind_an_ellipsis_is_the_rest_of_a_token_fault_35() -> None:
    for sample in SAMPLES:
        if sample.template.startswith(("ghp_", "npm_", "AIza", "xoxb-", "figd_")):
            rest = sample.text[-20:]
            assert not leaked(Redactor().text(f"…{rest} and on"), rest), sample.template
    for plain in (
        "…/usr/lib/python3/Dockerfile",
        "…and 12 More",
        "a1b2c3d4…e5f6a7b8c9d0e1",
        "…Some4Long3Name/x.py",
    ):
        assert Redactor().text(plain) == plain


@pytest.mark.parametrize("kind", ["", "RSA ", "OPENSSH "])
def test_a_key_file_whose_beginning_or_end_was_cut_off_shows_nothing_of_itself(kind: str) -> None:
    body = next(sample.secret for sample in samples() if f"BEGIN {kind}PRIVATE" in sample.text)
    begin, end = (f"-----{word} {kind}PRIVATE KEY-----" for word in ("BEGIN", "END"))
    for text in (
        f"{begin}\n{body}",
        f"{body}\n{end}",
        f"│ {begin}\n│ {body}".replace("\n", "\n│ "),
    ):
        for shown in (Redactor().text(text), "\n".join(Redactor().stream(text.split("\n")))):
            assert not leaked(shown.replace("│", ""), body), text


def test_a_key_file_is_one_mark_between_its_first_and_last_line() -> None:
    for sample in samples():
        if sample.text.startswith("-----BEGIN"):
            lines = list(Redactor().stream(["before", *sample.text.split("\n"), "after"]))
            assert [lines[0], lines[-1]] == ["before", "after"]
            assert lines[1].startswith("-----BEGIN")
            assert lines[-2].startswith("-----END")
            assert "".join(lines).count(MARK) == 1


def test_a_stream_keeps_every_line_that_holds_no_secret_in_order() -> None:
    wrapped = base64.encodebytes(bytes(range(256)) * 200).decode().split("\n")
    lines = ["one", "", *wrapped, "-----BEGIN PRIVATE KEY-----", "no key at all", "", "two"]
    assert list(Redactor().stream(lines)) == lines


def test_a_token_in_base64_that_is_wrapped_at_76_columns_is_found() -> None:
    for sample in samples():
        if len(sample.text) < 200:
            text = base64.encodebytes(f"{'x' * 50} {sample.text} {'y' * 50}".encode()).decode()
            shown = "\n".join(Redactor().stream(text.split("\n")))
            assert MARK in shown, sample.template
            assert not leaked(decoded(shown.replace("\n", "")), sample.secret), sample.template


@pytest.mark.parametrize(
    "text",
    [
        "git clone https://git.example/owner/name.git",
        "ssh://git@git.example/owner/name.git and git@git.example:owner/name",
        "postgres://app:${PASSWORD}@db/app, https://user:<password>@host, redis://:***@host",
        "Authorization: Bearer <token>, Authorization: Basic auth is off, authorization: none",
        "the password: at least eight characters; password=os.environ['DB']; api_key = None",
        "DATABASE_URL=postgres://localhost/x GITHUB_TOKEN= MY_TOKEN=$OTHER_TOKEN_1234567890",
        "task-risk-sk-learn, npm_config_cache, hf_transfer, key-value, patch-us1, SKIPPED",
        "sha512-" + "Zm9vYmFyYmF6cXV4" * 5 + "== sha256:" + "0123456789abcdef" * 4,
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUTc\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKo\n-----END PUBLIC KEY-----",
        "https://app:8080/path@2x.png 12:34:56 :AAA 1//0 AKIA ghp_ sk-ant-",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_no_text_takes_long_however_it_is_made() -> None:
    hostile = [
        "-----BEGIN PRIVATE KEY-----" * 4000,
        "-----END PRIVATE KEY-----\n" * 4000,
        "-----BEGIN PRIVATE KEY-----" + "\n" * 100_000,
        ("-----BEGIN PRIVATE KEY-----" + "\n" * 20 + "a" * 20_000) * 5,
        ("-----BEGIN PRIVATE KEY-----" + "a\n" * 10_000) * 5,
        "://" * 30_000,
        "://" + "a:" * 50_000,
        "eyJ" * 30_000,
        "eyJaaaaaaaaaaaa." * 6000,
        "eyJaaaaaaaaaaaa-" * 6000,
        "sk-proj-" * 12_000,
        "sk-proj-/" * 12_000,
        "sk.eyaaa-" * 12_000,
        "Cookie: a=" * 10_000,
        "%41" * 30_000,
        "\\u0041" * 15_000,
        "A" * 100_000,
        "Ab1/" * 25_000,
        "Ab1/\n" * 20_000,
        "Authorization: " * 7000,
        "A_" * 50_000,
        "hvs." * 25_000,
        "~" * 100_000,
        "Q~" * 50_000,
        ":AA" * 30_000,
        "…" * 100_000,
        "…aB" * 30_000,
        "Private-Lines: 9\n" * 6000,
    ]
    slow = []
    for text in hostile:
        started_at = time.process_time()
        Redactor().text(text)
        taken = time.process_time() - started_at
        if taken > 2.0:
            slow.append((text[:30], taken))
    assert not slow
