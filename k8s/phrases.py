"""A cluster's own words, without what says nothing to people: they stand in a message of the size of a phone."""

from __future__ import annotations

import re


def brief(words: str) -> str:
    """Return a message of Kubernetes without the parts around its reason; the image of a pull is named in it."""
    image = _IMAGE.search(words)
    short = words.strip()
    for frame in _FRAMES:
        short = frame.sub("", short)
    if image is None or image[1] in short or short == words:
        return short
    return f"{image[1]}: {short}"


_IMAGE = re.compile(r'(?:Back-off pulling|failed to pull and unpack) image "([^"]*)"')
_FRAMES = tuple(
    re.compile(pattern)
    for pattern in (
        r'^Back-off pulling image "[^"]*": (?:ErrImagePull: )?',
        r"^(?:rpc error: code = \w+ desc = )+",
        r'^failed to pull and unpack image "[^"]*": ',
        r'^failed to resolve reference "[^"]*": ',
        r"^failed to do request: ",
        r"^failed to create containerd task: ",
        r"^failed to create shim task: ",
        r"^OCI runtime create failed: ",
        r"^runc create failed: ",
        r": unknown$",
        r'^Error creating: pods "[^"]*" is forbidden: ',
        r" preemption: \d+/\d+ nodes are available: [^.]*\.?$",
    )
)
"""In the order in which they stand around each other: kubelet, containerd, runc, Job controller, scheduler."""
