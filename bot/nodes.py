"""YAML read by its nodes: each value is checked where it stands, so that every mistake has its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bot.nearest import nearest


class NotYaml(Exception):
    """The text can't be read at all from some `line` on, counted from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


class BadNode(Exception):
    """A value is wrong; the text goes on behind the name of its place: "takes a list of …"."""


Read = Callable[["Reader", yaml.Node, str], Any]
"""Reads the value of a node at a place such as "repos.demo.timeout"; raises BadNode, or notes mistakes itself."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is known: the `field` that it fills, how its value is read, and a line that would be right."""

    field: str
    read: Read
    example: str


class Reader:
    """One pass over nodes, which goes on after a mistake. `mistakes` are pairs of line and text."""

    def __init__(self) -> None:
        self.mistakes: list[tuple[int, str]] = []

    def note(self, node: yaml.Node, what: str) -> None:
        """Note a mistake at the line of a node."""
        self.mistakes.append((node.start_mark.line + 1, what))

    def value(self, node: yaml.Node, place: str, key: Key) -> Any:
        """Read one value; None after a mistake."""
        try:
            return key.read(self, node, place)
        except BadNode as bad:
            self.note(node, f"{place} {bad}. For example {key.example}")
            return None

    def entries(self, node: yaml.Node, place: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield name, key node and value node of a mapping; a name that comes again, in any case, is a mistake."""
        if not isinstance(node, yaml.MappingNode):
            if not is_empty(node):
                self.note(node, f"{place or 'a config'} is made of lines such as key: value")
            return
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.note(key, f"{place or 'the config'} has a key that is no word")
                continue
            name = str(key.value)
            earlier = lines.get(name.casefold())
            if earlier is not None:
                self.note(key, f"{join(place, name)} stands in line {earlier} already")
                continue
            lines[name.casefold()] = key.start_mark.line + 1
            yield name, key, value

    def fields(self, node: yaml.Node, place: str, keys: Mapping[str, Key]) -> dict[str, Any]:
        """Read a mapping of known keys into the fields that they fill, leaving out what is wrong."""
        values: dict[str, Any] = {}
        for name, key_node, value_node in self.entries(node, place):
            key = keys.get(name)
            if key is None:
                self.note(key_node, f"{join(place, name)} isn't known: {_meant(name, keys)}")
                continue
            value = self.value(value_node, join(place, name), key)
            if value is not None:
                values[key.field] = value
        return values


def read_fields(text: str, keys: Mapping[str, Key]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read a YAML text into the fields that its keys fill, and all mistakes: a line each, in the text's order.

    An empty text fills nothing. Text that isn't YAML has one mistake: what stands behind it can't be read.
    """
    try:
        root = compose(text)
    except NotYaml as error:
        return {}, (f"line {error.line}: {error.what}",)
    if root is None:
        return {}, ()
    reader = Reader()
    values = reader.fields(root, "", keys)
    return values, tuple(f"line {line}: {what}" for line, what in sorted(reader.mistakes))


def compose(text: str) -> yaml.Node | None:
    """Return the root of a YAML text, None when there is nothing in it. Raises NotYaml.

    Nothing is constructed, whatever its tag, and an alias is the very node that it names: no text can grow.
    """
    if len(text) > 1024 * _LARGEST_KIB:
        raise NotYaml(1, f"the file is larger than {_LARGEST_KIB} KiB")
    try:
        _refuse_depth(text)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYaml(line, "there is an invisible character: type that line anew") from error
    except yaml.MarkedYAMLError as error:
        problem = str(error.problem)
        what = next((ours for theirs, ours in _PROBLEMS.items() if theirs in problem), problem)
        raise NotYaml(_line(error.problem_mark or error.context_mark), what) from error


def is_empty(node: yaml.Node) -> bool:
    """Say whether nothing stands there, as behind "repos:" alone."""
    return node.tag == "tag:yaml.org,2002:null"


def join(place: str, name: str) -> str:
    """Return the place of a name within a place, with nothing that would upset a terminal."""
    shown = "".join(c if c.isprintable() else "?" for c in name[:_LONGEST_SHOWN])
    return f"{place}.{shown}" if place else shown


def read_text(node: yaml.Node) -> str:
    """Return a single value as it is written, so that 017, 1:30 and no stay what they are. Raises BadNode."""
    if not isinstance(node, yaml.ScalarNode) or is_empty(node):
        raise BadNode("takes one value")
    return str(node.value)


def read_boolean(_reader: Reader, node: yaml.Node, _place: str) -> bool:
    """Read true or false, or YAML's other words for them. Raises BadNode."""
    if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:bool":
        raise BadNode("takes true or false")
    return str(node.value).lower() in ("true", "yes", "on")


_LARGEST_KIB = 256
_DEEPEST = 12
"""Levels of nesting, far more than a config needs and far fewer than Python's recursion allows."""

_LONGEST_SHOWN = 40
_PROBLEMS = {
    "'\\t'": "there is a tab: indent with spaces",
    "mapping values": 'there is a second ": ": put the value in quotes',
    "end of stream": "a quote is opened and never closed",
    "<stream end>": "a bracket is opened and never closed",
    "another document": "a second document begins: leave out the ---",
}
"""Words of PyYAML for the usual slips, and ours."""


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise NotYaml(_line(event.start_mark), "this is nested too deeply")


def _line(mark: object) -> int:
    """Return the line of one of PyYAML's two kinds of mark; the first where it knows none."""
    return int(getattr(mark, "line", 0)) + 1


def _meant(name: str, keys: Mapping[str, Key]) -> str:
    alike = nearest(name, keys)
    if alike is None:
        return f"there are {', '.join(keys)}"
    return f"did you mean {alike}? For example {keys[alike].example}"
