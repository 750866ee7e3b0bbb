"""What the broker is started with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.broker.state import ModelKey
from sandbox.keys import BROKER, read_keys

PORT = 9180
READY = "ready"
"""The file in the broker's folder that is there once connections are taken."""
MODEL_API = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """The Run, its keys and the servers behind the broker.

    `prefix` begins every path that is taken, so that others on the same machine can't use the broker. `folder` is where
    its State is kept. `forge_api` None means GitHub's own; `pull_request` says whether the Task asks for one.
    """

    run_id: str
    repo_url: str
    git_token: str | None = field(default=None, repr=False)
    model_key: tuple[ModelKey, str] | None = field(default=None, repr=False)
    model_url: str = MODEL_API
    forge_api: str | None = None
    pull_request: bool = False
    budget_usd: float | None = None
    prefix: str = field(default="", repr=False)
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_settings(environment: Mapping[str, str], keys: Mapping[str, str]) -> Settings:
    """Read the contract's variables, as the sandbox does; `keys` come on top of them. Raises ValueError."""
    found = read_keys({**environment, **keys, BROKER: ""})
    run_id = environment.get("SANDBOX_RUN") or "local"
    prefix = environment.get("SANDBOX_BROKER_PREFIX", "")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}", run_id):
        raise ValueError("SANDBOX_RUN may hold letters, digits and hyphens only")
    if not re.fullmatch(r"(/[A-Za-z0-9_-]+)?", prefix):
        raise ValueError("SANDBOX_BROKER_PREFIX is no path of one name")
    folder = environment.get("SANDBOX_BROKER_STATE")
    budget = environment.get("SANDBOX_BUDGET")
    return Settings(
        run_id=run_id,
        repo_url=environment.get("REPO_URL", ""),
        git_token=found.git_token,
        model_key=None if found.model is None else (ModelKey(found.model[0]), found.model[1]),
        model_url=(environment.get("ANTHROPIC_BASE_URL") or MODEL_API).rstrip("/"),
        forge_api=found.forge_api,
        pull_request=environment.get("SANDBOX_PR", "") not in ("", "0", "false"),
        budget_usd=float(budget) if budget else None,
        prefix=prefix,
        folder=Path(folder) if folder else None,
        environment=environment,
    )
