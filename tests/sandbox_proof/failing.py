"""A tool that fails: what it is given, how it is run, and which of its lines prove the failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

LIMIT_SECONDS = 120
SHOWN_FOLDER = "/workspace/demo"
CLOSED = "http://127.0.0.1:1"
"""An address of this machine at which nothing listens."""


@dataclass(frozen=True, slots=True)
class Failing:
    """One way to fail.

    `files` are written first, `script` is a shell script in their folder. `needs` are the programs without which it
    can't be made to happen. `tells` are texts that the proving lines must hold, in this order; `hides` must not be in
    them.
    """

    name: str
    needs: tuple[str, ...]
    script: str
    tells: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    hides: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Return what this machine hasn't got of what it needs."""
        return [name for name in self.needs if not _is_there(name)]


def output_of(failing: Failing, folder: Path) -> str:
    """Let it fail in `folder`; return all that was printed, without what differs from one time to the next."""
    for name, text in failing.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["sh", "-c", failing.script],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT_SECONDS,
    )
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode != 0, f"it didn't fail:\n{text}"
    return _settled(text, folder)


@cache
def _is_there(name: str) -> bool:
    """Look for a program; rustup puts a stand-in for each of Rust's on PATH, which needs a toolchain behind it."""
    path = shutil.which(name, path=_path())
    if path is None or name not in ("cargo", "rustc"):
        return path is not None
    asked = [path, "--version"]
    environment = _environment(Path.cwd())
    return subprocess.run(asked, env=environment, capture_output=True).returncode == 0


def _path() -> str:
    """The programs of this environment first: its Python has pytest."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _environment(folder: Path) -> dict[str, str]:
    kept = ("HOME", "GOCACHE", "GOPATH", "RUSTUP_HOME", "JAVA_HOME", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": _path(),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CARGO_HOME": str(folder / ".cargo"),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        "GOPROXY": CLOSED,
        "GOFLAGS": "-mod=mod",
        "GONOSUMDB": "*",
        "GOTOOLCHAIN": "local",
        "npm_config_registry": CLOSED,
        "npm_config_cache": str(folder / ".npm"),
        "npm_config_fetch_retries": "0",
        "npm_config_update_notifier": "false",
        "PIP_INDEX_URL": f"{CLOSED}/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
    }


def _settled(text: str, folder: Path) -> str:
    for path in (str(folder.resolve()), str(folder)):
        text = text.replace(path, SHOWN_FOLDER)
    for pattern, shown in _CHANGING:
        text = pattern.sub(shown, text)
    return text


_HOME_FOLDERS = "|".join(
    re.escape(str(path))
    for path in {Path(sys.prefix), Path(sys.base_prefix), Path.home()}
    if len(path.parts) > 1
)
# Times, addresses, process numbers, and where this machine keeps its programs.
_CHANGING = (
    (re.compile(_HOME_FOLDERS), "/usr/local"),
    (re.compile(r"/tmp/[\w.-]+"), "/var/tmp/x"),
    (re.compile(r"127\.0\.0\.1:\d{4,5}\b"), "127.0.0.1:8080"),
    (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0x7f0000000000"),
    (re.compile(r"\b\d+\.\d+( ?m?s(?:econds)?)\b"), r"0.01\1"),
    (re.compile(r"\(\d+ ?ms\)"), "(1ms)"),
    (re.compile(r"\b\d+ ms: Mark-Compact .*"), "66 ms: Mark-Compact 17.3 (49.7) -> 16.8 (49.7) MB"),
    (re.compile(r"\b(duration_ms:? )[\d.]+"), r"\g<1>1.0"),
    (re.compile(r"\b20\d\d-\d\d-\d\dT[\d_:.-]+Z"), "2026-01-01T00_00_00_000Z"),
    (re.compile(r"(==|\[|\()\d{3,7}(==|:|\) panicked)"), r"\g<1>4711\2"),
    (re.compile(r"\b[\d.e-]+ s, [\d.]+ kB"), "0.01 s, 0.0 kB"),
    (re.compile(r"\b[\d.]+ (runs|assertions)/s"), r"1.0 \1/s"),
    (
        re.compile(r"(line \d+: ) ?\d{3,7} "),
        r"\g<1>4711 ",
    ),  # the shell, of a process that was killed
    (re.compile(r"-[0-9a-f]{16}\b"), "-0123456789abcdef"),
    (re.compile(r"(/rustc/)[0-9a-f]{40}"), r"\g<1>0123456"),
)
