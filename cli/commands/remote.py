"""`claude-sandbox remote`: a task becomes a Run on the cluster."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from bot.config import Config
from bot.repo import Target
from bot.stack_words import stack_words
from cli.asking import find_target, make_task, read_prompt, read_written
from cli.checkout import here
from cli.cluster import Cluster, visit
from cli.exits import Exit
from cli.parts import load_config, make_stacks
from cli.person import person
from cli.run_words import launched, values, what_next
from cli.screen import Screen
from cli.watching import told, watch
from cli.where import Chosen, Where, find_where
from cli.written import Written
from runs.backend import Refused, Unavailable
from runs.run import Run, command_line_key, command_line_origin, run_id
from sandbox.task import Task


@dataclass(frozen=True, slots=True)
class Wish:
    """What was written behind `remote`."""

    task: str
    repo: str | None
    ref: str | None
    written: Written
    watches: bool


@dataclass(frozen=True, slots=True)
class Launch:
    """A Run that shall be there: its key, its Task, and the clone of its repo on this machine, if there is one."""

    key: str
    task: Task
    folder: Path | None = None


class Stage(Enum):
    """How far a start has come: while its request is under way, nobody knows whether there is a Job."""

    BEFORE = auto()
    UNDER_WAY = auto()
    MADE = auto()


class Fate:
    """What has become of a Run so far, for who presses Ctrl-C."""

    def __init__(self) -> None:
        self.run_id = ""
        self.stage = Stage.BEFORE

    def say(self, where: Where, screen: Screen) -> None:
        """Say whether it goes on all the same, and how to stop it."""
        if self.stage is Stage.BEFORE:
            screen.interrupted("Stopped: no run was started.")
        elif self.stage is Stage.UNDER_WAY:
            screen.interrupted(f"Stopped. {self.unknown}")
        else:
            name = self.run_id
            screen.interrupted(f"You don't watch any more; run {name} goes on in {where.words}.")
            stop = (f"claude-sandbox cancel {name}", "stop it and keep its work")
            again = (f"claude-sandbox logs {name} -f", "watch again")
            screen.hints([stop, again], as_note=True)

    @property
    def unknown(self) -> str:
        """Return what is said where no answer came to a start."""
        return f"Whether run {self.run_id} was made isn't known: claude-sandbox jobs"


def run_remote(environment: dict[str, str], chosen: Chosen, wish: Wish, screen: Screen) -> Exit:
    """Start a Run, and with `watches` show how it goes on; return 0, or 1 when it was watched and failed."""
    fate = Fate()
    where = find_where(environment, chosen)
    try:
        prompt = read_prompt(wish.task)
        options, services = read_written(wish.written)
        config = load_config(where.settings.config_path)
        target = _target(wish, config, where, screen)
        task = make_task(target, options, services, prompt, config)
        new = Launch(command_line_key(), task, Path.cwd() if wish.repo is None else None)
        return visit(where, lambda cluster: begin(new, cluster, fate, wish.watches, screen))
    except KeyboardInterrupt:
        fate.say(where, screen)
        return Exit.INTERRUPTED


def _target(wish: Wish, config: Config, where: Where, screen: Screen) -> Target:
    """Return the repository: the one that is named, else that of the folder, of which it is said what isn't pushed."""
    forge = where.settings.forge_url
    if wish.repo is not None:
        return find_target(wish.repo, wish.ref, config, forge)
    source = here(where.environment).source(wish.ref)
    for warning in source.warnings:
        screen.note(f"⚠ {warning}")
    return find_target(source.url, source.branch, config, forge)


async def begin(new: Launch, cluster: Cluster, fate: Fate, watches: bool, screen: Screen) -> Exit:
    """Make the Run exist and say so; with `watches` show how it goes on, and how it ends."""
    run = await _launch(new, cluster, fate)
    screen.say(launched(run))
    if watches:
        return await told(await watch(run, cluster, screen), cluster, screen)
    notes = run.task.stack.notes if run.task.stack else ()
    for line in filter(None, [stack_words(run.task), *notes]):
        screen.say(line)
    screen.hints(what_next(run))
    screen.json(values(run))
    return Exit.OK


async def _launch(new: Launch, cluster: Cluster, fate: Fate) -> Run:
    """Look at the repo and make the Run exist. Ctrl-C before the request leaves nothing; then the Run is there."""
    where, task = cluster.where, new.task
    stacks = make_stacks(where.settings, cluster.config, where.environment, new.folder)
    if stacks is not None:
        task = await stacks.fit(task)
    await cluster.backend.prepare()
    fate.run_id = run_id(new.key)
    starting = asyncio.ensure_future(_start(new.key, task, cluster, fate))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The request is on its way: it is waited for, so that what is said then is true.
        await asyncio.wait([starting])
        starting.exception()  # which `fate` has
        raise
    except Unavailable as error:
        raise Unavailable(f"{error}\n{fate.unknown}") from error


async def _start(key: str, task: Task, cluster: Cluster, fate: Fate) -> Run:
    origin = command_line_origin(person(cluster.where.environment))
    fate.stage = Stage.UNDER_WAY
    try:
        run = await cluster.backend.start(key, task, origin)
    except Refused:
        fate.stage = Stage.BEFORE
        raise
    fate.stage = Stage.MADE
    return run
