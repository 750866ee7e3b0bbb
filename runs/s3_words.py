"""What a server of S3 said, in words for people. Pure: its error in, a sentence with what to do out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runs.s3_place import S3Place


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a bucket is used for: its name for people, the setting that names it, and what its keys need in it."""

    name: str
    setting: str
    rights: str


LOGS = Purpose("log store", "SANDBOX_LOG_STORE", "s3:GetObject, s3:PutObject and s3:DeleteObject")
DEPENDENCIES = Purpose("cache", "cache: of the config", "s3:GetObject and s3:PutObject")

_CODE = re.compile("<Code>([A-Za-z0-9.]{1,60})</Code>")
_MESSAGE = re.compile("<Message>([^<]{1,300})</Message>")
_STATUS = re.compile(r"(?:status code|status): ([1-5][0-9]{2})")
_AWAY = re.compile(r"kind: (?:Connect|Timeout|Interrupted|Request)\b")
_KEYS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
)  # fmt: skip
_NO_KEYS = re.compile(r"/latest/(?:api/token|meta-data)|redentials")
"""Where there are none, the machine that this may be in EC2 is asked for a role's."""
_NOT_NOW = frozenset({"408", "429"})


def error_code(error: BaseException) -> str:
    """Return the code in a server's answer, such as NoSuchBucket; nothing where there is none."""
    match = _CODE.search(str(error))
    return match[1] if match else ""


def away(place: S3Place, server: str, purpose: Purpose = LOGS) -> str:
    """Return what is said of a server that doesn't answer."""
    return f"The {purpose.name} {place} doesn't answer ({server}). Look at AWS_ENDPOINT_URL, and whether the server runs."


def in_words(error: BaseException, place: S3Place, server: str, purpose: Purpose = LOGS) -> str:
    """Return what went wrong, and what an operator can do. Nothing of a key is in it."""
    bucket = f"{purpose.name} {place}"
    text, code = str(error), error_code(error)
    status = match[1] if (match := _STATUS.search(text)) else ""
    if code == "NoSuchBucket":
        return f"There is no bucket {place.bucket} at {server}. Create it, or set another in {purpose.setting}."
    if code in _KEYS or status == "401":
        return (
            f"The {bucket} refuses the bot's keys ({code or status}). "
            "Look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."
        )
    if status == "403":
        return (
            f"The bot may not use the {bucket} ({code or status}). Its keys need s3:ListBucket on the bucket, "
            f"and {purpose.rights} in it."
        )
    if _NO_KEYS.search(text):
        return (
            f"There are no keys for the {bucket}. "
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the bot a role."
        )
    if code.endswith(("StorageFull", "QuotaExceeded")):
        return f"The {bucket} is full ({code}). Free some space, or allow it more."
    if "InvalidCertificate" in text:
        return (
            f"The certificate of {server} isn't trusted, so the {bucket} isn't used. "
            "Name its authority's file in AWS_CA_BUNDLE."
        )
    if status.startswith("5") or status in _NOT_NOW or _AWAY.search(text):
        return away(place, server, purpose)
    said = match[1] if (match := _MESSAGE.search(text)) else ""
    what = ": ".join(part for part in (code or status, said) if part) or text.split("\n")[0][:200]
    return f"The {bucket} can't be used: {what}. Look at AWS_REGION and AWS_ENDPOINT_URL."
