"""What the program does before any command: Ctrl-C while it still loads, and its version."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from cli.__main__ import INTERRUPTED
from cli.exits import Exit
from cli.main import app

ROOT = Path(__file__).parent.parent.parent


def test_ctrl_c_while_the_program_loads_ends_it_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    command = [sys.executable, "-m", "cli", "--help"]
    done = subprocess.run(command, env={**os.environ, **path}, capture_output=True, timeout=180)
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, b"", b"")


def test_the_version_is_that_of_the_checkout() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"claude-sandbox {project['version']}\n")


def test_the_exit_code_is_the_documented_one() -> None:
    assert INTERRUPTED == Exit.INTERRUPTED
