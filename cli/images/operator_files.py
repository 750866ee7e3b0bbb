"""What of a person's `~/.claude` goes into an image: everything that teaches the agent, and nothing that is secret.

What is left out for holding a secret, or for being too large, is named.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.guidance import FOLDER, SERVERS
from sandbox.redaction import MARK, Redactor

TAKEN = ("CLAUDE.md", "agents", "commands", "hooks", "output-styles", "rules", "skills")
"""Plugins aren't: they name folders of the machine on which they were installed."""
MOST_BYTES = 1 << 20
"""Of one file; a ConfigMap wouldn't hold more either."""
_SETTINGS, _STATE = "settings.json", ".claude.json"
_UNSEEN = frozenset((".git", "node_modules", "__pycache__", ".venv", ".DS_Store"))
_SECRET_FILE = re.compile(
    r"\.env(\..+)?|\.credentials.*|credentials(\..+)?|id_[a-z0-9]+|.+\.(pem|key|p12|pfx)|\.netrc|\.npmrc"
)
_SECRET_NAME = re.compile(
    r"key$|_key_|token|secret|passw|credential|auth|helper$|cookie", re.IGNORECASE
)
_LOGINS = ("apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "otelHeadersHelper")


@dataclass(frozen=True, slots=True)
class OperatorFiles:
    """What is taken: path -> content; and what isn't, with why, for people."""

    files: Mapping[str, bytes] = field(repr=False)
    left_out: tuple[str, ...] = ()


def collect(environment: Mapping[str, str]) -> OperatorFiles:
    """Read the person's folder; where there is none, there is nothing."""
    home = Path(environment.get("HOME") or "/")
    own = environment.get("CLAUDE_CONFIG_DIR")
    folder = Path(own) if own else home / FOLDER
    return _Collecting(folder, (folder if own else home) / _STATE).collect()


class _Collecting:
    def __init__(self, folder: Path, state: Path) -> None:
        self._folder = folder
        self._state = state
        self._redactor = Redactor(())
        self._left_out: list[str] = []

    def collect(self) -> OperatorFiles:
        files = {}
        for name in TAKEN:
            for path in _below(self._folder / name):
                data = self._read(path)
                if data is not None:
                    files[path.relative_to(self._folder).as_posix()] = data
        settings = self._values(self._folder / _SETTINGS)
        if kept := self._without_secrets(settings, _SETTINGS):
            files[_SETTINGS] = json.dumps(kept, indent=1).encode()
        servers = self._values(self._state).get("mcpServers")
        if kept := self._without_secrets({"mcpServers": servers or {}}, _STATE)["mcpServers"]:
            files[SERVERS] = json.dumps({"mcpServers": kept}, indent=1).encode()
        return OperatorFiles(files, tuple(self._left_out))

    def _read(self, path: Path) -> bytes | None:
        shown = path.relative_to(self._folder).as_posix()
        data, why = b"", ""
        try:
            if _SECRET_FILE.fullmatch(path.name):
                why = "by its name it holds a secret"
            elif path.stat().st_size > MOST_BYTES:
                why = "it has more than 1 MiB"
            else:
                data = path.read_bytes()
        except OSError as error:
            why = error.strerror or "it can't be read"
        if self._is_secret(data.decode("utf-8", "replace")):
            why = "a secret stands in it"
        if why:
            self._leave_out(shown, why)
        return None if why else data

    def _leave_out(self, what: str, why: str) -> None:
        self._left_out.append(f"{what}: {why}")

    def _is_secret(self, text: str) -> bool:
        return self._redactor.text(text).count(MARK) > text.count(MARK)

    def _values(self, path: Path) -> dict[str, Any]:
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            self._left_out.append(f"{path.name}: it can't be read")
            return {}
        return found if isinstance(found, dict) else {}

    def _without_secrets(self, values: dict[str, Any], place: str) -> dict[str, Any]:
        """Return settings without what is secret by its name, its form, or its purpose: a login."""
        kept: dict[str, Any] = {}
        for name, value in values.items():
            where = f"{place}: {name}" if ": " not in place else f"{place}.{name}"
            plain = isinstance(value, str)
            if name in _LOGINS or (plain and _SECRET_NAME.search(name)):
                self._leave_out(where, "a login or a secret, by its name")
            elif plain and self._is_secret(value):
                self._leave_out(where, "a secret stands in it")
            elif isinstance(value, dict):
                kept[name] = self._without_secrets(value, where)
            elif isinstance(value, list) and self._is_secret(json.dumps(value)):
                self._leave_out(where, "a secret stands in it")
            else:
                kept[name] = value
        return kept


def _below(path: Path) -> Iterator[Path]:
    """Give a file, or the files below a folder. Links are followed, since people keep such files elsewhere; each once."""
    if path.is_file():
        yield path
        return
    seen = set()
    for above, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(above)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if name not in _UNSEEN)
        yield from (
            Path(above, name)
            for name in sorted(names)
            if name not in _UNSEEN and Path(above, name).is_file()
        )
