"""What Tab offers: asked as the script asks that bash, zsh or fish have from `--install-completion`."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.command_line import LIMIT_SECONDS, CommandLine, finished
from tests.k8s.fake_cluster import FakeCluster, kubeconfig

REPO = ("--repo", "https://git.example/acme/demo")


@pytest.fixture(autouse=True)
def no_look_at_repos(shell: CommandLine) -> None:
    config = shell.folder / "config.yaml"
    config.write_text("detect: false\ngate: off\n")
    shell.variables["SANDBOX_CONFIG"] = str(config)


async def tab(shell: CommandLine, line: str) -> list[str]:
    """Press Tab behind a line, in bash."""
    shell.variables |= {
        "_CLAUDE_SANDBOX_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = await finished(await shell.begin())
    for name in ("_CLAUDE_SANDBOX_COMPLETE", "COMP_WORDS", "COMP_CWORD"):
        del shell.variables[name]
    assert (done.code, done.err) == (0, "")
    return done.out.split()


async def check_offer(shell: CommandLine, line: str, *ids: str) -> None:
    """Press Tab until these are offered: on a busy machine the cluster may not answer in the time that Tab has."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while sorted(found := await tab(shell, line)) != sorted(ids):
            assert found == []


async def test_tab_offers_the_runs_that_a_command_can_do_something_with(shell: CommandLine) -> None:
    goes = (await shell.run("remote", "wait 300", *REPO, "--json")).json["run"]
    ended = (await shell.run("remote", "do it", *REPO, "--watch", "--json")).json["run"]
    await check_offer(shell, "claude-sandbox logs ", goes, ended)
    await check_offer(shell, "claude-sandbox cancel ", goes)
    await check_offer(shell, "claude-sandbox retry ", ended)
    await check_offer(shell, f"claude-sandbox clean {ended[:5]}", ended)


async def test_a_task_is_never_handed_to_a_shell_that_evaluates_what_it_is_offered(
    shell: CommandLine,
) -> None:
    started = await shell.run("remote", "wait $(touch /tmp/evil) `x` 'y'", *REPO, "--json")
    shell.variables |= {
        "_CLAUDE_SANDBOX_COMPLETE": "complete_zsh",
        "_TYPER_COMPLETE_ARGS": "claude-sandbox logs ",
    }
    offer = f'"{started.json["run"]}":"running"'
    async with asyncio.timeout(LIMIT_SECONDS):
        while offer not in (done := await finished(await shell.begin())).out:
            assert started.json["run"] not in done.out
    assert "evil" not in done.out


async def test_tab_says_nothing_where_the_cluster_is_away(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    (shell.folder / "kubeconfig").write_text(kubeconfig("http://127.0.0.1:1"))
    assert await tab(shell, "claude-sandbox logs ") == []
    shell.variables["KUBECONFIG"] = str(shell.folder / "nowhere")
    assert await tab(shell, "claude-sandbox logs ") == []
    assert "remote" in await tab(shell, "claude-sandbox rem")
