"""Every command under every bad condition: it says in words what is wrong and what to do, with its exit code, and no more."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import sys
from collections.abc import Callable

import pytest
from aiohttp import web

from tests.cli.command_line import CommandLine, finished
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, kubeconfig, refusing, times

COMMANDS = {
    "remote": ("remote", "do it", "--repo", "https://git.example/a/b"),
    "remote --watch": ("remote", "do it", "--repo", "https://git.example/a/b", "--watch"),
    "logs": ("logs",),
    "logs RUN": ("logs", "abcdefgh", "-f"),
    "jobs": ("jobs",),
    "cancel": ("cancel", "abcdefgh"),
    "retry": ("retry", "abcdefgh"),
    "clean": ("clean",),
}
MANY = 10**6


def no_kubeconfig(shell: CommandLine, cluster: FakeCluster) -> None:
    shell.variables["KUBECONFIG"] = str(shell.folder / "nowhere")


def broken_kubeconfig(shell: CommandLine, cluster: FakeCluster) -> None:
    (shell.folder / "kubeconfig").write_text("\tnot: [yaml")


def another_context(shell: CommandLine, cluster: FakeCluster) -> None:
    text = (shell.folder / "kubeconfig").read_text()
    (shell.folder / "kubeconfig").write_text(
        text.replace('"current-context": "fake"', '"current-context": "gone"')
    )


def no_rights(shell: CommandLine, cluster: FakeCluster) -> None:
    answer = refusing(403, "Forbidden", 'jobs.batch is forbidden: User "ada" cannot do that')
    for method in ("GET", "POST"):
        cluster.faults.append(times(MANY, method, "/namespaces/", answer))


def expired_certificate(shell: CommandLine, cluster: FakeCluster) -> None:
    for method in ("GET", "POST"):
        cluster.faults.append(
            times(MANY, method, "/", refusing(401, "Unauthorized", "Unauthorized"))
        )


def cluster_away(shell: CommandLine, cluster: FakeCluster) -> None:
    (shell.folder / "kubeconfig").write_text(kubeconfig("http://127.0.0.1:1"))


def no_namespace(shell: CommandLine, cluster: FakeCluster) -> None:
    shell.variables["SANDBOX_NAMESPACE"] = "elsewhere"

    async def answer(request: web.Request) -> web.StreamResponse | None:
        if request.path.endswith(("/namespaces/elsewhere/jobs", "/namespaces/elsewhere/pods")):
            if request.method == "GET":  # the real one lists nothing
                return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
            words = 'namespaces "elsewhere" not found'
            return await refusing(404, "NotFound", words)(request)
        return None

    cluster.faults.append(answer)


def misspelt(shell: CommandLine, cluster: FakeCluster) -> None:
    shell.variables["SANDBOX_NAMESPCE"] = "x"
    del shell.variables["SANDBOX_NAMESPACE"]


def wrong_config(shell: CommandLine, cluster: FakeCluster) -> None:
    (shell.folder / "config.yaml").write_text("detect: false\nlimts: {runs: 1}\n")


CONDITIONS: dict[str, tuple[Callable[[CommandLine, FakeCluster], None], int, str, str]] = {
    "no kubeconfig": (no_kubeconfig, 2, "There is no kubeconfig at", "KUBECONFIG"),
    "broken kubeconfig": (broken_kubeconfig, 2, "can't be read", "kubectl config view"),
    "wrong context": (another_context, 2, "no context 'gone'", "There are: fake"),
    "no rights": (no_rights, 3, "forbidden", "kubectl auth can-i"),
    "expired certificate": (expired_certificate, 3, "(401)", "Log in anew"),
    "cluster away": (cluster_away, 3, "doesn't answer", "--context"),
    "no namespace": (no_namespace, 3, "elsewhere", "-n NAME"),
    "misspelt variable": (misspelt, 2, "Did you mean SANDBOX_NAMESPACE?", ""),
    "wrong config": (wrong_config, 2, "limits", ""),
}


@pytest.fixture(autouse=True)
def no_look_at_repos(shell: CommandLine) -> None:
    """The repo of these tests isn't there to be looked at; lines end as on Windows."""
    config = shell.folder / "config.yaml"
    config.write_bytes(b"detect: false\r\ngate: off\r\n")
    shell.variables["SANDBOX_CONFIG"] = f"{config}\r"


@pytest.mark.parametrize("as_json", [False, True], ids=["words", "json"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("condition", CONDITIONS)
async def test_each_command_says_what_is_wrong_and_what_to_do(
    shell: CommandLine, cluster: FakeCluster, condition: str, command: str, as_json: bool
) -> None:
    spoil, code, what, advice = CONDITIONS[condition]
    spoil(shell, cluster)
    done = await shell.run(*COMMANDS[command], *(["--json"] if as_json else []))
    assert done.code == code, done.err
    assert what in done.err
    assert advice in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 4
    if as_json:
        assert (what in done.json["error"], advice in done.json["advice"]) == (True, True)
        assert done.json["exit"] == code
    else:
        assert done.out == ""


INSTALLING = {
    "init": ("init", "--yes"),
    "doctor": ("doctor",),
    "uninstall": ("uninstall", "--yes"),
}


@pytest.mark.parametrize("command", INSTALLING)
@pytest.mark.parametrize(
    "condition",
    [
        *("no kubeconfig", "broken kubeconfig", "wrong context", "expired certificate"),
        *("cluster away", "misspelt variable"),
    ],
)
async def test_the_commands_of_an_installation_say_the_same(
    shell: CommandLine, cluster: FakeCluster, condition: str, command: str
) -> None:
    spoil, code, what, advice = CONDITIONS[condition]
    spoil(shell, cluster)
    done = await shell.run(*INSTALLING[command])
    assert (done.code, done.out) == (code, ""), done.err
    assert what in done.err
    assert advice in done.err
    assert len(done.err.splitlines()) <= 4


async def holding(
    cluster: FakeCluster, method: str, words: str
) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold the first such request; return what is set when it is there, and what lets it go on."""
    there, go = asyncio.Event(), asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse | None:
        if request.method == method and words in request.path_qs and not there.is_set():
            there.set()
            await go.wait()
        return None

    cluster.faults.append(hold)
    return there, go


@pytest.mark.parametrize(
    ("command", "method", "path", "words"),
    [
        ("remote", "GET", "/version", "no run was started"),
        ("jobs", "GET", "/jobs", "Stopped."),
        ("logs", "GET", "/jobs", "Stopped."),
        ("clean", "GET", "/jobs", "the next claude-sandbox clean"),
        ("cancel", "GET", "/jobs", "Stopped: it goes on."),
        ("retry", "GET", "/jobs", "no run was started"),
    ],
)
async def test_ctrl_c_while_the_cluster_is_asked_leaves_nothing_and_says_so(
    shell: CommandLine, cluster: FakeCluster, command: str, method: str, path: str, words: str
) -> None:
    there, go = await holding(cluster, method, path)
    process = await shell.begin(*COMMANDS[command])
    await there.wait()
    process.send_signal(signal.SIGINT)
    asyncio.get_running_loop().call_later(1.0, go.set)
    done = await finished(process)
    assert done.code == 130
    assert words in done.err
    assert "Traceback" not in done.err
    assert not cluster.objects["jobs"]


async def test_ctrl_c_while_the_job_is_made_says_that_it_is_there(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    there, go = await holding(cluster, "POST", "/jobs")
    process = await shell.begin(*COMMANDS["remote"])
    await there.wait()
    process.send_signal(signal.SIGINT)
    asyncio.get_running_loop().call_later(1.0, go.set)
    done = await finished(process)
    assert done.code == 130
    (name,) = cluster.objects["jobs"]
    assert f"run {name.removeprefix('claude-')} goes on" in done.err


async def test_ctrl_c_while_a_start_fails_without_an_answer_says_that_nobody_knows(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    there, go = await holding(cluster, "POST", "/jobs")
    cluster.faults.append(times(MANY, "POST", "/jobs", refusing(503, "Unavailable", "try later")))
    process = await shell.begin(*COMMANDS["remote"])
    await there.wait()
    process.send_signal(signal.SIGINT)
    asyncio.get_running_loop().call_later(1.0, go.set)
    done = await finished(process)
    assert done.code == 130
    assert "was made isn't known: claude-sandbox jobs" in done.err
    assert "no run was started" not in done.err


async def test_a_second_ctrl_c_waits_for_no_answer_and_says_that_nobody_knows(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    there, go = await holding(cluster, "POST", "/jobs")
    cluster.faults.append(times(MANY, "POST", "/jobs", refusing(503)))
    process = await shell.begin(*COMMANDS["remote"])
    await there.wait()
    assert process.stderr is not None
    said = asyncio.ensure_future(process.stderr.readline())
    while not said.done():
        process.send_signal(signal.SIGINT)
        await asyncio.wait([said], timeout=3)  # a third one could fall into the answer
    done = await finished(process)
    go.set()
    assert done.code == 130
    assert b"was made isn't known: claude-sandbox jobs" in said.result()


async def test_ctrl_c_while_a_run_is_asked_to_stop_does_not_claim_that_it_goes_on(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    started = await shell.run("remote", "wait 300", *COMMANDS["remote"][2:], "--json")
    there, go = await holding(cluster, "PATCH", "/jobs")
    cluster.faults.append(times(MANY, "PATCH", "/jobs", refusing(503)))
    process = await shell.begin("cancel", started.json["run"])
    await there.wait()
    process.send_signal(signal.SIGINT)
    done = await finished(process)
    go.set()
    assert done.code == 130
    assert "is being stopped isn't known: claude-sandbox jobs" in done.err


async def in_terminal(shell: CommandLine, columns: int, *arguments: str) -> tuple[int, str]:
    """Run a command in a terminal of so many columns; return its exit code and all that it drew."""
    master, slave = pty.openpty()
    variables = {"TERM": "xterm-256color", **shell.variables, "COLUMNS": str(columns)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        cwd=shell.folder,
        env=variables,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    drawn = b""
    try:
        while piece := await asyncio.to_thread(_read, master):
            drawn += piece
        return await process.wait(), drawn.decode()
    finally:
        os.close(master)


def _plain(drawn: str) -> str:
    """Return what a terminal shows, without the colours."""
    return re.sub(r"\x1b\[[0-9;]*m|\r", "", drawn)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says EIO when nobody has the other end any more
        return b""


@pytest.mark.parametrize("columns", [40, 60, 200])
async def test_a_table_fits_the_terminal_and_keeps_ids_and_states(
    shell: CommandLine, columns: int
) -> None:
    started = await shell.run(
        "remote", "wait 300 " + "words " * 60, *COMMANDS["remote"][2:], "--json"
    )
    code, drawn = await in_terminal(shell, columns, "jobs")
    assert code == 0
    assert all(len(line) <= columns for line in _plain(drawn).splitlines())
    assert started.json["run"] in drawn
    assert "running" in drawn


async def test_a_watched_run_is_drawn_over_and_its_end_is_printed(shell: CommandLine) -> None:
    code, drawn = await in_terminal(shell, 40, *COMMANDS["remote --watch"])
    assert code == 0
    assert "Done" in drawn
    assert "\x1b[" in drawn


async def test_a_terminal_that_can_draw_nothing_over_gets_a_line_for_each_phase(
    shell: CommandLine,
) -> None:
    shell.variables["TERM"] = "dumb"
    code, drawn = await in_terminal(shell, 40, *COMMANDS["remote --watch"])
    assert code == 0
    assert "▶ starting" in drawn
    assert "\x1b" not in drawn
    code, drawn = await in_terminal(shell, 40, "jobs")
    assert all(len(line) <= 40 for line in _plain(drawn).splitlines())


@pytest.mark.parametrize("command", ["", "logs", "init", "local", "build"])
async def test_help_fits_a_narrow_terminal_and_cuts_no_name(
    shell: CommandLine, command: str
) -> None:
    wide = await in_terminal(shell, 200, *command.split(), "--help")
    code, drawn = await in_terminal(shell, 40, *command.split(), "--help")
    assert (code, wide[0]) == (0, 0)
    assert all(len(line) <= 40 for line in drawn.splitlines())
    named = re.findall(r"--[a-z-]+", wide[1])
    assert named
    assert [name for name in named if name not in drawn] == []
    assert "…" not in drawn.replace("/run ALIAS …", "")
    assert "..." not in drawn.replace("[ARGS]...", "")


async def test_no_color_is_obeyed(shell: CommandLine) -> None:
    shell.variables["NO_COLOR"] = "1"
    code, drawn = await in_terminal(shell, 60, *COMMANDS["remote --watch"])
    assert code == 0
    assert not [colour for colour in range(30, 38) if f"\x1b[{colour}m" in drawn]


async def test_line_ends_of_windows_behind_names_and_options_are_no_part_of_them(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    words = ("--ref", "main\r", "--timeout", "45m\r", "-n", f"{NAMESPACE}\r", "--context", "fake\r")
    done = await shell.run(
        "remote", "wait 300", *COMMANDS["remote"][2:-1], "https://git.example/a/b\r", *words
    )
    assert done.code == 0, done.err
    (name,) = cluster.objects["jobs"]
    assert "branch main" in done.out
    logs = await shell.run("logs", f"{name}\r")
    assert logs.code == 0, logs.err


async def test_a_task_with_line_ends_of_windows_loses_them(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    done = await shell.run("remote", "do it\r\nwell\r\n", *COMMANDS["remote"][2:], "--json")
    assert json.loads(done.out)["task"] == "do it\nwell"
    assert cluster.objects["jobs"]
