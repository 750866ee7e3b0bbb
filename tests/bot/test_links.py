"""Where a run's branch and its pull request are to be seen."""

from __future__ import annotations

import pytest

from bot.links import branch_url, pull_request_link
from bot.markup import link


@pytest.mark.parametrize(
    ("repo", "url"),
    [
        ("https://github.com/acme/demo.git", "https://github.com/acme/demo/tree/claude/x%20y"),
        ("https://github.com/acme/demo/", "https://github.com/acme/demo/tree/claude/x%20y"),
        ("git@github.com:a/b.git", "https://github.com/a/b/tree/claude/x%20y"),
        ("ssh://git@github.com:22/a/b.git", "https://github.com/a/b/tree/claude/x%20y"),
        ("http://github.lan:8080/a/b", "http://github.lan:8080/a/b/tree/claude/x%20y"),
        ("https://gitlab.example/a/b", "https://gitlab.example/a/b/-/tree/claude/x%20y"),
        ("https://bitbucket.org/a/b.git", "https://bitbucket.org/a/b/branch/claude/x%20y"),
        (
            "https://bitbucket.lan/scm/key/b.git",
            "https://bitbucket.lan/projects/KEY/repos/b/browse?at=refs%2Fheads%2Fclaude%2Fx%20y",
        ),
        ("https://codeberg.org/a/b", "https://codeberg.org/a/b/src/branch/claude/x%20y"),
        ("https://git.example/a/b", None),
        ("https://me@github.com/a/b", None),
        ("file:///srv/demo.git", None),
        ("file:///srv/github/demo.git", None),
        ("/srv/github.com/demo", None),
        ("https://[github.com/a/b", None),
        ("", None),
    ],
)
def test_a_branch_has_a_page_where_the_forge_is_known(repo: str, url: str | None) -> None:
    assert branch_url(repo, "claude/x y") == url


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://github.com/a/b/pull/17", "Pull request #17"),
        ("https://gitlab.example/a/b/-/merge_requests/4", "Merge request !4"),
        ("https://git.example/a/b/changes/x", "Pull request"),
    ],
)
def test_a_pull_request_is_a_link_with_its_number(url: str, text: str) -> None:
    assert pull_request_link(url) == link(text, url)


def test_what_is_no_web_address_is_no_link() -> None:
    assert pull_request_link("javascript:alert(1)").html() == "Pull request"
