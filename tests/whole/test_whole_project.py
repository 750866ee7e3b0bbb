"""A project with dependencies, secrets and a setup, from the chat to the end that is told there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parts.registries import Registry
from tests.parts.sops_fixtures import Sops
from tests.sandbox_project.project_repo import repo_of
from tests.whole.scene import open_scene, run_of

SETUP = "node -e \"require('part-0')\" && test ${#SHOP_PASSWORD} = 13 && echo $SHOP_PASSWORD\n"


@pytest.mark.npm
@pytest.mark.sops
async def test_the_second_run_has_its_dependencies_from_the_cache_and_its_secrets_stay_its_own(
    tmp_path: Path, sops: Sops
) -> None:
    with Registry() as registry:
        files = registry.npm_project({".claude-sandbox/setup": SETUP})
        files[".env.sops"] = sops.encrypt("SHOP_PASSWORD=hidden-hidden\n", "dotenv")
        repo = repo_of(tmp_path, files)
        async with open_scene(tmp_path, sops.variables()) as scene:
            scene.configure(repos={"shop": repo.file_url})
            await scene.start()
            first = scene.say("/run shop note one")
            assert "cache miss" in await scene.reply(first)
            second = scene.say("/run shop note two")
            told = await scene.reply(second)
            assert "✅ Done" in told and "1 file +" in told and "cache hit · " in told
            log = await scene.reply(scene.whisper(f"/logs {run_of(second)[:5]} 100"))
            assert "npm: package-lock.json from the cache" in log
            assert "hidden-hidden" not in log and "[redacted]" in log
        assert registry.asked == 1
    holding = [
        path
        for path in (tmp_path / "state").rglob("*")
        if path.is_file() and b"hidden-hidden" in path.read_bytes()
    ]
    assert holding == []


async def test_a_setup_that_fails_is_told_with_its_lines_and_where_to_mend_it(
    tmp_path: Path,
) -> None:
    setup = "echo 'could not connect to server: Connection refused' >&2; exit 2\n"
    repo = repo_of(tmp_path, {".claude-sandbox/setup": setup})
    async with open_scene(tmp_path) as scene:
        scene.configure(repos={"shop": repo.file_url})
        await scene.start()
        told = await scene.reply(scene.say("/run shop do it"))
    words = [
        "❌ Failed · shop",
        "The repository's own setup failed.",
        "It ended in the setup, before the agent began.",
        "Connection refused",
        "➜ Fix it in the repository: .claude-sandbox/setup, or setup: in .claude-sandbox.yaml",
    ]
    assert [word for word in words if word not in told] == [], told
