"""What stands beside the agent, or in its way: sidecars that misbehave, and a policy that refuses Jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from k8s.names import job_name
from runs.backend import Refused
from runs.outcome import Ending
from tests.cluster.backend_place import ClusterPlace, template
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.runs.contract import ended, start

PROBE = "exec: {command: {{ service.probe }}}\n            periodSeconds: 1\n"
FAILS_ONCE = "test -e /data/probed || { touch /data/probed; exit 1; }"
WAITS_FOR_REDIS = "until (: </dev/tcp/127.0.0.1/6379) 2>&-; do sleep 0.2; done; exec docker-entrypoint.sh postgres"
STUBBORN = "trap '' TERM; redis-server & while :; do sleep 1; done"


async def test_a_sidecar_whose_probe_fails_once_stands_in_nobodys_way_fault_20(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    """Beside a program that doesn't wait itself: only there a service has a probe."""
    probe = PROBE.replace("{{ service.probe }}", f'[sh, -c, "{FAILS_ONCE}"]')
    image = place.images.foreign
    backend = place.make(entrypoints=(image,), **template(place, (PROBE, probe)))
    task = replace(place.task("quick"), image=image, services=("redis",))
    run = await ended(backend, await start(backend, task))
    assert run.outcome is not None
    assert run.outcome.ending is Ending.FINISHED
    words = kubectl.run("get", "events", "--field-selector=reason=Unhealthy")
    assert "Startup probe failed" in words


async def test_services_start_together_even_the_first_may_wait_for_the_second(
    place: ClusterPlace,
) -> None:
    image = "image: {{ service.image }}\n"
    command = f'          command: [bash, -c, "{WAITS_FOR_REDIS}"]\n'
    first = f'{image}{{% if service.name == "postgres" %}}\n{command}{{% endif %}}\n'
    backend = place.make(**template(place, (image, first)))
    task = replace(place.task("quick"), services=("postgres", "redis"))
    run = await ended(backend, await start(backend, task))
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.remark) == (Ending.PUSHED, None)
    log = (await backend.read_log(run.id)).decode()
    assert "▶ services postgres, redis" in log


async def test_a_sidecar_that_ignores_its_end_delays_no_end_of_a_run_fault_20(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    image = "image: {{ service.image }}\n"
    command = f'{image}          command: [sh, -c, "{STUBBORN}"]\n'
    backend = place.make(grace_seconds=10, **template(place, (image, command)))
    run = await ended(
        backend, await start(backend, replace(place.task("quick"), services=("redis",)))
    )
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED
    pod = kubectl.pods_of(job_name(run.id))[0]
    assert "running" in pod["status"]["initContainerStatuses"][0]["state"]
    assert kubectl.wait_for_end(job_name(run.id)) == "Complete"


@pytest.fixture
def refuse_jobs(cluster: Kubectl, namespace: str) -> Iterator[Callable[[str], None]]:
    """Make an admission policy that refuses Jobs of the test's namespace with some words."""

    def make(words: str) -> None:
        here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"]}
        cluster.create(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": namespace},
                "spec": {
                    "matchConstraints": {"resourceRules": [{**rule, "operations": ["CREATE"]}]},
                    "validations": [{"expression": "false", "message": words}],
                },
            },
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": namespace},
                "spec": {
                    "policyName": namespace,
                    "validationActions": ["Deny"],
                    "matchResources": {"namespaceSelector": here},
                },
            },
        )

    yield make
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        cluster.run("delete", kind, namespace, "--ignore-not-found")


async def test_a_policy_that_refuses_a_job_is_told_with_its_words_fault_12(
    place: ClusterPlace, kubectl: Kubectl, refuse_jobs: Callable[[str], None]
) -> None:
    refuse_jobs("only images of ours")
    probe = ("create", "job", "probe", "--image=a", "--dry-run=server")
    async with asyncio.timeout(60):
        while True:  # a new policy takes hold after a moment
            try:
                kubectl.run(*probe)
            except KubectlError as error:
                assert "only images of ours" in str(error)
                break
            await asyncio.sleep(0.2)
    backend = place.make()
    with pytest.raises(Refused, match="only images of ours"):
        await start(backend, place.task("quick"))
    assert await backend.list_runs() == []
