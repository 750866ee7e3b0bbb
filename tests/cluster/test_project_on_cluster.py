"""What a repository brings along, in real Pods: its secrets, its dependencies from a volume, its setup."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from k8s.backend import KubernetesBackend
from k8s.names import job_name
from runs.outcome import Ending
from runs.run import Run
from runs.s3_cache import S3Cache
from runs.s3_place import S3Place
from sandbox.dependencies.cache import folder_name
from sandbox.report import encode
from tests.cluster.age_key import age_key
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.cache_volume import CacheVolume
from tests.cluster.kubectl import Kubectl
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.parts.registries import Registry
from tests.parts.s3_fixtures import find_minio, running
from tests.parts.sops_fixtures import Sops
from tests.runs.contract import ended, start

MakeApi = Callable[..., MessagesApi]
LIMIT_SECONDS = 240.0
SECRET = "value-that-only-the-agent-sees"
SEARCH = Path(__file__).with_name("search_for_keys.py").read_text("utf-8")


async def agent_did(
    place: ClusterPlace,
    make_api: MakeApi,
    command: str,
    repo: OriginRepo,
    number: int = 1,
    **settings: object,
) -> tuple[Run, KubernetesBackend, list[str]]:
    """Let Claude Code run a command whose output it commits; return the Run, and the lines that came out."""
    api = make_api(use("Bash", command=f"( {command}\n) > out.txt 2>&1"), say("Done."))
    environment = {"ANTHROPIC_BASE_URL": api.url}
    backend = place.make(agent="claude", environment=environment, **settings)
    task = replace(place.task("look"), repo_url=repo.url)
    run = await ended(backend, await start(backend, task, number), LIMIT_SECONDS)
    assert run.outcome is not None and run.outcome.ending is Ending.PUSHED, run.outcome
    assert run.report is not None and run.report.branch is not None
    return run, backend, repo.read(run.report.branch, "out.txt").splitlines()


async def test_an_encrypted_file_comes_into_the_agents_environment_and_nowhere_else(
    place: ClusterPlace, kubectl: Kubectl, git_server: GitServer, sops: Sops, messages_api: MakeApi
) -> None:
    kubectl.create(age_key(sops.key("key")))
    key = sops.key("key").read_text("utf-8").splitlines()[-1]
    assert key.startswith("AGE-SECRET-KEY-")
    repo = git_server.create(
        "shop", {".env.sops": sops.encrypt(f"SHOP_TOKEN={SECRET}\n", "dotenv")}
    )
    command = (
        'echo saw $(printf %s "$SHOP_TOKEN" | wc -c)\n'
        f"cat > /tmp/search.py <<'E'\n{SEARCH}\nE\n"
        f"python3 /tmp/search.py {SECRET[::-1]} {key[::-1]}"
    )
    run, backend, lines = await agent_did(place, messages_api, command, repo)
    assert lines[0] == f"saw {len(SECRET)}"
    assert lines[-1].startswith("looked at "), lines
    found = [line for line in lines if line.startswith("KEY")]
    assert "KEY 0 in variable SHOP_TOKEN" in found
    own = re.compile(r"KEY 0 in (variable SHOP_TOKEN|/proc/(?!1/)\d+/environ)")
    assert [line for line in found if not own.fullmatch(line)] == []
    assert run.report is not None and SECRET.encode() not in encode(run.report)
    log = await backend.read_log(run.id)
    assert b"secrets .env.sops" in log and SECRET.encode() not in log
    job = kubectl.get("job", job_name(run.id))
    assert SECRET not in json.dumps([job, *kubectl.pods_of(job_name(run.id))])
    assert SECRET not in kubectl.logs(job_name(run.id), "broker")


async def test_what_an_agent_prints_of_a_decrypted_value_is_blackened_in_the_log(
    place: ClusterPlace, kubectl: Kubectl, git_server: GitServer, sops: Sops
) -> None:
    kubectl.create(age_key(sops.key("key")))
    files = {
        "shop.sops.yaml": sops.encrypt(f"SHOP_TOKEN: {SECRET}\n", "yaml"),
        ".claude-sandbox/setup": 'echo "the token is $SHOP_TOKEN"\n',
    }
    repo = git_server.create("shop", files)
    backend = place.make()
    task = replace(place.task("quick"), repo_url=repo.url)
    run = await ended(backend, await start(backend, task), LIMIT_SECONDS)
    assert run.outcome is not None and run.outcome.ending is Ending.PUSHED, run.outcome
    log = (await backend.read_log(run.id)).decode()
    assert "the token is " in log
    assert SECRET not in log


@pytest.mark.shows("cache hit", "pip")
async def test_the_second_run_has_its_dependencies_from_the_volume_and_another_repo_sees_none_of_it(
    place: ClusterPlace,
    git_server: GitServer,
    registry: Registry,
    volume: CacheVolume,
    messages_api: MakeApi,
) -> None:
    files = {"requirements.txt": registry.requirements("greeter==1.0")}
    shop, other = git_server.create("shop", files), git_server.create("other", files)
    look = "greeter; ls -a /cache; ls -a /cache/..; find / -name '*.entry' 2>/dev/null"

    async def run(repo: OriginRepo, number: int) -> tuple[str | None, list[str]]:
        done, _, lines = await agent_did(
            place, messages_api, look, repo, number, cache_claim=volume.claim
        )
        assert done.report is not None
        assert lines[0] == "hello from the greeter", lines
        return done.report.cache, [line for line in lines if line.startswith("/")]

    assert (await run(shop, 1))[0] == "miss"
    assert registry.asked == 1
    cache, seen = await run(shop, 2)
    assert (cache, registry.asked, len(seen)) == ("hit", 1, 1)
    cache, seen_by_other = await run(other, 3)
    assert (cache, registry.asked) == ("miss", 2)
    assert len(seen_by_other) == 1 and seen_by_other != seen
    if volume.folder is not None:
        assert {name: len(names) for name, names in volume.entries().items()} == {
            folder_name(shop.url): 1,
            folder_name(other.url): 1,
        }


@pytest.mark.own_cluster
async def test_a_volume_that_is_closed_to_the_runs_is_told(
    place: ClusterPlace, git_server: GitServer, registry: Registry, volume: CacheVolume
) -> None:
    assert volume.folder is not None
    os.chown(volume.folder, 0, 0)
    volume.folder.chmod(0o755)
    repo = git_server.create("shop", {"requirements.txt": registry.requirements("greeter==1.0")})
    backend = place.make(cache_claim=volume.claim)
    task = replace(place.task("quick"), repo_url=repo.url)
    run = await ended(backend, await start(backend, task), LIMIT_SECONDS)
    assert run.report is not None
    assert run.report.cache == "miss"
    assert run.report.remark == "The cache couldn't be used: its folder can't be written to."


@pytest.mark.s3
async def test_the_second_run_has_its_dependencies_from_the_bucket_and_no_agent_gets_an_address(
    place: ClusterPlace,
    git_server: GitServer,
    registry: Registry,
    messages_api: MakeApi,
    host_address: str,
    tmp_path: Path,
) -> None:
    minio = find_minio()
    if minio is None:
        pytest.skip("MinIO is not built: make minio")
    repo = git_server.create("shop", {"requirements.txt": registry.requirements("greeter==1.0")})
    # The words are broken, so that the search doesn't find itself.
    look = (
        "greeter; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' |"
        " /bin/grep -c 'X-Amz-[S]ignature';"
        "curl -s -o /dev/null -w '%{http_code}' -d '' http://127.0.0.1:9180/cache/take ||"
        ' python3 -c \'import urllib.request as u; u.urlopen("http://127.0.0.1:9180/cache/take", b"")\''
    )
    with running(minio, tmp_path, host_address) as server:
        bucket = server.make_bucket()
        signer = S3Cache(S3Place(bucket, "cache"), server.variables)
        for number, cache in ((1, "miss"), (2, "hit")):
            run, backend, lines = await agent_did(
                place, messages_api, look, repo, number, cache_signer=signer
            )
            assert run.report is not None
            assert run.report.cache == cache, run.report
            # The agent's own try, and nothing of the cache.
            assert run.report.remark == (
                "The agent tried to call an API that isn't its own (POST /cache/take); refused."
            )
            assert lines[:2] == ["hello from the greeter", "0"]
            assert "403" in lines[-1], lines
            assert b"Signature" not in await backend.read_log(run.id)
        assert registry.asked == 1
        assert len(list((server.data / bucket / "cache").glob("*/*.entry"))) == 1


async def test_what_a_setup_leaves_running_is_gone_before_the_agent_begins(
    place: ClusterPlace, git_server: GitServer, messages_api: MakeApi
) -> None:
    script = (
        "echo 'preparing the shop'\n"
        "setsid sleep 98765 >/dev/null 2>&1 &\n(sleep 98764 & )\necho $! > /tmp/started\n"
    )
    repo = git_server.create("shop", {".claude-sandbox/setup": script})
    command = "test -s /tmp/started && echo started; ps -e -o args= | grep -c '[9]876'"
    run, backend, lines = await agent_did(place, messages_api, command, repo)
    assert lines == ["started", "0"]
    log = (await backend.read_log(run.id)).decode()
    assert re.search(r"▶ setup .claude-sandbox/setup\n(.*\n)*?.*preparing the shop", log), log
