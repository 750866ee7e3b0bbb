"""From a Gemfile to the services beside the agent: nobody says which, the repo over HTTP with its token does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from playground.server import Playground
from playground.world import World
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.chat_scene import open_chat_scene
from tests.cluster.kubectl import Kubectl
from tests.cluster.services_asked import ASK_THE_SERVICES, check_answers
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.whole.bot_process import until

Begin = Callable[[World], Awaitable[Playground]]

GEMFILE = """\
source "https://rubygems.org"
ruby "3.3.1"
gem "rails"
gem "pg"
gem "sidekiq"
"""


@pytest.mark.shows("service up", "postgres", "redis")
@pytest.mark.shows("URL works", "postgres", "redis")
async def test_a_run_of_a_gemfile_with_pg_and_sidekiq_reaches_both_and_the_card_names_the_stack(
    place: ClusterPlace,
    playground: Begin,
    kubectl: Kubectl,
    repo: OriginRepo,
    messages_api: Callable[..., MessagesApi],
) -> None:
    api = messages_api(use("Bash", command=ASK_THE_SERVICES), say("Both services answer."))
    async with open_chat_scene(place, playground, kubectl) as scene:
        config = {
            "repos": {"shop": {"url": repo.url, "memory": "512Mi", "cpu": "200m"}},
            "serviceImages": {"postgres": place.images.postgres, "redis": place.images.redis},
            "gate": "off",
        }
        (scene.folder / "config.yaml").write_text(json.dumps(config))
        scene.variables |= {"SANDBOX_AGENT": "claude", "ANTHROPIC_BASE_URL": api.url}
        await scene.start()
        asked = scene.say('/run shop "ask the services"')
        words = "Ruby 3.3 · Postgres · Redis"
        await until(
            lambda: any(words in card.text for card in scene.cards(asked)),
            "the card names the stack",
            60,
        )
        (told,) = await until(lambda: scene.tellings(asked), "the end is told", 120)
        assert "Both services answer." in told.text
        job = scene.job(asked)
        assert job is not None
        sidecars = job["spec"]["template"]["spec"]["initContainers"]
        names = [sidecar["name"] for sidecar in sidecars]
        assert [name for name in names if name.endswith("-sidecar")] == [
            "postgres-sidecar",
            "redis-sidecar",
        ]
        (branch,) = set(repo.branches()) - {"main"}
        check_answers(repo, branch)
        await scene.settled(asked)


@pytest.fixture
def repo(git_server: GitServer) -> OriginRepo:
    return git_server.create("shop", {"Gemfile": GEMFILE, "README.md": "# Shop\n"})
