"""What stands around the program: the Makefile, the console script, the README's commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M))
WRITE_ARGUMENTS = """\
import json, os, sys
json.dump(sys.argv[1:], open(os.environ["ARGUMENTS"], "w"))
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, **variables: str) -> str:
    """Run make in the checkout, as from a fresh shell; return what it printed."""
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plain_make_lists_every_target_with_a_line_of_help() -> None:
    rows = [line.split(maxsplit=2) for line in make().splitlines()]
    assert {row[1] for row in rows} == TARGETS
    assert all(row[0] == "make" and len(row) == 3 for row in rows)


@pytest.mark.parametrize(
    "task",
    [
        '/run demo "add a farewell to the greeter"',
        "/run demo $HOME $(HOME) $$ ${PATH} `id` $(shell id)",
        "/run demo it's \"quoted\" 'twice' \\ \\n %s #comment",
        "/run demo first line\n\n\tsecond line\n",
        "/run demo ; rm -rf x && | > <",
        "-x --once",
        "/run demo “smart” 🚀 \u202eabc",
    ],
    ids=["plain", "dollars", "quotes", "lines", "shell", "options", "unicode"],
)
def test_a_task_arrives_at_the_demo_as_it_was_typed(tmp_path: Path, task: str) -> None:
    assert demo_arguments(tmp_path, f"ONCE={task}") == ["demo", "--once", task]


def test_without_once_the_demo_opens_the_chat_where_port_says(tmp_path: Path) -> None:
    assert demo_arguments(tmp_path) == ["demo"]
    assert demo_arguments(tmp_path, "PORT=8080") == ["demo", "--port", "8080"]


def demo_arguments(folder: Path, *given: str) -> list[str]:
    """Return what `make demo` calls claude-sandbox with."""
    program = folder / "bin" / "claude-sandbox"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!{sys.executable}\n{WRITE_ARGUMENTS}", encoding="utf-8")
    program.chmod(0o755)
    (folder / "ready").touch()
    arguments = folder / "arguments.json"
    # Another VENV, which make takes as ready: the checkout's own must not be made anew by a test.
    make(
        "demo",
        *given,
        f"VENV={folder}",
        f"--old-file={folder}/ready",
        ARGUMENTS=str(arguments),
    )
    found: list[str] = json.loads(arguments.read_text())
    return found


def test_the_console_script_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="claude-sandbox")
    assert script.value == "cli.__main__:main"
    assert callable(script.load())


def test_the_readme_names_only_targets_that_exist_and_the_two_that_matter() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^```[a-z]*\n(.*?)^```", readme, re.M | re.S))
    named = set(
        re.findall(r"\bmake ([a-z][a-z-]*)", blocks + "\n".join(re.findall("`([^`\n]+)`", readme)))
    )
    assert named <= TARGETS
    assert {"demo", "test"} <= named
