"""Whatever is written behind `/run` is a request or a Mistake, and a task arrives as it was written."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config_file import parse
from bot.mistake import Mistake
from bot.parse import RunRequest, read_clean, read_command, read_logs, read_run, to_task

GITHUB = "https://github.com"
CONFIG = parse("repos: {demo: https://github.com/acme/demo, api: https://git.example/team/api}")
STRINGS: list[str] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text(encoding="utf-8")
)
TAKEN = [text for text in STRINGS if "\x00" not in text]


def run(arguments: str, reply_text: str | None = None) -> RunRequest:
    return read_run(arguments, CONFIG, GITHUB, reply_text)


@pytest.mark.parametrize("text", TAKEN)
def test_a_hostile_text_in_quotes_is_the_task_verbatim_fault_40(text):
    request = run(f"demo “{text}”")
    assert request.prompt == text
    assert to_task(request, CONFIG).prompt == text


@pytest.mark.parametrize("text", TAKEN)
def test_a_hostile_text_behind_two_dashes_is_the_task_verbatim_fault_40(text):
    assert run(f"demo -- {text}").prompt == text.strip()


@pytest.mark.parametrize("text", TAKEN)
def test_a_hostile_text_replied_to_is_the_task_verbatim_fault_40(text):
    assert run("demo", text).prompt == text.strip()


@pytest.mark.parametrize("text", TAKEN)
def test_a_bare_hostile_text_is_the_task_verbatim_or_a_mistake_about_quotes_or_options(text):
    try:
        request = run(f"demo {text}")
    except Mistake as mistake:
        assert text.strip()[0] in "\"'-"
        assert "quote" in mistake.what or "option" in mistake.what
    else:
        assert request.prompt == text.strip()


@pytest.mark.parametrize("text", [text for text in STRINGS if "\x00" in text])
def test_nul_is_refused_with_a_sentence(text):
    for written, reply_text in ((f"demo “{text}”", None), ("demo", text)):
        with pytest.raises(Mistake, match="no program can take"):
            run(written, reply_text)


@pytest.mark.parametrize("text", STRINGS)
def test_a_hostile_text_as_repo_leads_nowhere_fault_39(text):
    """Only what reads as a plain word, or as owner/name, may be a repo at all."""
    try:
        request = run(f"{text} do it")
    except Mistake as mistake:
        assert "pa55" not in str(mistake)
    else:
        assert request.target.address.url.startswith(("https://", "ssh://"))


@pytest.mark.parametrize("text", STRINGS)
def test_a_hostile_text_as_branch_is_a_branch_or_a_mistake(text):
    try:
        request = run(f"demo@{text}")
    except Mistake:
        return
    assert request.target.name == "demo"
    assert not (request.target.branch or "").startswith("-")


PIECES = st.sampled_from(
    ["demo", "api", "a/b", "@", "main", "--pr", "--no-pr", "--timeout", "—cpu", "=", "5m", "2", "--", "—", "-", " ", "  ",
     "\n", '"', "“", "”", "„", "«", "»", "'", "’", "https://", "git@", "github.com", "/", ":", "..", "x", "\x00", "\ud800", "é",
     "--timout", "-timeout", "--image", "ghcr.io/a/b", "add it"]
)  # fmt: skip
COMPOSED = st.lists(PIECES, max_size=14).map("".join)


def accepted(arguments: str, reply_text: str | None) -> None:
    try:
        request = run(arguments, reply_text)
    except Mistake as mistake:
        assert mistake.what
        assert mistake.example is not None
        command = read_command(mistake.example, "our_bot")
        assert command is not None
        run(command.arguments)
    else:
        task = to_task(request, CONFIG)
        assert task.prompt.strip()
        assert task.prompt in arguments or task.prompt in (reply_text or "")
        assert not task.repo_url.startswith("-")


@settings(deadline=None)
@given(COMPOSED, st.none() | st.text(max_size=5))
def test_whatever_is_composed_of_the_grammars_pieces_is_a_request_or_a_mistake(
    arguments, reply_text
):
    accepted(arguments, reply_text)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_whatever_is_written_is_a_request_or_a_mistake(arguments):
    accepted(arguments, None)
    accepted(f"demo {arguments}", None)


@settings(deadline=None)
@given(
    st.text(
        alphabet=st.characters(exclude_characters='\x00“”"', exclude_categories=["Cs"]),
        min_size=1,
        max_size=60,
    )
)
def test_any_text_in_quotes_is_the_task_verbatim(text):
    if not text.strip():
        return
    for opening, closing in ("“”", '""'):
        assert run(f"demo {opening}{text}{closing}").prompt == text


@settings(deadline=None)
@given(COMPOSED)
def test_the_other_commands_take_or_refuse_whatever_is_written(arguments):
    for read in (read_logs, read_clean):
        try:
            read(arguments)
        except Mistake as mistake:
            assert mistake.example


@settings(deadline=None)
@given(st.text(max_size=60))
def test_whatever_is_sent_is_a_command_or_none(text):
    for sent in (text, f"/{text}"):
        found = read_command(sent, "our_bot")
        if found is not None:
            assert sent.lower().startswith(f"/{found.name}")
            assert sent.endswith(found.arguments)


@pytest.mark.parametrize(
    "text",
    ["demo " + "--pr " * 800, "demo " + " --cpu 2" * 500 + " x y", "demo “" + "“" * 4000, "demo " + "'a" * 2000,
     "demo " + "--timeout" * 400, "a/" * 2000, "demo@" + "a/" * 2000, "https://" + "a." * 2000],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_message_as_long_as_telegram_allows_is_read_at_once_fault_38(text):
    before = time.process_time()
    accepted(text[:4096], None)
    assert time.process_time() - before < 2, "seconds of the processor, not of the wall"
