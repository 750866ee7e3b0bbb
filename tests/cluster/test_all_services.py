"""Six real services beside one agent: each is reached by a client at its address.

The config names them: a repo that a busy machine couldn't look at in time would get others.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from playground.server import Playground
from playground.world import World
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.chat_scene import open_chat_scene
from tests.cluster.kubectl import Kubectl
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.whole.bot_process import until

FILES = Path(__file__).parents[1] / "data" / "asking"
NAMES = ("postgres", "redis", "mysql", "rabbitmq", "minio", "memcached")
FLAVOURS = ("postgres", "redis", "mariadb", "rabbitmq", "minio", "memcached")
CARD = "Postgres · Redis · MariaDB · RabbitMQ · MinIO · Memcached"


@pytest.mark.shows("service up", *FLAVOURS)
@pytest.mark.shows("URL works", *FLAVOURS)
async def test_six_services_are_reached_at_their_addresses_and_the_card_names_them(
    place: ClusterPlace,
    playground: Callable[[World], Awaitable[Playground]],
    kubectl: Kubectl,
    repo: OriginRepo,
    messages_api: Callable[..., MessagesApi],
) -> None:
    command = "python3 ask.py > answers.txt 2>&1; cat answers.txt"
    api = messages_api(use("Bash", command=command), say("All have been asked."))
    async with open_chat_scene(place, playground, kubectl) as scene:
        config = {
            "repos": {
                "shop": {"url": repo.url, "memory": "512Mi", "cpu": "200m", "services": FLAVOURS}
            },
            "serviceImages": place.images.services,
            "gate": "off",
        }
        (scene.folder / "config.yaml").write_text(json.dumps(config))
        scene.variables |= {"SANDBOX_AGENT": "claude", "ANTHROPIC_BASE_URL": api.url}
        await scene.start()
        asked = scene.say('/run shop "ask all services"')
        await until(
            lambda: any(CARD in card.text for card in scene.cards(asked)),
            "the card names them",
            150,
        )
        (told,) = await until(lambda: scene.tellings(asked), "the end is told", 300)
        assert "All have been asked." in told.text
        assert "started again" not in told.text, "none ended while it was needed"
        job = scene.job(asked)
        assert job is not None
        containers = [each["name"] for each in job["spec"]["template"]["spec"]["initContainers"]]
        assert containers == ["broker", *(f"{name}-sidecar" for name in NAMES)]
        (branch,) = set(repo.branches()) - {"main"}
        answers = repo.read(branch, "answers.txt").splitlines()
        assert answers == [f"{name}: kept" for name in FLAVOURS]
        await scene.settled(asked)


@pytest.fixture
def repo(git_server: GitServer) -> OriginRepo:
    return git_server.create("shop", {path.name: path.read_text() for path in FILES.iterdir()})
