"""How a command is added to the program: its line in the list of commands is the first of its docstring, whole."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import typer


def add(app: typer.Typer, *commands: Callable[..., None], no_args_is_help: bool = False) -> None:
    """Add commands; with `no_args_is_help` one that is said alone shows its help.

    Without a short help typer takes as much of the docstring as fits on one line, and three dots.
    """
    for command in commands:
        first_line, _, _ = (inspect.getdoc(command) or "").partition("\n")
        app.command(short_help=first_line, no_args_is_help=no_args_is_help)(command)
