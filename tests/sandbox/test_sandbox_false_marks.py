"""Hardly anything that installs and tests print is taken for a secret: at most one mark in a megabyte."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from sandbox.redaction import MARK, Redactor

ROOT = Path(__file__).parent.parent.parent
PYTHON = sys.executable
COMMANDS = {
    "what the packages say of themselves": [PYTHON, "-m", "pip", "inspect"],
    "an install that finds nothing to do": [
        *(PYTHON, "-m", "pip", "install", "-vvv", "--no-index", "--no-input", "--dry-run"),
        *("--disable-pip-version-check", "{packages}"),
    ],
    "a test run, in words": [
        *(PYTHON, "-m", "pytest", "-vv", "--durations=0", "-p", "no:cacheprovider"),
        "tests/test_structure.py",
    ],
    "all that Python does in loading the bot": [PYTHON, "-v", "-c", "import cli.bot, bot.app"],
}


def printed_by(command: list[str]) -> list[str]:
    packages = sorted({found.metadata["Name"] for found in distributions()})
    words = [part for word in command for part in (packages if word == "{packages}" else [word])]
    done = subprocess.run(
        words,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=True,
    )
    return done.stdout.decode("utf-8", "replace").split("\n")


def lists_of_files() -> list[str]:
    """Return what the installs wrote of their files: a path, a sum in base64 and a size in each line."""
    return [
        line for found in distributions() for line in (found.read_text("RECORD") or "").split("\n")
    ]


def test_installs_and_tests_print_at_most_one_false_mark_in_a_megabyte() -> None:
    printed = {name: printed_by(command) for name, command in COMMANDS.items()}
    printed["files"] = lists_of_files()
    assert not [name for name, lines in printed.items() if len(lines) < 50]
    size = sum(len(line) + 1 for lines in printed.values() for line in lines)
    marked = [
        line for lines in printed.values() for line in Redactor().stream(lines) if MARK in line
    ]
    assert size > 2_000_000
    assert len(marked) <= size / 1_000_000, "\n".join(line[:300] for line in marked)
