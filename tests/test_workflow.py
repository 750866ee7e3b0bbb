"""The forge's workflows do what CI does, with actions that nobody can exchange and few rights."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def found_by_zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Let zizmor, which knows the weaknesses of workflows, look at some; without the network."""
    command = ["zizmor", "--offline", "--no-progress", "--color=never", *map(str, paths)]
    program = ROOT / ".venv" / "bin" / command[0]
    return subprocess.run([str(program), *command[1:]], capture_output=True, text=True, timeout=60)


def steps_of(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text("utf-8"))
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: say which version that is"


def test_the_workflows_have_no_weakness_that_zizmor_knows() -> None:
    looked = found_by_zizmor(*WORKFLOWS)
    assert looked.returncode == 0, looked.stdout


def test_a_workflow_with_a_weakness_is_refused(tmp_path: Path) -> None:
    text = WORKFLOWS[0].read_text("utf-8")
    weak = tmp_path / "weak.yml"
    weak.write_text(re.sub(r"checkout@\S+ # v5\.0\.0", "checkout@v5", text))
    looked = found_by_zizmor(weak)
    assert looked.returncode != 0
    assert "unpinned-uses" in looked.stdout


def test_every_command_of_a_workflow_is_a_make_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    commands = [step["run"] for path in WORKFLOWS for step in steps_of(path) if "run" in step]
    assert {"make check", "make test", "make fuzz", "make audit"} <= set(commands)
    for command in commands:
        make, *named = command.split()
        assert make == "make"
        assert set(named) <= targets
