"""What the sandbox's image is called."""

from __future__ import annotations

import pytest

from runs.image_name import has_rubies, image_of, owner_of, repository, usual_image


@pytest.mark.parametrize(
    ("named", "owner", "image"),
    [
        (None, None, "landovsky/claude-sandbox:latest"),
        ("", None, "landovsky/claude-sandbox:latest"),
        (None, "Alice", "alice/claude-sandbox:latest"),
        ("ghcr.io/team/box:1", "alice", "ghcr.io/team/box:1"),
    ],
)
def test_what_is_named_counts_then_the_owner_then_the_project(
    named: str | None, owner: str | None, image: str
) -> None:
    assert image_of(named, owner) == image


@pytest.mark.parametrize(
    ("remote", "owner"),
    [
        ("https://github.com/alice/claude-sandbox.git\n", "alice"),
        ("https://github.com/Alice-B/claude-sandbox", "alice-b"),
        ("https://github.com/alice/claude-sandbox/", "alice"),
        ("https://x-access-token:ghp_1@github.com/alice/claude-sandbox.git", "alice"),
        ("git@github.com:alice/claude-sandbox.git", "alice"),
        ("ssh://git@github.com/alice/renamed.git", "alice"),
        ("https://gitlab.com/alice/claude-sandbox.git", None),
        ("https://github.com.evil.example/alice/claude-sandbox", None),
        ("https://evil.example/?https://github.com/alice/claude-sandbox", None),
        ("https://github.com/alice", None),
        ("https://github.com/alice/a/b", None),
        ("https://github.com/-alice/claude-sandbox", None),
        ("https://github.com/alice;x/claude-sandbox", None),
        ("/srv/git/claude-sandbox.git", None),
        ("file:///srv/git/claude-sandbox.git", None),
        ("", None),
    ],
)
def test_an_owner_is_known_by_a_remote_on_github_only(remote: str, owner: str | None) -> None:
    assert owner_of(remote) == owner


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("alice/claude-sandbox:latest", "alice/claude-sandbox"),
        ("alice/claude-sandbox", "alice/claude-sandbox"),
        ("localhost:5000/box:1", "localhost:5000/box"),
        ("localhost:5000/box", "localhost:5000/box"),
        ("box:1@sha256:00", "box"),
    ],
)
def test_the_port_of_a_registry_is_no_tag(image: str, name: str) -> None:
    assert repository(image) == name


def test_the_owners_images_are_known_to_be_there_with_each_ruby() -> None:
    assert has_rubies("landovsky/claude-sandbox:1.2")
    assert has_rubies("alice/claude-sandbox:latest", "Alice")
    assert not has_rubies("alice/claude-sandbox:latest")
    assert not has_rubies("landovsky/claude-sandbox:latest", "alice")
    assert not has_rubies("landovsky/claude-sandbox-bot:latest")
    assert usual_image("alice") == "alice/claude-sandbox:latest"
