"""`python -m sandbox.bring FOLDER`: put this program where a container of another image finds it.

That container then runs `python3 -I FOLDER`, whatever its image holds; `sandbox/brought.py` is what starts there.
With SANDBOX_AGENT=claude, which is the default, Claude Code comes along, for images that have none, and the operator's files
for it that were baked into this one.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox.agent_files import BAKED, read_folder
from sandbox.brought import AGENT_FILES, PROGRAMS


def bring(folder: Path, environment: Mapping[str, str], baked: Path = BAKED) -> None:
    """Copy the program into a folder, and the agent's beside it. Raises OSError."""
    package = Path(__file__).resolve().parent
    shutil.copytree(package, folder / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(package / "brought.py", folder / "__main__.py")
    if (environment.get("SANDBOX_AGENT") or "claude") != "claude":
        return
    if any(read_folder(baked)):
        shutil.copytree(baked, folder / AGENT_FILES)
    agent = shutil.which("claude", path=environment.get("PATH"))
    if agent is not None:
        (folder / PROGRAMS).mkdir()
        shutil.copy(agent, folder / PROGRAMS / "claude")


if __name__ == "__main__":
    bring(Path(sys.argv[1]), os.environ)
