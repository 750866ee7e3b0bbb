"""`init` renders the overlays as kustomize does: `kubectl apply -k` by hand makes the same objects."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.installation.overlay import (
    CLUSTER_SCOPED,
    OVERLAYS,
    BadOverlay,
    overlay_names,
    read_overlay,
)


def by_identity(objects: list[Any]) -> dict[tuple[str, str, str], Any]:
    return {
        (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one
        for one in objects
    }


def kustomized(folder: Path) -> list[Any]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = list(yaml.safe_load_all(done.stdout))
    for one in found:
        if one["kind"] in CLUSTER_SCOPED:
            one["metadata"].pop("namespace", None)  # this kustomize doesn't know all of them
    return found


def test_the_overlays_are_those_that_the_documents_name() -> None:
    assert overlay_names() == ["gvisor", "kueue", "one-namespace", "two-namespaces"]


@pytest.mark.kubectl
@pytest.mark.parametrize("name", overlay_names())
def test_an_overlay_is_rendered_as_kustomize_does(name: str) -> None:
    ours = by_identity(read_overlay(OVERLAYS / name).named())
    assert ours == by_identity(kustomized(OVERLAYS / name))
    assert len(ours) >= 15


@pytest.mark.kubectl
def test_a_config_of_ones_own_gets_the_same_name_from_both(tmp_path: Path) -> None:
    shutil.copytree(OVERLAYS.parent, tmp_path / "manifests")
    text = "repos: {démo: 'https://a/b?c=1&d=<2>'} # \u2028 \"quoted\"\n"
    folder = tmp_path / "manifests" / "overlays" / "mine"
    folder.mkdir()
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    merged = {"namespace": "claude-sandbox-bot", "behavior": "merge"}
    generators = [
        {"name": "claude-sandbox-config", **merged, "files": ["config.yaml"]},
        {"name": "claude-sandbox-environment", **merged, "literals": ["CLAUDE_IMAGE=x/y:1"]},
    ]
    settings = {"resources": ["../two-namespaces"], "configMapGenerator": generators}
    (folder / "kustomization.yaml").write_text(json.dumps(settings), encoding="utf-8")
    ours = read_overlay(OVERLAYS / "two-namespaces")
    ours = ours.with_data("claude-sandbox-config", {"config.yaml": text})
    ours = ours.with_data("claude-sandbox-environment", {"CLAUDE_IMAGE": "x/y:1"})
    expected = by_identity(kustomized(folder))
    assert by_identity(ours.named()) == expected
    assert by_identity(read_overlay(folder).named()) == expected


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"namePrefix": "x-"}, "namePrefix isn't rendered here"),
        (
            {"patches": [{"target": {"kind": "Namespace", "name": "a"}, "patch": "spec: {}"}]},
            "a strategic merge patch",
        ),
        (
            {
                "patches": [
                    {
                        "target": {"kind": "Namespace", "name": "a"},
                        "patch": "[{op: remove, path: /metadata/name}]",
                    }
                ]
            },
            "remove of a patch",
        ),
    ],
)
def test_what_is_not_rendered_here_is_refused(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"
    (tmp_path / "namespace.yaml").write_text(namespace)
    (tmp_path / "kustomization.yaml").write_text(
        json.dumps({"resources": ["namespace.yaml"], **settings})
    )
    with pytest.raises(BadOverlay, match=words):
        read_overlay(tmp_path)
