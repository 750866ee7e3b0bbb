"""kubectl as the tests' own eye on the cluster: it shares nothing with the client that the product uses."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Object = dict[str, Any]


class KubectlError(Exception):
    """kubectl ended with an error; the text is its own."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl for one namespace of one cluster, or with "" for each object's own. `command` are the words before the arguments."""

    command: Sequence[str]
    kubeconfig: Path
    namespace: str = "default"

    def within(self, namespace: str) -> Kubectl:
        """Return the same for another namespace."""
        return replace(self, namespace=namespace)

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl with `given` as its standard input; return what it printed. Raises KubectlError."""
        place = [f"--kubeconfig={self.kubeconfig}"]
        if self.namespace:
            place.append(f"--namespace={self.namespace}")
        done = subprocess.run(
            [*self.command, *place, *arguments],
            input=given or "",
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode != 0:
            raise KubectlError(done.stderr.strip())
        return done.stdout

    def create(self, *objects: Mapping[str, Any]) -> None:
        """Create objects. Raises KubectlError with the API server's words."""
        found = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.run("create", "--filename=-", given=json.dumps(found))

    def get(self, kind: str, name: str) -> Object:
        """Return an object. Raises KubectlError when it isn't there."""
        found: Object = json.loads(self.run("get", kind, name, "--output=json"))
        return found

    def list(self, kind: str, selector: str = "") -> Sequence[Object]:
        """Return the objects of a kind that a label selector chooses."""
        found = json.loads(self.run("get", kind, f"--selector={selector}", "--output=json"))
        items: Sequence[Object] = found["items"]
        return items

    def pods_of(self, job: str) -> Sequence[Object]:
        """Return the Pods of a Job."""
        return self.list("pods", f"batch.kubernetes.io/job-name={job}")

    def logs(self, job: str, container: str) -> str:
        """Return the log of a Job's container."""
        return self.run("logs", f"job/{job}", f"--container={container}")

    def wait_for_end(self, job: str, seconds: float = 120.0) -> str:
        """Wait until a Job has ended; return Complete or Failed. Raises TimeoutError with what is known of it."""
        deadline = time.monotonic() + seconds
        while True:
            for condition in self.get("job", job)["status"].get("conditions", ()):
                if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                    return str(condition["type"])
            if time.monotonic() > deadline:
                raise TimeoutError(self.run("describe", "job", job) + self.run("describe", "pods"))
            time.sleep(0.2)


def termination(pod: Object, container: str) -> Object:
    """Return how a container of a Pod ended: exitCode, reason, message. Raises KeyError where it hasn't."""
    statuses = pod["status"].get("containerStatuses", [])
    found: Object = next(item for item in statuses if item["name"] == container)["state"]
    ended: Object = found["terminated"]
    return ended
