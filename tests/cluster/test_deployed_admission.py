"""What a stolen token of the bot can't get, each with its counter-proof: the same attempt where the control is missing.

Nothing is made but in the admission of the real API server (`--dry-run=server`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from k8s.annotations import Asked
from k8s.manifest import manifest
from k8s.place import KubernetesPlace
from runs.run import Origin
from sandbox.task import Task
from tests.cluster.deployment import BOT, SANDBOXES, Deployed
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl, KubectlError, Object

Change = Callable[[Object], object]
KEY = {"name": "claude-sandbox-secrets", "key": "TELEGRAM_BOT_TOKEN"}


OTHERS = "violates PodSecurity|RuntimeClass .* not found|error looking up service account|no PriorityClass"
"""What refuses a Pod before the policy is asked."""


def pod(job: Object) -> Any:
    return job["spec"]["template"]["spec"]


def agent(job: Object) -> Any:
    return pod(job)["containers"][0]


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
        lambda job: pod(job)["initContainers"][0].update(image="evil/postgres:16"),
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
        lambda job: pod(job)["initContainers"][0].update(env=[SIDECAR_KEY]),
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


def usual_job(images: Images, **others: object) -> Object:
    """Return the Job of a Run, as the bot makes it."""
    place = KubernetesPlace(
        SANDBOXES,
        images.sandbox,
        image_pull_secrets=("regcred",),
        service_images={"postgres": images.postgres, "redis": images.redis},
        **others,  # type: ignore[arg-type]  # a test's own values
    )
    task = Task("https://git.example/x", "do it", services=("postgres", "redis"))
    asked = Asked("the key", task, Origin(-100123, 1, 7, "Ada"), 1.0)
    return copy.deepcopy(manifest(asked, place, suspended=False))


def pod_of(job: Object) -> Object:
    """Return the Pod that the Job controller would make."""
    template = job["spec"]["template"]
    metadata = {**template["metadata"], "name": job["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def try_out(kubectl: Kubectl, item: Object) -> None:
    """Create an object in all but the last step. Raises KubectlError."""
    kubectl.run("create", "--dry-run=server", "--filename=-", given=json.dumps(item))


@pytest.fixture(scope="module")
def stolen(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """kubectl with the bot's token and nothing else."""
    settings = yaml.safe_load(deployed.ground.cluster.kubeconfig.read_text(encoding="utf-8"))
    token = deployed.bot.run("create", "token", "claude-sandbox-bot").strip()
    for user in settings["users"]:
        user["user"] = {"token": token}
    path = tmp_path_factory.mktemp("stolen") / "kubeconfig"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return Kubectl(deployed.ground.cluster.command, path, SANDBOXES)


@pytest.fixture(scope="module")
def unguarded(deployed: Deployed) -> Iterator[Kubectl]:
    """The administrator's kubectl for a namespace without any control, in which the bot has the same rights."""
    cluster = deployed.ground.cluster
    kubectl = cluster.within("claude-sandbox-unguarded")
    role = deployed.sandboxes.get("role", "claude-sandbox-bot")
    binding = deployed.sandboxes.get("rolebinding", "claude-sandbox-bot")
    for item in (role, binding):
        item["metadata"] = {"name": "claude-sandbox-bot", "namespace": kubectl.namespace}
    metadata = {"name": kubectl.namespace}
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, role, binding)
    kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    yield kubectl
    cluster.run("delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.mark.parametrize("brought", [False, True])
def test_the_jobs_that_the_bot_makes_are_let_through(
    stolen: Kubectl, images: Images, brought: bool
) -> None:
    job = usual_job(images)
    if brought:
        task = Task("https://git.example/x", "do it", image=images.plain)
        asked = Asked("the key", task, Origin(-100123, 1, 7, "Ada"), 1.0)
        job = manifest(asked, KubernetesPlace(SANDBOXES, images.sandbox), suspended=True)
    try_out(stolen, job)


@pytest.mark.parametrize("name", REFUSED)
def test_a_stolen_token_gets_no_job_with(
    stolen: Kubectl, unguarded: Kubectl, images: Images, name: str
) -> None:
    change, words = REFUSED[name]
    job = usual_job(images)
    change(job)
    with pytest.raises(KubectlError, match=f"(?i)denied request: .*{words}"):
        try_out(stolen, job)
    try_out(stolen.within(unguarded.namespace), job)


@pytest.mark.parametrize("name", [name for name in REFUSED if "a job" not in REFUSED[name][1]])
def test_not_even_an_administrator_gets_a_pod_there_with(
    deployed: Deployed, unguarded: Kubectl, images: Images, name: str
) -> None:
    change, words = REFUSED[name]
    job = usual_job(images)
    change(job)
    with pytest.raises(KubectlError, match=f"(?i){words}|{OTHERS}"):
        try_out(deployed.sandboxes, pod_of(job))


def test_a_job_of_the_bot_can_not_be_changed_into_another(
    deployed: Deployed, stolen: Kubectl, images: Images
) -> None:
    job = usual_job(images)
    job["spec"]["suspend"] = True
    name = job["metadata"]["name"]
    stolen.run("create", "--filename=-", given=json.dumps(job))
    try:
        for patch in ('{"spec":{"backoffLimit":9}}', '{"metadata":{"labels":{"app":"x"}}}'):
            with pytest.raises(KubectlError, match="denied request"):
                stolen.run("patch", "job", name, f"--patch={patch}")
        deployed.sandboxes.run(
            "patch",
            "configmap",
            "claude-sandbox-allowed",
            "--patch",
            json.dumps({"data": {"images": "nothing:*"}}),
        )
        stolen.run("patch", "job", name, '--patch={"metadata":{"labels":{"status":"complete"}}}')
    finally:
        patch = json.dumps({"data": {"images": images.prefix + "*"}})
        deployed.sandboxes.run("patch", "configmap", "claude-sandbox-allowed", "--patch", patch)
        stolen.run("delete", "job", name)


FORBIDDEN = {
    "a Job in the bot's namespace": (BOT, "create", "jobs.batch"),
    "a Pod": (SANDBOXES, "create", "pods"),
    "a Deployment": (SANDBOXES, "create", "deployments.apps"),
    "an exec": (SANDBOXES, "create", "pods/exec"),
    "an exec into the bot": (BOT, "create", "pods/exec"),
    "an attach": (SANDBOXES, "create", "pods/attach"),
    "a port-forward": (SANDBOXES, "create", "pods/portforward"),
    "an ephemeral container": (SANDBOXES, "update", "pods/ephemeralcontainers"),
    "the sandboxes' Secret": (SANDBOXES, "get", "secrets"),
    "all Secrets": (SANDBOXES, "list", "secrets"),
    "the bot's Secret": (BOT, "get", "secrets"),
    "another token": (BOT, "create", "serviceaccounts/token"),
    "the list of what is allowed": (SANDBOXES, "patch", "configmaps"),
    "the network policies": (SANDBOXES, "delete", "networkpolicies.networking.k8s.io"),
    "the quota": (SANDBOXES, "patch", "resourcequotas"),
    "its own rights": (SANDBOXES, "patch", "roles.rbac.authorization.k8s.io"),
    "the admission policy": (
        "",
        "delete",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
    ),
    "the namespaces": ("", "patch", "namespaces"),
    "the nodes": ("", "get", "nodes/proxy"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_stolen_token_may_not_have(deployed: Deployed, stolen: Kubectl, name: str) -> None:
    namespace, verb, resource = FORBIDDEN[name]
    where = [f"--namespace={namespace}"] if namespace else []

    def may(kubectl: Kubectl) -> str:
        kind, _, sub = resource.partition("/")
        more = [f"--subresource={sub}"] if sub else []
        try:
            return kubectl.run("auth", "can-i", verb, kind, *more, *where).strip()
        except KubectlError:  # it exits with 1
            return "no"

    assert may(deployed.ground.cluster) == "yes"
    assert may(stolen) == "no"


def test_the_real_calls_are_refused_too(
    deployed: Deployed, stolen: Kubectl, images: Images
) -> None:
    with pytest.raises(KubectlError, match="cannot get resource"):
        stolen.get("secret", "claude-sandbox-secrets")
    assert deployed.sandboxes.get("secret", "claude-sandbox-secrets")["data"]
    with pytest.raises(KubectlError, match="cannot create resource"):
        try_out(stolen.within(BOT), usual_job(images))
    with pytest.raises(KubectlError, match="cannot create resource"):
        try_out(stolen, pod_of(usual_job(images)))
    try_out(deployed.sandboxes, pod_of(usual_job(images)))
