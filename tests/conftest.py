"""Fixtures of the whole suite; each lives beside the part that it hands out."""

from __future__ import annotations

import os

pytest_plugins = [
    "tests.parts.fixtures",
    "tests.parts.model_fixtures",
    "tests.parts.browser_fixtures",
    "tests.parts.s3_fixtures",
    "tests.parts.sops_fixtures",
    "tests.parts.left_out",
    "tests.parts.shown",
]

# The library's new form of durations, as `claude-sandbox bot` sets it; the old one warns at every use.
os.environ["PTB_TIMEDELTA"] = "true"
