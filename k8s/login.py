"""Where the cluster is, and who we are: the official client, as the kubeconfig or the Pod has it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from runs.backend import Unavailable

if TYPE_CHECKING:
    from kubernetes.aio.client.api_client import ApiClient


def load_client() -> None:
    """Load the client, once. It takes a while: not on a loop on which others wait."""
    import_module("kubernetes.aio.client.api_client")


async def log_in(kubeconfig: Path | None, context: str | None) -> ApiClient:
    """Return the client, which connects at its first request; without a kubeconfig that of a Pod. Raises Unavailable."""
    from kubernetes.aio import config
    from kubernetes.aio.client.api_client import ApiClient
    from kubernetes.aio.client.configuration import Configuration

    found = Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(found)  # type: ignore[no-untyped-call]  # the client's own code
        else:
            await config.load_kube_config(  # type: ignore[no-untyped-call]  # as above
                str(kubeconfig),
                context=context,
                client_configuration=found,
                persist_config=False,
            )
    except (config.ConfigException, OSError, ValueError) as error:
        raise Unavailable(f"The cluster's address and login can't be read: {error}") from error
    return ApiClient(found)
