"""The commands of an installation, as they are written: names, options, help. What they do is in cli/commands/."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.adding import add
from cli.on_cluster import Context
from cli.task_options import AsJson

Overlay = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="two-namespaces (the usual one), one-namespace, kueue or gvisor."
    ),
]
FirstRepo = Annotated[
    str | None, typer.Option(metavar="ALIAS=URL", help="A first repository: /run ALIAS …")
]
ConfigFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The bot's config; else the one that is there.")
]
Image = Annotated[
    str | None, typer.Option(metavar="NAME", help="The sandboxes' image; else CLAUDE_IMAGE.")
]
BotImage = Annotated[str | None, typer.Option(metavar="NAME", help="The bot's image.")]
AgeKey = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The age key that decrypts secrets of repositories."),
]
Regcred = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A Docker config.json, to pull images from a registry."),
]
Wait = Annotated[
    int, typer.Option(metavar="SECONDS", min=1, help="How long the bot may take to be ready.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the YAML, without secrets; change nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: yes to everything.")]
KeepLogs = Annotated[
    bool, typer.Option("--keep-logs", help="Leave the volume with the records and logs.")
]
NoKeepLogs = Annotated[bool, typer.Option("--no-keep-logs", help="Take it away, and don't ask.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    add(app, init, doctor, uninstall)


def init(
    overlay: Overlay = None,
    repo: FirstRepo = None,
    config: ConfigFile = None,
    image: Image = None,
    bot_image: BotImage = None,
    age_key: AgeKey = None,
    regcred: Regcred = None,
    wait: Wait = 300,
    dry_run: DryRun = False,
    yes: Yes = False,
    context: Context = None,
) -> None:
    """Install the bot on a cluster: asks for the tokens, tries each, and ends with a bot that says hello.

    It takes from the environment, or asks for: TELEGRAM_BOT_TOKEN, TELEGRAM_CHAT_ID, GITHUB_TOKEN, and
    CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY. Say it again to change something, or to go on where it stopped.
    """
    from cli.commands.init import run_init
    from cli.owner import with_owner
    from cli.where import Chosen
    from cli.wish import Wish

    wish = Wish(
        overlay=overlay,
        repo=repo,
        config=config,
        image=image,
        bot_image=bot_image,
        age_key=age_key,
        registry=regcred,
        dry_run=dry_run,
        yes=yes,
        wait_seconds=wait,
    )
    raise SystemExit(run_init(with_owner(os.environ), Chosen(context), wish))


def doctor(as_json: AsJson = False, context: Context = None) -> None:
    """Look whether everything is as it should be: one line for each check, with the next step.

    Keys that aren't in the environment are taken from the cluster, where you may read them. Exit code 1 if anything
    is wrong.
    """
    from cli.commands.doctor import run_doctor
    from cli.where import Chosen

    raise SystemExit(run_doctor(os.environ, Chosen(context), as_json=as_json))


def uninstall(
    keep_logs: KeepLogs = False,
    no_keep_logs: NoKeepLogs = False,
    yes: Yes = False,
    context: Context = None,
) -> None:
    """Take away from a cluster what init has made or taken over, and nothing else."""
    from cli.commands.uninstall import run_uninstall
    from cli.where import Chosen

    if keep_logs and no_keep_logs:
        raise typer.BadParameter("--keep-logs and --no-keep-logs say the opposite.")
    keeps = keep_logs if keep_logs or no_keep_logs else None
    raise SystemExit(run_uninstall(os.environ, Chosen(context), yes=yes, keep_logs=keeps))
