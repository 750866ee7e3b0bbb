"""What a stolen token of the bot can't get, each with its counter-proof: the same attempt where the control is missing.

Nothing is made but in the admission of the real API server (`--dry-run=server`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from sandbox.task import Task
from tests.cluster.deployment import BOT, SANDBOXES, Deployed
from tests.cluster.hostile_jobs import REFUSED, pod_of, usual_job
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl, KubectlError, Object
from tests.manifests.overlays import FOLDER, NAMES

OTHERS = "violates PodSecurity|RuntimeClass .* not found|error looking up service account|no PriorityClass"
"""What refuses a Pod before the policy is asked."""


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
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    try:
        kubectl.create(role, binding)
        kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
        yield kubectl
    finally:
        cluster.run("delete", "namespace", kubectl.namespace, "--wait=false")


TASKS = {
    "over https": (Task("https://git.example/x", "do it"), "broker"),
    "over ssh": (Task("git@git.example:x.git", "do it"), "broker"),
    "in another image": (Task("https://git.example/x", "do it", image="plain"), "broker"),
    "in an image with its own entrypoint": (
        Task("https://git.example/x", "do it", image="foreign"),
        "claude",
    ),
}
"""Tasks, and which container has the keys then."""


@pytest.mark.parametrize("name", TASKS)
def test_the_jobs_that_the_bot_makes_are_let_through(
    stolen: Kubectl, images: Images, name: str
) -> None:
    task, holder = TASKS[name]
    image = {"plain": images.plain, "foreign": images.foreign}.get(task.image or "")
    job = usual_job(images, replace(task, image=image), entrypoints=(images.foreign,))
    spec = job["spec"]["template"]["spec"]
    containers = [*spec["initContainers"], *spec["containers"]]
    with_keys = [found["name"] for found in containers if "secretKeyRef" in str(found)]
    assert with_keys == [holder]
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
    deployed: Deployed, images: Images, name: str
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


def test_nobody_goes_into_a_sandbox_with_an_ephemeral_container(
    deployed: Deployed, unguarded: Kubectl, images: Images
) -> None:
    pod = pod_of(usual_job(images))
    inside = {"name": "x", "image": images.sandbox, **agent_security(pod)}
    change = json.dumps({"spec": {"ephemeralContainers": [inside]}})
    name = pod["metadata"]["name"]
    arguments = ("patch", "pod", name, "--subresource=ephemeralcontainers", f"--patch={change}")
    for kubectl in (deployed.sandboxes, unguarded):
        kubectl.create(pod)
    try:
        unguarded.run(*arguments, "--dry-run=server")
        with pytest.raises(KubectlError, match="nobody goes into a Pod"):
            deployed.sandboxes.run(*arguments, "--dry-run=server")
    finally:
        for kubectl in (deployed.sandboxes, unguarded):
            kubectl.run("delete", "pod", name, "--now")


def agent_security(pod: Object) -> Object:
    (container,) = pod["spec"]["containers"]
    return {"securityContext": container["securityContext"]}


@pytest.mark.parametrize("name", NAMES)
def test_every_overlay_is_valid_on_a_real_api_server(deployed: Deployed, name: str) -> None:
    cluster = deployed.ground.cluster.within("")
    rendered = yaml.safe_load_all(cluster.run("kustomize", str(FOLDER / name)))
    known = [item for item in rendered if not item["apiVersion"].startswith("kueue.")]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": known})
    cluster.run("apply", "--dry-run=server", "--filename=-", given=given)


def test_the_api_server_finds_no_fault_in_the_types_of_the_policy(deployed: Deployed) -> None:
    policy = deployed.ground.cluster.get("validatingadmissionpolicy", "claude-sandbox")
    deployed.ground.cluster.run(
        *("wait", "validatingadmissionpolicy/claude-sandbox", "--timeout=180s"),
        f"--for=jsonpath={{.status.observedGeneration}}={policy['metadata']['generation']}",
    )
    policy = deployed.ground.cluster.get("validatingadmissionpolicy", "claude-sandbox")
    assert not policy["status"]["typeChecking"].get("expressionWarnings")
