"""Repositories on real git servers: over http with a token, over ssh, and from a file."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from pathlib import Path

import pytest

from runs.stacks import remote
from runs.stacks.__main__ import MOST_FILE_BYTES
from runs.stacks.remote import RemoteStacks, Unread
from sandbox.keys import read_keys
from tests.parts.git_server import TOKEN, GitServer, OriginRepo
from tests.stacks.ssh_server import SSHD, ssh_server

GEMFILE = 'source "https://rubygems.org"\nruby "3.3.1"\ngem "pg"\ngem "sidekiq"\n'


def reader(token: str = TOKEN, **environment: str) -> RemoteStacks:
    surroundings = {"PATH": os.environ["PATH"]} | environment
    return RemoteStacks(read_keys({"GITHUB_TOKEN": token}), surroundings)


def git(*arguments: str, folder: Path | None = None, given: str = "") -> None:
    subprocess.run(["git", *arguments], cwd=folder, input=given.encode(), check=True)


def services(found: remote.Reading) -> list[str]:
    return [wanted.service for wanted in found.stack.services]


@pytest.fixture
def shop(git_server: GitServer) -> OriginRepo:
    return git_server.create(
        "shop", {"Gemfile": GEMFILE, **{f"lib/{n}.rb": f"# {n}" for n in range(300)}}
    )


async def test_the_telling_files_come_over_http_with_the_token(shop: OriginRepo) -> None:
    found = await reader().read(shop.url, None)
    assert services(found) == ["postgres", "redis"]
    assert (found.stack.language, found.stack.version) == ("ruby", "3.3.1")
    assert found.commit == shop.branches()["main"]


async def test_they_come_from_a_file_url_too(shop: OriginRepo) -> None:
    assert services(await reader().read(shop.file_url, "main")) == ["postgres", "redis"]


async def test_a_commit_that_is_known_costs_one_look_at_the_refs(
    git_server: GitServer, shop: OriginRepo
) -> None:
    stacks = reader()
    first = await stacks.read(shop.url, None)
    before = len(git_server.requests)
    assert await stacks.read(shop.url, None) == first
    asked = {request.path for request in git_server.requests[before:]}
    assert asked == {"/shop.git/info/refs?service=git-upload-pack"} | {
        path for path in asked if path == "/shop.git/git-upload-pack"
    }
    assert len(git_server.requests) - before <= 3
    shop.commit({"package.json": '{"dependencies": {"amqplib": "1"}}'}, "More")
    assert services(await stacks.read(shop.url, None)) == ["postgres", "redis", "rabbitmq"]


async def test_the_asked_branch_is_read(shop: OriginRepo) -> None:
    shop.commit({"Gemfile": 'gem "mongoid"'}, "Other", "feature/x")
    assert services(await reader().read(shop.url, "feature/x")) == ["mongodb"]
    with pytest.raises(Unread, match="no such branch"):
        await reader().read(shop.url, "nope")


async def test_without_the_right_token_it_says_so_and_tells_no_secret(shop: OriginRepo) -> None:
    with pytest.raises(Unread) as refused:
        await reader("ghp_wrongwrongwrongwrong").read(shop.url, None)
    assert str(refused.value) == "the server refuses access"


async def test_without_any_token_it_says_what_the_bot_lacks(
    shop: OriginRepo, tmp_path: Path
) -> None:
    with pytest.raises(Unread) as refused:
        await reader("").read(shop.url, None)
    assert str(refused.value) == "the server refuses access, and the bot has no GITHUB_TOKEN"
    with pytest.raises(Unread) as absent:
        await reader("").read(f"file://{tmp_path}/none.git", None)
    assert str(absent.value) == "the server doesn't know it"


async def test_an_empty_repository_needs_nothing(git_server: GitServer) -> None:
    path = git_server.root / "empty.git"
    git("init", "--quiet", "--bare", str(path))
    assert (await reader().read(git_server.repo_url("empty"), None)).stack.services == ()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/x.git", "the server can't be reached"),
        ("ext::sh -c touch% /tmp/owned", "git can't read it"),
        ("--upload-pack=touch /tmp/owned", "its address can't be used"),
        ("https://user:pass@example.org/x", "its address can't be used"),
        ("file:///nowhere/x.git", "the server doesn't know it"),
    ],
)
async def test_an_address_that_is_none_is_refused(url: str, why: str) -> None:
    with pytest.raises(Unread, match=why):
        await reader().read(url, None)
    assert not Path("/tmp/owned").exists()


async def test_without_git_it_is_told_and_nothing_is_raised_that_a_run_would_die_of(
    shop: OriginRepo,
) -> None:
    with pytest.raises(Unread, match="git can't be started here"):
        await reader(PATH="/nonexistent").read(shop.url, None)


async def test_a_server_that_hangs_is_left_after_the_limit(
    git_server: GitServer, shop: OriginRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LIMIT_SECONDS", 1.0)
    git_server.hold()
    begun = asyncio.get_running_loop().time()
    with pytest.raises(Unread, match="no answer in 1 s"):
        await reader().read(shop.url, None)
    assert asyncio.get_running_loop().time() - begun < 30


async def test_symbolic_links_submodules_and_attributes_change_nothing(
    git_server: GitServer, tmp_path: Path
) -> None:
    link = 'gem "mongoid"'  # where it leads to, which read as a file would be a gem
    repo = git_server.create(
        "tricky",
        {
            "package.json": '{"dependencies": {"pg": "8"}}',
            ".gitattributes": "* filter=evil export-ignore\n",
            ".gitmodules": f'[submodule "x"]\n path = x\n url = {tmp_path}\n',
        },
    )
    stream = (
        "commit refs/heads/main\ncommitter G <g@example.com> 1700000001 +0000\ndata 1\nx\n"
        f"from refs/heads/main^0\nM 120000 inline Gemfile\ndata {len(link)}\n{link}\n"
        f"M 160000 {'a' * 40} api/Gemfile\ndone\n"
    )
    git("fast-import", "--quiet", "--done", folder=repo.path, given=stream)
    assert services(await reader().read(repo.url, None)) == ["postgres"]


async def test_a_file_that_nobody_wrote_by_hand_is_left_out(git_server: GitServer) -> None:
    repo = git_server.create(
        "large",
        {
            "Gemfile": 'gem "pg"\n' + "#" * (5 << 20),
            "requirements.txt": b"redis\n\xff\xfe\xfa",
            "package-lock.json": "x" * (5 << 20),
        },
    )
    assert services(await reader().read(repo.url, None)) == ["redis"]


async def test_a_gemfile_of_a_gigabyte_is_given_up_in_time(git_server: GitServer) -> None:
    """Random bytes, so that no compression helps: more of them than the reader may write, as of a gigabyte."""
    noise = random.Random(1).randbytes(MOST_FILE_BYTES + (1 << 20))
    repo = git_server.create("huge", {"Gemfile": noise})
    async with asyncio.timeout(180):
        with pytest.raises(Unread, match=r"too large|no answer"):
            await reader().read(repo.url, None)


@pytest.mark.sshd
@pytest.mark.skipif(SSHD is None, reason="no sshd")
@pytest.mark.parametrize("settings", [("AcceptEnv GIT_PROTOCOL",), ()])
async def test_they_come_over_ssh_also_in_gits_first_protocol(
    shop: OriginRepo, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    with ssh_server(tmp_path, *settings) as server:
        found = await reader(PATH=server.path).read(server.url(shop.path), None)
        assert services(found) == ["postgres", "redis"]
        (tmp_path / "authorized").write_text("")
        with pytest.raises(Unread, match="the server refuses access"):
            await reader(PATH=server.path).read(server.url(shop.path), None)
