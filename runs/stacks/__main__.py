"""The process that reads a stranger's repository: what it asks of memory, disk and time ends with it.

In: a JSON object with url, ref and commit (or "", where it isn't known) on standard input, the git token in the
environment. Out: a JSON object with `commit`, `stack` and `own_file`, or `refused` with git's words.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runs.stacks.git_files import GitRefused, Repository, read_commit
from runs.stacks.stack import OWN_FILE, File
from sandbox.git import clean_environment
from sandbox.keys import read_keys

MOST_FILE_BYTES = 64 << 20
MOST_MEMORY_BYTES = 1 << 30
MOST_PROCESSOR_SECONDS = 10


def main(environment: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, Any]:
    """Return what is to be answered."""
    for kind, most in (
        (resource.RLIMIT_FSIZE, MOST_FILE_BYTES),
        (resource.RLIMIT_AS, MOST_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MOST_PROCESSOR_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    # What understands the files takes as long to load as the server takes to answer.
    threading.Thread(target=_load, daemon=True).start()
    keys = read_keys(environment)
    with tempfile.TemporaryDirectory(prefix="stack-") as folder:
        repository = Repository(Path(folder), asked["url"], keys, clean_environment(environment))
        try:
            commit, files = read_commit(repository, asked["ref"], asked["commit"], _telling)
        except GitRefused as error:
            return {"refused": str(error)[-4000:]}
    return {"commit": commit, **_understood(files)}


def _load() -> None:
    import runs.stacks.detect  # noqa: F401 - to have it loaded
    from runs.stacks.table import services_table

    services_table()


def _telling(paths: Iterable[str]) -> list[str]:
    from runs.stacks.telling import telling

    return telling(paths)


def _understood(files: Sequence[File]) -> dict[str, Any]:
    from runs.stacks.detect import detect
    from runs.stacks.encoding import stack_values

    own = next((file.text for file in files if file.path == OWN_FILE), None)
    return {"stack": stack_values(detect(files)), "own_file": own}


if __name__ == "__main__":
    json.dump(main(os.environ, json.load(sys.stdin)), sys.stdout)
