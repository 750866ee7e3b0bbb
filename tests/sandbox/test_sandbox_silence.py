"""An agent that prints nothing for too long hangs: it is ended, and its work is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.report import Cause, Verdict
from sandbox.task import BadEnvironment, from_environment
from tests.parts.git_server import OriginRepo
from tests.sandbox.running import run

WIP = "claude/abcd2345-mend-the-roof-wip"


def test_an_agent_that_falls_silent_is_ended_and_its_work_is_kept(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "echo 1 > one; for i in 1 2 3; do echo $i; sleep 0.5; done; echo 2 > two; sleep 1000"
    done = run(tmp_path / "run", script, file_repo.file_url, SANDBOX_SILENCE="1")
    assert (done.exit_code, done.report.cause) == (1, Cause.AGENT_HANGS)
    assert done.report.error == "the agent printed nothing for 1 s"
    assert {"one", "two"} <= set(file_repo.files(WIP))


def test_silence_may_be_allowed_for_ever(file_repo: OriginRepo, tmp_path: Path) -> None:
    script = "echo 1 > one; sleep 1.2"
    done = run(tmp_path / "run", script, file_repo.file_url, SANDBOX_SILENCE="0")
    assert done.report.verdict is Verdict.PUSHED


@pytest.mark.parametrize("text", ["-1", "soon", "1.5", "9999999"])
def test_a_silence_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadEnvironment, match=f"SANDBOX_SILENCE is '{text}', not a number of"):
        from_environment({"TASK": "t", "REPO_URL": "u", "SANDBOX_SILENCE": text})
