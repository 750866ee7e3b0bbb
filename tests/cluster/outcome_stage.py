"""Where the scenes of outcomes are played: many at once on one cluster, each in a namespace of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from k8s.backend import KubernetesBackend
from k8s.names import job_name
from k8s.place import Patience
from runs.backend import BackendError
from runs.encoding import run_values
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run
from sandbox.report import Cause
from sandbox.task import Task
from tests.cluster.backend_place import ClusterPlace, template
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.cluster.namespaces import made_namespace
from tests.cluster.outcome_witness import Witness
from tests.outcomes.samples import LOG_LINES, TEST, Sample
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, Step
from tests.runs.contract import start

AT_ONCE = 8
HEAVY_AT_ONCE = 2
LIMIT_SECONDS = 150.0
IMPATIENT = replace(
    Patience(**dict.fromkeys(Patience.__dataclass_fields__, 3.0)), service=60.0, other=60.0
)
"""What waits for longer than this fails: the tests want to see it. A busy node takes its time for the rest."""


@dataclass(frozen=True, slots=True)
class World:
    """What all scenes share."""

    cluster: Kubectl
    images: Images
    git_server: GitServer
    host_address: str
    folder: Path


class NotHere(Exception):
    """A scene can't be played on this cluster; the text says why."""


class Stage:
    """One scene's place. What it opens is closed with it."""

    def __init__(self, world: World, kubectl: Kubectl, name: str, stack: AsyncExitStack) -> None:
        self.world = world
        self.kubectl = kubectl
        self.name = name
        self.stack = stack
        self.folder = world.folder / name
        self.folder.mkdir()
        self.repo = self.git_repo({"README.md": "# Small\n"})
        self.place = self._place(self.repo.url)
        self.record: Run | None = None

    def git_repo(self, files: Mapping[str, str | bytes]) -> OriginRepo:
        """Make a repository of the scene's own; the newest is the one that is worked on."""
        number = len(list(self.world.git_server.root.glob(f"{self.name}-*")))
        self.repo = self.world.git_server.create(f"{self.name}-{number}", files)
        self.place = self._place(self.repo.url)
        return self.repo

    def model(self, *script: Step) -> dict[str, object]:
        """Serve a scripted model; return the settings with which the real Claude Code asks it."""
        api = self.stack.enter_context(MessagesApi(script, self.world.host_address))
        variables = {"ANTHROPIC_BASE_URL": api.url, "CLAUDE_CODE_MAX_RETRIES": "1"}
        return {"agent": "claude", "environment": variables}

    def start_backend(self, *changes: tuple[str, str], **settings: object) -> KubernetesBackend:
        """Make a Backend with changes of the template, and with little patience."""
        usual: dict[str, object] = {"patience": IMPATIENT, "grace_seconds": 2}
        return self.place.make(**{**usual, **template(self.place, *changes), **settings})

    async def play(
        self,
        *changes: tuple[str, str],
        task: Task | str = "do it",
        meanwhile: Callable[[Run, KubernetesBackend], Awaitable[None]] | None = None,
        **settings: object,
    ) -> tuple[Run, str]:
        """Start a Run, do something once it works, and wait for its end; return it with its log."""
        backend = self.start_backend(*changes, **settings)
        asked = self.task(task) if isinstance(task, str) else task
        run = await start(backend, asked)
        if meanwhile is None:
            run = await reached(backend, run, lambda seen: seen.ended)
        else:
            following = asyncio.create_task(reached(backend, run, lambda seen: seen.ended))
            await reached(backend, run, lambda seen: seen.report is not None or seen.ended)
            await meanwhile(run, backend)
            run = await following
        return run, await log_of(backend, run)

    def task(self, words: str, **options: object) -> Task:
        """Return a Task on the scene's repository."""
        values: dict[str, object] = {"repo_name": "demo", "timeout_seconds": 120, **options}
        return Task(self.repo.url, words, **values)  # type: ignore[arg-type]  # a scene's own values

    async def do(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl in the scene's namespace."""
        return await asyncio.to_thread(self.kubectl.run, *arguments, given=given)

    async def create(self, *objects: Mapping[str, object]) -> None:
        """Create objects."""
        await asyncio.to_thread(self.kubectl.create, *objects)

    async def works(self, run: Run) -> None:
        """Wait until the agent works."""
        async with asyncio.timeout(60):
            while "▶ agent" not in await self._printed(run):
                await asyncio.sleep(0.3)

    async def _printed(self, run: Run) -> str:
        try:
            return await self.do("logs", f"job/{job_name(run.id)}", "-c", "claude")
        except KubectlError:  # it hasn't started
            return ""

    def _place(self, url: str) -> ClusterPlace:
        world = self.world
        kubeconfig, namespace = world.cluster.kubeconfig, self.kubectl.namespace
        return ClusterPlace(kubeconfig, namespace, world.images, url, self.folder)


Play = Callable[[Stage], Awaitable[tuple[Run, str]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A way to end. `proof` are words that stand in the outcome's error or remark, or else in the log."""

    name: str
    play: Play
    ending: Ending
    cause: Cause | Seen | None
    proof: str
    heavy: bool = False


@dataclass(slots=True)
class Scenes:
    """The scenes of one module, in their order; each is added by its decorator."""

    all: list[Scene] = field(default_factory=list)

    def add(
        self,
        name: str,
        cause: Cause | Seen | None,
        proof: str = "",
        ending: Ending = Ending.FAILED,
        heavy: bool = False,
    ) -> Callable[[Play], Play]:
        """Add a scene: how it is called, and how it has to end."""

        def take(play: Play) -> Play:
            self.all.append(Scene(name, play, ending, cause, proof, heavy))
            return play

        return take


@dataclass(frozen=True, slots=True)
class Played:
    """How a scene ended, and the sample of it, if the cluster's words lead to the same end."""

    outcome: Outcome
    log: str
    sample: Sample | None


class Theatre:
    """Plays scenes in a thread of its own, as a context manager; who wants to know one waits for it alone."""

    def __init__(self, world: World, scenes: list[Scene]) -> None:
        self._world = world
        self._scenes = scenes
        self._results: dict[str, Future[Played]] = {scene.name: Future() for scene in scenes}
        self._thread = threading.Thread(target=self._play_all)

    def __enter__(self) -> Theatre:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(LIMIT_SECONDS * 2)

    def result(self, name: str) -> Played:
        """Wait for the end of a scene; raises what it raised."""
        return self._results[name].result(LIMIT_SECONDS * 4)

    def _play_all(self) -> None:
        try:
            with Witness(self._world.cluster) as witness:
                asyncio.run(self._gather(witness))
        finally:
            for result in self._results.values():
                if not result.done():
                    result.set_exception(RuntimeError("the theatre closed"))

    async def _gather(self, witness: Witness) -> None:
        places = {False: asyncio.Semaphore(AT_ONCE), True: asyncio.Semaphore(HEAVY_AT_ONCE)}
        async with asyncio.TaskGroup() as group:
            for scene in self._scenes:
                group.create_task(self._play(scene, witness, places[scene.heavy]))

    async def _play(self, scene: Scene, witness: Witness, place: asyncio.Semaphore) -> None:
        async with place:
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    played = await self._played(scene, witness)
            except Exception as error:  # told by the test of this scene
                error.add_note(traceback.format_exc())
                self._results[scene.name].set_exception(error)
            else:
                self._results[scene.name].set_result(played)

    async def _played(self, scene: Scene, witness: Witness) -> Played:
        async with AsyncExitStack() as stack:
            namespace = await asyncio.to_thread(
                stack.enter_context, made_namespace(self._world.cluster)
            )
            kubectl = self._world.cluster.within(namespace)
            stage = Stage(self._world, kubectl, scene.name, stack)
            stack.push_async_callback(lambda: stage.place.close())
            run, log = await scene.play(stage)
            assert run.outcome is not None
            return Played(run.outcome, log, await _sample(scene, witness, stage, run, log))


async def _sample(
    scene: Scene, witness: Witness, stage: Stage, run: Run, log: str
) -> Sample | None:
    empty = Sample(
        scene.name,
        f"{TEST}[{scene.name}]",
        datetime.now(UTC).date().isoformat(),
        json.loads(await stage.do("version", "--output=json"))["serverVersion"]["gitVersion"],
        log=tuple(log.splitlines()[-LOG_LINES:]),
    )
    if stage.record is not None:
        return replace(empty, record=run_values(stage.record))
    for _ in range(20):  # the witness may hear of it later than the product
        found = witness.proof(stage.kubectl.namespace, job_name(run.id), empty, run.outcome)
        if found is not None:
            return found
        await asyncio.sleep(0.25)
    return None


async def reached(backend: KubernetesBackend, run: Run, condition: Callable[[Run], bool]) -> Run:
    """Follow the changes until a Run is as wanted."""
    async with contextlib.aclosing(backend.changes()) as changes:
        async for seen in changes:
            if seen.id == run.id and condition(seen):
                return seen
    raise AssertionError("the changes ended")


async def log_of(backend: KubernetesBackend, run: Run) -> str:
    """Return what a Run printed, nothing where its Job or its machine is gone."""
    try:
        return (await backend.read_log(run.id, tail_bytes=64 << 10)).decode("utf-8", "replace")
    except BackendError:
        return ""


def keeps_samples() -> bool:
    """Say whether the samples of this session are to be kept."""
    return bool(os.environ.get("KEEP_SAMPLES"))
