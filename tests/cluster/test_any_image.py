"""Images that aren't ours: one with an entrypoint of its own, and one into which the sandbox program is brought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from k8s.backend import KubernetesBackend
from k8s.names import job_name
from k8s.place import Patience
from runs.outcome import Ending, Outcome, Seen
from sandbox.report import Cause
from sandbox.task import Task
from tests.cluster.backend_place import ClusterPlace, template
from tests.cluster.kubectl import Kubectl
from tests.parts.git_server import TOKEN
from tests.parts.messages_api import MessagesApi, say, use
from tests.parts.model_fixtures import API_KEY
from tests.runs.contract import ended, reached, start

AGE_KEY = "AGE-SECRET-KEY-1TEST"
FOREIGN = ("*/foreign:*",)


async def told(backend: KubernetesBackend, task: Task) -> tuple[Outcome, list[str]]:
    """Run a task to its end; return the outcome and the lines of the log."""
    run = await ended(backend, await start(backend, task))
    assert run.outcome is not None
    log = (await backend.read_log(run.id)).decode()
    return run.outcome, log.splitlines()


async def test_an_image_with_an_entrypoint_of_its_own_runs_unchanged(place: ClusterPlace) -> None:
    backend = place.make(image=place.images.foreign, entrypoints=FOREIGN)
    task = replace(place.task("mend\nthe $(roof)"), branch="next")
    outcome, log = await told(backend, task)
    assert (outcome.ending, outcome.report) == (Ending.FINISHED, None)
    for line in (
        "the $(roof)",
        f"repo={place.repo_url} branch=next",
        f"github={TOKEN}",
        f"oauth= key={API_KEY}",
        "hapi=",
        "database= name= redis=",
        "user=1000:1000 in /workspace",
        "age=none",
    ):
        assert line in log


async def test_every_name_is_set_though_there_is_no_secret_at_all(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    kubectl.run("delete", "secret", "claude-sandbox-secrets")
    outcome, log = await told(
        place.make(image=place.images.foreign, entrypoints=FOREIGN), place.task("quick")
    )
    assert outcome.ending is Ending.FINISHED  # its shell refuses names that aren't set
    assert {"github=", "oauth= key=", "hapi="} <= set(log)


async def test_it_finds_the_age_key_and_its_services(place: ClusterPlace, kubectl: Kubectl) -> None:
    kubectl.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "age-key"},
            "stringData": {"age-key.txt": AGE_KEY},
        }
    )
    backend = place.make(entrypoints=FOREIGN)
    task = replace(place.task("quick"), image=place.images.foreign, services=("postgres", "redis"))
    outcome, log = await told(backend, task)
    assert outcome.ending is Ending.FINISHED
    assert f"age={AGE_KEY}" in log
    address = (
        "postgres://postgres@localhost:5432/sandbox name=sandbox redis=redis://localhost:6379/0"
    )
    assert f"database={address}" in log


async def test_git_works_in_the_workspace_itself(place: ClusterPlace) -> None:
    script = "cd /workspace; git init --quiet .; git status --short --branch"
    command = f'image: {{{{ image }}}}\n          command: [sh, -ec, "{script}"]'
    setting = template(place, ("image: {{ image }}", command))
    outcome, log = await told(
        place.make(image=place.images.plain, entrypoints=("*",), **setting), place.task("quick")
    )
    assert outcome.ending is Ending.FINISHED, log
    assert log == ["## No commits yet on master"]


async def test_its_failure_is_its_exit_code_fault_33(place: ClusterPlace) -> None:
    outcome, log = await told(
        place.make(image=place.images.foreign, entrypoints=FOREIGN), place.task("failing")
    )
    assert (outcome.ending, outcome.cause) == (Ending.FAILED, Seen.EXIT_CODE)
    assert outcome.exit is not None
    assert outcome.exit.code == 3
    assert "said by the task: fail" in log


async def test_it_is_stopped_though_it_ignores_signals_fault_37(place: ClusterPlace) -> None:
    backend = place.make(image=place.images.foreign, entrypoints=FOREIGN, grace_seconds=1)
    run = await start(backend, place.task("slow"))
    await reached(backend, run, lambda seen: seen.report is not None)
    await backend.cancel(run.id, "Ada")
    run = await ended(backend, run)
    assert run.outcome is not None
    assert run.outcome.ending is Ending.CANCELLED


async def test_the_program_is_brought_into_an_image_that_has_python_and_git(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    backend = place.make()
    task = replace(place.task("quick"), image=place.images.plain)
    run = await ended(backend, await start(backend, task))
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED, await backend.read_log(run.id)
    pod = kubectl.pods_of(job_name(run.id))[0]
    assert pod["spec"]["containers"][0]["image"] == place.images.plain


async def test_claude_code_comes_along_into_an_image_that_has_none(
    place: ClusterPlace, messages_api: Callable[..., MessagesApi]
) -> None:
    api = messages_api(
        use("Write", file_path="NOTES.md", content="brought\n"), say("Wrote the notes.")
    )
    backend = place.make(agent="claude", environment={"ANTHROPIC_BASE_URL": api.url})
    task = replace(place.task("write the notes"), image=place.images.plain)
    run = await ended(backend, await start(backend, task))
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED, await backend.read_log(run.id)
    assert run.report is not None
    assert run.report.summary == "Wrote the notes."


async def test_an_image_without_python_is_told_of(place: ClusterPlace) -> None:
    task = replace(place.task("quick"), image=place.images.redis)
    outcome, _ = await told(place.make(), task)
    assert (outcome.ending, outcome.cause) == (Ending.FAILED, Cause.TOOLS_MISSING)
    assert "python3" in (outcome.error or "")


async def test_an_image_of_its_own_that_nobody_named_has_no_broker_and_is_told_of(
    place: ClusterPlace,
) -> None:
    backend = place.make(image=place.images.foreign, patience=Patience(service=5.0))
    outcome, _ = await told(backend, place.task("quick"))
    assert (outcome.ending, outcome.cause) == (Ending.FAILED, Seen.BROKER_FAILED)
    assert "broker" in (outcome.error or "")
