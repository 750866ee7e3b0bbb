"""Where a repo is: one form for all the ways in which its address can be written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Address:
    """A repo's address.

    `url` is what git gets. `host` is in small letters, with the port where it isn't the usual one; "" for a folder of
    this machine. `path` has no slash at its ends and no ".git". `identity` is equal for all spellings of the same
    repo.
    """

    url: str
    host: str
    path: str

    @property
    def identity(self) -> str:
        """Return what tells repos apart: forges don't mind the case, and ssh and https reach the same repo."""
        return f"{self.host}/{self.path}".lower() if self.host else f"file:///{self.path}"


class BadRepo(Exception):
    """What was written names no repo that may be run.

    `what` says why, without repeating it: it may hold a secret. `instead` is what was probably meant.
    """

    def __init__(self, what: str, instead: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead


def forge_url(github_api_url: str) -> str:
    """Return the web address that belongs to GITHUB_API_URL: https://ghe.example/api/v3 is https://ghe.example."""
    scheme, _, rest = github_api_url.partition("://")
    host = _host(rest.split("/", 1)[0], scheme)
    return f"{scheme}://{'github.com' if host == 'api.github.com' else host}"


def read_address(written: str) -> Address:
    """Read an address as git knows them: https, http, ssh, or git@host:path. Raises BadRepo."""
    refuse_characters(written)
    scheme, separator, rest = written.partition("://")
    scheme = scheme.lower() if separator else "ssh"
    if scheme == "file":
        raise BadRepo("A folder of the bot's machine can't be run from a chat.")
    if scheme not in _OWN_PORTS or "::" in written.partition("/")[0]:
        raise BadRepo("Only https and ssh addresses can be run.")
    authority, _, path = rest.partition("/") if separator else written.partition(":")
    user, at, place = authority.rpartition("@")
    if at:
        _refuse_user(scheme, user)
    elif not separator:
        raise BadRepo("Write an ssh address as git@host:owner/name.")
    host = _host(place, scheme)
    path = _path(path) if separator else "/" * path.startswith("/") + _path(path)
    name = path.strip("/").removesuffix(".git")
    if scheme != "ssh":
        return Address(f"{scheme}://{host}/{path}", host, name)
    host_only = host.partition(":")[0]
    url = f"ssh://{user or 'git'}@{host}/{path}" if separator else f"{user}@{host}:{path}"
    return Address(url, host_only, name)


def read_configured(written: str) -> Address:
    """Read an address of the config, where `file:///folder` is allowed, too. Raises BadRepo."""
    scheme, _, folder = written.partition("://")
    if written.startswith(("/", ".", "~")):
        raise BadRepo(_FOLDER)
    if scheme.lower() != "file":
        return read_address(written)
    if _CONTROL.search(written) or len(written) > _LONGEST:
        raise BadRepo("The address is too long, or holds control characters.")
    parts = unquote(folder).split("/")
    if parts[0] or ".." in parts or not any(parts):
        raise BadRepo(_FOLDER)
    return Address(f"file://{folder}", "", "/".join(filter(None, parts)).removesuffix(".git"))


def same_host(address: Address, forge: str) -> bool:
    """Say whether an address is on the host of a forge's web address; by ssh, whatever the port."""
    scheme, _, place = forge.partition("://")
    host = _host(place, scheme)
    by_web = address.url.startswith(("https://", "http://"))
    return address.host == (host if by_web else host.partition(":")[0])


def refuse_characters(written: str) -> None:
    """Refuse what no address, alias or owner/name may hold. Raises BadRepo."""
    if len(written) > _LONGEST:
        raise BadRepo("That is too long for a repo.")
    if _CONTROL.search(written):
        raise BadRepo("There is an invisible character in the repo. Type it by hand.")
    if not written.isascii():
        raise BadRepo(
            "A repo is written with plain letters only: others can look the same and lead elsewhere."
        )
    if written.startswith("-"):
        raise BadRepo("A repo can't begin with a dash.")
    if "\\" in written or written.startswith(("/", ".", "~")):
        raise BadRepo("A path of a machine can't be run from a chat.")


def refuse_branch(branch: str) -> None:
    """Refuse what can't be a branch by the rules of git check-ref-format. Raises BadRepo."""
    if not branch:
        raise BadRepo("There is no branch after the @.")
    if len(branch) > _LONGEST:
        raise BadRepo("That is too long for a branch.")
    if _BAD_BRANCH.search(branch):
        raise BadRepo("Git knows no branch of such a name.")


_FOLDER = "A folder is written from the root, such as file:///srv/git/demo.git."
_LONGEST = 300
_OWN_PORTS = {"https": 443, "http": 80, "ssh": 22}
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_SSH_USER = re.compile(r"[a-z][a-z0-9._-]{0,31}")
_TOKEN = re.compile(r"gh[a-z]_|github_pat_|glpat-")
_SEGMENT = re.compile(r"[A-Za-z0-9._~+%][A-Za-z0-9._~+%-]*")
_BAD_BRANCH = re.compile(
    r"""[\x00-\x20\x7f-\xa0~^:?*\[\\\s\ud800-\udfff]
    | \.\. | @\{ | // | ^@$ | ^[/-] | [/.]$ | (?:^|/)\. | \.lock(?:/|$)""",
    re.VERBOSE,
)


def _refuse_user(scheme: str, user: str) -> None:
    if scheme != "ssh" or not _SSH_USER.fullmatch(user) or _TOKEN.match(user):
        raise BadRepo(
            "Leave names, passwords and tokens out of the address: the bot has its own key. "
            "If that was a real one, replace it now."
        )


def _host(place: str, scheme: str) -> str:
    """Return the host in small letters, with its port unless that is the scheme's own."""
    host, colon, port = place.lower().partition(":")
    if colon and not (port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise BadRepo("The address has no port after its colon.")
    if not _HOST.fullmatch(host) or ".." in host:
        raise BadRepo("The address has no host.")
    if any(label.startswith("xn--") for label in host.split(".")):
        raise BadRepo("A host of other letters can look like one that you trust: it can't be run.")
    return f"{host}:{int(port)}" if colon and int(port) != _OWN_PORTS[scheme] else host


def _path(path: str) -> str:
    if "?" in path or "#" in path:
        raise BadRepo("Leave out the ? or # of the address and what follows.")
    segments = path.strip("/").split("/")
    for segment in segments:
        plain = unquote(segment).split("/")
        if not _SEGMENT.fullmatch(segment) or "." in plain or ".." in plain:
            raise BadRepo("The address has no repo after its host.")
    return "/".join(segments)
