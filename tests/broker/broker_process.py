"""The real broker as a process, started as the local Backend does: a socket and a pipe of keys are handed to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.broker.client import read_state
from sandbox.broker.state import State
from tests.parts.git_server import TOKEN
from tests.parts.model_fixtures import API_KEY

ROOT = Path(__file__).parents[2]
RUN = "abcd2345"
KEYS = {"GITHUB_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY}


@dataclass(slots=True)
class BrokerProcess:
    """A broker of one Run, as a context manager; `kill` and `start` may be called in between."""

    folder: Path
    variables: Mapping[str, str]
    keys: Mapping[str, str] = field(default_factory=lambda: KEYS)
    listening: socket.socket = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> BrokerProcess:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.listening.close()

    @property
    def port(self) -> int:
        port: int = self.listening.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.variables.get('SANDBOX_BROKER_PREFIX', '')}"

    @property
    def log(self) -> str:
        return (self.folder / "broker.log").read_text("utf-8")

    def start(self) -> None:
        reader, writer = os.pipe()
        os.write(writer, json.dumps(self.keys).encode())
        os.close(writer)
        descriptors = (self.listening.fileno(), reader)
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-S", "-m", "sandbox.broker", *map(str, descriptors)],
                cwd=ROOT,
                env={
                    "SANDBOX_RUN": RUN,
                    "SANDBOX_BROKER_STATE": str(self.folder),
                    **self.variables,
                },
                pass_fds=descriptors,
                stderr=log,
            )
        os.close(reader)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)

    def state(self) -> State:
        found = read_state(self.url, 10)
        assert found is not None, self.log
        return found

    def ask(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes as they are, and return all that comes back until the broker closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as wire:
            wire.sendall(data)
            if end:
                wire.shutdown(socket.SHUT_WR)
            answer = bytearray()
            try:
                while part := wire.recv(1 << 16):
                    answer += part
            except ConnectionResetError:
                pass
            return bytes(answer)
