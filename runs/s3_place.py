"""Which bucket a log store is in: `s3://bucket/prefix`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

EXAMPLE = "s3://bucket/claude-sandbox"


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket, and what all names of objects in it begin with: folders, or nothing."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        """Return the address."""
        return f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def read_place(url: str) -> S3Place | None:
    """Return the place that an address names; None where it isn't one."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    folders = (match[2] or "").strip("/")
    if any(folder in ("", ".", "..") for folder in folders.split("/")) and folders:
        return None
    return S3Place(match[1], folders)


_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/[A-Za-z0-9!_.*'()/-]{0,500})?")
"""Names of buckets, and characters that are safe in keys (https://docs.aws.amazon.com/AmazonS3/latest/userguide/)."""
