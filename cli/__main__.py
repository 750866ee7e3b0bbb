"""The console script, and `python -m cli`: what is pressed while the program loads ends it as later on."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended; cli.exits has the others, and is still to be loaded here."""


def main() -> None:
    """Be the program."""
    try:
        from cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
