"""The cluster of the tests, and the images on it, before anything of ours talks to Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.report import Verdict, decode
from sandbox.task import Task, to_environment
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl, KubectlError, Object, termination
from tests.parts.git_server import GitServer

PROGRAMS = (
    *("age", "claude", "composer", "curl", "file", "g++", "gcc", "gh", "git", "jq", "less", "make"),
    *("mariadb", "memccat", "mise", "node", "npm", "npx", "patch", "pg_isready", "php", "pip"),
    *("pkg-config", "pnpm", "poetry", "psql", "python3", "redis-cli", "rg", "sqlite3"),
    *("uv", "uvx", "xz", "yarn"),
)
"""What our image has, and answers `--version`."""
OTHERWISE = [
    *("amqp-get --help", "bzip2 --help", "python3 -m venv --help", "ssh -V", "unzip -v"),
    "sops --disable-version-check --version",  # else it asks its forge for a newer one
]
"""The others, with what they answer."""
RESTRICTED: Object = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def container(name: str, image: str, **others: Any) -> Object:
    """Return a container as Pod Security restricted wants it."""
    return {"name": name, "image": image, "securityContext": RESTRICTED, **others}


def sidecar(name: str, image: str, ready: list[str], **others: Any) -> Object:
    """Return a native sidecar that is ready when a command in it succeeds."""
    probe = {"exec": {"command": ready}, "periodSeconds": 1, "failureThreshold": 60}
    return container(name, image, restartPolicy="Always", startupProbe=probe, **others)


def job(name: str, agent: Object, *sidecars: Object) -> Object:
    """Return a Job that runs one container beside sidecars."""
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "fsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": sidecars,
        "containers": [agent],
        "volumes": [{"name": "workspace", "emptyDir": {}}],
    }
    metadata = {"name": name}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"backoffLimit": 0, "template": {"spec": spec}},
    }


def test_a_node_is_ready(cluster: Kubectl) -> None:
    conditions = [c for node in cluster.list("nodes") for c in node["status"]["conditions"]]
    assert "True" in [c["status"] for c in conditions if c["type"] == "Ready"]


def test_a_pod_that_is_not_restricted_is_refused(kubectl: Kubectl, images: Images) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "free"},
        "spec": {"containers": [{"name": "claude", "image": images.sandbox}]},
    }
    with pytest.raises(KubectlError, match='violates PodSecurity "restricted'):
        kubectl.create(pod)


def test_a_job_with_native_sidecars_completes_when_its_container_ends(
    kubectl: Kubectl, images: Images
) -> None:
    postgres = sidecar(
        "postgres-sidecar",
        images.postgres,
        ["pg_isready", "-h", "127.0.0.1"],
        env=[{"name": "POSTGRES_PASSWORD", "value": "secret"}],
    )
    redis = sidecar("redis-sidecar", images.redis, ["redis-cli", "ping"])
    address = "postgresql://postgres:secret@127.0.0.1/postgres"
    said = f"psql {address} -Atc 'SELECT version()' && redis-cli PING"
    agent = container("claude", images.sandbox, command=["sh", "-ec", said])
    kubectl.create(job("sidecars", agent, postgres, redis))

    assert kubectl.wait_for_end("sidecars") == "Complete"
    version, pong = kubectl.logs("sidecars", "claude").splitlines()
    assert version.startswith("PostgreSQL")
    assert pong == "PONG"


@pytest.mark.parametrize(
    ("task", "verdict"),
    [("add a readme", Verdict.PUSHED), ("nothing", Verdict.NOTHING_CHANGED)],
)
def test_our_image_carries_out_a_run_and_leaves_its_report(
    kubectl: Kubectl, images: Images, git_server: GitServer, task: str, verdict: Verdict
) -> None:
    repo = git_server.create("small", {"README.md": "# Small\n"})
    given = to_environment(Task(repo.url, task), "abcd2345") | {"SANDBOX_AGENT": "scripted"}
    variables: list[Object] = [{"name": name, "value": value} for name, value in given.items()]
    key = {"name": "claude-sandbox-secrets", "key": "GITHUB_TOKEN"}
    variables.append({"name": "GITHUB_TOKEN", "valueFrom": {"secretKeyRef": key}})
    workspace = {"name": "workspace", "mountPath": "/workspace"}
    agent = container("claude", images.sandbox, env=variables, volumeMounts=[workspace])
    kubectl.create(job("run", agent))

    assert kubectl.wait_for_end("run") == "Complete", kubectl.logs("run", "claude")
    ended = termination(kubectl.pods_of("run")[0], "claude")
    report = decode(ended["message"].encode())
    assert report is not None
    assert report.verdict is verdict
    assert set(repo.branches()) == {"main", *([report.branch] if report.branch else [])}
    assert report.pushed is (verdict is Verdict.PUSHED)


def test_every_program_that_the_docs_promise_runs_in_our_image(
    kubectl: Kubectl, images: Images
) -> None:
    asked = [f"{name} --version" for name in PROGRAMS] + OTHERWISE
    tries = [f'out=$({each} 2>&1 </dev/null) && echo "{each}" || echo "$out"' for each in asked]
    agent = container("claude", images.sandbox, command=["sh", "-c", "\n".join(tries)])
    kubectl.create(job("programs", agent))
    assert kubectl.wait_for_end("programs", 600) == "Complete"
    assert kubectl.logs("programs", "claude").splitlines() == asked


def test_the_bot_starts_in_its_image_and_names_the_settings_that_it_lacks(
    kubectl: Kubectl, images: Images
) -> None:
    kubectl.create(job("bot", container("bot", images.bot)))
    assert kubectl.wait_for_end("bot") == "Failed"
    assert termination(kubectl.pods_of("bot")[0], "bot")["exitCode"] == 2
    assert "TELEGRAM_BOT_TOKEN" in kubectl.logs("bot", "bot")
