"""The sandbox program in a foreign image: brought there, started by its python3, with what the image has."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from sandbox.bring import bring as bring_program
from sandbox.brought import refuse, surroundings
from sandbox.report import Cause, Phase, Verdict, decode
from tests.parts.git_server import OriginRepo
from tests.sandbox.running import ROOT, start_program


def bring(folder: Path, **variables: str) -> Path:
    """Do what the init container does, isolated like there."""
    code = f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); runpy.run_module('sandbox.bring', run_name='__main__')"
    place = folder / "brought"
    place.mkdir()
    environment = {"PATH": os.environ["PATH"], **variables}
    subprocess.run([sys.executable, "-I", "-c", code, str(place)], env=environment, check=True)
    return place


def program(folder: Path, text: str) -> str:
    """Make a folder for PATH with a `claude` in it."""
    folder.mkdir()
    (folder / "claude").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "claude").chmod(0o755)
    return str(folder)


def test_a_brought_program_carries_out_a_run_wherever_it_is_started(
    tmp_path: Path, file_repo: OriginRepo
) -> None:
    place = bring(tmp_path, SANDBOX_AGENT="scripted")
    (tmp_path / "sandbox").mkdir()  # what stands in the working folder takes no module's place
    (tmp_path / "sandbox" / "__init__.py").write_text("raise SystemExit('not this one')")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "TASK": "add a note",
        "REPO_URL": file_repo.url,
        "SANDBOX_RUN": "abcd2345",
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_REPORT": str(tmp_path / "report.json"),
        "SANDBOX_WORKSPACE": str(tmp_path / "workspace"),
    }
    done = subprocess.run(
        [sys.executable, "-I", str(place)], env=environment, cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    report = decode((tmp_path / "report.json").read_bytes())
    assert report is not None
    assert report.verdict is Verdict.PUSHED


def test_claude_code_comes_along_only_where_it_is_the_agent(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "echo ours")
    for number, (agent, there) in enumerate([("", True), ("claude", True), ("scripted", False)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        place = bring(folder, PATH=f"{path}:{os.environ['PATH']}", SANDBOX_AGENT=agent)
        assert os.access(place / "programs" / "claude", os.X_OK) is there


def test_an_image_without_claude_code_is_brought_none(tmp_path: Path) -> None:
    assert not (bring(tmp_path, PATH=str(tmp_path)) / "programs").exists()


def test_what_the_image_has_comes_before_what_was_brought(tmp_path: Path) -> None:
    theirs = program(tmp_path / "theirs", "echo theirs")
    program(tmp_path / "programs", "echo ours")
    for path, said in ((f"{theirs}:/usr/bin:/bin", "theirs\n"), ("/usr/bin:/bin", "ours\n")):
        found = surroundings({"PATH": path, "HOME": str(tmp_path)}, tmp_path)
        done = subprocess.run(["sh", "-c", "claude"], env=found, capture_output=True, text=True)
        assert done.stdout == said
        assert found["HOME"] == str(tmp_path)


def test_a_home_that_cannot_be_written_to_is_replaced(tmp_path: Path) -> None:
    found = surroundings({"HOME": str(tmp_path / "nowhere")}, tmp_path)
    assert os.access(found["HOME"], os.W_OK)
    Path(found["HOME"]).rmdir()


def test_a_python_that_is_too_old_is_told_of(tmp_path: Path) -> None:
    report_path = tmp_path / "report.json"
    environment = {"SANDBOX_RUN": "abcd2345", "SANDBOX_REPORT": str(report_path)}
    assert refuse(environment, "3.9.2") == 2
    report = decode(report_path.read_bytes())
    assert report is not None
    assert (report.run_id, report.phase) == ("abcd2345", Phase.ENVIRONMENT)
    assert (report.verdict, report.cause) == (Verdict.FAILED, Cause.TOOLS_MISSING)
    assert report.error == "this image's python3 is 3.9.2; the sandbox needs 3.10 or newer"


def test_what_starts_there_is_read_by_every_python_3() -> None:
    ast.parse((ROOT / "sandbox" / "brought.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_git_that_is_missing_is_told_of(tmp_path: Path, file_repo: OriginRepo) -> None:
    started = start_program(tmp_path, file_repo.url, SANDBOX_AGENT="scripted", PATH=str(tmp_path))
    finished = started.finish()
    assert finished.exit_code == 2
    assert finished.report.cause is Cause.TOOLS_MISSING
    assert "git isn't installed" in (finished.report.error or "")


def test_the_operators_files_come_along_for_claude_code_and_stand_before_mounted_ones(
    tmp_path: Path,
) -> None:
    baked = tmp_path / "baked"
    (baked / "agents").mkdir(parents=True)
    (baked / "README.md").write_text("for people\n")
    for name in ("none", "scripted", "claude"):
        (tmp_path / name).mkdir()
    environment = {"PATH": ""}
    bring_program(tmp_path / "none", environment, baked)
    (baked / "agents" / "a.md").write_text("an agent\n")
    bring_program(tmp_path / "scripted", {**environment, "SANDBOX_AGENT": "scripted"}, baked)
    bring_program(tmp_path / "claude", environment, baked)
    assert not (tmp_path / "none" / "agent-files").exists()
    assert not (tmp_path / "scripted" / "agent-files").exists()
    place = tmp_path / "claude" / "agent-files"
    assert (place / "agents" / "a.md").read_text() == "an agent\n"
    found = surroundings({"HOME": str(tmp_path)}, tmp_path / "claude")
    assert found["SANDBOX_AGENT_FILES"] == str(place)
    mounted = surroundings({"SANDBOX_AGENT_FILES": "/agent-files"}, tmp_path / "claude")
    assert mounted["SANDBOX_AGENT_FILES"] == f"{place}:/agent-files"
