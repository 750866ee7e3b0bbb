"""A Job created -> all services beside its agent are ready: one alone, several together, and one after the other.

"Ready" is when the sandbox program's log says so, by the time that the container runtime gives that line: node and bench
have to share a clock.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bench.cluster import SMALL, Cluster, NoCluster, open_place
from bench.figure import Figure, at_most, spread
from cli.demo_cluster import IMAGE
from k8s.annotations import Asked
from k8s.manifest import manifest
from k8s.names import job_name
from k8s.place import TEMPLATE, KubernetesPlace, Resources
from runs.run import Origin, message_key, run_id
from sandbox.task import Task

TOGETHER = ("postgres", "redis", "mariadb", "rabbitmq")
SLOWEST = ("mariadb", "rabbitmq")
"""Those of them of which one is the slowest, whatever the machine."""
ROUNDS = 2
LIMIT = 1.2
_IN_TURN = "one after the other"
_JOB_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Way:
    """What is started, and by which template."""

    title: str
    services: tuple[str, ...]
    template: Path = TEMPLATE


async def measure(folder: Path) -> list[Figure]:
    """Start each way in turn; compare the medians. What starts one after the other is measured once."""
    found: dict[str, list[float]] = defaultdict(list)
    together = Way("together", TOGETHER)
    in_turn = Way(_IN_TURN, TOGETHER, _template_with_probes(folder))
    ways = [*(Way(name, (name,)) for name in SLOWEST), together]
    async with open_place(folder) as cluster:
        place = _place(cluster)
        for number, way in enumerate([*ways * ROUNDS, in_turn]):
            found[way.title].append(await _ready(cluster, place, way, number))
    slowest = max(SLOWEST, key=lambda name: statistics.median(found[name]))
    ratio = statistics.median(found[together.title]) / statistics.median(found[slowest])
    others = [name for name in SLOWEST if name != slowest]
    return [
        *(Figure(f"services: {name} alone", spread(found[name], "s", 1)) for name in others),
        Figure(f"services: the slowest alone, {slowest}", spread(found[slowest], "s", 1)),
        Figure(f"  {', '.join(TOGETHER)} together", spread(found[together.title], "s", 1)),
        at_most("  ratio", ratio, LIMIT, ""),
        Figure(f"  the same {_IN_TURN}, by startup probes", spread(found[_IN_TURN], "s", 1)),
    ]


def _place(cluster: Cluster) -> KubernetesPlace:
    image = cluster.ground.variables["CLAUDE_IMAGE"]
    prefix = IMAGE.removesuffix("claude-sandbox:test")
    if image != IMAGE:
        raise NoCluster(
            f"Its services come from the images that `make cluster` builds, as {IMAGE}."
        )
    small = Resources(SMALL["memory"], SMALL["memory"], SMALL["cpu"], "1")
    services = {name: f"{prefix}{name}:test" for name in TOGETHER}
    return KubernetesPlace(
        cluster.namespace, image, agent="scripted", resources=small, service_images=services
    )


def _template_with_probes(folder: Path) -> Path:
    """Write the template in which each service waits for the one before."""
    text = TEMPLATE.read_text("utf-8")
    condition = "{% if not broker %}\n          startupProbe:"
    if condition not in text:
        raise RuntimeError("the template has no place for the services' startup probes")
    path = folder / "job.yaml.j2"
    path.write_text(text.replace(condition, condition.replace("not broker", "true")), "utf-8")
    return path


async def _ready(cluster: Cluster, place: KubernetesPlace, way: Way, number: int) -> float:
    """Run a Job to its end; return the seconds until its services were ready."""
    task = Task(cluster.repo()["url"], "nothing", services=way.services)
    asked = Asked(message_key(1, number), task, Origin(1, 1, 1), time.time())
    job = manifest(asked, replace(place, template=way.template), suspended=False)
    name = f"job/{job_name(run_id(asked.key))}"
    begun_at = time.time()
    await cluster.run_kubectl("create", "--filename=-", given=json.dumps(job))
    await cluster.run_kubectl(
        "wait", name, "--for=condition=complete", f"--timeout={_JOB_SECONDS}s"
    )
    log = await cluster.run_kubectl("logs", name, "--container=claude", "--timestamps")
    await cluster.run_kubectl("delete", name, "--cascade=foreground")
    line = re.search(r"^(\S+) .*\bready after [0-9.]+ s$", log, re.MULTILINE)
    if line is None:
        raise RuntimeError(f"the log doesn't say when the services were ready:\n{log[-1000:]}")
    return datetime.fromisoformat(line[1]).timestamp() - begun_at
