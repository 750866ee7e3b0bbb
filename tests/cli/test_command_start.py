"""How the program begins: Ctrl-C while it still loads, its version, and what each command loads."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import INTERRUPTED
from cli.exits import Exit
from cli.main import app
from tests.cli.command_line import CommandLine, finished

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


CHAT = {"telegram", "httpx", "apscheduler", "prometheus_client", "bot.app"}
RARELY = {"obstore", "rich", "jinja2", "bot.config_file", "bot.fitting", "runs.local"}
CLIENT = "kubernetes.aio.client.rest"
CLUSTER = {CLIENT, "aiohttp", "msgspec", "k8s.backend"}


@pytest.mark.parametrize(
    ("arguments", "code", "needed", "heavy"),
    [
        (["--help"], Exit.OK, {"typer"}, {*CHAT, *RARELY, *CLUSTER, "asyncio", "pydantic", "yaml"}),
        (["jobs", "--local"], Exit.OK, {"asyncio"}, {*CHAT, *RARELY, *CLUSTER, "yaml"}),
        (["logs", "--local"], Exit.USAGE, {"asyncio"}, {*CHAT, *CLUSTER, "rich", "jinja2"}),
        (["jobs"], Exit.CLUSTER, {CLIENT}, {*CHAT, *RARELY}),
        (["clean"], Exit.CLUSTER, {CLIENT}, {*CHAT, *RARELY}),
    ],
)
async def test_a_command_loads_nothing_heavy_that_it_does_not_use(
    shell: CommandLine, arguments: list[str], code: Exit, needed: set[str], heavy: set[str]
) -> None:
    # The cluster is empty, without even the namespace: that is asked for, and told.
    shell.variables["PYTHONPROFILEIMPORTTIME"] = "1"
    done = await finished(await shell.begin(*arguments))
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert (done.code, needed - loaded, heavy & loaded) == (code, set(), set())


def test_who_stays_looks_for_garbage_as_python_does() -> None:
    ask = (
        "import gc\nbefore = gc.get_threshold()\n"
        "from cli.garbage import look_as_usual, look_seldom\nlook_seldom()\n"
        "seldom = gc.get_threshold()\nlook_as_usual()\n"
        "print(seldom > before, gc.get_threshold() == before, gc.get_freeze_count() > 0)"
    )
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, timeout=180)
    assert done.stdout == b"True True True\n", done.stderr
