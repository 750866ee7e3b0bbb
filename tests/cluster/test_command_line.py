"""The command line on the real cluster: from `remote` to `clean`, and beside a bot that sees the same runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine, finished
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene, run_of
from tests.cluster.kubectl import Kubectl
from tests.parts.git_server import TOKEN, OriginRepo, run_git
from tests.whole.bot_process import until

SMALL = ("--memory", "512Mi", "--cpu", "200m")


@pytest.fixture
def shell(place: ClusterPlace) -> CommandLine:
    """A person's shell beside the namespace of `place`."""
    shell = CommandLine.at(place.folder, place.kubeconfig)
    config = place.folder / "command-line.yaml"
    # Which services it needs is said: a busy machine that couldn't look at the repo in time would have others pulled.
    config.write_text("gate: off\ndefaults: {services: []}\n")
    shell.variables |= {
        "SANDBOX_NAMESPACE": place.namespace,
        "SANDBOX_CONFIG": str(config),
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_LOG_STORE": str(place.folder / "store"),
        "CLAUDE_IMAGE": place.images.sandbox,
        "GITHUB_TOKEN": TOKEN,
    }
    return shell


@pytest.fixture
def clone(repo: OriginRepo, tmp_path: Path) -> Path:
    """A clone of the small repository, with a commit that isn't pushed."""
    folder = tmp_path / "clone"
    authority = repo.url.replace("http://", f"http://x-access-token:{TOKEN}@")
    run_git(None, "clone", "--quiet", authority, str(folder))
    (folder / "more.txt").write_text("more\n")
    run_git(folder, "add", "more.txt")
    run_git(folder, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "More")
    return folder


async def test_without_a_bot_a_run_goes_from_remote_to_clean(
    shell: CommandLine, clone: Path, kubectl: Kubectl, repo: OriginRepo
) -> None:
    done = await shell.run("remote", "add a note", *SMALL, "--watch", folder=clone)
    assert done.code == 0, done.err
    assert "1 commit isn't pushed" in done.err
    assert "The login in the remote's address stays here" in done.err
    assert TOKEN not in done.out + done.err
    assert "✅ Done" in done.out
    assert "▶ starting\n" in done.out
    shown = await shell.run("jobs", "--json")
    assert shown.err == ""
    (listed,) = shown.json
    run_id = listed["run"]
    assert listed["ending"] == "pushed"
    assert listed["branch"] in repo.branches()
    assert len(kubectl.list("jobs", "app=claude-sandbox,status=complete")) == 1

    logs = await shell.run("logs", "--json")
    assert any("▶ deliver" in line for line in logs.json["log"])

    slow = await shell.run("remote", "wait 300", *SMALL, "--json", folder=clone)
    slow_id = slow.json["run"]
    following = await shell.begin("logs", slow_id, "-f")
    assert following.stdout is not None
    seen: list[bytes] = []
    while not seen or b"agent" not in seen[-1]:
        seen.append(await following.stdout.readline())
        assert seen[-1], ("the log ended before the agent began", seen, await finished(following))
    stopped = await shell.run("cancel", slow_id)
    assert stopped.code == 0, stopped.err
    assert "⏹ Stopped by ada" in stopped.out
    assert await following.wait() == 0
    kept = await shell.run("logs", slow_id, "--tail", "5")
    assert kept.out.strip(), kept.err

    retried = await shell.run("retry", run_id, "--watch", "--json")
    assert retried.code == 0, retried.err
    assert retried.json["ending"] == "pushed"

    cleaned = await shell.run("clean", "--json")
    assert set(cleaned.json["removed"]) == {run_id, slow_id, retried.json["run"]}
    await until(lambda: not kubectl.list("jobs"), "all Jobs are gone", LIMIT_SECONDS)
    after = await shell.run("logs", run_id, "--json")
    assert any("▶ deliver" in line for line in after.json["log"])


async def test_the_chat_and_the_command_line_see_each_others_runs(
    shell: CommandLine, scene: ChatScene, repo: OriginRepo
) -> None:
    await scene.start()
    asked = scene.say('/run demo "wait 300"')
    await scene.works(asked)
    (of_chat,) = (await shell.run("jobs", "--json")).json
    assert (of_chat["run"], of_chat["from"], of_chat["by"]) == (run_of(asked), "chat", "Ada")
    stopped = await shell.run("cancel", of_chat["run"])
    assert stopped.code == 0, stopped.err
    await scene.settled(asked)
    assert any("Stopped by ada" in message.text for message in scene.tellings(asked))

    started = await shell.run("remote", "add a note", "--repo", repo.url, *SMALL, "--json")
    assert started.code == 0, started.err
    run_id = started.json["run"]

    def told() -> bool:
        return any(
            run_id in message.text and "by ada on the command line" in message.text
            for message in scene.world.messages(scene.team.id)
            if not message.silent
        )

    await until(told, "the home chat is told", LIMIT_SECONDS)
