"""The git server of the tests is itself worth a test: others lean on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.parts.git_server import GitServer, OriginRepo, run_git


def with_token(server: GitServer, repo: OriginRepo) -> str:
    return repo.url.replace("http://", f"http://x-access-token:{server.token}@")


def test_it_serves_a_clone_to_whoever_has_the_token(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    run_git(None, "clone", "--quiet", with_token(git_server, origin_repo), str(tmp_path / "clone"))
    assert (tmp_path / "clone" / "greeter" / "__init__.py").exists()
    assert any(request.authorized for request in git_server.requests)


def test_it_refuses_a_clone_without_the_token(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run_git(None, "clone", "--quiet", origin_repo.url, str(tmp_path / "clone"))
    assert b"terminal prompts disabled" in failure.value.stderr
    assert not any(request.had_credentials for request in git_server.requests)


def test_it_takes_a_large_push_and_refuses_a_protected_branch(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    run_git(None, "clone", "--quiet", with_token(git_server, origin_repo), str(clone))
    (clone / "large.bin").write_bytes(bytes(range(256)) * 20_000)
    (clone / "random.bin").write_bytes(os.urandom(2_000_000))
    run_git(clone, "add", "-A")
    run_git(clone, "commit", "--quiet", "-m", "Large")
    origin_repo.protect(["main"])
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run_git(clone, "push", "--quiet", "origin", "HEAD:main")
    assert b"Protected branch" in failure.value.stderr
    run_git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/large")
    assert "random.bin" in origin_repo.files("large")
