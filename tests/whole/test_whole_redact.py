"""Secrets in the whole product: the filter between two real pipes, and the bot that knows its own keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts.token_samples import samples
from tests.whole.scene import Scene

COMMAND = [str(Path(sys.executable).parent / "claude-sandbox"), "redact"]
KNOWN = "correct horse battery"
ENVIRONMENT = {"PATH": os.environ["PATH"], "MY_PASSWORD": KNOWN}
TOKENS = [sample.secret for sample in samples() if sample.text == sample.secret]


def redacted(text: bytes) -> str:
    done = subprocess.run(COMMAND, input=text, env=ENVIRONMENT, capture_output=True, timeout=180)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_tokens_known_values_and_what_harms_a_terminal_go_and_the_rest_stays() -> None:
    text = "".join(f"line {number}: {token} ends\n" for number, token in enumerate(TOKENS))
    shown = redacted(f"\x1b[1mfirst\x1b[0m\u202e, {KNOWN}\r\n{text}last\tone".encode() + b"\xff")
    lines = shown.split("\n")
    assert lines[0] == "first, [redacted]"
    assert lines[1:-2] == [f"line {number}: [redacted] ends" for number in range(len(TOKENS))]
    assert lines[-2:] == ["last\tone\ufffd", ""]


@pytest.mark.parametrize("at", [-30, -3, 0, 3])
def test_a_token_where_a_line_of_megabytes_is_taken_in_pieces_goes_too(at: int) -> None:
    filling = b"word " * ((1 << 20) // 5)
    token = TOKENS[0].encode()
    text = filling[: (1 << 20) + at] + b" " + token + b" " + filling
    shown = redacted(text)
    assert TOKENS[0][4:20] not in shown
    assert shown.count("[redacted]") == 1


def test_a_line_comes_out_before_the_next_comes_in() -> None:
    with subprocess.Popen(
        COMMAND, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for token in TOKENS[:3]:
            program.stdin.write(f"it is {token} now\n".encode())
            program.stdin.flush()
            assert program.stdout.readline() == b"it is [redacted] now\n"
        program.stdin.close()
        assert program.wait(120) == 0


def test_it_ends_when_nobody_reads_on() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        COMMAND, input=b"text\n" * 9, env=ENVIRONMENT, stdout=writing, stderr=-1, timeout=60
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_its_help_says_what_it_finds_and_gives_an_example() -> None:
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0
    assert "kubectl logs job/" in done.stdout
    assert "Look at the result all the same" in " ".join(done.stdout.split())


async def test_the_bot_repeats_none_of_its_own_keys(scene: Scene) -> None:
    scene.variables["TELEGRAM_HOOK_SECRET"] = KNOWN
    await scene.start()
    asked = scene.say(f"/run small nothing, but {KNOWN}")
    await scene.acknowledged(asked)
    await scene.card_says(asked, "nothing, but [redacted]")
    said = [message.text for message in scene.world.messages(scene.team.id)]
    assert KNOWN not in "".join(said).replace(asked.text, "") + scene.log
