"""The web pages of a forge that belong to a run: its branch and its pull request. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from bot.markup import Markup, link

_PAGES = {
    "github": "/tree/",
    "gitlab": "/-/tree/",
    "bitbucket.org": "/branch/",
    "codeberg": "/src/branch/",
    "gitea": "/src/branch/",
    "forgejo": "/src/branch/",
}
"""Where a forge shows a branch, by what stands in its host's name."""

_SHORT_SSH = re.compile(r"[^/:@\s]+@(?P<host>[^/:@\s]+):(?P<path>[^\s]+)")
_BITBUCKET_SERVER = re.compile(r"/scm/(?P<project>[^/]+)/(?P<repo>[^/]+)")


def branch_url(repo_url: str, branch: str) -> str | None:
    """Return the web page of a branch; None where the forge's forms of address aren't known, or there is no forge.

    An address by ssh leads to the page by https. Sources: the address bars of GitHub, GitLab, Bitbucket Cloud and
    Data Center, Gitea and Forgejo.
    """
    place = _web_place(repo_url)
    if place is None:
        return None
    base, path = place
    host = urlsplit(base).hostname or ""
    server = _BITBUCKET_SERVER.fullmatch(path)
    if "bitbucket" in host and server is not None:
        page = f"/projects/{server['project'].upper()}/repos/{server['repo']}/browse"
        return f"{base}{page}?at={quote(f'refs/heads/{branch}', safe='')}"
    middle = next((middle for word, middle in _PAGES.items() if word in host), None)
    return None if middle is None else f"{base}{path}{middle}{quote(branch)}"


def pull_request_link(url: str) -> Markup:
    """Return a link to a pull request that says its number."""
    found = re.search(r"/(\d+)/?$", url)
    if "/merge_requests/" in url:
        return link(f"Merge request !{found[1]}" if found else "Merge request", url)
    return link(f"Pull request #{found[1]}" if found else "Pull request", url)


def _web_place(repo_url: str) -> tuple[str, str] | None:
    """Return the forge's web address and the repo's path on it; None for a folder, or an address that holds a login."""
    short = _SHORT_SSH.fullmatch(repo_url)
    if short is not None:
        return f"https://{short['host']}", _path(short["path"])
    try:
        parts = urlsplit(repo_url)
        host = parts.hostname
    except ValueError:
        return None
    if not host:
        return None
    if parts.scheme == "ssh":
        return f"https://{host}", _path(parts.path)
    if parts.scheme not in ("http", "https") or parts.username:
        return None
    return f"{parts.scheme}://{parts.netloc}", _path(parts.path)


def _path(path: str) -> str:
    return "/" + path.strip("/").removesuffix(".git")
