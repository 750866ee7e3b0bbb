"""`init` over what others have made, and over clusters that lack what an overlay needs."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from k8s.installation.adopting import PART_OF
from k8s.installation.objects import LABEL, OWN
from tests.cli.object_api import refused
from tests.cli.setup_scene import Scene

SANDBOXES = "/api/v1/namespaces/claude-sandbox"


def put_namespace(scene: Scene, setter: str) -> dict[str, Any]:
    """Put a namespace there whose label of the overlays somebody has set."""
    labels = {"f:labels": {f"f:{PART_OF}": {}}}
    made = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "claude-sandbox",
            "labels": {PART_OF: "claude-sandbox"},
            "managedFields": [{"manager": setter, "fieldsV1": {"f:metadata": labels}}],
        },
    }
    scene.api.objects[SANDBOXES] = made
    return made


async def test_what_kubectl_has_made_is_taken_over(scene: Scene) -> None:
    put_namespace(scene, "kubectl-client-side-apply")
    done = await scene.say("init", "--yes")
    assert done.code == 0, done.out + done.err
    assert "✓ taken over Namespace claude-sandbox\n" in done.out
    assert scene.api.objects[SANDBOXES]["metadata"]["labels"][LABEL] == OWN
    assert (await scene.say("uninstall", "--yes")).code == 0
    assert scene.api.objects == {}


async def test_what_was_changed_by_hand_stays_so_and_is_taken_over_all_the_same(
    scene: Scene,
) -> None:
    put_namespace(scene, "kubectl-client-side-apply")

    def conflict(request: web.Request) -> web.Response | None:
        applies = request.method == "PATCH" and "fieldManager" in request.query
        return refused(409, "kubectl has set it") if applies and request.path == SANDBOXES else None

    scene.api.moment = conflict
    done = await scene.say("init", "--yes")
    assert "! Namespace claude-sandbox stays as somebody set it: kubectl has set it" in done.err
    assert scene.api.objects[SANDBOXES]["metadata"]["labels"][LABEL] == OWN
    assert (await scene.say("uninstall", "--yes")).code == 0
    assert scene.api.objects == {}


async def test_uninstall_says_how_an_installation_by_kubectl_goes(scene: Scene) -> None:
    assert (await scene.say("init", "--yes", "--overlay", "kueue")).code in (0, 1)
    for one in scene.api.objects.values():
        one["metadata"].get("labels", {}).pop(LABEL, None)
        one["metadata"].pop("managedFields", None)
    there = dict(scene.api.objects)
    done = await scene.say("uninstall", "--yes")
    assert done.code == 0
    assert "Nothing here was made by claude-sandbox init." in done.out
    assert "➜ kubectl delete -k manifests/overlays/kueue" in done.err
    assert scene.api.objects == there


async def test_a_cluster_without_kueue_is_told_before_anything_is_changed(scene: Scene) -> None:
    scene.api.unknown = {"kueue.x-k8s.io/v1beta2"}
    done = await scene.say("init", "--yes", "--overlay", "kueue")
    assert done.code == 3
    assert "ResourceFlavor, ClusterQueue, LocalQueue of kueue.x-k8s.io/v1beta2" in done.err
    assert "Install Kueue 0.15 or newer: https://kueue.sigs.k8s.io" in done.err
    assert "Nothing was changed" in done.err
    assert scene.api.changes == []


async def test_a_queue_and_a_runtime_that_let_nothing_start_are_told_by_init(scene: Scene) -> None:
    scene.api.kueue_runs = False
    silent = await scene.say("init", "--yes", "--overlay", "kueue")
    assert silent.code == 1, silent.out
    assert "✗ Queue: Kueue hasn't said a word about sandboxes: no run would start" in silent.out
    assert (await scene.say("uninstall", "--yes")).code == 0
    scene.api.objects["/api/v1/nodes/a"] = node("runc")
    alone = await scene.say("init", "--yes", "--overlay", "gvisor")
    assert alone.code == 1, alone.out
    assert "✗ Runtime: no node has runsc: no run would start" in alone.out


def node(*handlers: str) -> dict[str, Any]:
    status = {
        "runtimeHandlers": [{"name": name} for name in handlers],
        "allocatable": {"cpu": "4", "memory": "16Gi"},
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "status": status}


@pytest.mark.parametrize("image", [None, "registry.example/sandbox", "registry.example/a@sha256:1"])
async def test_a_second_init_changes_nothing_whatever_the_image(
    scene: Scene, image: str | None
) -> None:
    del scene.environment["CLAUDE_IMAGE"]
    chosen = [] if image is None else [f"--image={image}"]
    assert (await scene.say("init", "--yes", *chosen)).code == 0
    scene.api.changes.clear()
    again = await scene.say("init", "--yes")
    assert "nothing to change" in again.out, again.out + again.err
    assert scene.api.changes == []


async def test_to_keep_the_logs_and_not_to_is_no_answer(scene: Scene) -> None:
    done = await scene.say("uninstall", "--yes", "--keep-logs", "--no-keep-logs")
    assert done.code == 2
    assert "say the opposite" in done.err


async def test_the_options_of_uninstall_are_whole_in_a_narrow_terminal(scene: Scene) -> None:
    scene.environment["COLUMNS"] = "60"
    done = await scene.say("uninstall", "--help")
    assert {"--keep-logs", "--no-keep-logs"} <= set(done.out.split())
