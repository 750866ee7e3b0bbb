"""Scenes: ends that the agent, its model, git and the sandbox itself bring about."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

from k8s.backend import KubernetesBackend
from k8s.place import Resources
from runs.outcome import Ending, Seen
from runs.run import Run
from sandbox.report import Cause
from sandbox.task import Task
from tests.cluster.outcome_stage import Play, Scenes, Stage
from tests.cluster.scenes_of_starts import program, with_program
from tests.parts.git_server import GitServer
from tests.parts.messages_api import Hang, Refusal, say, use

SCENES = Scenes()
scene = SCENES.add
Ended = tuple[Run, str]

MEAGRE = Resources("32Mi", "160Mi", "50m", "1")
_KILL_AGENT = """
import os, signal, sys
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) not in (1, os.getpid()):
        with open(f"/proc/{name}/cmdline", "rb") as file:
            if b"scripted.py" in file.read():
                os.kill(int(name), signal.SIGKILL)
"""
_EATS = """\
import subprocess
import sys
import unittest

EATS = "x = bytearray(1); [x.extend(bytes(10_000_000)) for _ in range(1000)]"


class Eats(unittest.TestCase):
    def test_a_child_that_eats_is_killed(self):
        self.assertEqual(subprocess.run([sys.executable, "-c", EATS]).returncode, -9)
"""
_GREETER = 'def greet(name: str) -> str:\n    return f"Hello, {name}!"\n'


@scene("agent-error", Cause.AGENT_FAILED, "The task asked for a failure")
async def agent_error(at: Stage) -> Ended:
    return await at.play(task="fail")


def refused(status: int, kind: str, words: str) -> Play:
    """Make a scene in which the model's API refuses every request."""

    async def play(at: Stage) -> Ended:
        return await at.play(**at.model(Refusal(status, kind, words)))

    return play


for _status, _kind, _cause, _proof in (
    (401, "authentication_error", Cause.API_AUTH, "401"),
    (403, "permission_error", Cause.API_FORBIDDEN, "403"),
    (404, "not_found_error", Cause.API_NOT_FOUND, "the selected model"),
    (429, "rate_limit_error", Cause.API_RATE_LIMIT, "429"),
    (529, "overloaded_error", Cause.API_OVERLOADED, "529"),
):
    scene(f"api-{_status}", _cause, _proof, heavy=True)(refused(_status, _kind, "as asked"))


@scene("login-expired", Cause.LOGIN_EXPIRED, "OAuth token has expired", heavy=True)
async def login_expired(at: Stage) -> Ended:
    words = "OAuth token has expired. Please obtain a new token or refresh your existing token."
    await at.do(
        *("patch", "secret", "claude-sandbox-secrets", "--type=merge"),
        '--patch={"data":{"ANTHROPIC_API_KEY":null},"stringData":{"CLAUDE_CODE_OAUTH_TOKEN":"sk-ant-oat01-x"}}',
    )
    return await at.play(**at.model(Refusal(401, "authentication_error", words)))


@scene("not-logged-in", Cause.LOGIN, "Not logged in", heavy=True)
async def not_logged_in(at: Stage) -> Ended:
    await at.do(
        *("patch", "secret", "claude-sandbox-secrets", "--type=merge"),
        '--patch={"data":{"ANTHROPIC_API_KEY":null}}',
    )
    return await at.play(agent="claude")


@scene("budget", Cause.BUDGET, "budget", heavy=True)
async def budget(at: Stage) -> Ended:
    model = at.model(use("Bash", command="true"))
    return await at.play(task=at.task("do it", budget_usd=0.01), **model)


@scene("turns", Cause.TURNS, "turns", heavy=True)
async def turns(at: Stage) -> Ended:
    wrapper = '#!/bin/sh\nexec /usr/local/bin/claude --max-turns=1 "$@"\n'
    mounted = await with_program(at, "claude", wrapper)
    settings = at.model(use("Bash", command="true"))
    variables = settings.pop("environment")
    assert isinstance(variables, dict)
    path = {"PATH": "/given:/usr/local/bin:/usr/bin:/bin"}
    return await at.play(*mounted, environment=variables | path, **settings)


@scene("tool-denied", None, "Bash denied", ending=Ending.NOTHING_CHANGED, heavy=True)
async def tool_denied(at: Stage) -> Ended:
    settings = {"permissions": {"deny": ["Bash(touch *)"]}}
    at.git_repo({".claude/settings.json": json.dumps(settings)})
    return await at.play(**at.model(use("Bash", command="touch denied"), say("I could not.")))


@scene("agent-hangs", Cause.AGENT_HANGS, "printed nothing for 30 s", heavy=True)
async def agent_hangs(at: Stage) -> Ended:
    settings = at.model(use("Write", file_path="a.txt", content="a"), Hang())
    variables = settings.pop("environment")
    assert isinstance(variables, dict)
    run, log = await at.play(environment={**variables, "SANDBOX_SILENCE": "30"}, **settings)
    assert any(name.endswith("-wip") for name in at.repo.branches()), "its work is saved"
    return run, log


@scene("agent-killed", Cause.AGENT_KILLED, "SIGKILL")
async def agent_killed(at: Stage) -> Ended:
    async def kill(run: Run, _backend: KubernetesBackend) -> None:
        await at.works(run)
        pods = await at.do("get", "pods", "--output=name")
        await at.do("exec", pods.strip(), "-c", "claude", "--", "python3", "-c", _KILL_AGENT)

    return await at.play(task="wait 60", meanwhile=kill)


@scene("nothing-changed", None, "nothing to change", ending=Ending.NOTHING_CHANGED)
async def nothing_changed(at: Stage) -> Ended:
    return await at.play(task="nothing")


@scene("asks-back", None, "asks back", ending=Ending.ASKS)
async def asks_back(at: Stage) -> Ended:
    return await at.play(task="ask")


def push_answered(status: int) -> Callable[[Stage], None]:
    def change(at: Stage) -> None:
        name = at.repo.path.name
        for path in ("info/refs?service=git-receive-pack", "git-receive-pack"):
            at.world.git_server.answers[f"/{name}/{path}"] = (status, {})

    return change


def cannot_push(change: Callable[[Stage], None]) -> Play:
    async def play(at: Stage) -> Ended:
        change(at)
        return await at.play()

    return play


_NOT_PUSHED = Ending.NOT_PUSHED
scene("push-no-right", Cause.PUSH_AUTH, "403", _NOT_PUSHED)(cannot_push(push_answered(403)))
scene("not-pushed", Cause.PUSH_FAILED, "500", _NOT_PUSHED)(cannot_push(push_answered(500)))
scene("push-refused", Cause.PUSH_REFUSED, "Protected branch", _NOT_PUSHED)(
    cannot_push(lambda at: at.repo.protect(["claude/*"]))
)


@scene("clone-no-right", Cause.CLONE_AUTH, "Authentication failed")
async def clone_no_right(at: Stage) -> Ended:
    host = at.world.host_address
    other = at.stack.enter_context(GitServer(at.folder / "git", "another token", host))
    repo = other.create("private", {"README.md": "x"})
    return await at.play(task=replace_url(at, repo.url))


def replace_url(at: Stage, url: str, **options: object) -> Task:
    return replace(at.task("do it", **options), repo_url=url)


@scene("clone-not-found", Cause.CLONE_NOT_FOUND, "not found")
async def clone_not_found(at: Stage) -> Ended:
    return await at.play(task=replace_url(at, at.world.git_server.repo_url("nowhere")))


@scene("clone-no-branch", Cause.CLONE_BRANCH, "Remote branch nowhere not found")
async def clone_no_branch(at: Stage) -> Ended:
    return await at.play(task=at.task("do it", branch="nowhere"))


@scene("clone-timeout", Cause.CLONE_TIMEOUT, "took too long")
async def clone_timeout(at: Stage) -> Ended:
    held = at.stack.enter_context(GitServer(at.folder / "git", host=at.world.host_address))
    held.hold()
    return await at.play(task=replace_url(at, held.repo_url("slow"), timeout_seconds=6))


@scene("clone-unreachable", Cause.CLONE_NETWORK, "Connection refused")
async def clone_unreachable(at: Stage) -> Ended:
    return await at.play(task=replace_url(at, f"http://{at.world.host_address}:9/x.git"))


@scene("disk-full", Cause.DISK_FULL, "No space left")
async def disk_full(at: Stage) -> Ended:
    at.git_repo({"large.bin": random.Random(7).randbytes(3_000_000)})
    small = "{name: workspace, emptyDir: {medium: Memory, sizeLimit: 1Mi}}"
    return await at.play(("{name: workspace, emptyDir: {}}", small))


@scene("read-only", Cause.READ_ONLY, "Read-only file system")
async def read_only(at: Stage) -> Ended:
    mount = "{name: workspace, mountPath: /workspace"
    return await at.play((mount + "}", mount + ", readOnly: true}"))


@scene("out-of-memory", Seen.OUT_OF_MEMORY, "OOMKilled")
async def out_of_memory(at: Stage) -> Ended:
    eater = "x = bytearray(1); [x.extend(bytes(10_000_000)) for _ in range(1000)]"
    return await at.play(program("python3", "-c", eater), resources=MEAGRE)


@scene("out-of-memory-child", None, "needed more memory", ending=Ending.PUSHED)
async def out_of_memory_child(at: Stage) -> Ended:
    at.git_repo({"greeter/__init__.py": _GREETER, "tests/test_eats.py": _EATS})
    return await at.play(task="farewell", resources=MEAGRE)


@scene("exit-code", Seen.EXIT_CODE, "words of its own")
async def exit_code(at: Stage) -> Ended:
    return await at.play(program("sh", "-c", "echo words of its own; exit 3"))


@scene("forged-report", Seen.FORGED_REPORT, "exit code is 3")
async def forged_report(at: Stage) -> Ended:
    report = '{"run_id":"%s","phase":"done","verdict":"pushed"}'
    forged = f"printf '{report}' $SANDBOX_RUN > /dev/termination-log; exit 3"
    return await at.play(program("sh", "-c", forged))


@scene("killed", Seen.KILLED)
async def killed(at: Stage) -> Ended:
    return await at.play(program("sh", "-c", "sleep 60 & kill -9 $!; wait $!"))


@scene("deadline-of-sandbox", Cause.DEADLINE, "of 300 s")
async def deadline_of_sandbox(at: Stage) -> Ended:
    return await at.play(task=at.task("wait 300", timeout_seconds=20))


@scene("deadline-of-stubborn-agent", Cause.DEADLINE, "of 300 s")
async def deadline_of_stubborn_agent(at: Stage) -> Ended:
    return await at.play(task=at.task("stubborn wait 300", timeout_seconds=20))
