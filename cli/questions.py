"""Asks a person in the terminal; where nobody can be asked, or --yes was said, it asks nothing."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from cli.exits import Failure


@dataclass(frozen=True, slots=True)
class Asker:
    """Takes answers from the environment first. `yes` says that every question is answered with yes."""

    environment: Mapping[str, str]
    yes: bool = False

    @property
    def can_ask(self) -> bool:
        """Say whether a person is there to be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.yes

    def given(self, name: str) -> str:
        """Return a variable of the environment; empty counts as absent."""
        return self.environment.get(name, "").strip()

    def text(self, question: str, *, usual: str = "") -> str:
        """Ask for a line; Enter takes what is usual."""
        import typer

        with _asking():
            answer: str = typer.prompt(question, default=usual, show_default=bool(usual), err=True)
        return answer.strip()

    def secret(self, question: str) -> str:
        """Ask for a secret, which isn't shown while it is typed; Enter leaves it out."""
        import typer

        with _asking():
            answer: str = typer.prompt(
                question, default="", show_default=False, hide_input=True, err=True
            )
        return answer.strip()

    def confirm(self, question: str, *, usual: bool = True) -> bool:
        """Ask whether to go on; Enter means what is usual. Raises Failure where nobody can be asked."""
        if self.yes:
            return True
        if not self.can_ask:
            raise Failure(f"{question} Nobody can be asked here.", "Say yes with --yes.")
        import typer

        with _asking():
            return typer.confirm(question, default=usual, err=True)


@contextmanager
def _asking() -> Iterator[None]:
    """Let Ctrl-C, and an end of the input, stop at once what waits for a person: an event loop would only note the signal.

    Raises KeyboardInterrupt for both.
    """
    import typer

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except typer.Abort:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)
