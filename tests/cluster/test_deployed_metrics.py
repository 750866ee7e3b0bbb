"""The deployed bot's metrics: a Pod of a labelled namespace reads them, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.deployed_talk import Talk, talking
from tests.cluster.deployment import Deployed
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl
from tests.cluster.test_deployed_network import output, running

READ = """\
import json, sys, time, urllib.request
address, tries = sys.argv[1], int(sys.argv[2])
found = None
for _ in range(tries):
    try:
        with urllib.request.urlopen(address, timeout=2) as page:
            found = page.read().decode()
        break
    except OSError:
        time.sleep(1)
print(json.dumps(found))
"""
PATIENT, SHORT = 45, 5
ALLOWED = "claude-sandbox/scrape=allowed"


@pytest.fixture
async def talk(deployed: Deployed) -> AsyncIterator[Talk]:
    """A new chat with the bot."""
    async with talking(deployed) as found:
        yield found


@pytest.fixture
def monitoring(deployed: Deployed) -> Iterator[Kubectl]:
    """A namespace that no policy concerns, and that isn't labelled."""
    cluster = deployed.ground.cluster
    kubectl = cluster.within("claude-sandbox-monitoring")
    metadata = {"name": kubectl.namespace}
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    try:
        kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
        yield kubectl
    finally:
        cluster.run("delete", "namespace", kubectl.namespace, "--wait=false")


def page(deployed: Deployed, images: Images, kubectl: Kubectl, tries: int) -> str | None:
    """Read the bot's page in a Pod of a namespace; None where it can't be reached."""
    pod = deployed.bot.get("pod", deployed.bot_pod())
    (port,) = pod["spec"]["containers"][0]["ports"]
    address = f"http://{pod['status']['podIP']}:{port['containerPort']}/metrics"
    found = output(kubectl, running(images, "claude-scrapes", READ, address, str(tries)))
    return None if found is None else str(found)


async def test_only_a_namespace_that_is_labelled_reads_what_the_bot_counted(
    talk: Talk, images: Images, monitoring: Kubectl
) -> None:
    told = await talk.told(talk.say('/run demo "a s3cret plan"'))
    assert "Done" in told.text
    deployed = talk.deployed
    assert page(deployed, images, monitoring, SHORT) is None
    deployed.ground.cluster.run("label", "namespace", monitoring.namespace, ALLOWED)
    text = page(deployed, images, monitoring, PATIENT)
    assert text is not None
    assert "s3cret" not in text
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["claude_sandbox_runs_ended_total", "demo", "pushed"] >= 1
    assert values["claude_sandbox_backend_requests_total", "200"] > 0
    assert values["claude_sandbox_phase_seconds_count", "agent"] >= 1
    assert values["claude_sandbox_telegram_requests_total", "200", "getUpdates"] > 0
    # Read from /proc, where a process that closed its memory shows less.
    assert values[("process_resident_memory_bytes",)] > 1 << 20
    assert values[("process_cpu_seconds_total",)] > 0
    deployed.ground.cluster.run(
        "label", "namespace", monitoring.namespace, "claude-sandbox/scrape-"
    )
