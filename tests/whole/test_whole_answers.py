"""An agent asks back and a reply goes on, with real processes: whatever dies in between, there is one Run of the answer."""

from __future__ import annotations

import shutil

from playground.messages import Message
from runs.run import reply_key, run_id
from tests.parts.git_server import OriginRepo
from tests.whole.bot_process import until
from tests.whole.scene import Scene, run_of


async def asked_back(scene: Scene) -> tuple[Message, Message]:
    """Let a run ask; return the command, and the message that tells the question."""
    asked = scene.say("/run small ask before you note it")
    await scene.acknowledged(asked)
    [told] = scene.replies(asked)
    assert "Asks back" in told.text
    assert "Which one shall it be?" in told.text
    return asked, told


def after(asked: Message, reply: Message) -> str:
    """Return the id of the Run that goes on with a reply."""
    return run_id(reply_key(run_of(asked), reply.chat_id, reply.id))


async def test_a_bot_killed_between_an_answer_and_its_run_goes_on_once_fault_2(
    scene: Scene, file_repo: OriginRepo
) -> None:
    bot = await scene.start()
    asked, told = await asked_back(scene)
    assert list(file_repo.branches()) == ["main"], "a question changes nothing"
    bot.end()
    scene.world.faults.hang("getChatMember", 60)
    bot = await scene.start()
    polls = len(scene.world.calls("getUpdates"))
    reply = scene.world.say(scene.ada, scene.team, "casually", reply_to=told)
    await until(lambda: len(scene.world.calls("getUpdates")) > polls + 1, "it is in hand")
    assert not (scene.state / "runs" / after(asked, reply)).exists()
    bot.end()
    scene.world.faults.clear()
    shutil.rmtree(scene.run_folder(asked))  # only its Record is left
    await scene.start()
    assert "✅ Done" in await scene.reply(reply)
    assert len(list((scene.state / "runs").iterdir())) == 1
    [branch] = [name for name in file_repo.branches() if name != "main"]
    assert branch == f"claude/{after(asked, reply)}-ask-before-you-note-it"
    notes = file_repo.read(branch, "NOTES.md")
    parts = ("ask before you note it", "Which one shall it be?", "casually")
    places = [notes.rindex(part) for part in parts]
    assert places == sorted(places)


async def test_a_bot_killed_between_the_run_of_an_answer_and_its_offset_goes_on_once_fault_2(
    scene: Scene, file_repo: OriginRepo
) -> None:
    bot = await scene.start()
    asked, told = await asked_back(scene)
    scene.world.faults.drop("getUpdates", after_effect=False, times=100)
    reply = scene.world.say(scene.ada, scene.team, "casually", reply_to=told)
    folder = scene.state / "runs" / after(asked, reply)
    await until(folder.exists, "the run of the answer")
    assert scene.world.state.updates.pending()
    bot.end()
    scene.world.faults.clear()
    scene.let_claims_age()
    await scene.start()
    assert "✅ Done" in await scene.reply(reply)
    await until(lambda: not scene.world.state.updates.pending(), "the answer is confirmed")
    assert len(list((scene.state / "runs").iterdir())) == 2
    assert len(file_repo.branches()) == 2
