"""A namespace of a test's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubectl import Kubectl
from tests.parts.git_server import TOKEN
from tests.parts.model_fixtures import API_KEY


@contextmanager
def made_namespace(cluster: Kubectl) -> Iterator[str]:
    """Make a namespace under Pod Security restricted, with the secret of the sandboxes; remove it at the end."""
    name = f"test-{secrets.token_hex(4)}"
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    kubectl = cluster.within(name)
    kubectl.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": level}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "claude-sandbox-secrets"},
            "stringData": {"GITHUB_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY},
        },
    )
    # Pods are refused until it is there.
    kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
    try:
        yield name
    finally:
        cluster.run("delete", "namespace", name, "--wait=false", "--ignore-not-found")
