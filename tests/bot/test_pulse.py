"""The pulse: what a probe sees of a bot whose updates flow, and of one whose don't."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.pulse import EVERY_SECONDS, Pulse, probe

ROOT = Path(__file__).parents[2]


def asked(path: Path, seconds: str) -> tuple[int, str]:
    """Ask as a probe of the Deployment does."""
    command = [sys.executable, "-m", "bot.pulse", str(path), seconds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_probe_is_content_only_while_the_last_answer_is_young(tmp_path: Path) -> None:
    path = tmp_path / "state" / "pulse"
    assert asked(path, "90") == (1, "Telegram hasn't answered getUpdates yet.\n")
    Pulse(path).beat()
    assert asked(path, "90")[0] == 0
    path.write_text(repr(time.monotonic() - 100), encoding="ascii")
    assert asked(path, "90") == (1, "Telegram answered getUpdates 100 s ago.\n")
    assert asked(path, "600")[0] == 0


@pytest.mark.parametrize(
    "text", ["", "nonsense", "\x00", "inf", "nan", repr(time.monotonic() + 1e6)]
)
def test_what_no_beat_has_written_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pulse"
    path.write_text(text, encoding="ascii")
    assert not probe(path, 90)[0]


def test_a_beat_right_after_another_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pulse"
    pulse = Pulse(path)
    pulse.beat()
    path.unlink()
    pulse.beat()
    assert not path.exists()
    pulse._last = time.monotonic() - EVERY_SECONDS
    pulse.beat()
    assert list(tmp_path.iterdir()) == [path]
