"""`init` in a terminal: it asks for what it doesn't know, tries it, and asks again."""

from __future__ import annotations

import asyncio

from tests.cli.setup_scene import GIT_TOKEN, MODEL_KEY, Scene
from tests.cli.terminal import Terminal

KEYS = ("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID", "GITHUB_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")


def terminal(scene: Scene, *words: str) -> Terminal:
    given = {name: value for name, value in scene.environment.items() if name not in KEYS}
    return Terminal(list(words), given)


async def test_a_person_is_asked_for_each_key_and_again_for_one_that_is_refused(
    scene: Scene,
) -> None:
    scene.world.say(next(iter(scene.team.members.values())).person, scene.team, "hi")
    there = await asyncio.to_thread(terminal, scene, "init")

    def talk() -> int:
        there.answer("(Enter: any of the forge)", "demo=https://127.0.0.1:9/a/b")
        there.answer_unseen("(TELEGRAM_BOT_TOKEN)", "1:wrong")
        there.wait_for("✗ Telegram token: Telegram refuses it")
        there.answer_unseen("(TELEGRAM_BOT_TOKEN)", scene.world.token)
        there.wait_for(f"{scene.team.id}  Team")
        there.answer("(TELEGRAM_CHAT_ID)", str(scene.team.id))
        there.answer_unseen("(GITHUB_TOKEN)", GIT_TOKEN)
        there.answer_unseen("(CLAUDE_CODE_OAUTH_TOKEN)", MODEL_KEY)
        there.answer("Install into test, as two-namespaces?", "y")
        return there.end()

    code = await asyncio.to_thread(talk)
    assert code == 0, there.seen
    for secret in ("1:wrong", scene.world.token, GIT_TOKEN, MODEL_KEY):
        assert secret not in there.seen
    assert scene.hellos() == 1
    assert (
        "demo: https://127.0.0.1:9/a/b" in scene.generated("claude-sandbox-config")["config.yaml"]
    )


async def test_ctrl_c_at_a_question_stops_at_once_and_changes_nothing(scene: Scene) -> None:
    there = await asyncio.to_thread(terminal, scene, "init")

    def talk() -> int:
        there.answer("(Enter: any of the forge)", "")
        there.wait_for("(TELEGRAM_BOT_TOKEN)")
        there.interrupt()
        return there.end()

    code = await asyncio.to_thread(talk)
    assert code == 130, there.seen
    assert "Stopped." in there.seen
    assert "Traceback" not in there.seen
    assert scene.api.changes == []


async def test_no_to_the_last_question_changes_nothing(scene: Scene) -> None:
    there = await asyncio.to_thread(
        Terminal, ["init", "--repo", "a=http://127.0.0.1:9/a"], scene.environment
    )

    def talk() -> int:
        there.answer("Install into test, as two-namespaces?", "n")
        there.wait_for("Nothing was changed.")
        return there.end()

    assert await asyncio.to_thread(talk) == 0, there.seen
    assert scene.api.changes == []


async def test_uninstall_asks_whether_the_logs_stay(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0
    there = await asyncio.to_thread(Terminal, ["uninstall"], scene.environment)

    def talk() -> int:
        there.answer("Take it away?", "y")
        there.answer("Keep the records and logs", "y")
        return there.end()

    assert await asyncio.to_thread(talk) == 0, there.seen
    assert scene.api.names("PersistentVolumeClaim") == ["claude-sandbox-logs"]
    assert scene.api.names("Namespace") == ["claude-sandbox-bot"]
