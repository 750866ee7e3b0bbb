"""The gate on the real cluster: with a policy that keeps sandboxes from the API server, and without one."""

from __future__ import annotations

from runs.outcome import Ending
from runs.run import Run
from sandbox.gate import GateMode
from sandbox.report import Cause
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.kubectl import Kubectl
from tests.runs.contract import ended, start


async def run_with(place: ClusterPlace, gate: GateMode, seconds: int) -> tuple[Run, str]:
    backend = place.make(gate=gate, gate_seconds=seconds)
    run = await ended(backend, await start(backend, place.task("quick")))
    return run, (await backend.read_log(run.id)).decode()


async def test_a_run_waits_until_the_policy_holds_fault_36(
    place: ClusterPlace, kubectl: Kubectl, host_address: str
) -> None:
    kubectl.create(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "sandboxes"},
            "spec": {
                "podSelector": {"matchLabels": {"app": "claude-sandbox"}},
                "policyTypes": ["Egress"],
                "egress": [{"to": [{"ipBlock": {"cidr": f"{host_address}/32"}}]}],
            },
        }
    )
    run, log = await run_with(place, GateMode.FAIL, 60)
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED, log
    assert run.report is not None
    assert run.report.remark is None
    assert log.index("▶ gate until") < log.index("▶ agent")


async def test_without_a_policy_a_strict_run_fails_fault_36(place: ClusterPlace) -> None:
    run, log = await run_with(place, GateMode.FAIL, 2)
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.cause) == (Ending.FAILED, Cause.UNPROTECTED)
    assert "could still be reached after 2 s" in (run.outcome.error or "")
    assert "▶ agent" not in log


async def test_without_a_policy_another_run_goes_on_and_says_so_fault_36(
    place: ClusterPlace,
) -> None:
    run, _ = await run_with(place, GateMode.WARN, 2)
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED
    assert run.report is not None
    assert "No network policy kept this run away" in (run.report.remark or "")
