"""The command line as a person's shell runs it: a process of its own, over a fake cluster."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from typer.testing import CliRunner

from cli.main import app
from tests.k8s.fake_cluster import NAMESPACE

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the answer as a script reads it."""
        return json.loads(self.out)


@dataclass(slots=True)
class CommandLine:
    """A person's shell: its folder, and all of its variables."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, folder: Path, kubeconfig: Path) -> CommandLine:
        """Make the shell of a person who has a kubeconfig."""
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "USER": "ada",
            "KUBECONFIG": str(kubeconfig),
            "SANDBOX_NAMESPACE": NAMESPACE,
            "PYTHONPATH": str(ROOT),
        }
        return cls(folder, variables)

    async def begin(
        self, *arguments: str, folder: Path | None = None
    ) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cli", *arguments),
            cwd=folder or self.folder,
            env=self.variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, folder: Path | None = None) -> Printed:
        """Run a command to its end: in a thread of this process, which saves a second for each."""
        return await asyncio.to_thread(self._invoke, arguments, folder or self.folder)

    def _invoke(self, arguments: tuple[str, ...], folder: Path) -> Printed:
        with contextlib.chdir(folder), mock.patch.dict(os.environ, self.variables, clear=True):
            done = CliRunner().invoke(app, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Printed(done.exit_code, done.stdout, done.stderr)


async def finished(process: asyncio.subprocess.Process) -> Printed:
    """Wait for the end of a command, and take what it printed."""
    async with asyncio.timeout(LIMIT_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Printed(process.returncode, out.decode(), err.decode())


async def interrupted(process: asyncio.subprocess.Process, words: str) -> Printed:
    """Press Ctrl-C once a command has printed some words; take all that it printed."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(LIMIT_SECONDS):
        while words not in seen:
            line = (await process.stdout.readline()).decode()
            assert line, f"{words!r} was never printed: {seen}"
            seen += line
    process.send_signal(signal.SIGINT)
    rest = await finished(process)
    return Printed(rest.code, seen + rest.out, rest.err)
