"""Fixtures of the whole suite; each lives beside the part that it hands out."""

from __future__ import annotations

import os
import signal

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

# A shell that starts the tests in the background has Ctrl-C ignored, and the programs that they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
