"""`claude-sandbox remote`: a task becomes a Run on the cluster."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.config import Config
from bot.repo import Target
from bot.stack_words import stack_words
from cli.asking import Written, find_target, make_task, read_prompt, read_written
from cli.bot import load_config, make_stacks
from cli.checkout import here
from cli.cluster import Cluster, person, visit
from cli.exits import Exit
from cli.run_words import launched, values
from cli.screen import Screen
from cli.watching import told, watch
from cli.where import Chosen, Where, find_where
from runs.backend import Unavailable
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


class Fate:
    """What has become of a Run so far, for who presses Ctrl-C."""

    def __init__(self) -> None:
        self.run_id: str | None = None

    def say(self, where: Where, screen: Screen) -> None:
        """Say whether it goes on all the same, and how to stop it."""
        if self.run_id is None:
            screen.note("Stopped: no run was started.")
            return
        screen.note(
            f"You don't watch any more; run {self.run_id} goes on in {where.words}.\n"
            f"  claude-sandbox cancel {self.run_id}   stop it and keep its work\n"
            f"  claude-sandbox logs {self.run_id} -f  watch again"
        )


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
    if not watches:
        screen.say(_with_stack(run))
        screen.json(values(run))
        return Exit.OK
    screen.say(_with_stack(run).partition("\n")[0])
    return await told(await watch(run, cluster, screen), cluster, screen)


async def _launch(new: Launch, cluster: Cluster, fate: Fate) -> Run:
    """Look at the repo and make the Run exist. Ctrl-C before the request leaves nothing; then the Run is there."""
    where, task = cluster.where, new.task
    stacks = make_stacks(where.settings, cluster.config, where.environment, new.folder)
    if stacks is not None:
        task = await stacks.fit(task)
    await cluster.backend.prepare()
    origin = command_line_origin(person(where.environment))
    fate.run_id = run_id(new.key)
    starting = asyncio.ensure_future(cluster.backend.start(new.key, task, origin))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The request is on its way: it is waited for, so that what is said then is true.
        await asyncio.wait([starting])
        if starting.exception() is not None:
            fate.run_id = None
        raise
    except Unavailable as error:  # the answer may have been lost, and not the request
        words = f"{error}\nWhether run {fate.run_id} was made isn't known: claude-sandbox jobs"
        raise Unavailable(words) from error
    except Exception:
        fate.run_id = None
        raise


def _with_stack(run: Run) -> str:
    """Return what is said of a new Run, with what its repo was seen to need."""
    head, _, rest = launched(run).partition("\n")
    notes = run.task.stack.notes if run.task.stack else ()
    return "\n".join([head, *filter(None, [stack_words(run.task)]), *notes, rest])
