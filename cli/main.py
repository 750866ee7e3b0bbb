"""The command line: reads the environment, wires the rooms together, and prints one line for each mistake."""

from __future__ import annotations

import os
from typing import Annotated

import typer

app = typer.Typer(
    help="Run coding tasks in isolated sandboxes, asked for in a chat.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Be the console script."""
    app(prog_name="claude-sandbox")


@app.callback()
def _root() -> None:
    """Run coding tasks in isolated sandboxes, asked for in a chat."""


@app.command()
def bot() -> None:
    """Run the Telegram bot; it takes all of its settings from the environment."""
    from cli.bot import run_bot

    raise SystemExit(run_bot(os.environ))


@app.command()
def demo(
    once: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Say only this, print the conversation, and exit with 0 only if the task ended well.",
        ),
    ] = None,
) -> None:
    """Play the whole conversation on this machine, without a token, a cluster or a network."""
    from cli.demo import run_demo

    raise SystemExit(run_demo(os.environ, once))
