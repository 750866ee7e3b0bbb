"""From the chat to the real Claude Code CLI in a restricted Pod with PostgreSQL and Redis beside it, and back.

Only its model is scripted.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from playground.server import Playground
from playground.world import World
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.chat_scene import open_chat_scene
from tests.cluster.kubectl import Kubectl
from tests.cluster.services_asked import ASK_THE_SERVICES, check_answers
from tests.parts.git_server import OriginRepo
from tests.parts.messages_api import MessagesApi, say, use
from tests.whole.bot_process import until

Begin = Callable[[World], Awaitable[Playground]]


AGENT = "---\nname: shipwright\ndescription: OPERATOR-AGENT, for ships\n---\nBuild ships.\n"


async def test_the_operators_files_reach_the_agent_from_a_config_map(
    place: ClusterPlace,
    playground: Begin,
    kubectl: Kubectl,
    repo: OriginRepo,
    messages_api: Callable[..., MessagesApi],
) -> None:
    files = {"CLAUDE.md": "OPERATOR-RULES: build ships.\n", "agents__shipwright.md": AGENT}
    metadata = {"name": "team-agents"}
    kubectl.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files})
    api = messages_api(use("Bash", command="echo ship > ship"), say("A ship is built."))
    async with open_chat_scene(place, playground, kubectl) as scene:
        config = {
            "repos": {"demo": {"url": repo.url, "services": []}},
            "agents": {"configMap": "team-agents"},
            "gate": "off",
        }
        (scene.folder / "config.yaml").write_text(json.dumps(config))
        scene.variables |= {"SANDBOX_AGENT": "claude", "ANTHROPIC_BASE_URL": api.url}
        await scene.start()
        asked = scene.say('/run demo "build a ship"')
        (told,) = await until(lambda: scene.tellings(asked), "the end is told", 240)
        assert "A ship is built." in told.text
        await scene.settled(asked)
    sent = json.dumps([request.body for request in api.requests])
    assert "OPERATOR-RULES" in sent
    assert "OPERATOR-AGENT" in sent


async def test_the_real_claude_code_asks_the_services_beside_it_and_the_chat_is_told(
    place: ClusterPlace,
    playground: Begin,
    kubectl: Kubectl,
    repo: OriginRepo,
    messages_api: Callable[..., MessagesApi],
) -> None:
    api = messages_api(use("Bash", command=ASK_THE_SERVICES), say("Both services answer."))
    async with open_chat_scene(place, playground, kubectl) as scene:
        images = {"postgres": place.images.postgres, "redis": place.images.redis}
        config = {
            "repos": {"demo": {"url": repo.url, "services": ["postgres", "redis"]}},
            "serviceImages": images,
            "gate": "off",
        }
        (scene.folder / "config.yaml").write_text(json.dumps(config))
        scene.variables |= {"SANDBOX_AGENT": "claude", "ANTHROPIC_BASE_URL": api.url}
        await scene.start()
        asked = scene.say('/run demo "ask the services"')
        (told,) = await until(lambda: scene.tellings(asked), "the end is told", 240)
        assert "Both services answer." in told.text
        (branch,) = set(repo.branches()) - {"main"}
        assert branch in told.text
        check_answers(repo, branch)
        await scene.settled(asked)
        assert (scene.job(asked) or {})["metadata"]["labels"]["status"] == "complete"
