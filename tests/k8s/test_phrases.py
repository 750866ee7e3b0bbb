"""What a real cluster said, and what of it is shown."""

from __future__ import annotations

import pytest

from k8s.phrases import brief


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("", ""),
        ("something new", "something new"),
        (
            'Back-off pulling image "r.io/a:1": ErrImagePull: failed to pull and unpack image "r.io/a:1": failed to '
            'resolve reference "r.io/a:1": pulling from host r.io failed with status code [manifests 1]: 401 Unauthorized',
            "r.io/a:1: pulling from host r.io failed with status code [manifests 1]: 401 Unauthorized",
        ),
        (
            'rpc error: code = NotFound desc = failed to pull and unpack image "r.io/a:1": failed to resolve reference '
            '"r.io/a:1": r.io/a:1: not found',
            "r.io/a:1: not found",
        ),
        ('Back-off pulling image "r.io/a:1"', 'Back-off pulling image "r.io/a:1"'),
        (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
            'unable to start container process: exec: "/x": stat /x: no such file or directory: unknown',
            'unable to start container process: exec: "/x": stat /x: no such file or directory',
        ),
        (
            'Error creating: pods "claude-a-b" is forbidden: exceeded quota: small, requested: pods=1',
            "exceeded quota: small, requested: pods=1",
        ),
        (
            "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 Preemption is not "
            "helpful for scheduling.",
            "0/1 nodes are available: 1 Insufficient memory.",
        ),
    ],
)
def test_the_reason_stays_and_its_frame_goes(words: str, shown: str) -> None:
    assert brief(words) == shown
