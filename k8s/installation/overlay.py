"""The shipped overlays as objects, as `kubectl kustomize` renders them: the few features of it that they use.

Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

OVERLAYS = Path(__file__).resolve().parents[2] / "manifests" / "overlays"
CLUSTER_SCOPED = frozenset(
    [
        "ClusterQueue",
        "Namespace",
        "ResourceFlavor",
        "RuntimeClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]
)
_KEYS = frozenset(
    [
        "apiVersion",
        "kind",
        "resources",
        "configMapGenerator",
        "namespace",
        "patches",
        "images",
        "labels",
    ]
)

Object = Mapping[str, Any]


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, where PyYAML has it: some times as fast."""


class BadOverlay(Exception):
    """An overlay uses something of kustomize that isn't rendered here."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The objects of an overlay; `generated` are ConfigMaps by their name without the hash that ends it later."""

    objects: tuple[Object, ...]
    generated: Mapping[str, Object]

    def with_data(self, name: str, data: Mapping[str, str]) -> Overlay:
        """Return the overlay with more data in a generated ConfigMap; what is named anew replaces what was there."""
        old = self.generated[name]
        new = {**old, "data": {**old["data"], **data}}
        return replace(self, generated={**self.generated, name: new})

    def named(self) -> list[Object]:
        """Return all objects, the generated ones with their hash in their names, and in what refers to them."""
        names = {name: f"{name}-{_suffix(made)}" for name, made in self.generated.items()}
        made = [
            {**one, "metadata": {**one["metadata"], "name": names[name]}}
            for name, one in self.generated.items()
        ]
        return [*(_referring(one, names) for one in self.objects), *made]


def overlay_names() -> list[str]:
    """Return the names of the shipped overlays."""
    return sorted(path.name for path in OVERLAYS.iterdir() if path.is_dir())


def read_overlay(folder: Path) -> Overlay:
    """Read a folder with a kustomization. Raises BadOverlay."""
    settings = _load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    if foreign := set(settings) - _KEYS:
        raise BadOverlay(f"{folder.name}: {', '.join(sorted(foreign))} isn't rendered here")
    found = _resources(folder, settings.get("resources", ()))
    for generator in settings.get("configMapGenerator", ()):
        found = _generate(found, folder, generator)
    for patch in settings.get("patches", ()):
        found = replace(found, objects=tuple(_patched(found.objects, patch)))
    for labels in settings.get("labels", ()):
        found = _labelled(found, labels)
    return _moved(found, settings["namespace"]) if "namespace" in settings else found


def _load(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


def _resources(folder: Path, names: Sequence[str]) -> Overlay:
    objects: list[Object] = []
    generated: dict[str, Object] = {}
    for name in names:
        path = folder / name
        if path.is_dir():
            inner = read_overlay(path)
            objects += inner.objects
            generated |= inner.generated
        else:
            text = path.read_text(encoding="utf-8")
            objects += [found for found in yaml.load_all(text, Loader=_Loader) if found]
    return Overlay(tuple(objects), generated)


def _generate(found: Overlay, folder: Path, generator: Mapping[str, Any]) -> Overlay:
    name = generator["name"]
    data = dict(_data(folder, generator))
    if generator.get("behavior") == "merge":
        return found.with_data(name, data)
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": generator["namespace"]},
        "data": data,
    }
    return replace(found, generated={**found.generated, name: made})


def _data(folder: Path, generator: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in generator.get("files", ()):
        yield Path(name).name, (folder / name).read_text(encoding="utf-8")
    lines = list(generator.get("literals", ()))
    for name in generator.get("envs", ()):
        lines += (folder / name).read_text(encoding="utf-8").split()
    for line in lines:
        key, _, value = line.partition("=")
        yield key, value


def _patched(objects: Sequence[Object], patch: Mapping[str, Any]) -> Iterator[Object]:
    target, change = patch["target"], _load(patch["patch"])
    for one in objects:
        chosen = one["kind"] == target["kind"] and one["metadata"]["name"] == target["name"]
        if not chosen:
            yield one
        elif isinstance(change, list):
            yield _changed(one, change)
        elif change.get("$patch") != "delete":
            raise BadOverlay("a strategic merge patch isn't rendered here")


def _changed(one: Object, steps: Sequence[Mapping[str, Any]]) -> Object:
    """Carry out a JSON patch of `add` and `replace`."""
    made: dict[str, Any] = copy.deepcopy(dict(one))
    for step in steps:
        *parents, last = (part.replace("~1", "/") for part in step["path"].split("/")[1:])
        target: Any = made
        for parent in parents:
            target = target[int(parent) if isinstance(target, list) else parent]
        if step["op"] not in ("add", "replace"):
            raise BadOverlay(f"{step['op']} of a patch isn't rendered here")
        if isinstance(target, dict):
            target[last] = step["value"]
        elif last == "-":
            target.append(step["value"])
        else:
            target[int(last)] = step["value"]
    return made


def _labelled(found: Overlay, labels: Mapping[str, Any]) -> Overlay:
    """Put labels on all objects, but in no selector and no template."""
    if foreign := set(labels) - {"pairs"}:
        raise BadOverlay(f"{', '.join(sorted(foreign))} of labels isn't rendered here")
    pairs: Mapping[str, str] = labels["pairs"]
    objects = tuple(with_labels(one, pairs) for one in found.objects)
    return Overlay(
        objects, {name: with_labels(one, pairs) for name, one in found.generated.items()}
    )


def with_labels(one: Object, labels: Mapping[str, str]) -> Object:
    """Return the object with more labels."""
    metadata = one["metadata"]
    return {**one, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}}


def _moved(found: Overlay, namespace: str) -> Overlay:
    """Put all into one namespace."""
    objects = tuple(
        one if one["kind"] in CLUSTER_SCOPED else _within(one, namespace) for one in found.objects
    )
    generated = {name: _within(one, namespace) for name, one in found.generated.items()}
    return Overlay(objects, generated)


def _within(one: Object, namespace: str) -> Object:
    return {**one, "metadata": {**one["metadata"], "namespace": namespace}}


def _referring(one: Object, names: Mapping[str, str]) -> Object:
    """Return a Deployment whose Pod reads the ConfigMaps by their last names; anything else as it is."""
    if one["kind"] != "Deployment":
        return one
    made: dict[str, Any] = copy.deepcopy(dict(one))
    pod = made["spec"]["template"]["spec"]
    places = [volume["configMap"] for volume in pod["volumes"] if "configMap" in volume]
    for container in pod["containers"]:
        places += [each["configMapRef"] for each in container.get("envFrom", ())]
    for place in places:
        place["name"] = names.get(place["name"], place["name"])
    return made


def _suffix(one: Object) -> str:
    """Return kustomize's hash of a ConfigMap (api/internal/hasher/hasher.go): Go's JSON, without letters that make words."""
    known = {"kind": "ConfigMap", "name": "", "data": one["data"]}
    text = json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return digest.translate(str.maketrans("013ae", "ghkmt"))
