"""git through the broker: the real git on both sides, and pushes that this Run may not make."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.broker.refusals import Refusal, Refused, remark
from tests.broker.broker_process import RUN, BrokerProcess
from tests.parts.git_server import TOKEN, GitServer, OriginRepo, run_git

Start = Callable[..., BrokerProcess]
OWN = f"claude/{RUN}-mend"


@pytest.fixture
def clone(broker: BrokerProcess, tmp_path: Path) -> Path:
    """A clone with one commit more, whose origin is the broker."""
    folder = tmp_path / "clone"
    run_git(None, "clone", "--quiet", f"{broker.url}/git", str(folder))
    (folder / "new").write_text("new\n")
    run_git(folder, "add", "new")
    run_git(folder, "commit", "--quiet", "--message", "New")
    return folder


def push(folder: Path, *arguments: str) -> str:
    """Push; return what git says when that is refused, nothing when it is done."""
    command = ["git", "push", "--porcelain", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180)
    assert TOKEN not in done.stdout + done.stderr
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_a_clone_a_push_and_a_fetch_pass(
    clone: Path, origin_repo: OriginRepo, git_server: GitServer
) -> None:
    assert push(clone, "origin", f"HEAD:refs/heads/{OWN}") == ""
    assert origin_repo.read(OWN, "new") == "new\n"
    origin_repo.commit({"other": "x"}, "Other")
    run_git(clone, "fetch", "--quiet", "origin", "main")
    assert run_git(clone, "show", "FETCH_HEAD:other") == "x"
    assert all(request.path.startswith("/small.git/") for request in git_server.requests)


@pytest.mark.parametrize(
    ("arguments", "reason", "refused"),
    [
        (["HEAD:main"], "claude/abcd2345-* only", Refusal(Refused.PUSH, "main")),
        (["--force", "HEAD:main"], "claude/abcd2345-* only", Refusal(Refused.PUSH, "main")),
        (["HEAD:refs/tags/v1"], "only", Refusal(Refused.PUSH, "refs/tags/v1")),
        (["HEAD:refs/heads/claude"], "only", Refusal(Refused.PUSH, "claude")),
        (["--delete", "main"], "may not delete", Refusal(Refused.DELETION, "main")),
        (["--delete", OWN], "may not delete", Refusal(Refused.DELETION, OWN)),
        (
            ["--force", "HEAD:claude/other-work"],
            "isn't this run's",
            Refusal(Refused.FOREIGN_BRANCH, "claude/other-work"),
        ),
    ],
)
def test_a_push_that_isnt_this_runs_is_refused_in_gits_own_form(
    arguments: list[str],
    reason: str,
    refused: Refusal,
    clone: Path,
    broker: BrokerProcess,
    git_server: GitServer,
    origin_repo: OriginRepo,
) -> None:
    origin_repo.commit({"theirs": "x"}, "Theirs", "claude/other-work")
    origin_repo.commit({"own": "x"}, "Own", OWN)
    before = origin_repo.branches()
    run_git(clone, "fetch", "--quiet", "origin")
    pushed = [request for request in git_server.requests if request.method == "POST"]
    said = push(clone, "origin", *arguments)
    assert [request for request in git_server.requests if request.method == "POST"] == pushed
    assert "[remote rejected]" in said and reason in said
    assert origin_repo.branches() == before
    assert broker.state().refusals == (refused,)


def test_orders_for_the_forge_dont_go_with_a_push(
    clone: Path, broker: BrokerProcess, origin_repo: OriginRepo
) -> None:
    run_git(origin_repo.path, "config", "receive.advertisePushOptions", "true")
    before = origin_repo.branches()
    order = "--push-option=merge_request.merge_when_pipeline_succeeds"
    assert "may not push with options" in push(clone, order, "origin", f"HEAD:{OWN}")
    assert origin_repo.branches() == before
    told = "The agent tried to give the forge orders with a push to claude/abcd2345-mend; refused."
    assert remark(broker.state().refusals) == told
    assert push(clone, "origin", f"HEAD:{OWN}") == ""


def test_of_a_push_of_several_branches_all_or_none_pass(
    clone: Path, broker: BrokerProcess, origin_repo: OriginRepo
) -> None:
    said = push(clone, "origin", f"HEAD:refs/heads/{OWN}", "HEAD:main")
    assert "another branch of this push is refused" in said
    assert set(origin_repo.branches()) == {"main"}
    assert push(clone, "--atomic", "origin", f"HEAD:refs/heads/{OWN}", f"HEAD:{OWN}-2") == ""
    assert set(origin_repo.branches()) == {"main", OWN, f"{OWN}-2"}


def test_a_new_branch_of_another_name_may_be_made_but_not_moved(
    clone: Path, broker: BrokerProcess
) -> None:
    assert push(clone, "origin", "HEAD:refs/heads/claude/side") == ""
    run_git(clone, "commit", "--quiet", "--allow-empty", "--message", "More")
    assert "isn't this run's" in push(clone, "origin", "HEAD:refs/heads/claude/side")


def test_its_own_branch_may_be_moved_also_back(clone: Path) -> None:
    assert push(clone, "origin", f"HEAD:refs/heads/{OWN}") == ""
    assert push(clone, "--force", "origin", f"HEAD~:refs/heads/{OWN}") == ""


def test_a_large_push_passes_in_chunks(clone: Path, origin_repo: OriginRepo) -> None:
    (clone / "large").write_bytes(random.Random(7).randbytes(5 << 20))
    run_git(clone, "add", "large")
    run_git(clone, "commit", "--quiet", "--message", "Large")
    assert push(clone, "origin", f"HEAD:refs/heads/{OWN}") == ""
    assert "large" in origin_repo.files(OWN)
    assert "claude/abcd2345-* only" in push(clone, "origin", "HEAD:main")


@pytest.mark.parametrize(
    "path",
    ["git/../other.git/info/refs", "git/other.git/info/refs", "git/objects/info/packs", "git/HEAD"],
)
def test_another_repository_and_other_files_are_refused(
    path: str, broker: BrokerProcess, git_server: GitServer
) -> None:
    asked = len(git_server.requests)
    head = f"GET /{path}?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n"
    assert broker.ask(head.encode()).startswith(b"HTTP/1.1 40")
    assert len(git_server.requests) == asked
    (refused,) = broker.state().refusals
    assert refused.kind is Refused.OTHER_REPOSITORY
    assert "another repository" in (remark([refused]) or "")


def test_a_public_repository_is_read_without_the_key(
    start_broker: Start, git_server: GitServer, tmp_path: Path
) -> None:
    git_server.public = True
    broker = start_broker(keys={"GITHUB_TOKEN": "expired-token"})
    run_git(None, "clone", "--quiet", f"{broker.url}/git", str(tmp_path / "clone"))
    assert not any(request.had_credentials for request in git_server.requests)


def test_a_repository_whose_name_begins_with_this_ones_is_reached_without_the_key(
    start_broker: Start, git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    theme = git_server.create("small-theme", {"theme": "dark"})
    git_server.public = True
    url = origin_repo.url.removesuffix(".git")
    broker = start_broker(REPO_URL=url)
    way = ("-c", f"url.{broker.url}/git.insteadOf={url}", "-c", "core.askPass=true")
    run_git(None, *way, "clone", "--quiet", theme.url, str(tmp_path / "clone"))
    assert (tmp_path / "clone" / "theme").read_text() == "dark"
    assert not any(request.had_credentials for request in git_server.requests)
    assert broker.state().refusals == ()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"GITHUB_TOKEN": "expired-token"}, b"remote: Authentication failed"),
        ({"ANTHROPIC_API_KEY": "other-key"}, b"could not read Username"),
    ],
)
def test_a_wrong_key_and_a_missing_one_are_told_apart(
    keys: dict[str, str], words: bytes, start_broker: Start, tmp_path: Path
) -> None:
    broker = start_broker(keys)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run_git(None, "clone", f"{broker.url}/git", str(tmp_path / "clone"))
    assert words in failed.value.stderr


def test_a_repository_that_moved_within_its_server_is_followed_and_no_further(
    start_broker: Start, git_server: GitServer, tmp_path: Path
) -> None:
    new = git_server.create("new", {"moved": "here\n"})
    tail = "/info/refs?service=git-upload-pack"
    git_server.answers["/small.git/"] = (301, {"Location": new.url + tail})
    broker = start_broker()
    run_git(None, "clone", "--quiet", f"{broker.url}/git", str(tmp_path / "clone"))
    assert (tmp_path / "clone" / "moved").read_text() == "here\n"
    with GitServer(tmp_path / "other") as other:
        other.create("small", {"stolen": "x"})
        git_server.answers["/new.git/"] = (301, {"Location": other.repo_url("small") + tail})
        with pytest.raises(subprocess.CalledProcessError):
            run_git(None, "clone", "--quiet", f"{broker.url}/git", str(tmp_path / "clone2"))
        assert other.requests == []
