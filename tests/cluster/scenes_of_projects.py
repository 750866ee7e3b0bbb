"""Scenes: ends between the clone and the agent, where a project is made fit to be worked on."""

from __future__ import annotations

from runs.outcome import Ending
from runs.run import Run
from sandbox.report import Cause
from tests.cluster.age_key import age_key
from tests.cluster.outcome_stage import NotHere, Scenes, Stage
from tests.parts.registries import Registry
from tests.parts.sops_fixtures import Sops, find_sops

SCENES = Scenes()
scene = SCENES.add
Ended = tuple[Run, str]

_HOOK = ".claude-sandbox/setup"
_FAILS = (
    "echo 'creating the database shop_test'\necho 'psql: error: connection refused' >&2\nexit 3\n"
)
_HANGS = "echo 'waiting for the database'\nsleep 600\n"


@scene("setup-failed", Cause.SETUP_FAILED, "psql: error: connection refused")
async def setup_failed(at: Stage) -> Ended:
    at.git_repo({_HOOK: _FAILS})
    return await at.play()


@scene("setup-too-long", Cause.SETUP_FAILED, "took too long and was ended")
async def setup_too_long(at: Stage) -> Ended:
    at.git_repo({_HOOK: _HANGS})
    return await at.play(task=at.task("do it", timeout_seconds=60))


def _sops(at: Stage) -> Sops:
    found = find_sops(at.folder)
    if found is None:
        raise NotHere("sops isn't built here: make sops")
    return found


@scene("decrypt-no-key", Cause.DECRYPT_FAILED, "there is no age key here")
async def decrypt_no_key(at: Stage) -> Ended:
    at.git_repo({".env.sops": _sops(at).encrypt("SHOP_TOKEN=very-secret-value\n", "dotenv")})
    return await at.play()


@scene("decrypt-wrong-key", Cause.DECRYPT_FAILED, "encrypted for another key")
async def decrypt_wrong_key(at: Stage) -> Ended:
    sops = _sops(at)
    await at.create(age_key(sops.key("another")))
    at.git_repo({".env.sops": sops.encrypt("SHOP_TOKEN=very-secret-value\n", "dotenv")})
    return await at.play()


@scene("dependencies-failed", None, "requirements.txt left to the agent", ending=Ending.PUSHED)
async def dependencies_failed(at: Stage) -> Ended:
    registry = at.stack.enter_context(Registry(at.world.host_address))
    at.git_repo({"requirements.txt": registry.requirements("nowhere-to-be-had==1.0")})
    run, log = await at.play()
    assert run.report is not None
    assert "weren't installed" in (run.report.remark or "")
    return run, log
