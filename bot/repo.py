"""What a person may write as repo, and which repo that is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.address import (
    Address,
    BadRepo,
    read_address,
    read_configured,
    refuse_branch,
    refuse_characters,
    same_host,
)
from bot.config import Config, Repo
from bot.nearest import nearest


@dataclass(frozen=True, slots=True)
class Target:
    """The repo that a person means.

    `name` is what people call it: its alias, or owner/name, or host/path. `named` is the config's entry, None when
    the config doesn't name it. `on_forge` says that it is on the host of GITHUB_API_URL.
    """

    name: str
    address: Address
    branch: str | None
    named: Repo | None
    on_forge: bool


def find(written: str, config: Config, forge_url: str) -> Target:
    """Return the repo that an alias, `owner/name` or an address means, each also with `@branch`.

    `forge_url` is `bot.address.forge_url` of GITHUB_API_URL. A repo that the config names is reached by the
    config's address, and one on the forge by the forge's own, however it was written: the key goes to no other
    place. Raises BadRepo.
    """
    place, branch = _split_branch(written)
    refuse_characters(place)
    if _WORD.fullmatch(place):
        repo = _by_alias(place, branch, config)
        return Target(repo.alias, repo.address, branch, repo, same_host(repo.address, forge_url))
    if _OWNER_NAME.fullmatch(place):
        return _by_address(_on_forge(place, branch, forge_url), branch, config, forge_url)
    first, _, rest = place.partition("/")
    if "." in first and ":" not in first and "@" not in first and "/" in rest:
        place = f"https://{place}"
    elif ":" not in place:
        raise BadRepo("A repo is an alias, owner/name, or an address such as https://….")
    address = read_address(place)
    if same_host(address, forge_url):
        address = _on_forge(address.path, branch, forge_url)
    return _by_address(address, branch, config, forge_url)


def find_again(url: str, branch: str | None, config: Config, forge_url: str) -> Target | None:
    """Return what the address of an earlier Task means today; None when it can't be run at all any more."""
    try:
        return _by_address(read_configured(url), branch, config, forge_url)
    except BadRepo:
        return None


_MOST_TOLD = 10
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_OWNER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_SHORT_SSH = re.compile(r"[^/:@]+@[^/:@]+:")


def _split_branch(written: str) -> tuple[str, str | None]:
    """Split `repo@branch`; an @ before the path of an address belongs to the address."""
    start = 0
    if "://" in written:
        start = (written.find("/", written.index("://") + 3) + 1) or len(written)
    elif _SHORT_SSH.match(written):
        start = written.index(":")
    place, at, branch = written[start:].partition("@")
    if not at:
        return written, None
    if ":" in place and not start:
        read_address(f"https://{written}")  # user:password@host: refused with its own sentence
    refuse_branch(branch)
    return written[:start] + place, branch


def _by_alias(word: str, branch: str | None, config: Config) -> Repo:
    for repo in config.repos.values():
        if repo.alias.casefold() == word.casefold():
            return repo
    alike = nearest(word, config.repos)
    if alike is not None:
        instead = alike if branch is None else f"{alike}@{branch}"
        raise BadRepo(f"There is no repo of that name here. Did you mean {alike}?", instead)
    if config.repos:
        known = ", ".join(sorted(config.repos)[:_MOST_TOLD])
        raise BadRepo(f"There is no repo of that name here. There are: {known}.")
    raise BadRepo("No repo has a short name here. Write owner/name.")


def _on_forge(path: str, branch: str | None, forge_url: str) -> Address:
    """Return the forge's own address of owner/name, whatever scheme or port the person wrote."""
    path = path.removesuffix(".git")
    if not _OWNER_NAME.fullmatch(path):
        owner, name, *rest = [*path.split("/"), "", ""][:4]
        instead = f"{owner}/{name}"
        if rest[0] == "tree" and branch is None:
            instead += "@" + path.split("/tree/", 1)[1]
        raise BadRepo("That is a page of a repo. Write owner/name.", instead if name else None)
    return Address(f"{forge_url}/{path}.git", forge_url.partition("://")[2], path)


def _by_address(address: Address, branch: str | None, config: Config, forge_url: str) -> Target:
    on_forge = same_host(address, forge_url)
    for repo in config.repos.values():
        if repo.address.identity == address.identity:
            return Target(repo.alias, repo.address, branch, repo, on_forge)
    name = address.path if on_forge else f"{address.host}/{address.path}"
    return Target(name, address, branch, None, on_forge)
