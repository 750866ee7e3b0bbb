"""What a log lacks at its beginning, because the cluster has thrown it away. Pure.

Of a container's log the kubelet serves the newest file only, and starts another at 10 MiB
(https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation). What our sandbox prints stays below
that, and begins with its first heading.
"""

from __future__ import annotations

from datetime import datetime

from k8s import names
from k8s.structs import Pod

HEADING = "▶ ".encode()

LATE_SECONDS = 10.0
"""A first line that is so late may be none: the kubelet looks every ten seconds whether a log is too large."""


def may_lack_its_start(printed: bytes) -> bool:
    """Say whether a log that was read whole may have lost its beginning."""
    return bool(printed) and not printed.startswith(HEADING)


def remark(first_at: datetime | None, pod: Pod) -> bytes:
    """Return the line that stands for a beginning that may be gone; nothing where the first line is early enough."""
    begun_at = _begun_at(pod)
    if first_at is None or begun_at is None:
        return b""
    late = (first_at - begun_at).total_seconds()
    if late < LATE_SECONDS:
        return b""
    said = f"{late:.0f} s" if late < 120 else f"{late / 60:.0f} min"
    return _ours(
        f"The cluster keeps the newest part of a long log: the first line here was printed {said} after the start."
    )


def cut(most_bytes: int) -> bytes:
    """Return the line that stands for the beginning of a log of which only so much was read."""
    return _ours(f"This log is longer than {most_bytes >> 20} MiB: here is its end.")


def _begun_at(pod: Pod) -> datetime | None:
    state = pod.container(names.CONTAINER)
    begun = state.terminated or state.running
    return None if begun is None else begun.started_at


def _ours(text: str) -> bytes:
    return f"[claude-sandbox] {text}\n".encode()
