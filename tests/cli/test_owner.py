"""Whose images a checkout takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot.settings import read
from cli.owner import owner_here, with_owner
from cli.where import Chosen, find_where

LEAST = {"TELEGRAM_BOT_TOKEN": "1:a", "TELEGRAM_CHAT_ID": "-1001", "HOME": "/home/me"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, timeout=60)


def test_a_forks_checkout_takes_its_owners_image(checkout: Path) -> None:
    git(checkout, "remote", "add", "origin", "git@github.com:Alice/claude-sandbox.git")
    found = read(with_owner(LEAST, checkout)).cluster
    assert (found.image, found.owner) == ("alice/claude-sandbox:latest", "alice")


@pytest.mark.parametrize("remote", [None, "/srv/git/claude-sandbox", "https://git.example/a/b"])
def test_a_checkout_of_nobody_known_takes_the_projects(checkout: Path, remote: str | None) -> None:
    if remote:
        git(checkout, "remote", "add", "origin", remote)
    assert owner_here(checkout) is None
    assert read(with_owner(LEAST, checkout)).cluster.image == "landovsky/claude-sandbox:latest"


def test_what_was_baked_in_or_named_counts_before_the_checkout(checkout: Path) -> None:
    git(checkout, "remote", "add", "origin", "https://github.com/alice/claude-sandbox")
    for named in ({"SANDBOX_OWNER": "bob"}, {"CLAUDE_IMAGE": "ghcr.io/team/box:1"}):
        assert with_owner({**LEAST, **named}, checkout) == {**LEAST, **named}


@pytest.mark.parametrize(
    ("baked", "image"),
    [("alice\n", "alice/claude-sandbox:latest"), ("\n", "landovsky/claude-sandbox:latest")],
)
def test_a_forks_own_image_of_the_bot_takes_its_owners(
    tmp_path: Path, baked: str, image: str
) -> None:
    (tmp_path / ".owner").write_text(baked)
    assert read(with_owner(LEAST, tmp_path)).cluster.image == image


def test_without_a_checkout_and_without_git_there_is_no_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert owner_here(tmp_path) is None
    (tmp_path / ".git").mkdir()
    assert owner_here(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert owner_here(tmp_path) is None


def test_the_command_line_takes_the_owners_image_too(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(checkout, "remote", "add", "origin", "https://github.com/alice/claude-sandbox")
    monkeypatch.setattr(with_owner, "__defaults__", (checkout,))
    inside = {"HOME": str(checkout), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert find_where(inside, Chosen()).settings.cluster.image == "alice/claude-sandbox:latest"
