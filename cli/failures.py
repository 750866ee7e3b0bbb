"""What the rooms below raise, as the failure of a command: in words, with the next step and the exit code. Pure."""

from __future__ import annotations

import re

from cli.exits import Exit, Failure

_NO_RIGHT = "Ask who runs the cluster for the rights of docs/cluster.md. To see yours: kubectl auth can-i --list"
_LOGIN = (
    "The login of your kubeconfig isn't taken, or isn't any more. Log in anew; "
    "kubectl get jobs has to work with the same --context."
)
_CERTIFICATE = (
    "A certificate has expired or isn't trusted. Get the cluster's kubeconfig anew, and look at this machine's clock; "
    "kubectl get jobs has to work with the same --context."
)
_AWAY = "Is it the right cluster (--context), and does it run? kubectl get jobs has to work with the same --context."
_WEBHOOK = (
    "The cluster asks a program of its own (Kueue's is kueue-system), which doesn't answer. Does it run? kubectl get pods -A. "
    "Then say the same again."
)
_NO_NAMESPACE = (
    "Name another namespace by -n NAME; to make it, and all that belongs to it: claude-sandbox init"
)
_NO_LOGIN = "login can't be read"
_KUBECONFIG = "Name a kubeconfig by KUBECONFIG=…; kubectl get jobs has to work with it."


def as_failure(error: Exception) -> Failure | None:
    """Return the failure that an exception means; None for a bug."""
    if isinstance(error, Failure):
        return error
    # Loaded only now: these are at hand when somebody raised one of them.
    from bot.address import BadRepo
    from bot.config_file import ConfigError
    from bot.mistake import Mistake
    from bot.settings import SettingsError
    from runs.backend import BackendError, Refused, UnknownRun

    if isinstance(error, (SettingsError, ConfigError)):
        return Failure(str(error))
    if isinstance(error, BadRepo):
        return Failure(error.what)
    if isinstance(error, Mistake):
        return Failure(error.what)
    if isinstance(error, UnknownRun):
        return Failure(str(error), "These there are: claude-sandbox jobs")
    if isinstance(error, BackendError):
        if type(error) is Refused:  # it answers, and says in its words what can't be
            return Failure(str(error), code=Exit.CLUSTER)
        code = Exit.USAGE if _NO_LOGIN in str(error) else Exit.CLUSTER
        return Failure(str(error), advice_for(error), code)
    return None


def advice_for(error: Exception) -> str:
    """Return the next step where a cluster doesn't answer, or answers no."""
    words = str(error)
    code = getattr(error, "code", None)
    if code == 403:
        return _NO_RIGHT
    if "calling webhook" in words:
        return _WEBHOOK
    if code == 401 or "(401)" in words:
        return _LOGIN
    if re.search("certificate", words, re.IGNORECASE):
        return _CERTIFICATE
    if code == 404 and "namespaces" in words:
        return _NO_NAMESPACE
    if _NO_LOGIN in words:
        return _KUBECONFIG
    return _AWAY if code is None else ""
