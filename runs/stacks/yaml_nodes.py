"""YAML of strangers, read by its nodes: an alias is the very node that it names, so that no text can grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

MOST_LEVELS = 40
_MOST_EVENTS = 60_000
_MOST_MERGES = 5
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(text: str) -> yaml.Node | None:
    """Return the root of a text's first document; None when there is none, or it can't be read."""
    try:
        if not _is_small(text):
            return None
        return next(iter(yaml.compose_all(text, Loader=_LOADER)), None)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def items(node: yaml.Node | None, merges: int = 0) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield name, key node and value of a mapping's entries, then of those that it takes over by `<<`."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value != "<<":
            yield key.value, key, value
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value == "<<" and merges < _MOST_MERGES:
            many = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for one in many[:_MOST_MERGES]:
                yield from items(one, merges + 1)


def child(node: yaml.Node | None, *names: str) -> yaml.Node | None:
    """Return what stands at the end of a path of keys; None when nothing does."""
    for name in names:
        node = next((value for found, _, value in items(node) if found == name), None)
    return node


def elements(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the elements of a list; none of anything else."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def text(node: yaml.Node | None) -> str | None:
    """Return a single value as it is written; None of anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def line(node: yaml.Node) -> int:
    """Return the line of a node, counted from 1."""
    return int(node.start_mark.line) + 1


def _is_small(text: str) -> bool:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_LEVELS or count > _MOST_EVENTS:
            return False
    return True
