"""`doctor` finds what is wrong with an installation, one thing at a time, and says the next step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.cli.object_api import refused
from tests.cli.setup_scene import Scene
from tests.parts.s3_fixtures import S3Server

Break = Callable[[Scene], object]


def without(kind: str, name: str, namespace: str = "") -> Break:
    """Take an object away."""

    def change(scene: Scene) -> None:
        gone = scene.api.one(kind, name, namespace)
        scene.api.objects = {p: one for p, one in scene.api.objects.items() if one is not gone}

    return change


def edited(kind: str, name: str, change: Callable[[Any], object], namespace: str = "") -> Break:
    """Change an object as somebody's hand would."""
    return lambda scene: change(scene.api.one(kind, name, namespace))


def configured(text: str) -> Break:
    """Put another config in the place of the bot's."""

    def change(scene: Scene) -> None:
        (name,) = (
            n for n in scene.api.names("ConfigMap") if n.startswith("claude-sandbox-config-")
        )
        scene.api.one("ConfigMap", name)["data"]["config.yaml"] = text

    return change


def is_at(moment: Callable[[web.Request], bool], code: int, words: str) -> Break:
    """Refuse some requests."""

    def change(scene: Scene) -> None:
        scene.api.moment = lambda request: refused(code, words) if moment(request) else None

    return change


def quota_full(scene: Scene) -> None:
    quota = scene.api.one("ResourceQuota", "sandboxes")
    quota["status"] = {"hard": {"pods": "40"}, "used": {"pods": "40"}}


def node(cpu: str, memory: str, image: str = "x") -> Break:
    """Put a node on the cluster, with a Pod that asks for one core."""

    def change(scene: Scene) -> None:
        status = {"allocatable": {"cpu": cpu, "memory": memory}, "images": [{"names": [image]}]}
        one = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": status}
        spec = {
            "nodeName": "n",
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}],
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": "other"},
            "spec": spec,
            "status": {"phase": "Running"},
        }
        scene.api.objects["/api/v1/nodes/n"] = one
        scene.api.objects["/api/v1/namespaces/other/pods/p"] = pod

    return change


BROKEN: dict[str, tuple[Break, str, int]] = {
    "the labels of Pod Security": (
        edited("Namespace", "claude-sandbox", lambda one: one["metadata"]["labels"].clear()),
        "✗ Namespace claude-sandbox: Pod Security is not set\n  ➜ kubectl label namespace",
        1,
    ),
    "a key": (
        edited(
            "Secret",
            "claude-sandbox-secrets",
            lambda one: one["data"].pop("CLAUDE_CODE_OAUTH_TOKEN"),
            "claude-sandbox",
        ),
        "✗ Keys in claude-sandbox: claude-sandbox-secrets has no CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY",
        1,
    ),
    "Secrets that may not be read": (
        is_at(lambda request: "secrets" in request.path, 403, "secrets is forbidden"),
        "? Keys in claude-sandbox: you may not read the Secret, so it isn't known",
        0,
    ),
    "a bot that isn't ready": (
        edited("Deployment", "claude-sandbox-bot", lambda one: one["status"].clear()),
        "✗ Bot: its Pod is being made",
        1,
    ),
    "a bot scaled away": (
        edited(
            "Deployment",
            "claude-sandbox-bot",
            lambda one: (one["status"].clear(), one["spec"].update(replicas=0)),
        ),
        "✗ Bot: it is scaled to 0 replicas",
        1,
    ),
    "rights that the bot should not have": (
        lambda scene: scene.api.bots_own.add(("get", "secrets")),
        "✗ Bot's rights: it may more than it should: get secrets -n claude-sandbox",
        1,
    ),
    "a policy of the network": (
        without("NetworkPolicy", "closed"),
        "✗ Network policies: closed isn't there",
        1,
    ),
    "the quota": (without("ResourceQuota", "sandboxes"), "! Quota: there is none", 0),
    "a quota that is full": (quota_full, "✓ Quota: 40 of 40 pods", 0),
    "a volume that nobody makes": (
        edited(
            "PersistentVolumeClaim",
            "claude-sandbox-logs",
            lambda one: one.update(status={"phase": "Pending"}),
        ),
        "✗ Log store: the claim claude-sandbox-logs is Pending\n  ➜ Has the cluster a default StorageClass",
        1,
    ),
    "a bucket whose keys nobody said": (
        lambda scene: scene.environment_on_cluster().update(SANDBOX_LOG_STORE="s3://bucket/logs"),
        "? Log store: s3://bucket/logs: its keys aren't known here",
        0,
    ),
    "the admission policy": (
        without("ValidatingAdmissionPolicy", "claude-sandbox"),
        "✗ Admission policy: there is no ValidatingAdmissionPolicy",
        1,
    ),
    "its binding": (
        without("ValidatingAdmissionPolicyBinding", "claude-sandbox"),
        "✗ Admission policy: there is no ValidatingAdmissionPolicyBinding",
        1,
    ),
    "a policy that lets all through": (
        lambda scene: setattr(scene.api, "refuses_images", False),
        "✗ Admission policy: it lets any image through",
        1,
    ),
    "a policy that lets nothing through": (
        is_at(
            lambda request: request.path.endswith("/jobs") and request.method == "POST",
            422,
            "ValidatingAdmissionPolicy 'claude-sandbox' with binding 'claude-sandbox' denied request: "
            "not in the list of images of the ConfigMap claude-sandbox-allowed: x",
        ),
        "✗ Admission policy: it refuses a run: not in the list of images",
        1,
    ),
    "a quota on Jobs": (
        is_at(
            lambda request: request.path.endswith("/jobs") and request.method == "POST",
            403,
            "exceeded quota: sandboxes, requested: count/jobs.batch=1",
        ),
        "? Admission policy: exceeded quota: sandboxes",
        0,
    ),
    "a clock": (
        lambda scene: setattr(scene.api, "clock_ahead_seconds", 3600),
        "! Clock: this machine's is 60 min behind the cluster's",
        0,
    ),
    "a node without room": (
        node("1500m", "8Gi"),
        "! Room: no node has 1000m CPU and 2Gi free now (at most 0.5 CPU, 7.0Gi)",
        0,
    ),
    "a node with room, and the image": (
        node("2", "3Gi", "registry.example/team/claude-sandbox:1"),
        "✓ Image: registry.example/team/claude-sandbox:1 was pulled by a node\n✓ Room: 1 of 1 nodes",
        0,
    ),
    "a config that isn't right": (
        configured("gate: maybe\n"),
        "✗ Config: line 1: gate takes warn, fail or off",
        1,
    ),
    "a repo over ssh": (
        configured("repos: {shop: 'git@127.0.0.1:a/b'}\n"),
        "! Repo shop: Git goes past the broker (ssh)",
        0,
    ),
    "an image with a program of its own": (
        configured(
            "entrypoints: ['own:*']\ndefaults: {image: 'own:1'}\nrepos: {shop: 'http://127.0.0.1:9/a/b'}\n"
        ),
        "! Repo shop: The image has a program of its own, which gets the run's keys itself",
        0,
    ),
    "a repo that isn't there": (
        configured("repos: {shop: 'http://127.0.0.1:9/a/b'}\n"),
        "! Repo shop: can't be read from here",
        0,
    ),
    "a cluster that is too old": (
        lambda scene: scene.api.version.update(minor="28"),
        "✗ Kubernetes: Kubernetes 1.30 or newer is needed; this one is 1.28.",
        1,
    ),
    "a revoked token of the bot": (
        lambda scene: scene.world.revoke_token(),
        "✗ Telegram token: Telegram refuses it",
        1,
    ),
    "a bot outside of the group": (
        lambda scene: scene.world.set_status(scene.world.bot, scene.team, "left"),
        "✗ Telegram chat: @claude_sandbox_bot can't see",
        1,
    ),
    "a revoked token of the forge": (
        lambda scene: setattr(scene.forge, "key", "other"),
        "✗ GitHub token: 127.0.0.1 refuses it",
        1,
    ),
    "a revoked key of the model": (
        lambda scene: setattr(scene.model, "key", "other"),
        "✗ Model key: 127.0.0.1 refuses CLAUDE_CODE_OAUTH_TOKEN",
        1,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_doctor_says_what_is_wrong_and_what_to_do(scene: Scene, name: str) -> None:
    change, words, code = BROKEN[name]
    installed = await scene.say("init", "--yes")
    assert installed.code == 0, installed.out + installed.err
    change(scene)
    scene.api.changes.clear()
    done = await scene.say("doctor")
    assert words in done.out, done.out + done.err
    assert done.code == code
    assert scene.api.changes == []
    assert ("Nothing is wrong." in done.out) is (code == 0)
    for line in done.out.splitlines():
        assert not line.startswith("✗") or "➜" in done.out.partition(line)[2].split("\n")[1]


async def test_doctor_as_json_has_one_entry_for_each_check(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0
    done = await scene.say("doctor", "--json")
    found = json.loads(done.out)
    assert found["ok"] is True
    assert {"name": "Kubernetes", "result": "good", "what": "1.37 answers", "advice": ""} in found[
        "checks"
    ]
    assert len(found["checks"]) > 15


async def test_doctor_of_a_cluster_without_a_bot_says_only_that_and_tries_the_keys(
    scene: Scene,
) -> None:
    done = await scene.say("doctor")
    assert done.code == 1
    assert (
        "✗ Installation: there is no bot on this cluster\n  ➜ Install it: claude-sandbox init"
        in done.out
    )
    assert "✓ GitHub token: it is ada's" in done.out
    assert "Namespace" not in done.out


async def test_doctor_looks_for_the_image_of_the_owner_whom_the_bot_is_told(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0
    (name,) = (
        n for n in scene.api.names("ConfigMap") if n.startswith("claude-sandbox-environment-")
    )
    variables = scene.api.one("ConfigMap", name)["data"]
    del variables["CLAUDE_IMAGE"]
    variables["SANDBOX_OWNER"] = "alice"
    done = await scene.say("doctor")
    assert "Image: no node has alice/claude-sandbox:latest yet" in done.out, done.out + done.err


async def test_doctor_needs_no_right_but_to_look(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0

    def looks_only(request: web.Request) -> web.Response | None:
        return None if request.method == "GET" else refused(403, "only look")

    scene.api.moment = looks_only
    done = await scene.say("doctor")
    assert done.code == 0, done.out + done.err
    assert "? Bot's rights: you may not see it: only look" in done.out
    assert "? Admission policy: you may not see it: only look" in done.out


async def test_doctor_without_the_right_to_look_says_so_and_asks_the_servers(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0
    is_at(lambda request: "deployments" in request.path, 403, "deployments is forbidden")(scene)
    done = await scene.say("doctor")
    assert done.code == 0, done.out + done.err
    assert (
        "? Installation: you may not see it: deployments is forbidden\n"
        "  ➜ Ask for the right to read Deployments and ConfigMaps in claude-sandbox-bot and claude-sandbox"
        in done.out
    )
    assert "✓ GitHub token: it is ada's" in done.out


async def test_doctor_where_no_cluster_answers_says_so(scene: Scene) -> None:
    scene.api.moment = lambda _request: web.Response(status=503)
    done = await scene.say("doctor")
    assert done.code == 3
    assert "➜" in done.err


@pytest.mark.s3
async def test_doctor_tries_a_bucket_with_its_keys(scene: Scene, s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket()
    scene.environment |= {**s3_server.variables, "SANDBOX_LOG_STORE": f"s3://{bucket}"}
    done = await scene.say("init", "--yes")
    assert f"✓ Log store: s3://{bucket} is read and written" in done.out, done.out + done.err
    assert scene.data("claude-sandbox-bot").keys() >= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert not scene.data("claude-sandbox").keys() & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert "AWS_SECRET_ACCESS_KEY" not in scene.environment_on_cluster()
    scene.environment["SANDBOX_LOG_STORE"] = "s3://not-there"
    missing = await scene.say("init", "--yes")
    assert missing.code == 1
    assert "✗ Log store: " in missing.out


@pytest.mark.s3
async def test_doctor_tries_the_bucket_of_dependencies(scene: Scene, s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket()
    scene.environment |= s3_server.variables
    assert (await scene.say("init", "--yes")).code == 0
    configured(f"cache: {{s3: s3://{bucket}/deep}}")(scene)
    done = await scene.say("doctor")
    assert f"✓ Cache: s3://{bucket}/deep is read and written" in done.out, done.out + done.err
    scene.environment["AWS_SECRET_ACCESS_KEY"] = "another"
    refused_by_it = await scene.say("doctor")
    assert refused_by_it.code == 1
    assert "✗ Cache: The cache s3://" in refused_by_it.out, refused_by_it.out
    assert "refuses the bot's keys" in refused_by_it.out
