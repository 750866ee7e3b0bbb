"""The forge's workflows do what CI does, with actions that nobody can exchange and few rights."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runs.image_name import RUBIES
from tests.parts.left_out import MANAGERS

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NEWEST = RUBIES[-1]


def found_by_zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Let zizmor, which knows the weaknesses of workflows, look at some; without the network."""
    command = ["zizmor", "--offline", "--no-progress", "--color=never", *map(str, paths)]
    program = ROOT / ".venv" / "bin" / command[0]
    return subprocess.run([str(program), *command[1:]], capture_output=True, text=True, timeout=180)


def steps_of(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text("utf-8"))
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: say which version that is"


def test_the_workflows_have_no_weakness_that_zizmor_knows() -> None:
    looked = found_by_zizmor(*WORKFLOWS, ROOT / ".github" / "dependabot.yml")
    assert looked.returncode == 0, looked.stdout


def test_a_workflow_with_a_weakness_is_refused(tmp_path: Path) -> None:
    text = WORKFLOWS[0].read_text("utf-8")
    weak = tmp_path / "weak.yml"
    weak.write_text(re.sub(r"checkout@\S+ # v5\.0\.0", "checkout@v5", text))
    looked = found_by_zizmor(weak)
    assert looked.returncode != 0
    assert "unpinned-uses" in looked.stdout


def test_ci_installs_every_package_manager_of_the_tests() -> None:
    run = (ROOT / ".ci/run").read_text("utf-8")
    (from_debian,) = re.findall(r"^for tool in (.+); do$", run, re.M)
    script = (ROOT / "scripts/package-managers").read_text("utf-8")
    pinned = re.findall(r"^([a-z]+)=[0-9.]+$", script, re.M)
    assert "make package-managers" in run.splitlines()
    # Rust's comes with its toolchain.
    assert MANAGERS.keys() - {"cargo"} <= {*from_debian.split(), *pinned}


def test_every_command_of_a_workflow_is_a_make_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    commands = [step["run"] for path in WORKFLOWS for step in steps_of(path) if "run" in step]
    assert {"make check", "make test", "make fuzz", "make audit"} <= set(commands)
    for command in commands:
        make, *named = command.split()
        assert make == "make"
        assert set(named) - {"--silent"} <= targets


def actionlint() -> str:
    """Return the command that `make actionlint` built, or one on PATH."""
    version = re.findall(r"^version=(\S+)$", (ROOT / "scripts/actionlint").read_text("utf-8"), re.M)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claude-sandbox"
    built = cache / f"actionlint-{version[0]}" / "actionlint"
    found = str(built) if built.exists() else shutil.which("actionlint")
    if found is None:
        pytest.skip("actionlint isn't built here: make actionlint")
    return found


@pytest.mark.actionlint
def test_actionlint_finds_nothing_in_the_workflows_and_something_in_a_wrong_one(
    tmp_path: Path,
) -> None:
    command = [actionlint(), "-no-color", "-shellcheck="]
    looked = subprocess.run([*command, *WORKFLOWS], capture_output=True, text=True, timeout=180)
    assert looked.returncode == 0, looked.stdout
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text("utf-8").replace("timeout-minutes", "timeout-minuts"))
    looked = subprocess.run([*command, wrong], capture_output=True, text=True, timeout=180)
    assert "timeout-minuts" in looked.stdout


def test_a_release_is_built_on_both_machines_attested_and_signed() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/images.yml").read_text("utf-8"))["jobs"]
    build, release = jobs["build"], jobs["release"]
    images = build["strategy"]["matrix"]["image"]
    assert [image["ruby"] for image in images] == [*RUBIES, ""]
    assert images == release["strategy"]["matrix"]["image"]
    machines = build["strategy"]["matrix"]["machine"]
    assert [each["runner"] for each in machines] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    (built,) = [step["with"] for step in build["steps"] if "build-push" in step.get("uses", "")]
    assert (built["push"], built["sbom"], built["provenance"]) == (True, True, "mode=max")
    assert "platforms" not in built  # its own: nothing is emulated
    (joined,) = [step for step in release["steps"] if step.get("run") == "make release-image"]
    assert joined["env"]["MACHINES"].split() == [each["name"] for each in machines]
    assert (build["needs"], release["needs"]) == ("check", "build")
    assert build["permissions"] == {"contents": "read"}
    assert release["permissions"] == {"contents": "read", "id-token": "write"}


def run_script(name: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a release with these variables, and none but PATH beside."""
    environment = {"PATH": os.environ["PATH"], **values}
    command = ["sh", ROOT / "scripts" / name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("ruby", "tag", "tags"),
    [
        ("3.3", "v1.0.0", ["1.0.0-ruby-3.3", "ruby-3.3"]),
        (NEWEST, "v1.0.0", [f"1.0.0-ruby-{NEWEST}", f"ruby-{NEWEST}", "1.0.0", "latest"]),
        ("", "v1.0.0", ["1.0.0", "latest"]),
        ("3.3", "v1.0.0-rc.1", ["1.0.0-rc.1-ruby-3.3"]),
        ("", "v1.0.0-rc.1", ["1.0.0-rc.1"]),
    ],
)
def test_a_release_has_these_tags(ruby: str, tag: str, tags: list[str]) -> None:
    done = run_script("image-tags", IMAGE="alice/box", RUBY=ruby, TAG=tag)
    assert done.stdout.splitlines() == [f"alice/box:{each}" for each in tags]


@pytest.mark.parametrize(("ruby", "part"), [("3.3", "1.0.0-ruby-3.3-arm64"), ("", "1.0.0-arm64")])
def test_the_part_of_a_machine_has_a_tag_of_its_own(tmp_path: Path, ruby: str, part: str) -> None:
    output = tmp_path / "output"
    values = {"IMAGE": "alice/box", "RUBY": ruby, "TAG": "v1.0.0", "MACHINE": "arm64"}
    run_script("image-tags", **values, GITHUB_OUTPUT=str(output))
    assert output.read_text() == f"tag=alice/box:{part}\n"


@pytest.mark.parametrize("tag", ["", "v", "v1 0", "v1\nlatest", "v1/2", "v$(id)"])
@pytest.mark.parametrize("script", ["image-tags", "release-image"])
def test_a_tag_that_is_no_version_is_refused(script: str, tag: str) -> None:
    done = run_script(script, IMAGE="alice/box", TAG=tag, MACHINES="amd64")
    assert done.returncode == 2
    assert "v1.0.0" in done.stderr
    assert not done.stdout


def write_program(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/sh", 'echo "$(basename "$0") $*" >>"$CALLS"', *lines, ""]))
    path.chmod(0o755)


def release(folder: Path, **values: str) -> list[str]:
    """Release the parts of an image with a Docker and a Cosign that only note what is asked of them; return that."""
    write_program(folder / "docker", 'case $* in *inspect*) echo "sha256:f00" ;; esac')
    write_program(folder / "cosign")
    calls = folder / "calls"
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    output = folder / "output"
    asked = {"IMAGE": "alice/box", "TAG": "v1.0.0", "MACHINES": "amd64 arm64", **values}
    places = {"PATH": path, "CALLS": str(calls), "GITHUB_OUTPUT": str(output)}
    done = run_script("release-image", **asked, **places)
    assert done.returncode == 0, done.stderr
    assert not output.exists()
    return calls.read_text("utf-8").splitlines()


def test_the_parts_become_one_image_which_is_signed_by_its_digest(tmp_path: Path) -> None:
    assert release(tmp_path, RUBY="3.3") == [
        "docker buildx imagetools create"
        " --tag alice/box:1.0.0-ruby-3.3 --tag alice/box:ruby-3.3"
        " alice/box:1.0.0-ruby-3.3-amd64 alice/box:1.0.0-ruby-3.3-arm64",
        "docker buildx imagetools inspect --format {{.Manifest.Digest}} alice/box:1.0.0-ruby-3.3",
        "cosign sign --yes alice/box@sha256:f00",
    ]


def test_a_release_to_be_tried_moves_no_usual_tag(tmp_path: Path) -> None:
    create, *_ = release(tmp_path, RUBY="", TAG="v1.0.0-rc.1")
    assert re.findall(r"--tag (\S+)", create) == ["alice/box:1.0.0-rc.1"]


def test_dependabot_looks_where_versions_are_pinned() -> None:
    path = ROOT / ".github" / "dependabot.yml"
    updates = yaml.safe_load(path.read_text("utf-8"))["updates"]
    places = {each["package-ecosystem"]: each["directory"] for each in updates}
    assert places == {"github-actions": "/", "npm": "/image"}
    assert (ROOT / "image" / "package-lock.json").exists()
