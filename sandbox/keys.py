"""Every use of a key: git, forge, model. Nothing else in the sandbox reads one from the environment.

Where SANDBOX_BROKER names a broker (`sandbox/broker/`), it holds the keys: then the three ways lead through it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

GIT_TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable, not a token
MODEL_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
"""One of these is enough; of several the first is used, which is Claude Code's own order."""

BROKER = "SANDBOX_BROKER"
"""The broker's address."""
BROKER_MODEL = "SANDBOX_BROKER_MODEL"
"""Which of MODEL_KEYS the broker holds: the agent behaves by the kind of its key."""
SHARED = "SANDBOX_SHARED"
"""Names of variables that look like keys, and that the agent gets: they open what stands beside it, or the repo sets them."""
HELD = "held-by-the-broker"
"""What stands in the place of a key."""

_HELPER = (
    "!f() { if test \"$1\" = get; then printf 'username=x-access-token\\npassword=%s\\n'"
    ' "$GITHUB_TOKEN"; fi; }; f'
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one run. Nothing of them shows in `repr`.

    `secrets` are all values that must never be printed, those of keys that the sandbox doesn't use included. `broker`
    is the address of the broker that holds the keys; then there are none here but a stand-in for the model's.
    """

    git_token: str | None = field(repr=False)
    model: tuple[str, str] | None = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    forge_api: str | None = None
    broker: str | None = field(default=None, repr=False)

    def git_options(self, repo_url: str) -> list[str]:
        """Return options that make git ask the broker, or else the environment for the token of this server only.

        Helpers of the machine are cleared first. A redirect or submodule that leads to another server gets nothing.
        """
        options = ["-c", "credential.helper="]
        if self.brokers(repo_url):
            return [*options, "-c", "http.proxy=", *self.clone_options(repo_url)]
        parts = urlsplit(repo_url)
        if self.git_token is None or parts.scheme not in ("http", "https") or not parts.hostname:
            return options
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        server = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
        return [*options, "-c", f"credential.{server}.helper={_HELPER}"]

    def brokers(self, repo_url: str) -> bool:
        """Say whether git reaches this repository through the broker; over ssh, or in a folder, it doesn't."""
        return self.broker is not None and urlsplit(repo_url).scheme in ("http", "https")

    def passes_by(self, repo_url: str) -> bool:
        """Say whether there is a broker, and git talks to a server all the same without it: over ssh."""
        local = repo_url.startswith(("file:", "/", "."))
        return self.broker is not None and not self.brokers(repo_url) and not local

    def clone_options(self, repo_url: str) -> list[str]:
        """Return settings by which a clone's owner fetches through the broker, though its origin is the real address."""
        if not self.brokers(repo_url):
            return []
        way = ["-c", f"url.{self.broker}/git.insteadOf={repo_url}"]
        return [*way, "-c", f"http.{self.broker}.proxy="]

    def shown(self, text: str, repo_url: str) -> str:
        """Return what git says with the real address in the place of the broker's."""
        if not self.brokers(repo_url):
            return text
        parts, broker = urlsplit(repo_url), urlsplit(self.broker or "")
        server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        root = f"{broker.scheme}://{broker.netloc}"
        return text.replace(f"{self.broker}/git", repo_url).replace(root, server)

    def git_environment(self) -> dict[str, str]:
        """Return the variable that the credential helper reads; for git processes that talk to the server only."""
        return {} if self.git_token is None else {GIT_TOKEN: self.git_token}

    def forge_headers(self) -> dict[str, str]:
        """Return the header that opens the forge's API."""
        return {} if self.git_token is None else {"Authorization": f"Bearer {self.git_token}"}

    def model_environment(self) -> dict[str, str]:
        """Return the one variable that opens the model's API, and the broker's address; for the agent only."""
        if self.model is None:
            return {}
        way = {} if self.broker is None else {"ANTHROPIC_BASE_URL": f"{self.broker}/model"}
        return {**way, self.model[0]: self.model[1]}

    def forge_address(self, api: str) -> str:
        """Return where the forge's API is reached, whose own address is this."""
        return api if self.broker is None else f"{self.broker}/forge"


def read_keys(environment: Mapping[str, str]) -> Keys:
    """Read the keys from the contract's environment; empty counts as absent."""
    broker = environment.get(BROKER) or None
    model = next(((name, environment[name]) for name in MODEL_KEYS if environment.get(name)), None)
    if broker is not None:
        held = environment.get(BROKER_MODEL, "")
        model = (held, HELD) if held in MODEL_KEYS else None
    return Keys(
        git_token=None if broker else environment.get(GIT_TOKEN) or None,
        model=model,
        secrets=tuple(_secrets(environment)),
        forge_api=environment.get("GITHUB_API_URL") or None,
        broker=broker,
    )


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what an agent may know of the environment: no key of anybody, nothing of the contract, no agent socket.

    A variable is a key by its name; what the repository's own programs need (PATH, DATABASE_URL, proxies) stays.
    """
    return {
        name: value
        for name, value in without_secrets(environment).items()
        if not name.startswith(_WITHHELD) and name not in _OURS
    }


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that aren't a key by their names, and those of SHARED."""
    shared = {*environment.get(SHARED, "").split(), *_NAMES_A_PLACE} - {GIT_TOKEN, *MODEL_KEYS}
    return {
        name: value
        for name, value in environment.items()
        if not names_a_secret(name) or name in shared
    }


def split_keys(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the keys that a broker holds, and the variables that aren't a key by their names."""
    names = (GIT_TOKEN, *MODEL_KEYS)
    keys = {name: environment[name] for name in names if environment.get(name)}
    return keys, without_secrets(environment)


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which the broker, which is on this machine, is reached without a proxy."""
    if not environment.get(BROKER):
        return {}
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(filter(None, (exempt, "127.0.0.1"))))


_SECRET_NAME = re.compile("TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL|PASSPHRASE", re.IGNORECASE)
_WITHHELD = ("SANDBOX_", "TELEGRAM_", "GITHUB_", "GIT_", "SSH_", "KUBE")
_NAMES_A_PLACE = frozenset({"SOPS_AGE_KEY_FILE"})
"""Where a key is; that is for the sandbox program, and not for the agent."""
_OURS = frozenset(
    {"TASK", "REPO_URL", "REPO_BRANCH", "OLDPWD", "PWD", "SUDO_ASKPASS", *_NAMES_A_PLACE}
)


def names_a_secret(name: str) -> bool:
    """Say whether a variable of this name holds a key."""
    return _SECRET_NAME.search(name) is not None


def _secrets(environment: Mapping[str, str]) -> list[str]:
    """Collect values of at least 8 characters; shorter ones, and plain numbers, would black out half a log."""
    found = [value for name, value in environment.items() if names_a_secret(name)]
    for name, value in environment.items():
        if name.endswith("_URL") and "@" in value:
            found += [part for part in passwords(value) if part]
    return sorted({v for v in found if len(v) >= 8 and not v.isdigit()}, key=len, reverse=True)


def passwords(url: str) -> list[str | None]:
    """Return the password of a URL, if there is one."""
    try:
        return [urlsplit(url).password]
    except ValueError:
        return []
