"""Tokens of every form are found, however they are written, and hardly anything else is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest

from sandbox.redaction import MARK, Redactor
from sandbox.secret_places import PLACES
from sandbox.service_token_forms import SERVICES
from sandbox.token_forms import PLATFORMS
from tests.sandbox.token_samples import Sample, samples

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
    "in base64, third alignment": lambda text: f"data/{in_base64(text, 'e:')}",
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


@pytest.mark.parametrize("sample", samples(9), ids=lambda sample: sample.template)
def test_what_is_redacted_stays_as_it_is(sample: Sample) -> None:
    once = Redactor().text(sample.text)
    assert Redactor().text(once) == once
