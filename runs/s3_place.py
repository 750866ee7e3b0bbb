"""Which bucket a log store is in: `s3://bucket/prefix`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

EXAMPLE = "s3://bucket/claude-sandbox"
VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
    "AWS_STS_ENDPOINT",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
)
"""Those of https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html that obstore knows, by which a bucket is reached."""


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
