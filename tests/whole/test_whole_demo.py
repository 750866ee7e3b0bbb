"""`claude-sandbox demo`: the first thing that somebody runs, exactly as it is run."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import unicodedata
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.browser import has_browser
from cli.demo_stage import USUAL_PORT
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


def test_a_folder_that_keeps_an_earlier_demo_is_refused_in_one_sentence(
    demo: Demo, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    assert demo.play("/help", SANDBOX_STATE=str(kept)).exit_code == 1
    played = demo.play("/help", SANDBOX_STATE=str(kept))
    assert (played.exit_code, played.out) == (2, "")
    assert played.errors == (
        f"An earlier demo is kept in {kept}. Remove that folder, or name another one with SANDBOX_STATE.\n"
    )
    assert (kept / "demo.git").is_dir()


@pytest.mark.parametrize(
    ("text", "out", "errors"),
    [
        ("/run demo fail", "The task asked for a failure, and here it is.", ""),
        ("/run demo ask me first", "Which one shall it be?", ""),
        ("/run dmeo x", "Did you mean demo?", "No task was started."),
        ("/run demo", "/run demo ", "No task was started."),
        ("/help", "/run – start a task in a repo", "No task was started."),
    ],
    ids=["fails", "asks back", "misspelt", "no task", "help"],
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
        await until(lambda: "the agent is working" in played.log, "the agent is working")
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


@dataclass(frozen=True, slots=True)
class Hosted:
    """A demo with its chat page at `url`, which ends with a slash."""

    process: BotProcess
    url: str

    def page(self) -> str:
        """Return the page itself."""
        with urllib.request.urlopen(self.url, timeout=60) as answer:
            return str(answer.read().decode())

    def read(self, what: str) -> Any:
        """Return what the people's side answers."""
        with urllib.request.urlopen(f"{self.url}play/{what}", timeout=60) as answer:
            return json.load(answer)

    def act(self, what: str, **body: object) -> Any:
        """Do something on the people's side."""
        request = urllib.request.Request(
            f"{self.url}play/{what}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def person(self, note: str) -> int:
        """Return the id of the person of whom the page says this."""
        notes = self.read("state")["welcome"]["notes"]
        return int(next(known["person"] for known in notes if known["note"] == note))

    def answers(self, chat: int, message: int) -> list[str]:
        """Return what the bot replied to a message."""
        return [
            found["text"]
            for found in self.read(f"messages?chat={chat}")
            if found.get("reply_to_message", {}).get("message_id") == message
            and found["from"]["is_bot"]
        ]


@asynccontextmanager
async def hosted(demo: Demo, *options: str, **changes: str) -> AsyncIterator[Hosted]:
    command = (str(COMMAND), "demo", *options)
    log = demo.folder / "demo.txt"
    log.unlink(missing_ok=True)
    process = BotProcess(demo.variables(**changes), log, command)
    try:
        address = re.compile(r"The chat is at (http://127\.0\.0\.1:\d+/) ")
        found = await until(lambda: address.search(process.log), "the address is printed")
        yield Hosted(process, found[1])
    finally:
        process.end()


async def test_the_page_is_there_until_ctrl_c_and_then_nothing_is_left(demo: Demo) -> None:
    async with hosted(demo, "--port", "0") as chat:
        assert chat.page().startswith("<!doctype html>")
        welcome = chat.read("state")["welcome"]
        assert len(welcome["examples"]) == 4 and "/run" in welcome["text"]
        team = chat.read("state")["chats"][0]
        asked = chat.act(
            "say", person=chat.person("admin"), chat=team["id"], text="/run demo wait 60"
        )
        await until(lambda: "the agent is working" in chat.process.log, "the agent is working")
        assert chat.answers(team["id"], asked["message_id"])
        chat.process.interrupt()
        assert await chat.process.ended() == 0
        await until(lambda: not demo.left_over(), "nothing is left")
        assert "Traceback" not in chat.process.log


async def test_ctrl_c_while_it_starts_leaves_nothing_and_shows_no_traceback(demo: Demo) -> None:
    process = BotProcess(
        demo.variables(),
        demo.folder / "demo.txt",
        (str(COMMAND), "demo", "--no-browser", "--port", "0"),
    )
    try:
        # The bot's log is made just before the bot; the address is printed only when the bot listens.
        await until(lambda: list(demo.temporary.glob("*/bot.log")), "the bot starts")
        process.interrupt()
        assert await process.ended() == 0
    finally:
        process.end()
    await until(lambda: not demo.left_over(), "nothing is left")
    assert "Traceback" not in process.log


async def test_everybody_in_the_demo_may_do_what_their_role_says(demo: Demo) -> None:
    async with hosted(demo, "--port", "0") as chat:
        team = chat.read("state")["chats"][0]
        (topic,) = team["topics"]
        for note, words in (
            ("viewer", "You may look"),
            ("stranger", "I don't know you"),
            ("runner", "✅ Done"),
        ):
            person = chat.person(note)
            asked = chat.act(
                "say", person=person, chat=team["id"], thread=topic["id"], text="/run demo note x"
            )
            place = (team["id"], asked["message_id"])
            await until(
                lambda place=place, words=words: words in "\n".join(chat.answers(*place)),
                f"the {note} is told: {words}",
            )
        admin = chat.person("admin")
        asked = chat.act("say", person=admin, chat=admin, text="/jobs")
        await until(lambda: chat.answers(admin, asked["message_id"]), "an answer in private")


def test_a_port_in_use_is_told_in_one_sentence(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [COMMAND, "demo", "--port", str(port)],
            env=demo.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Port {port} is in use. Choose another one with --port, or 0 for any that is free.\n"
    )
    assert demo.left_over() == []


async def test_where_the_usual_port_is_taken_the_demo_finds_another_one(demo: Demo) -> None:
    with suppress(OSError), socket.create_server(("127.0.0.1", USUAL_PORT)):
        async with hosted(demo) as chat:
            assert chat.read("state")["welcome"]["examples"]
            assert chat.url != f"http://127.0.0.1:{USUAL_PORT}/"


async def test_the_page_opens_in_the_browser_where_there_is_one(demo: Demo) -> None:
    opened, script = demo.folder / "opened", demo.folder / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n', encoding="utf-8")
    script.chmod(0o755)
    there = {"BROWSER": str(script), "DISPLAY": ":99"}
    async with hosted(demo, "--port", "0", **there) as chat:
        await until(opened.exists, "the browser is started")
        await until(lambda: opened.read_text().strip() == chat.url, "with the address")
    opened.unlink()
    async with hosted(demo, "--port", "0", "--no-browser", **there) as chat:
        assert chat.read("state")
    assert not opened.exists()


@pytest.mark.parametrize(
    ("platform", "environment", "there"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": ":10", "SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, False),
        ("linux", {"DISPLAY": ":0", "BROWSER": "none"}, False),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, False),
        ("darwin", {"BROWSER": "none"}, False),
    ],
)
def test_a_browser_is_there_only_with_a_display_of_the_person_s_own(
    platform: str, environment: dict[str, str], there: bool
) -> None:
    assert has_browser(environment, platform) is there
