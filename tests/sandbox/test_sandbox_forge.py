"""Pull requests against a fake GitHub that speaks real HTTP; failing to open one fails no run."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.forge import NoPullRequest, PullRequest, body_text, open_pull_request
from sandbox.keys import Keys, read_keys
from sandbox.report import Verdict
from tests.parts.git_server import OriginRepo
from tests.sandbox.running import run

ADDRESS = "https://github.com/ada/greeter/pull/7"
EXISTS = {
    "message": "Validation Failed",
    "errors": [{"message": "A pull request already exists for ada:b."}],
}
WANTED = PullRequest("https://github.com/ada/greeter.git", "claude/x", "main", "Title", "Body")


class FakeGitHub:
    """Answers POST and GET of pull requests with what the test sets; keeps what it was asked."""

    def __init__(self) -> None:
        self.created: tuple[int, Any] = (201, {"html_url": ADDRESS})
        self.listed: tuple[int, Any] = (200, [{"html_url": ADDRESS}])
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.going = threading.Event()
        self.going.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.fake = self  # type: ignore[attr-defined]  # the handler's way back to us
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def keys(self, token: str = "ghp_token_token") -> Keys:
        return read_keys({"GITHUB_TOKEN": token, "GITHUB_API_URL": self.url})

    def close(self) -> None:
        self.going.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self._answer("POST")

    def do_GET(self) -> None:
        self._answer("GET")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent."""

    def _answer(self, method: str) -> None:
        fake: FakeGitHub = self.server.fake  # type: ignore[attr-defined]  # set by FakeGitHub
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fake.asked.append((method, self.path, dict(self.headers), json.loads(body or b"null")))
        fake.going.wait(30)
        status, answer = fake.created if method == "POST" else fake.listed
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in fake.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(data)


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    fake = FakeGitHub()
    yield fake
    fake.close()


def soon() -> float:
    return time.monotonic() + 20


def test_a_pull_request_is_opened_with_the_token(github: FakeGitHub) -> None:
    assert open_pull_request(WANTED, github.keys(), soon()) == ADDRESS
    [(method, path, headers, values)] = github.asked
    assert (method, path) == ("POST", "/repos/ada/greeter/pulls")
    assert headers["Authorization"] == "Bearer ghp_token_token"
    assert values == {"title": "Title", "head": "claude/x", "base": "main", "body": "Body"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://github.com/ada/greeter", "/repos/ada/greeter/pulls"),
        ("git@github.com:ada/greeter.git", "/repos/ada/greeter/pulls"),
        ("ssh://git@github.com/ada/greeter.git/", "/repos/ada/greeter/pulls"),
        ("https://git.example.com/some/where/ada/greeter.git", "/repos/ada/greeter/pulls"),
        ("https://github.com/a%2Fb/c?d", "/repos/a%2Fb/c/pulls"),
    ],
)
def test_owner_and_name_come_from_the_repositorys_address(
    url: str, path: str, github: FakeGitHub
) -> None:
    wanted = PullRequest(url, "h", "b", "t", "x")
    open_pull_request(wanted, github.keys(), soon())
    assert github.asked[0][1] == path


def test_an_open_one_of_the_same_branches_is_reused(github: FakeGitHub) -> None:
    github.created = (422, EXISTS)
    assert open_pull_request(WANTED, github.keys(), soon()) == ADDRESS
    assert github.asked[1][:2] == (
        "GET",
        "/repos/ada/greeter/pulls?head=ada%3Aclaude%2Fx&base=main&state=open",
    )


@pytest.mark.parametrize(
    ("created", "listed", "words"),
    [
        ((422, EXISTS), (200, []), "doesn't list it"),
        ((422, EXISTS), (500, {}), "doesn't list it"),
        (
            (
                422,
                {
                    "message": "Validation Failed",
                    "errors": [{"message": "No commits between main and x"}],
                },
            ),
            None,
            "No commits between",
        ),
        ((422, {"message": "Validation Failed", "errors": ["odd", None, 7]}), None, "odd"),
        ((401, {"message": "Bad credentials"}), None, "401: Bad credentials"),
        (
            (403, {"message": "Resource not accessible by personal access token"}),
            None,
            "not accessible",
        ),
        ((404, {"message": "Not Found"}), None, "404: Not Found"),
        ((500, b"<html>Unicorn!</html>"), None, "500: <html>Unicorn!"),
        ((502, b"\xff\xfe"), None, "502"),
        ((201, b"garbage"), None, "no JSON"),
        ((201, b"[" * 100_000), None, "no JSON"),
        ((201, {}), None, "no address"),
        ((201, [1]), None, "no address"),
        ((201, {"html_url": "javascript:alert(1)"}), None, "no address"),
        ((201, {"html_url": 7}), None, "no address"),
    ],
)
def test_a_refusal_is_told_in_the_forges_own_words(
    created: tuple[int, Any], listed: tuple[int, Any] | None, words: str, github: FakeGitHub
) -> None:
    github.created = created
    github.listed = listed or github.listed
    with pytest.raises(NoPullRequest, match=r"(?s).*") as refusal:
        open_pull_request(WANTED, github.keys(), soon())
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_forge_that_hangs_is_given_up_at_the_deadline(github: FakeGitHub) -> None:
    github.going.clear()
    with pytest.raises(NoPullRequest, match="can't be reached"):
        open_pull_request(WANTED, github.keys(), time.monotonic() + 0.2)


def test_a_forge_that_isnt_there_is_told() -> None:
    keys = read_keys({"GITHUB_API_URL": "http://127.0.0.1:1"})
    with pytest.raises(NoPullRequest, match="can't be reached"):
        open_pull_request(WANTED, keys, soon())


@pytest.mark.parametrize("api", ["file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1"])
def test_an_api_address_that_is_no_web_address_is_refused(api: str) -> None:
    with pytest.raises(NoPullRequest, match="GITHUB_API_URL"):
        open_pull_request(WANTED, read_keys({"GITHUB_API_URL": api}), soon())


@pytest.mark.parametrize(
    "url", ["https://gitlab.example.com/a/b.git", "file:///srv/x.git", "https://github.com/x"]
)
def test_other_forges_are_told_apart_before_any_call(url: str) -> None:
    with pytest.raises(NoPullRequest):
        open_pull_request(
            PullRequest(url, "h", "b", "t", "x"), read_keys({"GITHUB_TOKEN": "x" * 20}), soon()
        )


def test_a_renamed_repository_is_followed_but_never_to_another_server(github: FakeGitHub) -> None:
    other = FakeGitHub()
    github.created = (307, {"message": "Moved Permanently"})
    github.headers = {"Location": f"{other.url}/repositories/1/pulls"}
    with pytest.raises(NoPullRequest, match="307"):
        open_pull_request(WANTED, github.keys(), soon())
    github.headers = {"Location": "/repositories/1/pulls"}
    with pytest.raises(NoPullRequest, match="307"):
        open_pull_request(WANTED, github.keys(), soon())
    assert [asked[:2] for asked in github.asked[1:]] == [
        ("POST", "/repos/ada/greeter/pulls"),
        ("POST", "/repositories/1/pulls"),
    ]
    assert other.asked == []
    other.close()


def test_a_body_notifies_nobody_and_quotes_the_task() -> None:
    body = body_text("Done, thanks to @ada.", "first\n# second @bob", "abcd2345")
    assert "@ada" not in body
    assert "> # second @\u200bbob" in body
    assert len(body_text("x" * 100_000, "y" * 100_000, "z")) <= 20_000


def test_a_run_with_a_pull_request_tells_its_address(
    github: FakeGitHub, file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(
        tmp_path / "run",
        "echo 1 > one; echo Mended.",
        file_repo.file_url,
        SANDBOX_PR="1",
        GITHUB_API_URL=github.url,
    )
    assert (done.report.verdict, done.report.pull_request) == (Verdict.PUSHED, ADDRESS), done.log
    [(_, path, _, values)] = github.asked
    assert path.endswith("/small/pulls")
    assert (values["title"], values["head"], values["base"]) == (
        "mend the roof",
        done.report.branch,
        "main",
    )
    assert values["body"].startswith("Mended.")


def test_a_run_that_goes_on_from_a_branch_asks_to_be_merged_where_that_was_to_be(
    github: FakeGitHub, file_repo: OriginRepo, tmp_path: Path
) -> None:
    done = run(
        tmp_path / "run",
        "echo 1 > one",
        file_repo.file_url,
        SANDBOX_PR="1",
        SANDBOX_BASE="release",
        GITHUB_API_URL=github.url,
    )
    assert done.report.pull_request == ADDRESS, done.log
    assert github.asked[0][3]["base"] == "release"
    assert done.report.base == "main"


def test_a_refused_pull_request_fails_no_run(
    github: FakeGitHub, file_repo: OriginRepo, tmp_path: Path
) -> None:
    github.created = (403, {"message": "Forbidden, token ghp_secret_secret"})
    variables = {
        "SANDBOX_PR": "1",
        "GITHUB_API_URL": github.url,
        "GITHUB_TOKEN": "ghp_secret_secret",
    }
    done = run(tmp_path / "run", "echo 1 > one", file_repo.file_url, **variables)
    assert (done.exit_code, done.report.verdict, done.report.pull_request) == (
        0,
        Verdict.PUSHED,
        None,
    )
    assert "403: Forbidden" in (done.report.pull_request_error or "")
    assert "ghp_secret_secret" not in done.log + (done.report.pull_request_error or "")


@pytest.mark.parametrize("script", ["true", "echo 1 > one; exit 1"])
def test_no_pull_request_is_opened_for_nothing_or_unfinished_work(
    script: str, github: FakeGitHub, file_repo: OriginRepo, tmp_path: Path
) -> None:
    run(tmp_path / "run", script, file_repo.file_url, SANDBOX_PR="1", GITHUB_API_URL=github.url)
    assert github.asked == []
