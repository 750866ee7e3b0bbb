"""Where a command acts: which cluster, namespace, image and config, as kubectl would choose them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.nearest import nearest
from bot.settings import BackendName, Settings, SettingsError, read
from cli.exits import Failure
from cli.owner import with_owner

IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose on the command line: --context and --namespace; None means not chosen."""

    context: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a command: `settings` are the bot's without a chat, with this cluster and namespace in them."""

    settings: Settings
    context: str | None
    environment: Mapping[str, str]

    @property
    def namespace(self) -> str:
        """Return the namespace of the Jobs."""
        return self.settings.cluster.namespace

    @property
    def words(self) -> str:
        """Return how people name the place."""
        within = f"namespace {self.namespace}"
        return within if self.context is None else f"{within} of {self.context}"


def find_where(environment: Mapping[str, str], chosen: Chosen) -> Where:
    """Return the place that the environment and the command line name.

    The namespace is --namespace, else SANDBOX_NAMESPACE, else that of the kubeconfig's context, else "default", as
    kubectl has it. Raises Failure where there is no kubeconfig or no such context, SettingsError for wrong variables.
    """
    environment = with_owner(environment)
    settings = read({**environment, "SANDBOX_BACKEND": BackendName.KUBERNETES.value}, talks=False)
    cluster = settings.cluster
    context, of_context = (
        (None, _own_namespace())
        if cluster.kubeconfig is None
        else _context(str(cluster.kubeconfig), chosen.context)
    )
    given = environment.get("SANDBOX_NAMESPACE", "").strip()
    namespace = _checked(chosen.namespace) or given or of_context or "default"
    cluster = replace(cluster, namespace=namespace, context=context)
    return Where(replace(settings, cluster=cluster), context, environment)


def demand_kubeconfig(settings: Settings) -> None:
    """Raise Failure where the kubeconfig, if one is used, isn't there, can't be read or has no current context."""
    if settings.cluster.kubeconfig is not None:
        _context(str(settings.cluster.kubeconfig), None)


def _checked(namespace: str | None) -> str | None:
    if namespace is None:
        return None
    namespace = namespace.strip()
    try:
        read({"SANDBOX_NAMESPACE": namespace, "HOME": "/"}, talks=False)
    except SettingsError:
        raise Failure(
            f"--namespace isn't a namespace's name: {namespace[:60]!r}.",
            "Small letters, digits and dashes, such as -n claude-sandbox",
        ) from None
    return namespace


def _own_namespace() -> str | None:
    try:
        return IN_CLUSTER_NAMESPACE.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _context(kubeconfig: str, chosen: str | None) -> tuple[str, str | None]:
    """Return the name of the context, and its namespace. Raises Failure."""
    contexts, current = _read_kubeconfig(kubeconfig)
    name = (chosen or "").strip() or current
    known = ", ".join(sorted(contexts)[:5]) or "none"
    if name is None:
        raise Failure(
            "The kubeconfig has no current context.",
            f"Say --context NAME, or kubectl config use-context NAME. There are: {known}.",
        )
    if name not in contexts:
        alike = nearest(name, contexts)
        meant = f" Did you mean {alike}?" if alike else ""
        raise Failure(
            f"The kubeconfig has no context {name[:60]!r}.{meant}",
            f"There are: {known}.",
        )
    return name, contexts[name]


def _read_kubeconfig(paths: str) -> tuple[dict[str, str | None], str | None]:
    """Return the namespaces by context, and the current context: of several files the first that names one counts."""
    contexts: dict[str, str | None] = {}
    current: str | None = None
    files = [Path(path) for path in paths.split(os.pathsep) if path and Path(path).exists()]
    if not files:
        raise Failure(
            f"There is no kubeconfig at {paths}.",
            "Name one by KUBECONFIG=…, or put it there. For a cluster to try things on: make cluster",
        )
    for path in files:
        found = _yaml(path)
        current = current or _text(found.get("current-context"))
        for entry in found.get("contexts") or ():
            name = _text(entry.get("name")) if isinstance(entry, dict) else None
            inside = entry.get("context") if isinstance(entry, dict) else None
            if name is not None and name not in contexts:
                contexts[name] = (
                    _text(inside.get("namespace")) if isinstance(inside, dict) else None
                )
    return contexts, current


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())[:200]
        raise Failure(
            f"The kubeconfig {path} can't be read: {why}",
            "kubectl config view has to work with it.",
        ) from error
    if not isinstance(found, dict):
        raise Failure(f"{path} isn't a kubeconfig.", "Name one by KUBECONFIG=…")
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
