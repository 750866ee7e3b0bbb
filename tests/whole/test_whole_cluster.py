"""The real bot on a cluster that is away, comes, goes, or is too old: it goes on answering, and goes on by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.messages import Message
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, kubeconfig, serve
from tests.whole.bot_process import until
from tests.whole.scene import Scene

AWAY = "The cluster doesn't answer"


@pytest.fixture
def cluster_port(scene: Scene, unused_tcp_port: int) -> int:
    """The port of a cluster that isn't there yet, and that the scene's bot is to use."""
    path = scene.folder / "kubeconfig-of-the-bot"
    path.write_text(kubeconfig(f"http://127.0.0.1:{unused_tcp_port}"), encoding="utf-8")
    scene.variables |= {
        "SANDBOX_BACKEND": "kubernetes",
        "SANDBOX_NAMESPACE": NAMESPACE,
        "KUBECONFIG": str(path),
    }
    return unused_tcp_port


def ends(scene: Scene, asked: Message) -> int:
    """Count the messages that say that a run is done; /jobs names it too."""
    return sum("Done" in told.text for told in scene.tellings(asked))


async def test_a_cluster_that_is_away_is_told_of_and_used_again_when_it_comes_fault_24(
    scene: Scene, cluster_port: int, tmp_path: Path
) -> None:
    cluster = FakeCluster()
    await scene.start()
    assert AWAY in await scene.reply(scene.say("/jobs"))
    asked = scene.say('/run small "do it"')
    assert f"{AWAY}. I keep trying" in await scene.reply(asked)
    async with serve(cluster, tmp_path, cluster_port):
        await until(lambda: ends(scene, asked), "the end")
        assert "1 ended" in await scene.reply(scene.say("/jobs"))
    assert AWAY in await scene.reply(scene.say("/jobs"))
    async with serve(cluster, tmp_path, cluster_port):
        again = scene.say('/run small "do it"')
        await until(lambda: ends(scene, again), "the end")
    assert ends(scene, asked) == 1
    assert len(cluster.objects["jobs"]) == 2


async def test_a_cluster_that_is_too_old_is_told_of_and_the_bot_goes_on(
    scene: Scene, cluster_port: int, tmp_path: Path
) -> None:
    cluster = FakeCluster()
    cluster.server_version = {"major": "1", "minor": "27"}
    sentence = "Kubernetes 1.30 or newer is needed; this one is 1.27."
    async with serve(cluster, tmp_path, cluster_port):
        await scene.start()
        await until(lambda: sentence in scene.log, "the log says it")
        assert sentence in await scene.reply(scene.say('/run small "do it"'))
        assert "No runs here" in await scene.reply(scene.say("/jobs"))
    assert not cluster.objects["jobs"]
