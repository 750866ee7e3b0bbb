"""What the agent leaves is brought to the remote, whatever it did with git, and the verdict is what the remote says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox.report import Cause, Phase, Verdict
from tests.parts.git_server import GitServer, OriginRepo, run_git
from tests.sandbox.running import run, run_as_one_of_many, start

BRANCH = "claude/abcd2345-mend-the-roof"
COMMIT = "git add -A && git commit -qm 'by the agent'"


def test_what_was_left_is_committed_pushed_and_counted(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "echo new > new.txt; echo more >> README.md; echo Mended."
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.exit_code == 0
    assert done.report.verdict is Verdict.PUSHED
    assert done.report.phase is Phase.DONE
    assert (done.report.branch, done.report.base) == (BRANCH, "main")
    spent = dict(done.report.phase_seconds)
    assert set(spent) >= {Phase.ENVIRONMENT, Phase.CLONE, Phase.AGENT, Phase.DELIVER}
    assert Phase.DONE not in spent
    assert all(0 <= seconds < 120 for seconds in spent.values())
    assert (done.report.files, done.report.insertions, done.report.deletions) == (2, 2, 0)
    assert (done.report.commits, done.report.summary) == (1, "Mended.")
    assert file_repo.read(BRANCH, "new.txt") == "new\n"
    assert file_repo.diffstat("main", BRANCH) == "2 files changed, 2 insertions(+)"
    assert run_git(file_repo.path, "log", "-1", "--format=%an <%ae>%n%s", BRANCH).split("\n")[
        :2
    ] == [
        "claude-sandbox <claude-sandbox@users.noreply.github.com>",
        "mend the roof",
    ]


def test_over_http_the_token_opens_clone_and_push(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "echo new > new.txt"
    done = run(tmp_path / "run", script, origin_repo.url, GITHUB_TOKEN=git_server.token)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert origin_repo.read(BRANCH, "new.txt") == "new\n"


@pytest.mark.parametrize(
    "script",
    [
        "true",
        "touch README.md",
        "echo x > README.md; git checkout -q README.md",
        "mkdir -p build; echo ignored > build/out",
        "git checkout -qb other; git checkout -q --detach",
        "git add -A; git stash -q; rm -f .git/index.lock",
        "git checkout -q main; git branch -qD " + BRANCH,
    ],
)
def test_nothing_changed_is_a_verdict_of_its_own(
    script: str, file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert (done.exit_code, done.report.verdict) == (0, Verdict.NOTHING_CHANGED), done.log
    assert (done.report.pushed, done.report.branch, done.report.commits) == (False, None, 0)
    assert list(file_repo.branches()) == ["main"]


def test_the_agents_own_commits_are_pushed_as_they_are(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = f"echo 1 > one; {COMMIT}; echo 2 > two; {COMMIT}; echo 3 > three"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert (done.report.verdict, done.report.commits, done.report.files) == (Verdict.PUSHED, 3, 3)
    subjects = run_git(file_repo.path, "log", "--format=%s", f"main..{BRANCH}").split("\n")
    assert subjects[:3] == ["mend the roof", "by the agent", "by the agent"]


WAYS_TO_LEAVE_A_CLONE = {
    "detached HEAD": f"git checkout -q --detach; echo 1 > one; {COMMIT}",
    "another branch": f"git checkout -qb other; echo 1 > one; {COMMIT}",
    "the base branch": f"git checkout -q main; echo 1 > one; {COMMIT}",
    "a branch left behind": f"echo 1 > one; {COMMIT}; git checkout -q main",
    "another branch left behind": f"git checkout -qb other; echo 1 > one; {COMMIT}; git checkout -q main",
    "pushed by itself": f"echo 1 > one; {COMMIT}; git push -q origin HEAD",
    "pushed by itself, then more": f"{COMMIT} --allow-empty; git push -q origin HEAD; echo 1 > one",
    "staged only": "echo 1 > one; git add one",
    "HEAD spoilt after a commit": f"echo 1 > one; {COMMIT}; echo spoilt > .git/HEAD",
    "stale locks": "echo 1 > one; touch .git/index.lock .git/HEAD.lock .git/config.lock",
    "stashed": "echo 1 > one; git add one; git stash -q",
    ".git removed": "echo 1 > one; rm -rf .git",
    ".git emptied": "echo 1 > one; rm -rf .git/*",
    ".git a file": "echo 1 > one; rm -rf .git; echo 'gitdir: /nowhere' > .git",
    "objects removed": f"echo 1 > one; {COMMIT}; rm -rf .git/objects/*",
    "objects spoilt": "echo 1 > one; git add one; find .git/objects -type f | while read f; do "
    "chmod u+w $f; echo spoilt > $f; done",
    "index spoilt": "echo 1 > one; echo spoilt > .git/index",
    "index removed": "echo 1 > one; rm .git/index",
    "HEAD spoilt": "echo 1 > one; echo spoilt > .git/HEAD",
    "HEAD unborn": "git checkout -q --orphan other; echo 1 > one",
    "config spoilt": "echo 1 > one; echo '[spoilt' > .git/config",
    "format unknown": "git config core.repositoryformatversion 99; echo 1 > one",
    "an object removed": f"echo 0 > two; {COMMIT}; b=$(git rev-parse HEAD:two); echo 1 > one; rm two; {COMMIT}; "
    'rm -f ".git/objects/$(echo $b | cut -c1-2)/$(echo $b | cut -c3-)"',
    "packed": f"echo 1 > one; {COMMIT}; git gc -q; git pack-refs --all",
    "made anew": f"rm -rf .git; git init -q; git config user.name x; git config user.email y; echo 1 > one; {COMMIT}",
    "history rewritten": f"echo 1 > one; {COMMIT}; git commit -q --amend -m other",
}


@pytest.mark.parametrize("script", WAYS_TO_LEAVE_A_CLONE.values(), ids=WAYS_TO_LEAVE_A_CLONE)
def test_work_arrives_however_the_clone_was_left(
    script: str, file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert (done.exit_code, done.report.verdict) == (0, Verdict.PUSHED), done.log
    assert done.report.branch == BRANCH
    files = file_repo.files(BRANCH)
    assert file_repo.read(BRANCH, "one") == "1\n"
    assert "README.md" in files
    assert file_repo.diffstat("main", BRANCH).startswith(f"{done.report.files} file")


def test_what_was_staged_arrives_though_the_repository_ignores_it(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "mkdir build; echo 1 > build/staged; git add -f build/staged; echo 2 > build/other"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert set(file_repo.files(BRANCH)) - set(file_repo.files("main")) == {"build/staged"}
    assert done.report.files == 1


def test_an_unfinished_merge_is_committed_as_it_stands_and_told(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = (
        f"git checkout -qb a; echo a > README.md; {COMMIT}; "
        f"git checkout -qb b main; echo b > README.md; {COMMIT}; git merge -q a; true"
    )
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED
    assert "<<<<<<<" in file_repo.read(BRANCH, "README.md")
    assert "merge was left unfinished" in done.report.summary
    assert file_repo.read(f"{BRANCH}-a", "README.md") == "a\n"


def test_an_unfinished_rebase_loses_no_commit(file_repo: OriginRepo, tmp_path: Path) -> None:
    script = (
        f"echo 1 > one; {COMMIT}; echo mine > README.md; {COMMIT}; echo 3 > three; {COMMIT}; "
        f"git checkout -q main; echo theirs > README.md; {COMMIT}; git checkout -q {BRANCH}; "
        "git rebase -q main; true"
    )
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED
    assert "rebase was left unfinished" in done.report.summary
    found = [name for name in file_repo.branches() if "three" in file_repo.files(name)]
    assert found, file_repo.branches()


def test_commits_on_several_branches_all_arrive(file_repo: OriginRepo, tmp_path: Path) -> None:
    script = (
        f"git checkout -qb Big/Idea; echo 2 > two; {COMMIT}; git checkout -q {BRANCH}; echo 1 > one"
    )
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert (done.report.verdict, done.report.branch) == (Verdict.PUSHED, BRANCH)
    assert file_repo.read(f"{BRANCH}-big-idea", "two") == "2\n"
    assert "Big/Idea" in done.report.summary


@pytest.mark.parametrize(
    "inner", ["", f"&& git config user.name x && git config user.email y && {COMMIT}"]
)
def test_a_repository_inside_the_clone_arrives_as_files(
    inner: str, file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = f"mkdir sub && cd sub && git init -q && echo 1 > inside {inner}; mkdir deep; cd deep; git init -q; echo 2 > deeper"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert file_repo.read(BRANCH, "sub/inside") == "1\n"
    assert file_repo.read(BRANCH, "sub/deep/deeper") == "2\n"
    assert "sub was a repository of its own" in done.report.summary


def test_a_repository_that_the_agent_committed_as_a_pointer_arrives_as_files(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    identity = "git config user.name x && git config user.email y"
    script = f"mkdir sub && cd sub && git init -q && echo 1 > inside && {identity} && {COMMIT}; cd ..; {COMMIT}"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert file_repo.read(BRANCH, "sub/inside") == "1\n"
    assert done.report.commits == 2


def test_a_submodule_stays_a_submodule(file_repo: OriginRepo, tmp_path: Path) -> None:
    script = f"git -c protocol.file.allow=always submodule --quiet add {file_repo.file_url} lib"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert sorted(set(file_repo.files(BRANCH)) - set(file_repo.files("main"))) == [
        ".gitmodules",
        "lib",
    ]


def test_file_names_of_any_bytes_arrive(file_repo: OriginRepo, tmp_path: Path) -> None:
    script = r"""printf x > "$(printf 'caf\351')"; printf x > 'a
b'; printf x > '-rf'; printf x > '*'; printf x > ':(top)x'; mkdir ' '; printf x > ' / '"""
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    new = set(file_repo.files(BRANCH)) - set(file_repo.files("main"))
    assert new == {"caf\udce9", "a\nb", "-rf", "*", ":(top)x", " / "}


def test_an_empty_repository_gets_its_first_commit(tmp_path: Path) -> None:
    path = tmp_path / "empty.git"
    run_git(None, "init", "--quiet", "--bare", str(path))
    repo = OriginRepo(path, path.as_uri())
    done = run(tmp_path / "run", "echo 1 > one; echo 2 > two", repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert (done.report.base, done.report.commits, done.report.files) == (None, 1, 2)
    assert repo.files(BRANCH) == ["one", "two"]
    assert run(tmp_path / "again", "true", repo.file_url).report.verdict is Verdict.NOTHING_CHANGED


def test_the_branch_asked_for_is_the_base(file_repo: OriginRepo, tmp_path: Path) -> None:
    file_repo.commit({"only-here": "x"}, "Second", branch="develop/next")
    done = run(
        tmp_path / "run",
        "test -f only-here && echo 1 > one",
        file_repo.file_url,
        REPO_BRANCH="develop/next",
    )
    assert (done.report.verdict, done.report.base, done.report.files) == (
        Verdict.PUSHED,
        "develop/next",
        1,
    )


def test_a_tag_can_be_the_base(file_repo: OriginRepo, tmp_path: Path) -> None:
    run_git(file_repo.path, "tag", "v1", "main")
    file_repo.commit({"later": "x"}, "Later")
    done = run(
        tmp_path / "run", "test ! -f later && echo 1 > one", file_repo.file_url, REPO_BRANCH="v1"
    )
    assert (done.report.verdict, done.report.base, done.report.commits) == (
        Verdict.PUSHED,
        "v1",
        1,
    ), done.log


def test_a_repository_with_sha256_ids_is_served_too(tmp_path: Path) -> None:
    path = tmp_path / "sha256.git"
    run_git(
        None,
        "init",
        "--quiet",
        "--bare",
        "--object-format=sha256",
        "--initial-branch=main",
        str(path),
    )
    repo = OriginRepo(path, path.as_uri())
    repo.commit({"README.md": "x\n"}, "First")
    done = run(tmp_path / "run", f"echo 1 > one; {COMMIT}; echo 2 > two", repo.file_url)
    assert (done.report.verdict, done.report.commits) == (Verdict.PUSHED, 2), done.log


def test_sockets_and_pipes_in_the_work_tree_are_passed_over(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    bind = "import socket; socket.socket(socket.AF_UNIX).bind('s')"
    done = run(
        tmp_path / "run", f'python3 -c "{bind}"; mkfifo pipe; echo 1 > one', file_repo.file_url
    )
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert set(file_repo.files(BRANCH)) - set(file_repo.files("main")) == {"one"}


def test_a_file_that_cant_be_read_is_named_and_the_rest_arrives(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "echo x > shut; chmod 000 shut; echo 1 > one"
    done = run_as_one_of_many(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert file_repo.read(BRANCH, "one") == "1\n"
    assert "shut" in done.report.summary


def test_a_branch_that_holds_other_commits_is_left_alone(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    theirs = file_repo.commit({"theirs": "x"}, "Theirs", branch=BRANCH)
    done = run(tmp_path / "run", "echo 1 > one", file_repo.file_url)
    assert (done.report.verdict, done.report.branch) == (Verdict.PUSHED, f"{BRANCH}-2"), done.log
    assert file_repo.branches()[BRANCH] == theirs
    assert "holds other commits" in done.report.summary


def test_the_base_moving_meanwhile_does_no_harm(file_repo: OriginRepo, tmp_path: Path) -> None:
    script = f"git -C {file_repo.path} update-ref refs/heads/main $(git -C {file_repo.path} commit-tree -m x $(git -C {file_repo.path} rev-parse main^{{tree}})); echo 1 > one"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert (done.report.verdict, done.report.files) == (Verdict.PUSHED, 1), done.log


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_refused_push_is_told_with_the_remotes_own_lines(
    hook: str, git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    origin_repo.hook(hook, "echo 'GH006: Protected branch; Authentication failed' >&2; exit 1\n")
    done = run(tmp_path / "run", "echo 1 > one", origin_repo.url, GITHUB_TOKEN=git_server.token)
    assert (done.exit_code, done.report.verdict) == (1, Verdict.NOT_PUSHED)
    assert done.report.cause is Cause.PUSH_REFUSED
    assert "GH006: Protected branch" in (done.report.error or "")
    assert (done.report.pushed, done.report.commits, done.report.agent_ended_well) == (
        False,
        1,
        True,
    )
    assert done.report.branch == BRANCH


def test_a_push_that_went_through_and_is_not_there_is_no_success(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    origin_repo.hook("post-receive", f"git update-ref -d refs/heads/{BRANCH}\n")
    done = run(tmp_path / "run", "echo 1 > one", origin_repo.url, GITHUB_TOKEN=git_server.token)
    assert (done.exit_code, done.report.verdict) == (1, Verdict.NOT_PUSHED)
    assert (done.report.pushed, done.report.cause) == (False, Cause.PUSH_FAILED)
    assert "the remote doesn't show the commit" in (done.report.error or "")


def test_a_token_that_expires_meanwhile_is_told_as_such(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "touch ../working; while test -f ../working; do sleep 0.02; done; echo 1 > one"
    started = start(tmp_path / "run", script, origin_repo.url, GITHUB_TOKEN=git_server.token)
    started.wait_for((started.workspace / "working").exists)
    git_server.token = "another"
    (started.workspace / "working").unlink()
    done = started.finish()
    assert (done.report.verdict, done.report.cause) == (Verdict.NOT_PUSHED, Cause.PUSH_AUTH)


def test_a_failed_agents_work_goes_to_a_branch_of_unfinished_work(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(tmp_path / "run", "echo 1 > one; echo oops >&2; exit 3", file_repo.file_url)
    assert (done.exit_code, done.report.verdict, done.report.cause) == (
        1,
        Verdict.FAILED,
        Cause.AGENT_FAILED,
    )
    assert (done.report.branch, done.report.pushed) == (f"{BRANCH}-wip", True)
    assert "oops" in (done.report.error or "")
    assert file_repo.read(f"{BRANCH}-wip", "one") == "1\n"


def test_a_failed_agent_that_did_nothing_pushes_nothing(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(tmp_path / "run", "exit 3", file_repo.file_url)
    assert (done.exit_code, done.report.verdict, done.report.pushed) == (1, Verdict.FAILED, False)
    assert list(file_repo.branches()) == ["main"]


def test_a_missing_agent_is_told_as_such(file_repo: OriginRepo, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(str(shutil.which("git")))
    done = run(tmp_path / "run", "true", file_repo.file_url, PATH=str(tools))
    assert (done.report.verdict, done.report.cause) == (Verdict.FAILED, Cause.AGENT_MISSING), (
        done.log
    )
