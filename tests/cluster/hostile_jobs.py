"""Jobs that a stolen token of the bot would like to make: that of a Run, each with one thing changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from k8s.annotations import Asked
from k8s.manifest import manifest
from k8s.place import KubernetesPlace
from runs.run import Origin
from sandbox.task import Task
from tests.cluster.deployment import SANDBOXES
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Object

TASK = Task("https://git.example/x", "do it")
Change = Callable[[Object], object]
KEY = {"name": "claude-sandbox-secrets", "key": "TELEGRAM_BOT_TOKEN"}


def pod(job: Object) -> Any:
    return job["spec"]["template"]["spec"]


def agent(job: Object) -> Any:
    return pod(job)["containers"][0]


def beside(job: Object, name: str) -> Any:
    return next(found for found in pod(job)["initContainers"] if found["name"] == name)


def add_env(job: Object, source: Object) -> None:
    agent(job)["env"].append({"name": "X", "valueFrom": source})


def add_volume(job: Object, source: Object) -> None:
    pod(job)["volumes"].append({"name": "x", **source})


def secret(name: str, key: str = "GITHUB_TOKEN") -> Object:
    return {"secretKeyRef": {"name": name, "key": key}}


PROJECTED = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
SIDECAR_KEY = {"name": "X", "valueFrom": secret("claude-sandbox-secrets")}
REFUSED: dict[str, tuple[Change, str]] = {
    "a privileged container": (
        lambda job: agent(job)["securityContext"].update(
            privileged=True, allowPrivilegeEscalation=True
        ),
        "a container is restricted",
    ),
    "a capability": (
        lambda job: agent(job)["securityContext"].update(
            capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}
        ),
        "a container is restricted",
    ),
    "escalation": (
        lambda job: agent(job)["securityContext"].pop("allowPrivilegeEscalation"),
        "a container is restricted",
    ),
    "root": (lambda job: pod(job)["securityContext"].update(runAsUser=0), "a Pod is restricted"),
    "a container as root": (
        lambda job: agent(job)["securityContext"].update(runAsUser=0),
        "a container is restricted",
    ),
    "no seccomp": (
        lambda job: agent(job)["securityContext"].update(seccompProfile={"type": "Unconfined"}),
        "a container is restricted",
    ),
    "a folder of the host": (
        lambda job: add_volume(job, {"hostPath": {"path": "/"}}),
        "a volume is an emptyDir",
    ),
    "another Secret as a volume": (
        lambda job: add_volume(job, {"secret": {"secretName": "regcred"}}),
        "a volume is an emptyDir",
    ),
    "a ConfigMap as a volume": (
        lambda job: add_volume(job, {"configMap": {"name": "claude-sandbox-allowed"}}),
        "a volume is an emptyDir",
    ),
    "a token of the cluster": (lambda job: add_volume(job, PROJECTED), "a volume is an emptyDir"),
    "the network of the host": (
        lambda job: pod(job).update(hostNetwork=True),
        "nothing of the host",
    ),
    "the processes of the host": (lambda job: pod(job).update(hostPID=True), "nothing of the host"),
    "the memory of the host": (lambda job: pod(job).update(hostIPC=True), "nothing of the host"),
    "other names": (
        lambda job: pod(job).update(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["github.com"]}]),
        "nothing of the host",
    ),
    "a node of its choice": (lambda job: pod(job).update(nodeName="node1"), "nothing of the host"),
    "a port of the host": (
        lambda job: agent(job).update(ports=[{"containerPort": 8080, "hostPort": 8080}]),
        "no port and no device",
    ),
    "a request by the node": (
        lambda job: agent(job).update(
            startupProbe={"httpGet": {"host": "169.254.169.254", "port": 80, "path": "/"}}
        ),
        "the node asks nobody",
    ),
    "a farewell by the node": (
        lambda job: agent(job).update(
            lifecycle={"preStop": {"tcpSocket": {"host": "10.0.0.1", "port": 22}}}
        ),
        "the node asks nobody",
    ),
    "processes in common": (
        lambda job: pod(job).update(shareProcessNamespace=True),
        "don't see each other's processes",
    ),
    "a foreign image": (
        lambda job: agent(job).update(image="docker.io/evil/miner:latest"),
        "docker.io/evil/miner:latest",
    ),
    "a foreign image beside": (
        lambda job: beside(job, "postgres-sidecar").update(image="evil/postgres:16"),
        "evil/postgres:16",
    ),
    "another service account": (
        lambda job: pod(job).update(serviceAccountName="claude-sandbox-bot"),
        "the service account default",
    ),
    "its token": (
        lambda job: pod(job).update(automountServiceAccountToken=True),
        "the service account default, without its token",
    ),
    "another Secret": (lambda job: add_env(job, secret("regcred")), "a variable has a plain value"),
    "the bot's token from the same Secret": (
        lambda job: add_env(job, {"secretKeyRef": KEY}),
        "a variable has a plain value",
    ),
    "a whole Secret": (
        lambda job: agent(job).update(envFrom=[{"secretRef": {"name": "claude-sandbox-secrets"}}]),
        "a variable has a plain value",
    ),
    "a ConfigMap": (
        lambda job: add_env(
            job, {"configMapKeyRef": {"name": "claude-sandbox-allowed", "key": "images"}}
        ),
        "a variable has a plain value",
    ),
    "a key for a sidecar": (
        lambda job: beside(job, "redis-sidecar").update(env=[SIDECAR_KEY]),
        "only the broker has keys",
    ),
    "a key for the agent": (
        lambda job: add_env(job, secret("claude-sandbox-secrets")),
        "only the broker has keys",
    ),
    "the age key for the agent": (
        lambda job: agent(job)["volumeMounts"].append({"name": "age-key", "mountPath": "/keys"}),
        "only the broker has keys",
    ),
    "a foreign image as the broker": (
        lambda job: beside(job, "broker").update(image="evil/broker:1"),
        "evil/broker:1",
    ),
    "another Secret for the broker": (
        lambda job: beside(job, "broker")["env"].append(
            {"name": "X", "valueFrom": secret("regcred")}
        ),
        "a variable has a plain value",
    ),
    "a foreign pull secret": (
        lambda job: pod(job).update(imagePullSecrets=[{"name": "claude-sandbox-secrets"}]),
        "an imagePullSecret isn't",
    ),
    "a second attempt": (lambda job: job["spec"].update(backoffLimit=3), "a job runs one pod once"),
    "many Pods": (
        lambda job: job["spec"].update(parallelism=50, completions=50),
        "a job runs one pod once",
    ),
    "no end": (lambda job: job["spec"].pop("activeDeadlineSeconds"), "a job has a deadline"),
    "no label": (lambda job: job["metadata"]["labels"].pop("app"), "a job has the labels"),
    "a Pod without the policies' label": (
        lambda job: job["spec"]["template"]["metadata"].update(labels={"app": "else"}),
        "a pod has the label",
    ),
    "a label of others": (
        lambda job: job["spec"]["template"]["metadata"]["labels"].update(role="database"),
        "a pod has no labels but app",
    ),
    "another name": (
        lambda job: job["metadata"].update(name="kube-proxy"),
        "a job is named claude-",
    ),
    "an unknown container": (lambda job: agent(job).update(name="miner"), "a container is claude"),
    "an unknown runtime": (
        lambda job: pod(job).update(runtimeClassName="none"),
        "runtimeClassName",
    ),
    "the rank of the cluster's own parts": (
        lambda job: pod(job).update(priorityClassName="system-node-critical"),
        "more important than the cluster",
    ),
}


def usual_job(images: Images, task: Task = TASK, **others: object) -> Object:
    """Return the Job of a Run with two services, as the bot makes it."""
    place = KubernetesPlace(
        SANDBOXES,
        images.sandbox,
        image_pull_secrets=("regcred",),
        agent_files="claude-sandbox-agents",
        service_images={"postgres": images.postgres, "redis": images.redis},
        **others,  # type: ignore[arg-type]  # a test's own values
    )
    task = replace(task, services=("postgres", "redis"))
    asked = Asked("the key", task, Origin(-100123, 1, 7, "Ada"), 1.0)
    return copy.deepcopy(manifest(asked, place, suspended=False))


def pod_of(job: Object) -> Object:
    """Return the Pod that the Job controller would make."""
    template = job["spec"]["template"]
    metadata = {**template["metadata"], "name": job["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
