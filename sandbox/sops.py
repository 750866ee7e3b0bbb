"""The edge to sops: an encrypted file in, its plain text out, with the one age key of the operator."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

SECONDS = 30.0
KEY_FILE = "/secrets/age-key.txt"
KEY_FILE_VARIABLE = "SOPS_AGE_KEY_FILE"
OUTPUT_BYTES = 4 << 20

PRINTED_AS = {"dotenv": "dotenv", "yaml": "json"}
"""By the kind of a file, in which form its plain text comes: one that the standard library reads."""
_INPUT = "/dev/stdin"
_NO_DATA_KEY = 128  # CouldNotRetrieveKey of sops' cmd/sops/codes


class NotDecrypted(Exception):
    """The file can't be decrypted; the text says why, without its content."""


def is_encrypted(data: bytes) -> bool:
    """Say whether a file looks like one that sops has encrypted for an age key."""
    return b"sops" in data and b"BEGIN AGE ENCRYPTED FILE" in data


def decrypt(data: bytes, kind: str, environment: Mapping[str, str]) -> bytes:
    """Decrypt a file of a kind of PRINTED_AS; the plain text is in memory only.

    sops gets nothing of the environment but the key file's path, so that no other key service is asked with a login
    of ours, and no program is started. Raises NotDecrypted.
    """
    key = environment.get(KEY_FILE_VARIABLE) or KEY_FILE
    if not os.access(key, os.R_OK):
        raise NotDecrypted("there is no age key here")
    sops = shutil.which("sops", path=environment.get("PATH"))
    if sops is None:
        raise NotDecrypted("sops isn't installed here")
    options = ["--input-type", kind, "--output-type", PRINTED_AS[kind]]
    done = _run([sops, "decrypt", *options, _INPUT], data, key)
    if done.returncode != 0:
        raise NotDecrypted(_why(done))
    if len(done.stdout) > OUTPUT_BYTES:
        raise NotDecrypted("it holds too much")
    return done.stdout


def _run(command: list[str], data: bytes, key: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command,
            input=data,
            cwd="/",
            env={"PATH": "/nonexistent", "HOME": "/nonexistent", KEY_FILE_VARIABLE: key},
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotDecrypted(f"sops took more than {SECONDS:g} s") from error
    except OSError as error:
        raise NotDecrypted(f"sops can't be started: {error}") from error


def _why(done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stderr.decode("utf-8", "replace")
    lines = [line.strip(" |-\t") for line in said.split("\n")]
    lines = [line for line in lines if line]
    if done.returncode != _NO_DATA_KEY:
        return "\n".join(lines[-3:]) or f"sops failed (exit code {done.returncode})"
    if "did not match any" in said.replace("\n      | ", " "):
        wanted = [line.partition(":")[0] for line in lines if line.startswith("age1")]
        return f"it is encrypted for another key than the age key here: {', '.join(wanted[:3])}"
    return "\n".join(["the age key here doesn't open it", *lines[3:6]])
