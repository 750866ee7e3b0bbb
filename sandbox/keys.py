"""Every use of a key: git, forge, model. Nothing else in the sandbox reads one from the environment.

The aim is that one day a broker beside the sandbox holds the keys: then only this module changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

GIT_TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable, not a token
MODEL_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
"""One of these is enough; of several the first is used, which is Claude Code's own order."""

_HELPER = (
    "!f() { if test \"$1\" = get; then printf 'username=x-access-token\\npassword=%s\\n'"
    ' "$GITHUB_TOKEN"; fi; }; f'
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one run. Nothing of them shows in `repr`.

    `secrets` are all values that must never be printed, those of keys that the sandbox doesn't use included.
    """

    git_token: str | None = field(repr=False)
    model: tuple[str, str] | None = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    forge_api: str | None = None

    def git_options(self, repo_url: str) -> list[str]:
        """Return options that make git ask the environment for the token, for this repository's server only.

        Helpers of the machine are cleared first. A redirect or submodule that leads to another server gets nothing.
        """
        options = ["-c", "credential.helper="]
        parts = urlsplit(repo_url)
        if self.git_token is None or parts.scheme not in ("http", "https") or not parts.hostname:
            return options
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        server = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
        return [*options, "-c", f"credential.{server}.helper={_HELPER}"]

    def git_environment(self) -> dict[str, str]:
        """Return the variable that the credential helper reads; for git processes that talk to the server only."""
        return {} if self.git_token is None else {GIT_TOKEN: self.git_token}

    def forge_headers(self) -> dict[str, str]:
        """Return the header that opens the forge's API."""
        return {} if self.git_token is None else {"Authorization": f"Bearer {self.git_token}"}

    def model_environment(self) -> dict[str, str]:
        """Return the one variable that opens the model's API; for the agent only."""
        return {} if self.model is None else {self.model[0]: self.model[1]}


def read_keys(environment: Mapping[str, str]) -> Keys:
    """Read the keys from the contract's environment; empty counts as absent."""
    model = next(((name, environment[name]) for name in MODEL_KEYS if environment.get(name)), None)
    return Keys(
        git_token=environment.get(GIT_TOKEN) or None,
        model=model,
        secrets=tuple(_secrets(environment)),
        forge_api=environment.get("GITHUB_API_URL") or None,
    )


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what an agent may know of the environment: no key of anybody, nothing of the contract, no agent socket.

    A variable is a key by its name; what the repository's own programs need (PATH, DATABASE_URL, proxies) stays.
    """
    return {
        name: value
        for name, value in environment.items()
        if not names_a_secret(name) and not name.startswith(_WITHHELD) and name not in _OURS
    }


_SECRET_NAME = re.compile("TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL|PASSPHRASE", re.IGNORECASE)
_WITHHELD = ("SANDBOX_", "TELEGRAM_", "GITHUB_", "GIT_", "SSH_", "KUBE")
_OURS = frozenset({"TASK", "REPO_URL", "REPO_BRANCH", "OLDPWD", "PWD", "SUDO_ASKPASS"})


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
