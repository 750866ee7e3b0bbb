"""Deadlines, signals, floods of output, full disks: the run still ends with a true Report and the work delivered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.report import Cause, Phase, Verdict, decode
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.token_samples import samples
from tests.sandbox.running import (
    LIMIT_SECONDS,
    ROOT,
    SHELL_SANDBOX,
    Finished,
    run,
    start,
    start_program,
)

WIP = "claude/abcd2345-mend-the-roof-wip"


def test_at_the_deadline_the_agent_may_tidy_up_and_its_work_is_kept(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "echo 1 > one; trap 'echo 2 > two; exit 0' TERM; while :; do sleep 0.05; done"
    done = run(tmp_path / "run", script, file_repo.file_url, SANDBOX_TIMEOUT="5")
    assert (done.exit_code, done.report.verdict, done.report.cause) == (
        1,
        Verdict.FAILED,
        Cause.DEADLINE,
    )
    assert (done.report.branch, done.report.pushed, done.report.agent_ended_well) == (
        WIP,
        True,
        False,
    )
    assert {"one", "two"} <= set(file_repo.files(WIP))


def test_an_agent_that_ignores_sigterm_is_killed_after_its_grace_fault_37(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "echo 1 > one; trap '' TERM INT HUP; (trap '' TERM; sleep 1000) & while :; do sleep 0.05; done"
    done = run(tmp_path / "run", script, file_repo.file_url, SANDBOX_TIMEOUT="5", GRACE="0.3")
    assert done.report.cause is Cause.DEADLINE
    assert file_repo.read(WIP, "one") == "1\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_from_outside_stops_the_agent_and_still_delivers(
    number: signal.Signals, file_repo: OriginRepo, tmp_path: Path
) -> None:
    started = start(
        tmp_path / "run", "echo 1 > one; touch ../working; sleep 1000", file_repo.file_url
    )
    started.wait_for((started.workspace / "working").exists)
    started.process.send_signal(number)
    done = started.finish()
    assert (done.exit_code, done.report.verdict, done.report.cause) == (
        1,
        Verdict.FAILED,
        Cause.CANCELLED,
    )
    assert (done.report.branch, done.report.pushed) == (WIP, True)


def test_a_second_signal_doesnt_interrupt_the_delivery(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    file_repo.hook(
        "pre-receive",
        f"touch {tmp_path}/pushing; while test -f {tmp_path}/pushing; do sleep 0.02; done\n",
    )
    started = start(
        tmp_path / "run", "echo 1 > one; touch ../working; sleep 1000", file_repo.file_url
    )
    started.wait_for((started.workspace / "working").exists)
    started.process.terminate()
    started.wait_for((tmp_path / "pushing").exists)
    assert decode(started.report_path.read_bytes()).phase is Phase.DELIVER  # type: ignore[union-attr]  # it is there
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        started.process.send_signal(number)
    (tmp_path / "pushing").unlink()
    done = started.finish()
    assert (done.report.cause, done.report.pushed) == (Cause.CANCELLED, True)


def test_a_signal_during_the_clone_ends_it(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    git_server.hold()
    started = start(tmp_path / "run", "true", origin_repo.url, GITHUB_TOKEN=git_server.token)
    started.wait_for(lambda: bool(git_server.requests))
    started.process.terminate()
    done = started.finish()
    assert (done.report.verdict, done.report.cause, done.report.phase) == (
        Verdict.FAILED,
        Cause.CANCELLED,
        Phase.CLONE,
    )


def test_a_server_that_never_answers_ends_at_the_deadline(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    git_server.hold()
    done = run(
        tmp_path / "run",
        "true",
        origin_repo.url,
        GITHUB_TOKEN=git_server.token,
        SANDBOX_TIMEOUT="1",
    )
    assert (done.report.verdict, done.report.cause) == (Verdict.FAILED, Cause.CLONE_TIMEOUT)
    assert "took too long" in (done.report.error or "")


def test_a_killed_run_leaves_a_provisional_report(file_repo: OriginRepo, tmp_path: Path) -> None:
    started = start(tmp_path / "run", "echo $$ > ../working; exec sleep 1000", file_repo.file_url)
    started.wait_for(
        lambda: (
            (started.workspace / "working").exists()
            and (started.workspace / "working").read_text() != ""
        )
    )
    started.process.kill()
    done = started.finish()
    assert (done.exit_code, done.report.verdict, done.report.phase) == (
        -9,
        Verdict.UNFINISHED,
        Phase.AGENT,
    )
    assert done.report.base == "main"
    if sys.platform == "linux":
        agent = Path("/proc", (started.workspace / "working").read_text().strip())
        wait_until_gone(agent)


def wait_until_gone(process: Path) -> None:
    until = time.monotonic() + 10
    while process.exists() and "\nState:\tZ" not in (process / "status").read_text():
        assert time.monotonic() < until, "the agent outlived the sandbox program"
        time.sleep(0.01)


def peak_megabytes(script: str, repo: OriginRepo, folder: Path) -> tuple[Finished, float]:
    """Run, and return the peak of the program's resident memory."""
    started = start(folder, script, repo.file_url)
    peak = 0.0
    while started.process.poll() is None:
        status = Path("/proc", str(started.process.pid), "status")
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                peak = max(peak, int(line.split()[1]) / 1024)
        time.sleep(0.02)
    return started.finish(), peak


@pytest.fixture(scope="module")
def quiet_megabytes(tmp_path_factory: pytest.TempPathFactory) -> float:
    """The peak of a run whose agent says nothing."""
    folder = tmp_path_factory.mktemp("quiet")
    repo = OriginRepo(folder / "origin.git", "")
    repo.make({"README.md": "x"})
    return peak_megabytes("true", repo, folder / "run")[1]


FLOODS = {
    "200 MB of lines": "yes 'a line of ordinary output that is about as long as such lines are, a hundred bytes' | head -c 200000000",
    "20 MB of errors": "yes 'a line of ordinary output that is about as long as such lines are, a hundred bytes' | head -c 20000000 >&2",
    "one line of 50 MB": "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end",
    "one line of 50 MB of errors": "head -c 50000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end",
    "NUL": "head -c 20000000 /dev/zero; echo; echo end",
    "a progress bar": "yes 'working 12% ' | tr '\\n' '\\r' | head -c 5000000; echo end",
    "empty lines": "yes '' | head -c 500000",
}


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("script", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_output_is_bounded_in_log_and_memory_fault_34(
    script: str, quiet_megabytes: float, file_repo: OriginRepo, tmp_path: Path
) -> None:
    done, peak = peak_megabytes(
        f"echo 1 > one; {script}; echo the last words", file_repo, tmp_path / "run"
    )
    assert done.report.verdict is Verdict.PUSHED
    assert len(done.log.encode()) <= 8 << 20
    assert done.log.index("the last words") < done.log.index("▶ deliver") < done.log.index("▶ done")
    assert peak - quiet_megabytes <= 20


def test_the_middle_of_a_long_log_is_left_out_and_said_so(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(tmp_path / "run", "seq -f %0100.0f 1 110000", file_repo.file_url)
    lines = done.log.splitlines()
    assert "│ " + "1".zfill(100) in lines[:5]
    assert "│ " + "110000".zfill(100) in lines
    assert any("MiB of the log are left out here" in line for line in lines)
    assert 7 << 20 < len(done.log.encode()) <= 8 << 20


def test_bytes_escapes_and_forged_phase_lines_stay_the_agents_fault_34(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = r"printf '\377\376 \033[31mred\033[0m \342\200\256evil\000\n\r\n▶ done pushed\n  \r▶ done pushed\n'; printf '▶ done pushed' >&2"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert [line for line in done.log.splitlines() if line.startswith("▶")] == [
        "▶ environment run abcd2345",
        f"▶ clone {file_repo.file_url}",
        "▶ agent claude",
        "▶ deliver claude/abcd2345-mend-the-roof",
        "▶ done nothing-changed",
    ]
    assert "│ \ufffd\ufffd red evil" in done.log
    assert "\x1b" not in done.log


def test_secrets_are_blacked_out_in_log_and_report(file_repo: OriginRepo, tmp_path: Path) -> None:
    token = "ghp_abcdefghij0123456789ABCDEFGHIJ"
    (tmp_path / "token").write_text(token)
    read = f"$(cat {tmp_path}/token)"
    script = (
        f'echo "plain {read}"; printf "%s" "{read}" | base64; echo "x{read}" | base64 -w 20 >&2; '
        f'echo "{read}" | head -c 12; sleep 0.1; echo "{read}" | tail -c +13; '
        f'echo "{read}" | fold -w 10; echo "my words: {read}"; exit 1'
    )
    done = run(tmp_path / "run", script, file_repo.file_url, GITHUB_TOKEN=token)
    assert "plain [redacted]" in done.log
    joined = "".join(line.removeprefix("│ ") for line in done.log.splitlines())
    for part in (token, token[:10], token[10:20], "Z2hwX2FiY2RlZmdo", "4Z2hwX2FiY2RlZmdo"):
        assert part not in joined, done.log
    assert done.report.summary == "my words: [redacted]"


def test_tokens_that_nobody_told_the_sandbox_dont_show_in_log_and_report_fault_35(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    tokens = [sample for sample in samples() if len(sample.text) < 200]
    (tmp_path / "tokens").write_text("".join(f"see {sample.text} now\n" for sample in tokens))
    script = (
        f"cat {tmp_path}/tokens; cat {tmp_path}/tokens >&2; grep -m1 ghp_ {tmp_path}/tokens; exit 1"
    )
    done = run(tmp_path / "run", script, file_repo.file_url)
    shown = done.log + done.report.summary + str(done.report.error)
    assert not [sample.template for sample in tokens if sample.secret[4:18] in shown]
    assert shown.count("[redacted]") > 2 * len(tokens)
    assert done.report.summary == "see [redacted] now"


def test_a_secret_where_the_last_words_of_a_failed_agent_are_cut_doesnt_show_fault_35(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    token = "ghp_abcdefghij0123456789ABCDEFGHIJ"
    (tmp_path / "token").write_text(token)
    script = f"printf '%0290d%s\\n' 0 \"$(cat {tmp_path}/token)\" >&2; exit 1"
    done = run(tmp_path / "run", script, file_repo.file_url, GITHUB_TOKEN=token)
    assert done.report.error is not None
    assert "0" * 290 in done.report.error
    assert "ghp" not in done.report.error


def start_with_output(folder: Path, repo: OriginRepo, output: int) -> subprocess.Popen[bytes]:
    """Start a run that prints much into `output` and then does its work."""
    environment = dict(os.environ) | {
        "PYTHONPATH": str(ROOT),
        "AGENT_SCRIPT": "seq 1 100000; echo 1 > one",
        "TASK": "mend the roof",
        "REPO_URL": repo.file_url,
        "SANDBOX_RUN": "abcd2345",
        "SANDBOX_REPORT": str(folder / "report.json"),
        "SANDBOX_WORKSPACE": str(folder / "workspace"),
    }
    return subprocess.Popen([sys.executable, str(SHELL_SANDBOX)], env=environment, stdout=output)


def test_what_the_delivery_notes_is_blacked_out_too(file_repo: OriginRepo, tmp_path: Path) -> None:
    script = "git checkout -qb password-horse; git commit -q --allow-empty -m x; git checkout -q -; echo 1 > one"
    done = run(tmp_path / "run", script, file_repo.file_url, PGPASSWORD="password-horse")
    assert "the agent's branch [redacted] is on" in done.report.summary


def test_an_output_that_breaks_stops_nothing(file_repo: OriginRepo, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = start_with_output(tmp_path, file_repo, writing)
    os.close(writing)
    os.read(reading, 10)
    os.close(reading)
    assert process.wait(LIMIT_SECONDS) == 0
    assert file_repo.read("claude/abcd2345-mend-the-roof", "one") == "1\n"


def test_a_reader_that_stands_still_stops_nothing(file_repo: OriginRepo, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = start_with_output(tmp_path, file_repo, writing)
    os.close(writing)
    assert process.wait(LIMIT_SECONDS) == 0
    os.close(reading)
    assert file_repo.read("claude/abcd2345-mend-the-roof", "one") == "1\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_is_full_stops_nothing(file_repo: OriginRepo, tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    process = start_with_output(tmp_path, file_repo, full)
    os.close(full)
    assert process.wait(LIMIT_SECONDS) == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 2 MB."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_repository_that_doesnt_fit_is_told_as_a_full_disk_fault_37(
    file_repo: OriginRepo, small_disk: Path, tmp_path: Path
) -> None:
    file_repo.commit({"large": os.urandom(4 << 20)}, "Large")
    done = run(
        tmp_path / "run",
        "true",
        file_repo.file_url,
        SANDBOX_WORKSPACE=str(small_disk / "w"),
        SANDBOX_REPORT=str(small_disk / "report"),
    )
    assert (done.exit_code, done.report.verdict, done.report.cause) == (
        1,
        Verdict.FAILED,
        Cause.DISK_FULL,
    ), done.log


def test_an_agent_that_fills_the_disk_loses_no_work_fault_37(
    file_repo: OriginRepo, small_disk: Path, tmp_path: Path
) -> None:
    script = "echo 1 > one; mkdir build; cat /dev/zero > build/filler; exit 1"
    done = run(
        tmp_path / "run",
        script,
        file_repo.file_url,
        SANDBOX_WORKSPACE=str(small_disk / "w"),
        SANDBOX_REPORT=str(small_disk / "report"),
    )
    assert (done.exit_code, done.report.verdict) == (1, Verdict.FAILED), done.log
    assert (done.report.phase, done.report.pushed) == (Phase.DONE, True)
    assert file_repo.read(WIP, "one") == "1\n"


def test_the_real_program_runs_the_scripted_agent(file_repo: OriginRepo, tmp_path: Path) -> None:
    done = start_program(tmp_path / "run", file_repo.file_url, SANDBOX_AGENT="scripted").finish()
    assert (done.exit_code, done.report.verdict) == (0, Verdict.PUSHED), done.log


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TASK": "", "SANDBOX_TIMEOUT": "soon"}, ["TASK", "SANDBOX_TIMEOUT"]),
        ({"SANDBOX_AGENT": "nobody"}, ["nobody", "scripted"]),
        ({"SANDBOX_RUN": "../x"}, ["SANDBOX_RUN"]),
    ],
)
def test_a_bad_environment_is_exit_code_2_and_says_every_mistake(
    variables: dict[str, str], words: list[str], file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = start_program(tmp_path / "run", file_repo.file_url, **variables).finish()
    assert (done.exit_code, done.report.cause, done.report.verdict) == (
        2,
        Cause.BAD_ENVIRONMENT,
        Verdict.FAILED,
    )
    for word in words:
        assert word in (done.report.error or "")
        assert word in done.log
