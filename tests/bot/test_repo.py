"""What a person may write as repo, which repo that is, and what is refused with its own sentence."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.address import BadRepo, forge_url, read_configured, refuse_branch
from bot.config import Config, Repo
from bot.repo import Target, find

GITHUB = "https://github.com"


def config(**urls: str) -> Config:
    return Config(repos={alias: Repo(alias, read_configured(url)) for alias, url in urls.items()})


ACME = config(
    demo="https://github.com/acme/demo",
    api="git@git.example:team/api.git",
    here="file:///srv/git/here.git",
)


def target(written: str, known: Config = ACME, forge: str = GITHUB) -> Target:
    return find(written, known, forge)


def refused(written: str, known: Config = ACME, forge: str = GITHUB) -> BadRepo:
    with pytest.raises(BadRepo) as caught:
        find(written, known, forge)
    return caught.value


@pytest.mark.parametrize(
    ("written", "name", "url"),
    [
        ("demo", "demo", "https://github.com/acme/demo"),
        ("Demo", "demo", "https://github.com/acme/demo"),
        ("here", "here", "file:///srv/git/here.git"),
        ("acme/demo", "demo", "https://github.com/acme/demo"),
        ("ACME/Demo.git", "demo", "https://github.com/acme/demo"),
        ("https://github.com/acme/demo.git", "demo", "https://github.com/acme/demo"),
        ("https://GitHub.com:443/acme/demo/", "demo", "https://github.com/acme/demo"),
        ("git@github.com:acme/demo.git", "demo", "https://github.com/acme/demo"),
        ("github.com/acme/demo", "demo", "https://github.com/acme/demo"),
        ("https://git.example/team/api", "api", "git@git.example:team/api.git"),
        ("ssh://git@git.example:2222/team/api", "api", "git@git.example:team/api.git"),
        ("other/repo", "other/repo", "https://github.com/other/repo.git"),
        ("http://github.com/other/repo", "other/repo", "https://github.com/other/repo.git"),
        ("ssh://git@github.com:22/other/repo", "other/repo", "https://github.com/other/repo.git"),
        ("https://gitlab.com/a/b/c", "gitlab.com/a/b/c", "https://gitlab.com/a/b/c"),
        ("http://127.0.0.1:3000/a/b", "127.0.0.1:3000/a/b", "http://127.0.0.1:3000/a/b"),
        ("ssh://me@host.example:2200/~u/b", "host.example/~u/b", "ssh://me@host.example:2200/~u/b"),
        ("ssh://host.example/a/b", "host.example/a/b", "ssh://git@host.example/a/b"),
    ],
)
def test_every_spelling_of_a_repo_leads_to_its_one_address(written, name, url):
    found = target(written)
    assert (found.name, found.address.url) == (name, url)
    assert found.branch is None


@pytest.mark.parametrize(
    ("written", "name", "branch"),
    [
        ("demo@main", "demo", "main"),
        ("demo@feature/x", "demo", "feature/x"),
        ("demo@release@2", "demo", "release@2"),
        ("acme/demo@v1.2", "demo", "v1.2"),
        ("https://github.com/acme/demo@a/b/c", "demo", "a/b/c"),
        ("git@git.example:team/api@fix", "api", "fix"),
        ("ssh://git@git.example/team/api@fix", "api", "fix"),
        ("demo@größe", "demo", "größe"),
    ],
)
def test_a_branch_stands_behind_an_at(written, name, branch):
    found = target(written)
    assert (found.name, found.branch) == (name, branch)


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("../x", "path of a machine"),
        ("./x", "path of a machine"),
        ("/etc/passwd", "path of a machine"),
        ("~/x", "path of a machine"),
        (r"C:\x", "path of a machine"),
        (r"\\server\share", "path of a machine"),
        ("-oProxyCommand=touch", "dash"),
        ("--upload-pack=x", "dash"),
        ("file:///etc/passwd", "folder of the bot's machine"),
        ("FILE:///etc/passwd", "folder of the bot's machine"),
        ("file:/etc/passwd", "ssh address as git@host:owner/name"),
        ("ext::sh", "Only https and ssh"),
        ("git://github.com/acme/demo", "Only https and ssh"),
        ("ftp://github.com/acme/demo", "Only https and ssh"),
        ("https://user:pa55@example.com/x.git", "passwords"),
        ("https://ghp_abcdef@github.com/acme/demo", "passwords"),
        ("https://@github.com/acme/demo", "passwords"),
        ("ssh://git:pw@git.example/team/api", "passwords"),
        ("ssh://ghp_abcdef@git.example/team/api", "passwords"),
        ("ssh://ABCDEF@git.example/team/api", "passwords"),
        ("user:pa55@example.com/x", "passwords"),
        ("https://gіthub.com/acme/demo", "plain letters"),
        ("аcme/demo", "plain letters"),
        ("https://xn--gthub-n4a.com/acme/demo", "other letters"),
        ("demo\x07", "invisible"),
        ("de\u200bmo", "invisible"),
        ("\u202edemo", "invisible"),
        ("demo\x00", "invisible"),
        ("a" * 301, "too long"),
        ("https:///acme/demo", "no host"),
        ("https://-host/acme/demo", "no host"),
        ("https://a..b/acme/demo", "no host"),
        ("https://[::1]/acme/demo", "port"),
        ("https://github.com:99999/acme/demo", "port"),
        ("https://github.com:/acme/demo", "port"),
        ("https://git.example", "no repo"),
        ("https://git.example/", "no repo"),
        ("https://git.example/a/../b", "no repo"),
        ("https://git.example/a/%2e%2e/b", "no repo"),
        ("https://git.example/a//b", "no repo"),
        ("https://git.example/-x/b", "no repo"),
        ("https://github.com/acme/demo?tab=readme", "Leave out the ? or #"),
        ("https://github.com/acme/demo#readme", "Leave out the ? or #"),
        ("https://github.com/acme", "page of a repo"),
        ("https://github.com/acme/demo/issues", "page of a repo"),
        ("a/b/c", "an alias, owner/name, or an address"),
        ("acme/..", "an alias, owner/name, or an address"),
        ("localhost:8080/a/b", "ssh address as git@host:owner/name"),
    ],
)
def test_what_may_not_be_run_is_refused_with_its_own_sentence_fault_39(written, part):
    error = refused(written)
    assert part in error.what
    assert error.what.endswith((".", "?"))


@pytest.mark.parametrize(
    "written",
    [
        "https://user:pa55w0rd@example.com/x.git",
        "https://pa55w0rd@github.com/acme/demo@main",
        "pa55w0rd@github.com/acme/demo",
        "user:pa55w0rd@github.com/acme/demo",
        "ssh://git:pa55w0rd@git.example/team/api",
        "https://user:pa55w0rd/x@github.com/acme/demo",
    ],
)
def test_a_secret_in_an_address_is_never_repeated_fault_39(written):
    error = refused(written)
    assert "pa55w0rd" not in f"{error.what} {error.instead} {error}"


def test_an_unknown_alias_meets_the_nearest_one_and_keeps_its_branch():
    error = refused("dmeo@fix")
    assert error.instead == "demo@fix"
    assert "Did you mean demo?" in error.what


def test_an_alias_like_no_other_is_told_which_ones_there_are():
    error = refused("zzz")
    assert "api, demo, here" in error.what
    assert error.instead is None


def test_without_named_repos_a_single_word_asks_for_owner_and_name():
    assert "owner/name" in refused("zzz", Config()).what


@pytest.mark.parametrize(
    ("page", "instead"),
    [
        ("https://github.com/other/repo/tree/fix/one", "other/repo@fix/one"),
        ("https://github.com/other/repo/issues/7", "other/repo"),
        ("https://github.com/other", None),
    ],
)
def test_the_address_of_a_page_is_turned_into_the_repo_that_it_shows(page, instead):
    assert refused(page).instead == instead


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://API.github.com/", "https://github.com"),
        ("https://ghe.example/api/v3", "https://ghe.example"),
        ("https://ghe.example:443/api/v3", "https://ghe.example"),
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
    ],
)
def test_the_forge_is_the_web_host_of_its_api(api, web):
    assert forge_url(api) == web


def test_owner_and_name_mean_the_forge_of_the_settings():
    found = target("acme/demo", Config(), "http://127.0.0.1:8123")
    assert found.address.url == "http://127.0.0.1:8123/acme/demo.git"
    assert found.on_forge


@pytest.mark.parametrize(
    ("written", "on_forge"),
    [
        ("acme/demo", True),
        ("git@ghe.example:acme/demo", True),
        ("ssh://git@ghe.example:2222/acme/demo", True),
        ("https://ghe.example:8443/acme/demo", True),
        ("https://ghe.example/acme/demo", False),
        ("https://ghe.example.evil.example/acme/demo", False),
        ("https://evil.example/ghe.example/demo", False),
    ],
)
def test_only_the_forges_own_host_and_port_are_the_forge(written, on_forge):
    assert target(written, Config(), "https://ghe.example:8443").on_forge is on_forge


BRANCHES_OF_NO_GIT = [
    "", "-x", "/x", "x/", "x//y", "a..b", "a b", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b", "@", "a@{b",
    "x.", ".x", "a/.x", "x.lock", "a.lock/b", "a\x7fb", "a\x00b", "a\nb", "a\u2028b", "a" * 301,
]  # fmt: skip


@pytest.mark.parametrize("branch", BRANCHES_OF_NO_GIT)
def test_what_git_takes_for_no_branch_is_refused(branch):
    with pytest.raises(BadRepo):
        refuse_branch(branch)


# demo@a:b is ssh to the host a; which nobody may run unless the config names it.
@pytest.mark.parametrize("branch", [branch for branch in BRANCHES_OF_NO_GIT if ":" not in branch])
def test_a_repo_with_such_a_branch_is_refused(branch):
    refused(f"demo@{branch}")


@pytest.mark.parametrize("branch", ["main", "a/b", "a@b", "v1.0", "x.lock2", "#7", "a-b_c", "ä"])
def test_what_git_takes_for_a_branch_passes(branch):
    refuse_branch(branch)


@given(
    st.lists(
        st.sampled_from(["a", "b", ".", "..", "/", "@", "{", "-", ".lock", "~", "ä", "\x7f"]),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_passes_is_a_branch_for_git_itself(pieces):
    branch = "".join(pieces)
    try:
        refuse_branch(branch)
    except BadRepo:
        return
    git = ["git", "check-ref-format", "--branch", branch]
    assert subprocess.run(git, capture_output=True, timeout=120).returncode == 0


@pytest.mark.parametrize(
    "folder", ["file://srv/x", "file:///", "file:///a/../b", "/srv/git/x", "./x", "file:///a\nb"]
)
def test_a_folder_of_the_config_is_written_from_the_root(folder):
    with pytest.raises(BadRepo):
        read_configured(folder)
