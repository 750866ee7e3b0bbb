"""`claude-sandbox demo --once`: the first thing that somebody runs, exactly as it is run."""

from __future__ import annotations

import os
import signal
import subprocess
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parts.git_server import OriginRepo
from tests.whole.bot_process import COMMAND, LIMIT_SECONDS, BotProcess, until

GOOD = '/run demo "add a farewell to the greeter"'


@dataclass(frozen=True, slots=True)
class Played:
    """What one demo printed, and how it ended."""

    exit_code: int
    out: str
    errors: str


@dataclass(frozen=True, slots=True)
class Demo:
    """The environment of demos: a home and a TMPDIR of their own."""

    folder: Path

    def variables(self, **changes: str) -> dict[str, str]:
        """Return the variables of a demo."""
        fixed = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.temporary),
        }
        return {**fixed, "SANDBOX_SCRIPTED_PACE": "0.01", "COLUMNS": "80", **changes}

    @property
    def temporary(self) -> Path:
        """Return TMPDIR."""
        return self.folder / "tmp"

    def play(self, text: str, **changes: str) -> Played:
        """Say one thing, to the end."""
        done = subprocess.run(
            [COMMAND, "demo", "--once", text],
            env=self.variables(**changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
        return Played(done.returncode, done.stdout, done.stderr)

    def left_over(self) -> list[str]:
        """Return the files in TMPDIR, and the processes that still know it."""
        files = [path.name for path in self.temporary.iterdir()]
        return files + [str(process) for process in self.processes()]

    def processes(self) -> list[int]:
        """Return the ids of all processes that were started with this TMPDIR."""
        wanted = f"TMPDIR={self.temporary}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if wanted in path.read_bytes():
                    found.append(int(path.parent.name))
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path)
    made.temporary.mkdir()
    yield made
    for process in made.processes():
        os.kill(process, signal.SIGKILL)


def test_a_good_task_ends_0_and_what_was_told_is_in_the_repository(
    demo: Demo, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    played = demo.play(GOOD, SANDBOX_STATE=str(kept))
    assert (played.exit_code, played.errors) == (0, "")
    remote = OriginRepo(kept / "demo.git", "")
    (branch,) = set(remote.branches()) - {"main"}
    assert f"🌿 {branch}" in played.out
    assert remote.diffstat("main", branch) == "2 files changed, 22 insertions(+), 1 deletion(-)"
    assert "2 files +22 −1" in played.out
    assert "def farewell(" in remote.read(branch, "greeter/__init__.py")
    assert [line for line in played.out.splitlines() if line == "Claude Sandbox: 👀"]
    assert played.out.index("You:") < played.out.index("⚙️ Running") < played.out.index("✅ Done")
    assert demo.left_over() == []


@pytest.mark.parametrize(
    ("text", "out", "errors"),
    [
        ("/run demo fail", "The task asked for a failure, and here it is.", ""),
        ("/run dmeo x", "Did you mean demo?", "No task was started."),
        ("/run demo", "/run demo ", "No task was started."),
        ("/help", "/run – start a task in a repo", "No task was started."),
    ],
    ids=["fails", "misspelt", "no task", "help"],
)
def test_what_is_no_good_task_ends_1_with_the_reason(
    demo: Demo, text: str, out: str, errors: str
) -> None:
    played = demo.play(text)
    assert (played.exit_code, played.errors.strip()) == (1, errors)
    assert out in played.out
    assert demo.left_over() == []


@pytest.mark.parametrize(
    "task",
    [
        "add a farewell to the greeter",
        "note words 這是一個很長的任務 🚀🧪✨ " * 8,
        "note " + "🚀x" * 100,
    ],
    ids=["plain", "long", "unbroken"],
)
def test_no_line_is_wider_than_the_terminal(demo: Demo, task: str) -> None:
    played = demo.play(f"/run demo {task}", COLUMNS="60")
    assert played.exit_code == 0
    lines = [line for line in played.out.splitlines() if str(demo.temporary) not in line]
    assert [line for line in lines if columns(line) > 60] == []
    assert "1 file changed" in played.out or "2 files changed" in played.out


def columns(line: str) -> int:
    """Count the columns of a line of these tests, in which everything wide is Chinese or an emoji."""
    return len(line) + sum(unicodedata.east_asian_width(character) in "WF" for character in line)


async def test_ctrl_c_in_mid_run_leaves_nothing_and_exits_130(demo: Demo, tmp_path: Path) -> None:
    played = BotProcess(
        demo.variables(),
        tmp_path / "out.txt",
        (str(COMMAND), "demo", "--once", "/run demo wait 60"),
    )
    try:
        await until(lambda: "the agent works" in played.log, "the agent works")
        played.interrupt()
        assert await played.ended() == 130
    finally:
        played.end()
    await until(lambda: not demo.left_over(), "nothing is left")
    assert "Traceback" not in played.log


def test_a_bot_that_cannot_start_ends_the_demo_with_its_words(demo: Demo) -> None:
    played = demo.play(GOOD, SANDBOX_POLL_SECONDS="never")
    assert (played.exit_code, played.out) == (2, "")
    assert "SANDBOX_POLL_SECONDS isn't a number from 1 to 3600: 'never'" in played.errors
    assert "Traceback" not in played.errors
    assert demo.left_over() == []
