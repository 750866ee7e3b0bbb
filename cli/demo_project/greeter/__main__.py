"""Greet the people named on the command line."""

import sys

from greeter import greet


def main(names: list[str]) -> None:
    """Print one greeting per name."""
    for name in names or [""]:
        print(greet(name))


if __name__ == "__main__":
    main(sys.argv[1:])
