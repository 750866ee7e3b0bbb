"""Fixtures that hand out a real git server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.git_server import GitServer, OriginRepo

SMALL_PROJECT = {
    "README.md": "# Small\n\nA project for tests.\n",
    "greeter/__init__.py": 'def greet(name):\n    return f"Hello, {name}!"\n',
    ".gitignore": "*.pyc\n/build/\n",
}


@pytest.fixture
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git server over HTTP that demands `git_server.token`; it has no repository yet."""
    with GitServer(tmp_path_factory.mktemp("git-server")) as server:
        yield server


@pytest.fixture
def origin_repo(git_server: GitServer) -> OriginRepo:
    """A repository on the git server, with one commit of a small project on `main`."""
    return git_server.create("small", SMALL_PROJECT)


@pytest.fixture
def file_repo(tmp_path: Path) -> OriginRepo:
    """The same repository without a server, to be cloned by its `file_url`."""
    path = tmp_path / "origin" / "small.git"
    path.parent.mkdir()
    repo = OriginRepo(path, path.as_uri())
    repo.make(SMALL_PROJECT)
    return repo
