"""The command line: reads the environment, wires the rooms together, and prints one line for each mistake."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Annotated

import typer

from cli import installing, making, on_cluster, on_machine
from cli.adding import add

app = typer.Typer(
    help="Run coding tasks in isolated sandboxes, asked for in a chat.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # plain: its panels cut the names of options where the screen is narrow
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Be the console script."""
    app(prog_name="claude-sandbox", terminal_width=min(shutil.get_terminal_size().columns, 80) - 1)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from cli.owner import version

        typer.echo(f"claude-sandbox {version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Run coding tasks in isolated sandboxes, asked for in a chat."""


def bot() -> None:
    """Run the Telegram bot; it takes all of its settings from the environment."""
    from cli.bot import run_bot

    raise SystemExit(run_bot(os.environ))


def demo(
    once: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Say only this, print the conversation, and exit with 0 only if the task ended well.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Serve the chat here; 0 for any free port."),
    ] = None,
    browser: Annotated[
        bool, typer.Option(help="Open the chat in the browser, where there is one.")
    ] = True,
) -> None:
    """Open a chat with the bot in the browser, all on this machine: no token, cluster or network."""
    from cli.demo import Wish, run_demo

    raise SystemExit(run_demo(os.environ, Wish(once, port, browser)))


def redact() -> None:
    """Black out secrets in a text, to share it: standard input to standard output, line by line.

    Tokens, keys and passwords are found by their form, in about two hundred forms, also in URLs, JSON and base64; and
    the values of variables such as GITHUB_TOKEN in this environment wherever they stand. Colours and invisible
    characters are left out. Look at the result all the same: a secret without a form of its own is not found.

    Example: kubectl logs job/claude-x5g5hmch | claude-sandbox redact > log.txt
    """
    from cli.redact import run_redact

    raise SystemExit(run_redact(os.environ, sys.stdin.buffer, sys.stdout.buffer))


def stack(
    place: Annotated[str, typer.Argument(metavar="FOLDER|URL", help="A folder, or a git URL.")],
    ref: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="A branch or tag; else the default one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Say which language and services a repository would get, and why: file and line of each finding.

    Nothing of the repository is run. A URL is read with GITHUB_TOKEN, as the bot does it before a run.

    Example: claude-sandbox stack . --json
    """
    from cli.stack import run_stack

    raise SystemExit(run_stack(os.environ, place, ref, as_json=as_json))


for part in (on_cluster, installing, on_machine, making):
    part.add_to(app)
add(app, bot, demo, redact, stack)
