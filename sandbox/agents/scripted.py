"""An agent without a model: real, deterministic edits in the current folder, chosen by the words of the task.

It speaks the part of Claude Code's stream-json that `sandbox.agents.stream` reads. It is started by its path in
isolated mode, so it imports the standard library only. Words that it knows, in any order:

    farewell   adds a function and its tests to a `greeter` package, and runs the project's tests
    readme     adds what is missing to README.md
    nothing    changes nothing
    ask        changes nothing and ends with a question; with the answer to it in the task it goes on
    fail       does its edit, then ends with an error
    slow, wait N   does its edit, then takes N seconds (30 if there is no number)
    stubborn   takes as long, and ignores SIGTERM
    noise N    prints N megabytes of log first
    commit     commits its edit itself

Any other task is noted in NOTES.md.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Script:
    """What a task's words ask for. `edit` is farewell, readme, nothing, ask or note."""

    edit: str
    fails: bool = False
    wait_seconds: int = 0
    stubborn: bool = False
    noise_megabytes: int = 0
    commits: bool = False


_KNOWN = ("nothing", "farewell", "readme")
_ANSWERED = "\n--- The answer ---\n"
"""So begins the answer in a task that goes on: bot/continuation.py."""


def read_task(task: str) -> Script:
    """Choose the script by the task's words, whatever their case and order."""
    words = set(re.findall(r"[a-z]+", task.lower()))
    known = _KNOWN if _ANSWERED in task else ("ask", *_KNOWN)
    edits = [name for name in known if name in words]
    slow = bool(words & {"slow", "wait", "stubborn"})
    return Script(
        edit=edits[0] if edits else "note",
        fails="fail" in words,
        wait_seconds=_number_after("slow|wait", task, 30) if slow else 0,
        stubborn="stubborn" in words,
        noise_megabytes=_number_after("noise", task, 1) if "noise" in words else 0,
        commits="commit" in words,
    )


def perform(task: str, script: Script, folder: Path, pace_seconds: float = 0.0) -> int:
    """Play the script in `folder`, printing one JSON row per step, so many seconds apart; return the exit code."""
    if script.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    transcript = _Transcript(pace_seconds)
    transcript.row(type="system", subtype="init", cwd=str(folder), model="scripted")
    _make_noise(script.noise_megabytes)
    summary = _EDITS[script.edit](transcript, folder, task)
    for second in range(1, script.wait_seconds + 1):
        transcript.say(f"Waiting, {second} of {script.wait_seconds} s")
        time.sleep(1)
    if script.commits:
        summary += _commit(transcript, folder)
    if script.fails:
        return transcript.fail("The task asked for a failure, and here it is.")
    return transcript.end(summary)


class _Transcript:
    """The rows on standard output, and the number of turns so far."""

    def __init__(self, pace_seconds: float) -> None:
        self._turns = 1
        self._pace_seconds = pace_seconds

    def row(self, **values: object) -> None:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        self._content(type="text", text=text)

    def use(self, tool: str, **values: str) -> None:
        self._turns += 1
        self._content(type="tool_use", name=tool, input=values)

    def failed(self, exit_code: int, output: str) -> None:
        """Tell, as Claude Code does, that the command before failed."""
        result = f"Exit code {exit_code}\n{output}"
        content = [{"type": "tool_result", "is_error": True, "content": result}]
        self.row(type="user", message={"content": content})

    def end(self, summary: str) -> int:
        self.say(summary)
        self._result(subtype="success", is_error=False, result=summary)
        return 0

    def fail(self, error: str) -> int:
        self._result(subtype="error_during_execution", is_error=True, errors=[error])
        return 1

    def _content(self, **block: object) -> None:
        self.row(type="assistant", message={"model": "scripted", "content": [block]})
        time.sleep(self._pace_seconds)

    def _result(self, **values: object) -> None:
        usage = {"input_tokens": 0, "output_tokens": 0}
        self.row(type="result", num_turns=self._turns, total_cost_usd=0, usage=usage, **values)


_FAREWELL = """

def farewell(name: str) -> str:
    \"""Return a farewell for `name`; somebody without a name is seen off as the world.\"""
    known = {known}
    return f"Goodbye, {{known}}!"
"""

_FAREWELL_TESTS = """\
import unittest

import greeter


class Farewell(unittest.TestCase):
    def test_somebody_is_seen_off_by_name(self) -> None:
        self.assertEqual(greeter.farewell("Ada"), "Goodbye, Ada!")

    def test_nobody_is_seen_off_as_the_world(self) -> None:
        self.assertEqual(greeter.farewell(" "), "Goodbye, world!")


if __name__ == "__main__":
    unittest.main()
"""

_README_SECTION = """
## Tests

    $ python -m unittest discover -s tests
"""


def _farewell(transcript: _Transcript, folder: Path, task: str) -> str:
    package = folder / "greeter" / "__init__.py"
    if not package.is_file():
        return _note(transcript, folder, task)
    transcript.use("Read", file_path=str(package))
    source = _read(package)
    if "def farewell(" in source:
        transcript.say("greeter has a farewell already, so only its tests are run.")
        return f"greeter has farewell(name) already; {_run_tests(transcript, folder)}."
    transcript.say("I will add a farewell beside the greeting, with tests.")
    _write(transcript, package, _with_farewell(source))
    _write(transcript, folder / "tests" / "test_farewell.py", _FAREWELL_TESTS)
    return f"Added farewell(name) to greeter, with two tests; {_run_tests(transcript, folder)}."


def _with_farewell(source: str) -> str:
    """Put the function behind the last public one, and its name into `__all__`."""
    known = "_known(name)" if "def _known(" in source else '" ".join(name.split()) or "world"'
    exported = re.sub(r'^__all__ = \["', '__all__ = ["farewell", "', source, count=1, flags=re.M)
    public, mark, private = exported.rstrip("\n").partition("\n\n\ndef _")
    function = _FAREWELL.format(known=known)
    return public + "\n" + function + mark[1:] + private + ("\n" if private else "")


def _readme(transcript: _Transcript, folder: Path, _task: str) -> str:
    readme = folder / "README.md"
    text = _read(readme) or f"# {folder.name}\n"
    if "\n## Tests\n" in text:
        return "README.md says how to run the tests already; nothing to add."
    transcript.say("README.md doesn't say how to run the tests; I will add that.")
    _write(transcript, readme, text.rstrip("\n") + "\n" + _README_SECTION)
    return "README.md now says how to run the tests."


def _nothing(transcript: _Transcript, _folder: Path, _task: str) -> str:
    transcript.say("I looked around; there is nothing to change.")
    return "Nothing needed to be changed."


def _ask(transcript: _Transcript, _folder: Path, _task: str) -> str:
    transcript.say("I looked around; there are two ways to do this.")
    return "I can do this formally or casually, and nobody but you can know.\n\nWhich one shall it be?\n\n1. formally\n2. casually"


def _note(transcript: _Transcript, folder: Path, task: str) -> str:
    notes = folder / "NOTES.md"
    noted = _read(notes) or "# Notes\n"
    transcript.say("I will write the task down.")
    _write(transcript, notes, noted.rstrip("\n") + "\n\n- " + "\n  ".join(task.split("\n")) + "\n")
    return "Wrote the task down in NOTES.md."


_EDITS = {"farewell": _farewell, "readme": _readme, "nothing": _nothing, "ask": _ask, "note": _note}


def _read(path: Path) -> str:
    """Return the text of a file, whatever its bytes and line ends, so that it can be written back; "" without one."""
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""


def _write(transcript: _Transcript, path: Path, text: str) -> None:
    transcript.use("Write", file_path=str(path))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def _run_tests(transcript: _Transcript, folder: Path) -> str:
    """Run the project's tests as anybody would; return what came of it, for the middle of a sentence."""
    transcript.use("Bash", command="python -m unittest discover -s tests")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )
    found = re.search(r"^Ran (\d+) tests?", done.stderr, re.M)
    count = found[1] if found else "0"
    if done.returncode == 0:
        return f"all {count} tests of the project pass"
    transcript.failed(done.returncode, done.stdout + done.stderr)
    return f"the project's tests fail: {done.stderr.strip().splitlines()[-1]}"


def _commit(transcript: _Transcript, folder: Path) -> str:
    transcript.use("Bash", command="git add -A && git commit")
    author = ["-c", "user.name=Scripted agent", "-c", "user.email=scripted@localhost"]
    for arguments in (["add", "-A"], [*author, "commit", "--quiet", "-m", "Do the task"]):
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            return f" Nothing was committed: {(done.stderr or done.stdout).strip()[-200:]}"
    return " Committed."


def _make_noise(megabytes: int) -> None:
    """Print lines of 100 bytes that aren't JSON, as a chatty build does."""
    for number in range(megabytes * 10_000):
        sys.stdout.write(f"noise {number:08d} ".ljust(99, ".") + "\n")


def _number_after(words: str, task: str, default: int) -> int:
    found = re.search(rf"\b(?:{words})\s+(\d{{1,6}})\b", task, re.I)
    return int(found[1]) if found else default


def main(arguments: list[str]) -> int:
    """Perform a task in the current folder; return the exit code. Arguments: the pace in seconds, the task."""
    pace, task = arguments
    return perform(task, read_task(task), Path.cwd(), float(pace))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
