"""`claude-sandbox local`: from what was typed to the exit code."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from bot.config import Config
from bot.markup import Markup, paragraphs
from bot.messages import ANSWER_ADVICE, completion
from bot.repo import Target, find_again
from bot.settings import BackendName, Settings, read
from cli.asking import find_target, make_task, read_prompt, read_written
from cli.checkout import here
from cli.exits import Exit, Failure
from cli.local.bare import run_bare
from cli.local.contained import Here, compose_of, remarks, run_contained
from cli.local.engine import Engine, find_engine
from cli.local.kept import Kept, held
from cli.local.one_run import Lines, OneRun
from cli.local.pod import Stopping
from cli.local.way import With
from cli.owner import with_owner
from cli.parts import load_config
from cli.person import person
from cli.run_words import for_terminal, values
from cli.screen import Screen
from cli.written import Written
from runs.outcome import Ending
from runs.run import Run, command_line_key, command_line_origin
from sandbox.keys import read_keys
from sandbox.redaction import Redactor

_BARE = (
    "Neither Docker nor Podman is installed: the run is a process of this machine, without isolation and without "
    "services beside it."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. `network` is one of the engine's that the run joins; `compose` wants the file and no run."""

    prompt: str
    repo: str | None = None
    ref: str | None = None
    written: Written = field(default_factory=Written)
    way: With | None = None
    bare: bool = False
    network: str | None = None
    compose: bool = False

    def resolved(self) -> Wish:
        """Return the same with its way. Raises Failure for what can't be had together."""
        if self.bare and self.way not in (None, With.BARE):
            raise Failure(f"Either --bare or --with {self.way.value}: leave one out.")
        way = With.BARE if self.bare else self.way
        if self.compose and (way is With.BARE or self.network is not None):
            other = "--network" if self.network is not None else "--bare"
            raise Failure(f"--compose starts nothing: leave {other} out.")
        if way is With.BARE and self.network is not None:
            raise Failure("A plain process joins no network: leave --network out.")
        return replace(self, way=way)


@dataclass(frozen=True, slots=True)
class _Known:
    """What surrounds the command."""

    environment: Mapping[str, str] = field(repr=False)
    settings: Settings
    config: Config
    screen: Screen


def run_local(environment: Mapping[str, str], wish: Wish, screen: Screen) -> Exit:
    """Carry out a task on this machine, print how it went, and return the exit code. Raises Failure."""
    return asyncio.run(_run(with_owner(environment), wish.resolved(), screen))


async def _run(environment: Mapping[str, str], wish: Wish, screen: Screen) -> Exit:
    settings = read({**environment, "SANDBOX_BACKEND": BackendName.LOCAL.value}, talks=False)
    config = load_config(settings.config_path)
    engine = None if wish.compose else await find_engine(wish.way, environment)
    if engine is None and not wish.compose and wish.way is None:
        screen.note(_BARE)
    one = _asked(wish, _Known(environment, settings, config, screen))
    if wish.compose:
        file = await compose_of(one)
        screen.say(file.rstrip("\n"))
        screen.json({"run": one.id, "compose": file})
        return Exit.OK
    run, tail = await _carry_out(one, engine, wish, screen)
    screen.json({**values(run), "with": With.BARE.value if engine is None else engine.name.value})
    redactor = Redactor(read_keys(environment).secrets)
    screen.markup(told(run, tail, in_folder=wish.repo is None).mapped(redactor.text))
    return _exit(run)


def told(run: Run, tail: str, *, in_folder: bool = False) -> Markup:
    """Return how a run ended, in the words of the chat, as far as they hold where there is none.

    `in_folder` says that a clone of its repository is at hand.
    """
    report = run.outcome.report if run.outcome else None
    ref = f"--ref {report.branch} " if report and report.pushed else ""
    advice = f'Answer it in a new task: claude-sandbox local {ref}"…"'
    ended = completion(run, tail).mapped(
        lambda text: for_terminal(text.replace(ANSWER_ADVICE, advice), run)
    )
    if in_folder and report and report.pushed:
        return paragraphs(ended, f"Have it here: git fetch --all && git switch {report.branch}")
    return ended


def _asked(wish: Wish, known: _Known) -> OneRun:
    prompt = read_prompt(wish.prompt)
    options, services = read_written(wish.written)
    target = _target(wish, known)
    task = make_task(target, options, services, prompt, known.config)
    origin = command_line_origin(person(known.environment))
    return OneRun(command_line_key(), task, origin, known.settings, known.config, known.environment)


def _target(wish: Wish, known: _Known) -> Target:
    """Return the repository that was named, or that of the folder; warn of what of it the run won't see. Raises Failure."""
    config, forge = known.config, known.settings.forge_url
    if wish.repo is not None:
        return find_target(wish.repo, wish.ref, config, forge)
    source = here(known.environment).source(wish.ref, in_folders=True)
    for warning in source.warnings:
        known.screen.note(f"⚠ {warning}")
    in_folder = source.url.startswith("file:")
    found = find_again(source.url, source.branch, config, forge) if in_folder else None
    return found or find_target(source.url, source.branch, config, forge)


async def _carry_out(
    one: OneRun, engine: Engine | None, wish: Wish, screen: Screen
) -> tuple[Run, str]:
    """Carry out a run; keep its log as it comes, and how it ended."""
    kept = Kept(one.settings.state_folder)
    await kept.check()
    with held(kept.state, one.id):
        await kept.begin(one.begun(time.time()))
        with kept.logging(one.id) as keep:
            lines = Lines(screen, Redactor(read_keys(one.environment).secrets), keep)
            try:
                run = await _followed(one, engine, wish, lines)
            except Failure:  # it never began
                kept.drop(one.id)
                raise
        await kept.end(run)
    if lines.unread is not None:
        raise lines.unread
    return run, lines.tail


async def _followed(one: OneRun, engine: Engine | None, wish: Wish, lines: Lines) -> Run:
    stopping = lines.stopping
    with _signals(stopping, lines.screen):
        if engine is None:
            if ignored := _ignored(wish.written):
                lines.screen.note(f"A plain process has none of its own: {', '.join(ignored)}.")
            return await run_bare(one, lines.show, stopping)
        for remark in remarks(one):
            lines.screen.note(remark)
        return await run_contained(one, Here(engine, wish.network), lines.show, stopping)


def _ignored(written: Written) -> list[str]:
    """Name the options that only a container could apply."""
    names = ("memory", "cpu", "image", "services")
    return [f"--{name}" for name in names if getattr(written, name) is not None]


@contextmanager
def _signals(stopping: Stopping, screen: Screen) -> Iterator[None]:
    """Let Ctrl-C, and what else ends a program, stop the run; a second one at once."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def ask(number: int) -> None:
        again = stopping.asked.is_set()
        if again and number == signal.SIGHUP:
            return  # a terminal that is closed sends it, and its shell once more
        with suppress(OSError, Failure):
            screen.interrupted(_SECOND if again else _FIRST)
        stopping.ask()

    for number in numbers:
        loop.add_signal_handler(number, ask, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _exit(run: Run) -> Exit:
    if run.outcome is None:
        raise Failure(f"Run {run.id} hasn't ended.", code=Exit.RUN_FAILED)
    if run.outcome.ending is Ending.CANCELLED:
        return Exit.INTERRUPTED
    return Exit.OK if run.outcome.ended_well else Exit.RUN_FAILED


_FIRST = "Stopping: what the agent has done so far, if anything, is pushed. Ctrl-C again to end it at once, without that."
_SECOND = "Ending at once; what was made for the run is removed."
