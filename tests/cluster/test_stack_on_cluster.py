"""From a Gemfile to the services beside the agent: nobody says which, the repo over HTTPS with its token does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.messages import Message
from playground.server import Playground
from playground.world import World
from tests.cluster.backend_place import ClusterPlace, template
from tests.cluster.cache_volume import CacheVolume
from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene, open_chat_scene
from tests.cluster.kubectl import Kubectl
from tests.cluster.services_asked import ASK_THE_SERVICES, check_answers
from tests.parts.authority import Authority, make_authority
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.parts.registries import Registry
from tests.whole.bot_process import until

Begin = Callable[[World], Awaitable[Playground]]

GEMFILE = """\
source "https://rubygems.org"
ruby "3.3.1"
gem "rails"
gem "pg"
gem "sidekiq"
"""


CLAIM = {"name": "authority", "configMap": {"name": "authority"}}
MOUNT = "            - {name: {{ broker.container }}, mountPath: {{ broker.folder }}}\n"
VARIABLES = "{% for key, value in broker.environment.items() %}\n"
VOLUME = "        - {name: workspace, emptyDir: {}}\n"


@pytest.mark.shows("service up", "postgres", "redis")
@pytest.mark.shows("URL works", "postgres", "redis")
async def test_a_run_of_a_gemfile_with_pg_and_sidekiq_reaches_both_and_the_second_one_hits_the_cache(
    place: ClusterPlace,
    playground: Begin,
    kubectl: Kubectl,
    repo: OriginRepo,
    authority: Authority,
    volume: CacheVolume,
    registry: Registry,
    messages_api: Callable[..., MessagesApi],
) -> None:
    said = say("Both services answer.")
    asks = [use("Bash", command=ask_until(registry, name)) for name in ("first", "second")]
    api = messages_api(asks[0], said, asks[1], said)
    async with open_chat_scene(place, playground, kubectl) as scene:
        config = {
            "repos": {"shop": {"url": repo.url, "memory": "512Mi", "cpu": "200m"}},
            "serviceImages": {"postgres": place.images.postgres, "redis": place.images.redis},
            "cache": {"claim": volume.claim},
            "gate": "off",
        }
        (scene.folder / "config.yaml").write_text(json.dumps(config))
        scene.variables |= {
            "SANDBOX_AGENT": "claude",
            "ANTHROPIC_BASE_URL": api.url,
            "GIT_SSL_CAINFO": str(authority.certificate),
        }
        trusting = with_authority(place, kubectl, authority)
        scene.program = ("tests.cluster.bot_with_template", str(trusting))
        await scene.start()
        known = {"main"}
        for name, cache in (("first", "cache miss"), ("second", "cache hit")):
            asked, told = await ask(scene, registry, name, cache)
            assert "Both services answer." in told.text
            assert cache in told.text
            assert sidecars(scene.job(asked)) == ["postgres-sidecar", "redis-sidecar"]
            (branch,) = set(repo.branches()) - known
            known.add(branch)
            check_answers(repo, branch)
    assert registry.asked == 1


def ask_until(registry: Registry, name: str) -> str:
    """Return what asks both services, and waits until a package is published: then the card has said all."""
    opens = f'import urllib.request as u; u.urlopen("{registry.url}/simple/{name}/")'
    return f"{ASK_THE_SERVICES}; until python3 -c '{opens}' 2>/dev/null; do sleep 1; done"


async def ask(
    scene: ChatScene, registry: Registry, name: str, cache: str
) -> tuple[Message, Message]:
    """Let the services be asked; return what was said, and how its end is told. The card tells the stack meanwhile."""
    asked = scene.say('/run shop "ask the services"')
    for words in ("Ruby 3.3 · Postgres · Redis", cache):
        await until(
            lambda words=words: any(words in card.text for card in scene.cards(asked)),  # type: ignore[misc]  # bound here
            f"the card says {words}",
            LIMIT_SECONDS,
        )
    registry.wheel(name, "")
    (told,) = await until(lambda: scene.tellings(asked), "the end is told", LIMIT_SECONDS)
    await scene.settled(asked)
    return asked, told


def sidecars(job: dict[str, Any] | None) -> list[str]:
    """Return the names of the services beside a Job's agent."""
    assert job is not None
    names = [each["name"] for each in job["spec"]["template"]["spec"]["initContainers"]]
    return [name for name in names if name.endswith("-sidecar")]


def with_authority(place: ClusterPlace, kubectl: Kubectl, authority: Authority) -> Path:
    """Do what an operator does whose git server has a certificate of its own; return the Job's template."""
    text = authority.certificate.read_text("utf-8")
    named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}}
    kubectl.create({**named, "data": {"ca.pem": text}})
    found = template(
        place,
        (MOUNT, MOUNT + "            - {name: authority, mountPath: /authority}\n"),
        (VARIABLES, "            - {name: SSL_CERT_FILE, value: /authority/ca.pem}\n" + VARIABLES),
        (VOLUME, VOLUME + f"        - {json.dumps(CLAIM)}\n"),
    )["template"]
    assert isinstance(found, Path)
    return found


@pytest.fixture
def authority(tmp_path: Path, host_address: str) -> Authority:
    return make_authority(tmp_path, host_address)


@pytest.fixture
def repo(
    tmp_path: Path, authority: Authority, host_address: str, registry: Registry
) -> Iterator[OriginRepo]:
    """A repository over HTTPS, which demands the token."""
    files = {
        "Gemfile": GEMFILE,
        "README.md": "# Shop\n",
        "requirements.txt": registry.requirements("greeter==1.0"),
    }
    with GitServer(tmp_path / "git", host=host_address, tls=authority.context) as server:
        yield server.create("shop", files)
