"""The bot put together: what runs side by side, in which order it starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from telegram import BotCommand, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application

from bot.at_home import AtHome
from bot.cards import Cards
from bot.completion import Completions
from bot.config import Config
from bot.connections import Connections, PollConnections
from bot.desk import Book, Desk, Errands
from bot.guide import COMMANDS
from bot.home import HomeNotices
from bot.intake import (
    LIMIT,
    ConflictError,
    Intake,
    Numbered,
    Poll,
    PollError,
    TokenRefusedError,
)
from bot.key_note import key_note
from bot.live import Live
from bot.members import Members
from bot.metrics import OTHER, Metrics
from bot.outbox import Outbox
from bot.pace import Pace
from bot.present import Present, Views
from bot.pulse import Pulse
from bot.router import Router
from bot.scrape import scraped
from bot.settings import BackendName, Settings
from bot.speaker import Speaker
from bot.stacks import Stacks
from bot.watch import Watch
from runs.backend import Backend, BackendError
from runs.recorded import Recorded
from runs.store import LogStore
from sandbox.redaction import Redactor

log = logging.getLogger(__name__)

UPDATES = ["message", "edited_message", "callback_query"]
FAREWELL_SECONDS = 5.0
PULSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the bot works with; the caller makes and closes the Backend.

    `clock` gives seconds since 1970; `redactor` goes over all that is said; `stacks` looks at repos before their Runs.
    `check` tries at the start what isn't needed for that, and raises BackendError with what is wrong.
    """

    settings: Settings
    config: Config
    backend: Backend
    store: LogStore
    clock: Callable[[], float] = time.time
    redactor: Redactor = field(default_factory=Redactor)
    stacks: Stacks | None = None
    check: Callable[[], Awaitable[None]] | None = None


async def serve(surroundings: Surroundings, stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set. Raises TokenRefusedError when Telegram doesn't take the token.

    What is being sent when `stop` comes is sent to its end; everything else is found again by the next bot.
    """
    metrics = Metrics(surroundings.config.repos, surroundings.clock)
    async with scraped(metrics.registry, surroundings.settings.metrics):
        await _serve(surroundings, metrics, stop)


async def _serve(surroundings: Surroundings, metrics: Metrics, stop: asyncio.Event) -> None:
    connections = (Connections(16, metrics), PollConnections(metrics))
    application = _application(surroundings.settings, *connections)
    outbox = Outbox()
    refused = False
    try:
        await _introduce(application, stop)
        if stop.is_set():
            return
        async with asyncio.TaskGroup() as group:
            outside = _Outside(application, outbox, metrics)
            intake, working = _start(surroundings, outside, group)
            intaking = group.create_task(_stopping(intake, stop))
            await stop.wait()
            await intaking
            await outbox.stop(FAREWELL_SECONDS)
            for task in working:
                task.cancel()
            raise _Done
    except* _Done:
        pass
    except* TokenRefusedError:
        refused = True
    finally:
        await application.shutdown()
        for pool in connections:
            await pool.shutdown()
    if refused:
        raise TokenRefusedError("Telegram refuses the token")


class _Done(Exception):
    """Ends the group, with all the errands in it."""


@dataclass(frozen=True, slots=True)
class _Outside:
    """The ways to those who talk with the bot, and who watch over it."""

    application: Application  # type: ignore[type-arg]  # its six parameters say nothing here
    outbox: Outbox
    metrics: Metrics


def _start(
    surroundings: Surroundings, outside: _Outside, group: asyncio.TaskGroup
) -> tuple[Intake, list[asyncio.Task[None]]]:
    """Build the parts and set them going, all but the intake."""
    settings, store = surroundings.settings, surroundings.store
    application, outbox, metrics = outside.application, outside.outbox, outside.metrics
    errands, book, pace = Errands(group), Book(), Pace()
    speaker = Speaker(application.bot, outbox, surroundings.redactor)
    desk = Desk(
        backend=Recorded(
            AtHome(surroundings.backend, settings.home_chat_id), store, surroundings.clock
        ),
        book=book,
        speaker=speaker,
        store=store,
        config=surroundings.config,
        home_chat_id=settings.home_chat_id,
        forge_url=settings.forge_url,
        bot_name=application.bot.username,
        errands=errands,
        live=Live(speaker, errands.run, pace),
        noticed=lambda run: watch.see(run),
        redactor=surroundings.redactor,
        metrics=metrics,
        stacks=surroundings.stacks,
        clock=surroundings.clock,
    )
    cards = Cards(desk.backend, speaker, errands, desk.clock, pace)
    if settings.backend is BackendName.KUBERNETES:
        entrypoints = surroundings.config.entrypoints
        cards.note = lambda task: key_note(task, settings.cluster.image, entrypoints)
    completions = Completions(desk)
    watch = Watch(
        desk.backend, store, errands, book, (cards, completions, HomeNotices(desk), desk.live)
    )
    metrics.show(Present(_views(desk, completions, outbox)))
    Router(desk, Members(application.bot, settings.home_chat_id, speaker.addresses)).register(
        application
    )
    errands.run(_publish_commands(application))
    errands.run(_checking(surroundings.check))

    working = [
        group.create_task(watch.run()),
        group.create_task(cards.run()),
        group.create_task(_sweeping(watch, settings.poll_seconds, metrics)),
    ]
    return _intake(settings, application, metrics), working


def _views(desk: Desk, completions: Completions, outbox: Outbox) -> Views:
    return Views(
        live=lambda: desk.book.live,
        untold=lambda: completions.untold,
        waiting=outbox.waiting,
        counted=lambda: desk.backend.counted,
        clock=desk.clock,
    )


def _intake(settings: Settings, application: Application, metrics: Metrics) -> Intake:  # type: ignore[type-arg]  # as above
    """Build the way in."""

    async def handle(update: Numbered) -> None:
        if isinstance(update, Update):
            await application.process_update(update)
        metrics.handled(next((kind for kind in UPDATES if getattr(update, kind, None)), OTHER))

    pulse = Pulse(settings.state_folder / "pulse")
    return Intake(_beating(pulse, _poller(application), metrics.polled), handle)


async def _sweeping(watch: Watch, every_seconds: float, metrics: Metrics) -> None:
    """Sweep by the clock until cancelled. The library drops late runs by default, hence both settings."""
    await watch.check_store()
    loop = asyncio.get_running_loop()

    async def sweep() -> None:
        # The library logs the cancellation of a job at its own shutdown as a failure.
        with contextlib.suppress(asyncio.CancelledError):
            began = loop.time()
            well = await watch.sweep()
            metrics.swept(loop.time() - began, well=well)

    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(
        sweep,
        "interval",
        seconds=every_seconds,
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


async def _checking(check: Callable[[], Awaitable[None]] | None) -> None:
    """Say what is wrong with what the bot goes on without."""
    try:
        if check is not None:
            await check()
    except BackendError as error:
        log.warning("%s Until then runs go on without.", error)


async def _stopping(intake: Intake, stop: asyncio.Event) -> None:
    """Take in updates until `stop` is set."""
    taking = asyncio.create_task(intake.run())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((taking, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        taking.cancel()
    try:
        await taking
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


def _application(settings: Settings, calls: Connections, polls: Connections) -> Application:  # type: ignore[type-arg]  # its six parameters say nothing here
    server = settings.telegram_api_url.rstrip("/")
    return (
        Application.builder()
        .token(settings.telegram_token)
        .base_url(f"{server}/bot")
        .base_file_url(f"{server}/file/bot")
        .request(calls)
        .get_updates_request(polls)
        .updater(None)
        .build()
    )


async def _introduce(application: Application, stop: asyncio.Event) -> None:  # type: ignore[type-arg]  # as above
    """Ask Telegram who we are, for as long as it takes."""
    delay = 0.8
    while not stop.is_set():
        try:
            await application.initialize()
        except InvalidToken:
            # Its text holds the token.
            raise TokenRefusedError("Telegram refuses the token") from None
        except TelegramError as error:
            log.warning(
                "telegram doesn't answer yet, again in %.0f s: %s", delay, type(error).__name__
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay)
            delay = min(30.0, delay * 2)
        else:
            log.info("bot @%s is ready", application.bot.username)
            return


async def _publish_commands(application: Application) -> None:  # type: ignore[type-arg]  # as above
    menu = [BotCommand(name, purpose) for name, (purpose, _) in COMMANDS.items()]
    try:
        await application.bot.set_my_commands(menu)
    except TelegramError as error:
        log.warning("the menu of commands wasn't taken: %s", type(error).__name__)


def _beating(pulse: Pulse, poll: Poll, polled: Callable[[], None]) -> Poll:
    """Return a poll that notes each good answer, also by calling `polled`. A disk that can't take it must not keep updates out."""
    failing = False

    async def poll_and_beat(offset: int | None, seconds: int) -> Sequence[Numbered]:
        nonlocal failing
        updates = await poll(offset, seconds)
        polled()
        try:
            async with asyncio.timeout(PULSE_SECONDS):
                await asyncio.to_thread(pulse.beat)
        except OSError as error:  # a TimeoutError is one too
            if not failing:
                log.warning(
                    "the pulse can't be written, probes will fail: %s", str(error) or "no answer"
                )
            failing = True
        else:
            failing = False
        return updates

    return poll_and_beat


def _poller(application: Application) -> Poll:  # type: ignore[type-arg]  # as above
    """Return getUpdates with the library's errors translated to the intake's."""

    async def poll(offset: int | None, seconds: int) -> Sequence[Update]:
        try:
            updates: Sequence[Update] = await application.bot.get_updates(
                offset=offset,
                limit=LIMIT,
                timeout=seconds,
                allowed_updates=UPDATES,
                read_timeout=seconds + 10,
            )
            return updates
        except InvalidToken:
            # Its text holds the token.
            raise TokenRefusedError("Telegram refuses the token") from None
        except Conflict as error:
            raise ConflictError from error
        except RetryAfter as error:
            wait = error.retry_after
            seconds_to_wait = wait if isinstance(wait, int) else wait.total_seconds()
            raise PollError("flood", float(seconds_to_wait)) from error
        except TelegramError as error:
            raise PollError(type(error).__name__) from error

    return poll
