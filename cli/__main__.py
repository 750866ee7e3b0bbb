"""The console script, and `python -m cli`: what is pressed while the program loads ends it as later on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cli.garbage import look_no_more, look_seldom

INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended; cli.exits has the others, and is still to be loaded here."""


def main() -> None:
    """Be the program."""
    look_seldom()
    try:
        _open_what_is_closed()
        from cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        look_no_more()


def _open_what_is_closed() -> None:
    """Let an input or an output that a shell has closed (`>&-`), for which Python has None, lead nowhere."""
    nowhere = Path(os.devnull)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, nowhere.open("r+", encoding="utf-8"))


if __name__ == "__main__":
    main()
