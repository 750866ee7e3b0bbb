"""What keeps a run from starting in containers: each with what is wrong and the next step, before anything is made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.config_file import parse
from bot.settings import read
from cli.exits import Failure
from cli.local.contained import Here, compose_of, remarks, run_contained
from cli.local.engine import Engine
from cli.local.one_run import OneRun
from cli.local.pod import Stopping
from cli.local.pulling import pull
from cli.local.way import With
from runs.outcome import Ending
from runs.run import command_line_origin
from sandbox.task import Task

URL = "https://git.example/owner/name"
KEY = {"ANTHROPIC_API_KEY": "sk-ant-1"}
HAS_ALL = 'case "$1" in ps|info) ;; image) echo id ;; *) echo "$WORDS" >&2; exit 125 ;; esac'
MARKS = 'run) for each; do case "$each" in *:/report:Z) echo seen >"${each%%:*}" ;; esac; done ;;'


@dataclass(frozen=True, slots=True)
class Case:
    """A run, the engine's answers (shell), and what has to be said."""

    what: str
    advice: str
    url: str = URL
    variables: Mapping[str, str] | None = None
    engine: str = HAS_ALL
    services: tuple[str, ...] = ()


CASES = {
    "no key of the model": Case("no key of the model", "claude setup-token", variables={}),
    "ssh": Case("no ssh key", "--repo https://", url="git@git.example:owner/name.git"),
    "a folder": Case("no folder of this machine", "--bare", url="file:///srv/git/name.git"),
    "git on loopback": Case("isn't this machine", "--bare", url="http://127.0.0.1:8080/a/b"),
    "a model on loopback": Case(
        "ANTHROPIC_BASE_URL at http://localhost:4000",
        "--bare",
        variables={**KEY, "ANTHROPIC_BASE_URL": "http://localhost:4000"},
    ),
    "no age key": Case(
        "/nowhere/age.txt can't be read: No such file",
        "leave the variable out",
        variables={**KEY, "SOPS_AGE_KEY_FILE": "/nowhere/age.txt"},
    ),
    "no image": Case(
        "The image team/sandbox:1 isn't here, and can't be pulled: manifest unknown",
        "claude-sandbox build",
        engine='case "$1" in ps|info) ;; *) echo "manifest unknown" >&2; exit 1 ;; esac',
    ),
    "no image of a service": Case(
        "The image redis:7 isn't here, and can't be pulled: denied",
        "serviceImages",
        engine='case "$1 $5" in "ps "*|"info "*|*sandbox:1) ;; *) echo "denied" >&2; exit 1 ;; esac',
        services=("redis",),
    ),
    "a full disk": Case(
        "The disk is full: write /var: no space left on device",
        "system prune",
        variables={**KEY, "WORDS": "write /var: no space left on device"},
    ),
    "no right to limit": Case(
        "the requested cgroup controller `cpu` is not available",
        "Delegate=cpu",
        variables={**KEY, "WORDS": "runc: the requested cgroup controller `cpu` is not available"},
    ),
    "an engine that has another disk": Case(
        "doesn't see",
        "Let Docker share that folder",
        engine="true",
    ),
    "an engine that went away": Case(
        "The containers can't be made: Cannot connect",
        "Without containers: --bare",
        variables={**KEY, "WORDS": "Cannot connect"},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_it_is_said_what_is_wrong_and_what_to_do(case: Case, tmp_path: Path) -> None:
    one, engine = surroundings(case, tmp_path)
    with pytest.raises(Failure) as failure:
        await run_contained(one, Here(engine), lambda _: None, Stopping())
    assert case.what in failure.value.what
    assert case.advice in failure.value.advice


def test_a_missing_git_token_is_said_before_the_run(tmp_path: Path) -> None:
    one, _ = surroundings(Case("", ""), tmp_path)
    (remark,) = remarks(one)
    assert "GITHUB_TOKEN isn't set" in remark


async def test_the_clusters_files_of_the_agent_keep_no_run_from_this_machine(
    tmp_path: Path,
) -> None:
    one, _ = surroundings(Case("", ""), tmp_path)
    config = replace(one.config, agent_files="our-agents", detects=False)
    one = replace(one, config=config, environment={**one.environment, "GITHUB_TOKEN": "ghp_1"})
    (remark,) = remarks(one)
    assert "our-agents" in remark
    assert "/agent-files" not in await compose_of(one)


def surroundings(case: Case, folder: Path) -> tuple[OneRun, Engine]:
    command = folder / "docker"
    command.write_text(f"#!/bin/sh\n{case.engine}\n")
    command.chmod(0o755)
    variables = KEY if case.variables is None else case.variables
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "CLAUDE_IMAGE": "team/sandbox:1",
        "SANDBOX_BACKEND": "local",
        **variables,
    }
    config = parse("detect: false")
    task = Task(case.url, "do it", services=case.services)
    settings = read(environment, talks=False)
    one = OneRun("key", task, command_line_origin("Ada"), settings, config, environment)
    return one, Engine(With.DOCKER, str(command), environment)


async def test_how_a_run_ended_is_told_though_its_containers_cannot_be_removed(
    tmp_path: Path,
) -> None:
    inspected = '[{"State": {"Status": "exited", "ExitCode": 0}, "Config": {}}]'
    answers = (
        f"{MARKS} ps) echo c1 ;; container) echo '{inspected}' ;; rm) echo busy >&2; exit 1 ;;"
    )
    one, engine = surroundings(Case("", "", engine=f'case "$1" in {answers} esac'), tmp_path)
    lines: list[str] = []
    run = await run_contained(one, Here(engine), lines.append, Stopping())
    assert run.outcome is not None
    assert run.outcome.ending is Ending.FINISHED
    assert any("not all of it could be removed: busy" in line for line in lines)


async def test_a_limit_that_the_engine_leaves_out_is_said_once(tmp_path: Path) -> None:
    said = "Resource limits are not supported and ignored on cgroups V1 rootless systems"
    inspected = '[{"State": {"Status": "exited", "ExitCode": 0}, "Config": {}}]'
    answers = (
        f"{MARKS} create) echo '{said}' >&2; echo other >&2 ;; container) echo '{inspected}' ;;"
    )
    one, engine = surroundings(Case("", "", engine=f'case "$1" in {answers} esac'), tmp_path)
    lines: list[str] = []
    await run_contained(one, Here(engine), lines.append, Stopping())
    assert lines.count(f"· docker: {said}") == 1
    assert not any("other" in line for line in lines)


async def test_a_docker_that_limits_nothing_is_named(tmp_path: Path) -> None:
    answers = """info) echo '{"Driver":"overlay2","CgroupDriver":"none"}' ;;"""
    one, engine = surroundings(Case("", "", engine=f'case "$1" in {answers} esac'), tmp_path)
    lines: list[str] = []
    with pytest.raises(Failure, match="doesn't see"):
        await run_contained(one, Here(engine), lines.append, Stopping())
    assert "· Docker has no cgroups here: neither memory nor cpu is limited" in lines


async def test_how_a_slow_pull_goes_on_is_told(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    waits = f'echo "a1b2: Downloading"; until [ -e {seen} ]; do sleep 0.05; done'
    _, engine = surroundings(Case("", "", engine=waits), tmp_path)
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if "Downloading" in line:
            seen.touch()

    assert await pull(engine, "team/sandbox:1", tell, 0.1) is None
    assert lines[0] == "▶ pull team/sandbox:1"
    assert lines[-1].endswith(" s: a1b2: Downloading")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("redis:7", "docker.io/library/redis:7"),
        ("team/sandbox:1", "docker.io/team/sandbox:1"),
        ("ghcr.io/team/sandbox:1", "ghcr.io/team/sandbox:1"),
        ("registry:5000/sandbox", "registry:5000/sandbox"),
        ("localhost/sandbox:test", "localhost/sandbox:test"),
        ("redis@sha256:00ff", "docker.io/library/redis@sha256:00ff"),
    ],
)
async def test_podman_is_asked_for_the_image_that_a_cluster_would_have(
    image: str, name: str, tmp_path: Path
) -> None:
    _, engine = surroundings(Case("", "", engine='echo "$2"; exit 1'), tmp_path)
    assert await pull(replace(engine, name=With.PODMAN), image, print) == name
    assert await pull(engine, image, print) == image
