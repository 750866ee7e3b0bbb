"""An agent that works against the sandbox: it shares our uid, owns the clone, and can write wherever we can."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from sandbox.report import Cause, Verdict
from tests.parts.git_server import GitServer, OriginRepo, run_git
from tests.sandbox.running import run, run_as_one_of_many, start_program

BRANCH = "claude/abcd2345-mend-the-roof"
FORGED = json.dumps(
    {
        "run_id": "abcd2345",
        "phase": "done",
        "verdict": "pushed",
        "pushed": True,
        "branch": "main",
        "commits": 7,
    }
)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="finding daemons needs Linux's /proc")


def test_a_forged_report_is_overwritten_fault_32(file_repo: OriginRepo, tmp_path: Path) -> None:
    done = run(tmp_path / "run", f"echo '{FORGED}' > ../../report.json; exit 1", file_repo.file_url)
    assert (done.exit_code, done.report.verdict, done.report.pushed) == (1, Verdict.FAILED, False)
    assert done.report.commits == 0


@pytest.mark.parametrize(
    "trick",
    [
        "rm ../../report.json; ln -s ../outside ../../report.json",
        "rm ../../report.json; mkdir ../../report.json; touch ../../report.json/x",
        "rm ../../report.json; mkfifo ../../report.json",
        "chmod 000 ../../report.json",
    ],
)
def test_the_report_is_replaced_whatever_the_agent_put_there_fault_32(
    trick: str, file_repo: OriginRepo, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    done = run(tmp_path / "run", trick, file_repo.file_url)
    assert (done.exit_code, done.report.verdict) == (0, Verdict.NOTHING_CHANGED), done.log
    assert outside.read_text() == "untouched"


@LINUX
def test_a_daemon_of_the_agents_doesnt_outlive_it_fault_32(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    daemon = (
        "import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "open('../daemon', 'w').write(str(os.getpid()))\n"
        "until = time.time() + 60\n"
        "while time.time() < until:\n"
        f"    open('../../report.json', 'w').write({FORGED!r})\n"
        "    open('late', 'w').write('late')\n"
        "    time.sleep(0.001)\n"
    )
    (tmp_path / "daemon.py").write_text(daemon)
    script = f"{sys.executable} {tmp_path}/daemon.py <&- >&- 2>&-; while ! test -s ../daemon; do sleep 0.01; done; exit 1"
    done = run(tmp_path / "run", script, file_repo.file_url)
    process = int((done.workspace / "daemon").read_text())
    assert not Path(f"/proc/{process}").exists()
    assert (done.exit_code, done.report.verdict) == (1, Verdict.FAILED)


@LINUX
def test_a_fork_bomb_ends_with_its_agent_fault_37(file_repo: OriginRepo, tmp_path: Path) -> None:
    bomb = (
        "import os, time\n"
        "os.setsid()\n"
        "until = time.time() + 20\n"
        "while time.time() < until:\n"
        "    try:\n"
        "        if len(os.listdir('..')) < 60 and os.fork() == 0:\n"
        "            os.setsid(); open(f'../p{os.getpid()}', 'w')\n"
        "    except OSError: pass\n"
    )
    (tmp_path / "bomb.py").write_text(bomb)
    script = f"{sys.executable} {tmp_path}/bomb.py & while test $(ls .. | wc -l) -lt 50; do sleep 0.05; done"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.NOTHING_CHANGED, done.log
    pids = [path.name[1:] for path in done.workspace.glob("p*")]
    assert len(pids) >= 40
    assert [pid for pid in pids if Path("/proc", pid).exists()] == []


TRAPS = r"""
trap_at() { printf '#!/bin/sh\ntouch %s/sprung-%s\nexec cat\n' "$OUTSIDE" "$1" > "$OUTSIDE/$1"; chmod +x "$OUTSIDE/$1"; }
OUTSIDE=$(cd ..; pwd)
for name in hook monitor filter diff textconv merge credential ssh alias gpg home; do trap_at $name; done
mkdir -p .git/hooks .git/info ~/.config/git
for hook in pre-commit commit-msg pre-push post-commit reference-transaction post-index-change; do
  cp ../hook .git/hooks/$hook
done
git config core.hooksPath "$PWD/.git/hooks"
git config commit.gpgSign true
git config gpg.program "$OUTSIDE/gpg"
git config filter.x.clean "$OUTSIDE/filter"
git config filter.x.required true
git config diff.external "$OUTSIDE/diff"
git config diff.x.textconv "$OUTSIDE/textconv"
git config merge.x.driver "$OUTSIDE/merge"
git config credential.helper "$OUTSIDE/credential"
git config core.sshCommand "$OUTSIDE/ssh"
git config alias.push "!$OUTSIDE/alias"
git config alias.commit-tree "!$OUTSIDE/alias"
echo '* filter=x diff=x merge=x' | tee .gitattributes > .git/info/attributes
printf '[core]\n fsmonitor = %s/monitor\n' "$OUTSIDE" > .git/more
git config include.path more
printf '[core]\n fsmonitor = %s/home\n hooksPath = %s/.git/hooks\n' "$OUTSIDE" "$PWD" > ~/.gitconfig
cp ~/.gitconfig ~/.config/git/config
"""


def test_nothing_that_the_agent_set_up_is_run_in_the_delivery(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = f"{TRAPS}\ngit status; ls .. > ../before; rm -f ../sprung-*; echo 1 > one"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert "sprung-monitor" in (done.workspace / "before").read_text()
    assert [path.name for path in tmp_path.rglob("sprung-*")] == []
    assert file_repo.read(BRANCH, "one") == "1\n"


def test_the_push_goes_to_the_address_that_was_given(file_repo: OriginRepo, tmp_path: Path) -> None:
    run_git(None, "init", "-q", "--bare", str(tmp_path / "theirs.git"))
    theirs = f"file://{tmp_path}/theirs.git"
    script = (
        f"git remote set-url origin {theirs}; git config url.{theirs}.insteadOf {file_repo.file_url}; "
        f"git config url.{theirs}.pushInsteadOf {file_repo.file_url}; cp .git/config ~/.gitconfig; echo 1 > one"
    )
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert file_repo.read(BRANCH, "one") == "1\n"
    assert run_git(tmp_path / "theirs.git", "for-each-ref") == ""


LINKS = {
    ".git": "mv .git ../elsewhere; ln -s ../elsewhere .git",
    "objects": "mv .git/objects ../elsewhere; ln -s ../../elsewhere .git/objects",
    "refs": "mv .git/refs ../elsewhere; ln -s ../../elsewhere .git/refs",
    "HEAD a link": "rm .git/HEAD; ln -s /etc/passwd .git/HEAD",
    "HEAD a pipe": "rm .git/HEAD; mkfifo .git/HEAD",
    "index a link": "mv .git/index ../elsewhere; ln -s ../../elsewhere .git/index",
    "index a pipe": "rm .git/index; mkfifo .git/index",
    "packed refs endless": "ln -sf /dev/zero .git/packed-refs",
    "ignore list a link": "rm .gitignore; ln -s /etc/passwd .gitignore",
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_links_and_pipes_in_place_of_gits_files_stop_nothing(
    link: str, file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(tmp_path / "run", f"echo 1 > one; {link}", file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert file_repo.read(BRANCH, "one") == "1\n"
    assert all("root:" not in file_repo.read(BRANCH, name) for name in file_repo.files(BRANCH))


@pytest.mark.parametrize(
    "swap",
    [
        "mv $PWD ../gone; ln -s /etc $PWD",
        "mv $PWD ../gone",
        "mv $PWD ../gone; ln -s gone $PWD",
        "mv $PWD ../gone; touch $PWD",
    ],
)
def test_a_clone_that_is_no_folder_any_more_is_a_failure_told_as_such(
    swap: str, file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(tmp_path / "run", f"echo 1 > one; {swap}", file_repo.file_url)
    assert (done.exit_code, done.report.verdict) == (1, Verdict.FAILED), done.log
    assert "removed its clone" in (done.report.error or "")
    assert list(file_repo.branches()) == ["main"]


def test_links_in_the_work_tree_are_kept_as_links(file_repo: OriginRepo, tmp_path: Path) -> None:
    done = run(tmp_path / "run", "ln -s /etc/passwd secret; ln -s /etc folder", file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED
    assert file_repo.read(BRANCH, "secret") == "/etc/passwd"
    assert file_repo.read(BRANCH, "folder") == "/etc"


def test_the_agent_is_given_no_key_but_the_models(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    secrets = {
        "GITHUB_TOKEN": git_server.token,
        "TELEGRAM_BOT_TOKEN": "123456:telegram-telegram",
        "ANTHROPIC_API_KEY": "sk-ant-api03-used-used-used",
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-unused-unused",
        "AWS_SECRET_ACCESS_KEY": "aws-aws-aws-aws",
        "PGPASSWORD": "database-database",
    }
    harmless = {"DATABASE_URL": "postgres://localhost/x", "RAILS_ENV": "test", "LANG": "C.UTF-8"}
    script = "env > ../environment; git remote -v > ../remote; cat .git/config > ../config"
    done = run(tmp_path / "run", script, origin_repo.url, **secrets, **harmless)
    seen = dict(
        line.split("=", 1) for line in (done.workspace / "environment").read_text().splitlines()
    )
    assert [name for name in secrets if name in seen] == ["ANTHROPIC_API_KEY"]
    assert {name: seen.get(name) for name in harmless} == harmless
    assert [
        name for name in seen if name.startswith(("SANDBOX_", "TELEGRAM_", "REPO_", "TASK"))
    ] == []
    for place in ("environment", "remote", "config"):
        assert git_server.token not in (done.workspace / place).read_text()


@LINUX
def test_the_agent_cant_read_the_sandboxs_environment(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    script = "cat /proc/$$/environ > ../own; cat /proc/$PPID/environ > ../seen"
    done = run_as_one_of_many(tmp_path / "run", script, file_repo.file_url)
    assert "PATH=" in (done.workspace / "own").read_text(), "the same way leads somewhere"
    assert (done.workspace / "seen").read_text() == ""
    assert "Permission denied" in done.log


def test_the_token_is_in_no_argument_list_and_no_file(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    spy = tmp_path / "bin" / "git"
    spy.parent.mkdir()
    real = next(Path(p, "git") for p in os.environ["PATH"].split(":") if Path(p, "git").exists())
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/arguments\nexec {real} "$@"\n')
    spy.chmod(0o755)
    path = f"{spy.parent}:{os.environ['PATH']}"
    done = run(
        tmp_path / "run", "echo 1 > one", origin_repo.url, GITHUB_TOKEN=git_server.token, PATH=path
    )
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert "push" in (tmp_path / "arguments").read_text()
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert git_server.token.encode() not in file.read_bytes(), file


def test_another_server_is_never_given_the_token(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    with GitServer(tmp_path / "other-server") as other:
        elsewhere = other.create("small", {"README.md": "x"})
        git_server.answers["/small.git"] = (
            302,
            {"Location": f"{elsewhere.url}/info/refs?service=git-upload-pack"},
        )
        done = run(tmp_path / "run", "true", origin_repo.url, GITHUB_TOKEN=git_server.token)
        assert done.report.cause is Cause.CLONE_AUTH, done.log
        assert other.requests
        assert [request for request in other.requests if request.had_credentials] == []


def test_the_machines_own_helpers_and_netrc_are_not_asked(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    home = tmp_path / "run"
    home.mkdir()
    (home / ".netrc").write_text(
        f"machine 127.0.0.1 login x-access-token password {git_server.token}\n"
    )
    (home / ".gitconfig").write_text(
        f'[credential]\n helper = "!echo username=x-access-token; echo password={git_server.token}; :"\n'
    )
    done = run(home, "true", origin_repo.url)
    assert done.report.cause is Cause.CLONE_AUTH
    assert [request for request in git_server.requests if request.had_credentials] == []


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("--upload-pack=touch sprung", 2, "hyphen"),
        ("-oProxyCommand=touch${IFS}sprung", 2, "hyphen"),
        ("file:///x\n-c core.sshCommand=touch sprung", 2, "control characters"),
        ("https://user:pa55word@127.0.0.1/x.git", 2, "GITHUB_TOKEN"),
        ("http://[::1/x.git", 2, "no URL"),
        ("ext::sh -c touch% sprung", 1, "transport 'ext' not allowed"),
        ("ext::touch%20sprung", 1, "transport 'ext' not allowed"),
        ("fd::17/x", 1, "transport 'fd' not allowed"),
        ("git://127.0.0.1/x", 1, "transport 'git' not allowed"),
        ("ssh://-oProxyCommand=touch sprung/x", 1, "strange hostname"),
        ("ssh://-oProxyCommand=touch%20sprung/x", 1, "strange hostname"),
    ],
)
def test_an_address_that_is_a_command_is_refused_fault_39(
    url: str, code: int, words: str, tmp_path: Path
) -> None:
    done = start_program(tmp_path / "run", url, SANDBOX_AGENT="scripted").finish()
    assert (done.exit_code, done.report.verdict) == (code, Verdict.FAILED), done.log
    assert words in (done.report.error or "")
    assert not list(tmp_path.rglob("sprung"))
    assert "pa55word" not in done.log + (done.report.error or "")
