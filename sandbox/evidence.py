"""How the lines look by which a tool says that it failed: the table behind `sandbox.proof`.

Each entry was read off the tool's own output; tests/sandbox_proof makes them all happen. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum


class Weight(IntEnum):
    """What a line is worth as a proof."""

    NOTHING = 0
    HINT = 1
    """Says something about a failure when there is one."""
    PLACE = 2
    """Says where, or what was expected."""
    VERDICT = 3
    """Says what is wrong, by itself."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one line is worth, and the `following` lines after it at least."""

    weight: Weight
    following: int = 0
    following_weight: Weight = Weight.PLACE


def mark(row: str) -> Mark:
    """Judge one printable line by itself."""
    bare = _PACKAGE_MANAGER.sub("", row.lstrip(), count=1)
    if _HARMLESS.match(bare):
        return _NO_MARK
    if is_verdict(row):
        found = _FOLLOWED.match(bare)
        return Mark(Weight.VERDICT) if found is None else _FOLLOWED_MARKS[found.lastgroup or ""]
    if _FOLLOWED_PLACE.match(bare):
        return _PLACE_AND_NEXT
    if _PLACE.match(bare):
        return Mark(Weight.PLACE)
    return Mark(Weight.HINT) if _HINT.search(bare) else _NO_MARK


def is_verdict(row: str) -> bool:
    """Say whether a line says by itself what is wrong."""
    bare = _PACKAGE_MANAGER.sub("", row.lstrip(), count=1)
    if not bare or _HARMLESS.match(bare):
        return False
    if _STARTS.match(bare):
        return True
    # Most lines hold none of the words: looking for them takes a tenth of the time of the search.
    return any(word in bare for word in _HELD) and _HOLDS.search(bare) is not None


def is_frame(row: str) -> bool:
    """Say whether a line is a frame of a Python traceback: what ends the frames is the exception."""
    return _PYTHON_FRAME.match(row) is not None


def is_success(row: str) -> bool:
    """Say whether a line says that a command went well as a whole."""
    return _SUCCESS.match(row.strip(" =")) is not None


def is_noise(row: str) -> bool:
    """Say whether a line tells nothing: rules, progress, frames inside of a runtime, advice for everybody."""
    return not _ALPHANUMERIC.search(row) or _NOISE.match(row.lstrip()) is not None


def telling_part(text: str) -> int:
    """Return where in a long line the words of its failure begin; 0 when there are none."""
    found = _TELLING.search(text)
    return found.start() if found else 0


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


_NO_MARK = Mark(Weight.NOTHING)
_PLACE_AND_NEXT = Mark(Weight.PLACE, 1)
_ALPHANUMERIC = re.compile(r"[^\W_]")
_PACKAGE_MANAGER = re.compile(r"npm (?:ERR!|error) ")
"""npm puts it before every line of what went wrong."""

# No pattern has a repetition inside of a repetition, so each takes a time that is linear in the line.
_STARTS = _any(
    # An exception's last line: Python, JavaScript, Java, and those that pytest quotes.
    r"(?:Uncaught |Caused by: |Exception in thread \"[^\"]*\" |E +)?"
    r"[A-Za-z_][\w.$]*?(?:Error|Exception|Interrupt)(?: \[\w+\])?(?::\s|$)",
    # Programs that say so: "error: ", "error[E0425]: ", "FATAL ERROR: ", "[ERROR] ".
    r"(?:error|Error|ERROR|fatal|Fatal|FATAL|CRITICAL)(?:\[\w+\]| error| ERROR)?:\s",
    r"\[(?:ERROR|FATAL|error)\] ",
    r"(?:Could not|Cannot|Can't locate|Unable to|Failed to|failed to) ",
    r"E: ",  # apt
    r"curl: \(\d+\) ",
    r"CMake Error",
    # Tests: pytest, unittest, node --test, Jest, Go, Rust, RSpec, minitest, and their counts.
    r"E {2,}\S",
    r"(?:FAILED|ERROR) \S+\.py\b",
    r"(?:FAIL|ERROR): \S+ \(",
    r"FAILED \((?:failures|errors)=",
    r"=* ?\d+ (?:failed|errors?)\b[^:]*\bin [\d.]+",
    r"not ok \d+",
    r"[✖✗×●] \S",
    r"(?:Tests|Test Suites): +[1-9]\d* failed",
    r"[#ℹ] fail [1-9]",
    r"[1-9]\d* failing$",
    r"--- FAIL: ",
    r"test result: FAILED",
    r"test \S+ \.\.\. FAILED",
    r"Failure/Error: ",
    r"rspec \./\S+:\d+",
    r"\d+ examples?, [1-9]\d* failures?",
    r"\S+#test_\S+ \[\S+\]:$",
    r"\S+#test_\S+:$",
    r"\d+ runs, \d+ assertions, (?:[1-9]\d* failures|\d+ failures, [1-9])",
    # Crashes.
    r"panic: ",
    r"thread '[^']*' (?:\(\d+\) )?panicked at ",
    r"\S+:\d+:in .*\([\w:]+\)$",  # Ruby
    # Packages and builds.
    r"code E[A-Z]{3,}|E[A-Z]{5,} |\d{3} (?!Note)[A-Z]|Missing script: ",  # npm
    r"go: \S+@\S+: ",
    r"\S+\.go:\d+(?::\d+)?: \S",
    r"FAILED: ",  # ninja
    r"collect2: error",
    # git.
    r"! \[\w",
    r"CONFLICT \(",
    r"Automatic merge failed",
    r"remote: .*(?:error|denied|declined|rejected|protected|not found|Invalid)",
)
_HOLDS = _any(
    r":\d+(?::\d+)?: (?:fatal |internal compiler )?error\b",
    r"\(\d+,\d+\): error |:\d+:\d+ - error ",
    r"No space left on device|ENOSPC|Disk quota exceeded|Read-only file system|\bEROFS\b",
    r"(?:^|[ :])Killed\b|SIGKILL|signal:? 9\b|(?:code|status):? 137\b|OOMKilled",
    r"[Oo]ut [Oo]f [Mm]emory|OutOfMemory|out of memory|Cannot allocate memory|bad_alloc",
    r"Segmentation fault|core dumped|Bus error|Illegal instruction|AddressSanitizer",
    r"command not found|: not found$|No such file or directory|Permission denied",
    r"No module named|undefined reference to|cannot find -l|[Cc]annot find module",
    r"ECONNREFUSED|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|[Cc]onnection refused|Could not resolve host",
)
_HELD = (
    *("rror", "illed", "SIGKILL", "signal", " 137", "emory", "bad_alloc", "fault", "Address"),
    *("No space", "ENOSPC", "quota", "Read-only", "EROFS", "dumped", "Illegal", "denied"),
    *(
        "not found",
        "No such",
        "No module",
        "undefined ref",
        "find -l",
        "annot find",
        "could not read",
    ),
    *(
        "ECONN",
        "ENOTFOUND",
        "ETIMEDOUT",
        "EAI_",
        "onnection refused",
        "resolve host",
        "ication failed",
    ),
)
"""Whatever `_HOLDS` finds holds one of these."""

# What follows such a line belongs to it.
_FOLLOWED = re.compile(
    r"(?P<message>thread '|\S+#test_)"
    r"|(?P<usage>code E[A-Z])"
    r"|(?P<source>\S+:\d+(?::\d+)?: (?:fatal )?error:)"
    r"|(?P<quoted>Could not fetch |error: (?:\||no matching))"
)
_FOLLOWED_MARKS = {
    "message": Mark(Weight.VERDICT, 1, Weight.VERDICT),
    "usage": Mark(Weight.VERDICT, 4),
    "source": Mark(Weight.VERDICT, 1),
    "quoted": Mark(Weight.VERDICT, 2),
}
_PYTHON_FRAME = re.compile(r'\s*File "[^"]*", line \d+')
_FOLLOWED_PLACE = _any(
    r'File "(?![^"]*(?:site-packages|/lib/python\d|<frozen))[^"]*", line \d+',
    r"(?!node:)\S+\.\w+:\d+$",  # where node names a line of the project alone
    r"(?!\S*(?:site-packages|/lib/python\d))[\w./-]+\.\w+:\d+: in ",  # pytest
    r"Require stack:",
)
_PLACE = _any(
    r"at (?!.*(?:node:|/node_modules/|java\.base/|/rustc/)).*:\d+\)?(?: \{)?$",
    r"> {3,}\S|> *\d+ \||\d+ \| |--> |::: ",
    r"[\w./-]+\.\w+:\d+: \w+(?:Error|Exception|Failed)\b",
    r"(?!/usr/local/go/)\S+\.go:\d+(?: \+0x[0-9a-f]+)?$",
    r"(?:Expected|Received|Actual|expected|actual|left|right|got|want)\b[^:]{0,20}: ",
    r"(?:error|message|location|symbol|required by package|location searched)\b[^:]{0,20}:",
    r"\S+ !==? \S+$",
    r"_{3,} .+ _{3,}$",
    r"test at \S+:\d+",
    r"remote: ",
    r"from (?!<internal)\S+:\d+|# \./\S+:\d+",
    r"make(?:\[\d+\])?: \*\*\*",
    r"FAIL\b|\d+\) (?:Failure|Error):|ImportError while ",
    r"#\d+ 0x[0-9a-f]+ in ",  # sanitizers
    r"\[Previous line repeated ",
)
_HINT = re.compile(
    r"\b(?:[Ee]rrors?|ERRORS?|[Ff]ail(?:ed|ure|ures|ing)?|FAIL(?:ED|URES)?|exception|Traceback|panic|cannot|unable"
    r"|denied|refused|rejected|not found|missing|undefined|unresolved|exit (?:code|status)|hint:|note:|npm error)\b"
)
_HARMLESS = _any(
    r"\$ |✎ |Read \S+$|Search \"|Find \"|Fetch ",  # what the agent does: it names files, commands and texts
    r"(?:WARN(?:ING)?|[Ww]arning|npm warn|npm WARN)\b",
    r"(?:0|no) (?:errors?|failures?|failed)\b",
)
_SUCCESS = _any(
    r"\d+ passed(?![^=]*\b(?:failed|errors?)\b).* in [\d.]+",
    r"OK(?: \(.*\))?$",
    r"Tests: +\d+ passed, \d+ total",
    r"\d+ examples?, 0 failures",
    r"(?:\[INFO\] )?BUILD SUCCESS|Build succeeded|Successfully (?:installed|built) ",
)
_NOISE = _any(
    # Progress of git, pip, npm, cargo, go, docker, and bars of every kind.
    r"(?:remote: )?(?:Counting|Compressing|Receiving|Resolving|Enumerating|Writing|Unpacking|Updating) \w+: ",
    r"remote: (?:Total|Enumerating) ",
    r"[^\d]{0,40}\d{1,3}(?:\.\d+)?% ?[|\[(#█━=▏▎▍▌▋▊▉ ]",
    r"[\[|(]?[#=█━▏▎▍▌▋▊▉.\->]{6,}[\])| ].{0,40}\d(?:%|/\d| ?[kKMG]i?B)",
    r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏◐◓◑◒|/\\-] \S.{0,80}(?:\.\.\.|…)$",
    r"(?:Downloading|Downloaded|Collecting|Using cached|Fetching|Unpacking|Selecting|Get:\d+|Hit:\d+) ",
    r"Retrying |Requirement already satisfied|go: downloading |npm (?:timing|http|sill|verb) ",
    r"(?:Compiling|Checking|Building|Fresh) \S+ v\d|Preparing to unpack|Setting up ",
    # Frames inside of a runtime.
    r"at (?:.*\()?node:|at .*/node_modules/|at java\.base/|at /rustc/|\.\.\. \d+ more$",
    r"\d+: 0x[0-9a-f]+ |\d+: (?:core|std|alloc|<|__rustc)\S*(?:::| )",
    r"node:internal/|throw err;$|\[\d+:0x[0-9a-f]+\] ",
    # What a kubelet says in the place of a log that is gone.
    r"unable to retrieve container logs for ",
    # Advice for everybody.
    r"Node\.js v\d|npm (?:error|ERR!)(?: \d{3})?(?:$| A complete log of this run)",
    r"note: run with `RUST_BACKTRACE|note: Some details are omitted|stack backtrace:$",
    r"For more information about this error, try|As a reminder, you're using offline mode",
    r"hint: |\[(?:ERROR|INFO)\] *(?:-> \[Help|Re-run Maven|To see the full|For more information|\[Help|-{3,}|$)",
    r"<--- \w.* --->|-----? \w.* -----?$|={5,} (?:FAILURES|ERRORS|short test summary info|test session starts) ={5,}",
)
_TELLING = re.compile(
    r"(?:Error|Exception|ERROR|FATAL|panic|Killed|FAIL)\b|\b(?:error|fatal|failed|failure|cannot|denied|refused"
    r"|not found|No such|No space|undefined)\b"
)
