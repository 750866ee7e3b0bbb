"""Pull requests through the forge's API: GitHub's REST (https://docs.github.com/rest/pulls/pulls)."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any

from sandbox.keys import Keys

GITHUB_API = "https://api.github.com"
MAX_TITLE = 200
MAX_BODY = 20_000

_ANSWER_BYTES = 4 << 20
_STEP_SECONDS = 15.0


class NoPullRequest(Exception):
    """There is no pull request; the text says why, in the forge's own words."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to open: `head` is the pushed branch, `base` the one to merge into."""

    repo_url: str
    head: str
    base: str
    title: str
    body: str


def open_pull_request(wanted: PullRequest, keys: Keys, deadline: float) -> str:
    """Open a pull request, or find the open one of the same branches; return its address.

    `deadline` is a `time.monotonic` value. Raises NoPullRequest.
    """
    api, repo = address_of(wanted.repo_url, keys.forge_api)
    api = keys.forge_address(api)
    call = _Caller(keys.forge_headers(), deadline, direct=keys.broker is not None)
    values = {"title": wanted.title, "head": wanted.head, "base": wanted.base, "body": wanted.body}
    status, answer = call.json("POST", f"{api}/repos/{repo}/pulls", values)
    if status == 201:
        return _address(answer)
    if status != 422 or "already exists" not in _words(answer):
        raise NoPullRequest(f"GitHub answered {status}: {_words(answer)}")
    owner = repo.partition("/")[0]
    query = urllib.parse.urlencode(
        {"head": f"{owner}:{wanted.head}", "base": wanted.base, "state": "open"}
    )
    status, answer = call.json("GET", f"{api}/repos/{repo}/pulls?{query}", None)
    if status != 200 or not isinstance(answer, list) or not answer:
        raise NoPullRequest(f"GitHub says it exists already, but doesn't list it ({status})")
    return _address(answer[0])


def body_text(summary: str, prompt: str, run_id: str) -> str:
    """Return a body: the agent's summary, then the task as a quotation. Nobody is notified by a name in either."""
    task = "\n".join(f"> {line}" for line in prompt.splitlines())
    text = f"{summary.strip()}\n\n---\nThe task, as run `{run_id}` was given it:\n\n{task}\n"
    return text.replace("@", "@\u200b")[:MAX_BODY]


def address_of(repo_url: str, forge_api: str | None) -> tuple[str, str]:
    """Return the API's address and `owner/name`; `forge_api` None means GitHub's own. Raises NoPullRequest."""
    scp = re.fullmatch(r"(?:[\w.-]+@)?([\w.-]+):(?!//)(.+)", repo_url)
    parts = urllib.parse.urlsplit(repo_url)
    host, path = (scp[1], scp[2]) if scp else (parts.hostname or "", parts.path)
    if forge_api is None and host.lower() not in ("github.com", "www.github.com"):
        raise NoPullRequest(
            f"pull requests can be opened on GitHub only, not on {host or 'a folder'}; "
            "for a GitHub server of your own set GITHUB_API_URL"
        )
    names = [name for name in path.removesuffix("/").removesuffix(".git").split("/") if name]
    if len(names) < 2 and forge_api is None:
        raise NoPullRequest("the repository's address names no owner")
    repo = "/".join(urllib.parse.quote(urllib.parse.unquote(n), safe="") for n in names[-2:])
    return (forge_api or GITHUB_API).rstrip("/"), repo


class _Caller:
    """Calls the API, within one deadline."""

    def __init__(self, headers: Mapping[str, str], deadline: float, *, direct: bool) -> None:
        self._headers = {
            **headers,
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "User-Agent": "claude-sandbox",
        }
        self._deadline = deadline
        # A broker is on this machine: no proxy leads there.
        proxies = [urllib.request.ProxyHandler({})] if direct else []
        self._opener = urllib.request.build_opener(_NoRedirect, *proxies)

    def json(self, method: str, url: str, values: Mapping[str, str] | None) -> tuple[int, Any]:
        """Make one call, following one redirect within the same server; return status and decoded answer."""
        data = None if values is None else json.dumps(values).encode()
        status, answer, location = self._call(method, url, data)
        target = urllib.parse.urljoin(url, location)
        if status in (301, 307, 308) and _server(target) == _server(url):
            status, answer, _ = self._call(method, target, data)
        try:
            return status, json.loads(answer)
        except (ValueError, RecursionError):
            if status in (200, 201):
                raise NoPullRequest("GitHub's answer is no JSON") from None
            return status, answer.decode("utf-8", "replace")

    def _call(self, method: str, url: str, data: bytes | None) -> tuple[int, bytes, str]:
        scheme = urllib.parse.urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise NoPullRequest("GITHUB_API_URL has to begin with https://")
        request = urllib.request.Request(url, data, dict(self._headers), method=method)  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=self._seconds()) as response:
                return response.status, self._read(response), ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, self._read(error), error.headers.get("Location", "")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoPullRequest(f"GitHub can't be reached: {error}") from error

    def _seconds(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise NoPullRequest("no time was left to open a pull request")
        return min(left, _STEP_SECONDS)

    def _read(self, response: IO[bytes]) -> bytes:
        parts: list[bytes] = []
        size = 0
        until = time.monotonic() + self._seconds()
        while size < _ANSWER_BYTES and time.monotonic() < until:
            part = response.read1(64 << 10)  # type: ignore[attr-defined]  # both kinds of response have it
            if not part:
                break
            parts.append(part)
            size += len(part)
        return b"".join(parts)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: urllib would take the token along to any server."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """Refuse."""


def _server(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def _address(answer: object) -> str:
    address = answer.get("html_url") if isinstance(answer, dict) else None
    if not isinstance(address, str) or not re.fullmatch(r"https?://[!-~]{1,300}", address):
        raise NoPullRequest("GitHub's answer holds no address of a pull request")
    return address


def _words(answer: object) -> str:
    if not isinstance(answer, dict):
        return "" if isinstance(answer, list) else " ".join(str(answer).split())[:200]
    found = [answer.get("message")]
    errors = answer.get("errors")
    for error in errors if isinstance(errors, list) else []:
        found.append(error.get("message") if isinstance(error, dict) else error)
    return "; ".join(str(words) for words in found if words)[:300]
