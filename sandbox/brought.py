"""The start of the sandbox program in an image that it was brought into, where it stands as `__main__.py`.

It is read by any Python 3, so that one that is too old for the rest can be told of.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PROGRAMS = "programs"
"""The folder of programs that were brought along; those of the image come first."""
AGENT_FILES = "agent-files"
"""The folder of the operator's files for the agent that were brought along."""
OLDEST = (3, 10)


def surroundings(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment with the programs of `folder` on PATH, its agent files, and a HOME that can be written to.

    An image that doesn't know our user gives it `/` as its home.
    """
    path = environment.get("PATH") or os.defpath
    found = {**environment, "PATH": f"{path}{os.pathsep}{folder / PROGRAMS}"}
    if (folder / AGENT_FILES).is_dir():
        named = environment.get("SANDBOX_AGENT_FILES")
        more = f"{os.pathsep}{named}" if named else ""
        found["SANDBOX_AGENT_FILES"] = f"{folder / AGENT_FILES}{more}"
    if not os.access(environment.get("HOME") or "/", os.W_OK):
        found["HOME"] = tempfile.mkdtemp(prefix="home-")
    return found


def refuse(environment: Mapping[str, str], version: str) -> int:
    """Leave the Report of a run that a Python of this version can't carry out; return the exit code."""
    error = f"this image's python3 is {version}; the sandbox needs 3.10 or newer"
    report = {
        "run_id": environment.get("SANDBOX_RUN") or "local",
        "phase": "environment",
        "verdict": "failed",
        "cause": "tools-missing",
        "error": error,
    }
    sys.stdout.write(f"{error}\n")
    place = Path(environment.get("SANDBOX_REPORT") or "/dev/termination-log")
    place.write_text(json.dumps(report), encoding="utf-8")
    return 2


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit(refuse(os.environ, sys.version.split()[0]))
    from sandbox.__main__ import main

    os.environ.update(surroundings(os.environ, Path(__file__).resolve().parent))
    sys.exit(main(os.environ))
