"""`make demo SANDBOX_BACKEND=kubernetes`: the same demo, as it is run, on the real cluster."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl
from tests.parts.git_server import OriginRepo
from tests.whole.bot_process import COMMAND, BotProcess, until

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240.0


def variables(images: Images, host_address: str, folder: Path) -> dict[str, str]:
    """Return the environment of a demo; the Makefile finds the kubeconfig of `make cluster` by itself."""
    given = {
        name: os.environ[name] for name in ("PATH", "HOME", "KUBECONFIG") if name in os.environ
    }
    (folder / "tmp").mkdir()
    return {
        **given,
        "TMPDIR": str(folder / "tmp"),
        "COLUMNS": "80",
        "CLAUDE_IMAGE": images.sandbox,
        "DEMO_ADDRESS": host_address,
        "SANDBOX_SCRIPTED_PACE": "0.01",
    }


def namespaces(cluster: Kubectl) -> set[str]:
    """Return the namespaces of demos that aren't about to go."""
    found = cluster.list("namespaces")
    names = {item["metadata"]["name"] for item in found if item["status"]["phase"] == "Active"}
    return {name for name in names if name.startswith("claude-sandbox-demo-")}


def test_the_demo_on_a_cluster_ends_0_with_the_branch_pushed_and_its_namespace_removed(
    cluster: Kubectl, images: Images, host_address: str, tmp_path: Path
) -> None:
    kept, before = tmp_path / "kept", namespaces(cluster)
    played = subprocess.run(
        [
            *("make", "--no-print-directory", "demo", "SANDBOX_BACKEND=kubernetes"),
            "ONCE=/run demo add a farewell to the greeter",
        ],
        cwd=ROOT,
        env=variables(images, host_address, tmp_path) | {"SANDBOX_STATE": str(kept)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert (played.returncode, played.stderr) == (0, ""), played.stdout
    assert played.stdout.index("⚙️ Running") < played.stdout.index("✅ Done")
    remote = OriginRepo(kept / "demo.git", "")
    (branch,) = set(remote.branches()) - {"main"}
    assert f"🌿 {branch}" in played.stdout
    assert remote.diffstat("main", branch) == "2 files changed, 22 insertions(+), 1 deletion(-)"
    assert namespaces(cluster) <= before


async def test_ctrl_c_in_mid_run_removes_the_namespace_and_exits_130(
    cluster: Kubectl, kubeconfig: Path, images: Images, host_address: str, tmp_path: Path
) -> None:
    before = namespaces(cluster)
    played = BotProcess(
        variables(images, host_address, tmp_path)
        | {"SANDBOX_BACKEND": "kubernetes", "KUBECONFIG": str(kubeconfig)},
        tmp_path / "out.txt",
        (str(COMMAND), "demo", "--once", "/run demo wait 300"),
    )

    def works() -> bool:
        return any(
            pod["status"]["phase"] == "Running"
            for name in namespaces(cluster) - before
            for pod in cluster.within(name).list("pods")
        )

    try:
        await until(works, "a Pod of the demo runs", LIMIT_SECONDS)
    finally:
        played.interrupt()
    try:
        assert await played.ended(LIMIT_SECONDS) == 130, played.log
    finally:
        played.end()
    assert "Traceback" not in played.log
    assert namespaces(cluster) <= before
    assert list((tmp_path / "tmp").iterdir()) == []
