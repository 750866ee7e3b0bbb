"""The options of `/run`, and the values that they and the config accept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.nearest import nearest


@dataclass(frozen=True, slots=True)
class Options:
    """What a person chose for one Run; None means not chosen. Fields are those of `sandbox.task.Task`."""

    timeout_seconds: int | None = None
    memory: str | None = None
    cpu: str | None = None
    model: str | None = None
    budget_usd: float | None = None
    image: str | None = None
    pull_request: bool | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Options that were read from a text, and where they `end`; `closed` says that a `--` ended them."""

    options: Options
    end: int
    closed: bool


class BadValue(Exception):
    """A value is of a wrong form or out of range; the text is what is taken, such as "a time such as 45m"."""


class BadOption(Exception):
    """An option can't be taken; `what` says why.

    The characters `start` to `end` of the text would be right as `instead`, which is None when nobody can tell.
    """

    def __init__(self, what: str, start: int, end: int, instead: str | None) -> None:
        super().__init__(what)
        self.what = what
        self.start = start
        self.end = end
        self.instead = instead


def take_options(text: str, start: int) -> Taken:
    """Read the options that stand at `start` of a text.

    A value stands behind a space or `=`. A long dash counts as `--`, since phones make one of it. Raises BadOption.
    """
    chosen: dict[str, Any] = {}
    while match := _OPTION.match(text, start):
        name = match["name"].lower()
        option = _OPTIONS.get(name)
        if match["dash"] == "-":
            if option is None:
                break
            raise BadOption("An option has two dashes.", *match.span("dash"), "--")
        if option is None:
            raise _unknown(match)
        value, end = _value(name, option, match)
        if option.field in chosen:
            what = f"--{name} is there twice, or beside its opposite. Leave one out."
            raise BadOption(what, match.start(), end, "")
        chosen[option.field] = value
        start = end
    closing = _CLOSING.match(text, start)
    return Taken(Options(**chosen), closing.end() if closing else start, closing is not None)


def find_trailing_options(text: str) -> int | None:
    """Return where the options begin with which a text ends, None when it ends with none."""
    for match in _TRAILING.finditer(text):
        try:
            taken = take_options(text, match.start())
        except BadOption:
            continue
        if taken.end > match.start() and not text[taken.end :].strip():
            return match.start()
    return None


def read_timeout(text: str) -> int:
    """Read 45m, 2h, 1h30m, 90s, or a plain number of minutes; return seconds. Raises BadValue."""
    match = _DURATION.fullmatch(text.lower())
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if text.isascii() and text.isdecimal():
        minutes = int(text[:9])
    total = 3600 * hours + 60 * minutes + seconds
    if not 60 <= total <= 24 * 3600:
        raise BadValue("a time such as 45m or 2h, from 1m to 24h")
    return total


def read_memory(text: str) -> str:
    """Read 4Gi or 512Mi; return it as a Kubernetes quantity. Raises BadValue.

    4G, 4GB and 4gb are read as 4Gi: who writes them in a chat means that, and Kubernetes would read 4g as nothing.
    """
    match = _MEMORY.fullmatch(text.lower())
    mebibytes = int(match["number"]) * (1024 if match["unit"] == "g" else 1) if match else 0
    if match is None or not 256 <= mebibytes <= 64 * 1024:
        raise BadValue("an amount of memory such as 4Gi or 512Mi, from 256Mi to 64Gi")
    return f"{match['number']}{match['unit'].upper()}i"


def read_cpu(text: str) -> str:
    """Read 2, 1.5 or 1500m cores; return it as a Kubernetes quantity. Raises BadValue."""
    match = _CPU.fullmatch(text.lower())
    thousandths = 0.0
    if match:
        thousandths = float(match["number"]) * (1 if match["thousandths"] else 1000)
    if not 100 <= thousandths <= 32_000:
        raise BadValue("a number of cores such as 2 or 1500m, from 100m to 32")
    return text.lower()


def read_budget(text: str) -> float:
    """Read 2.50 or $2.50; return US dollars. Raises BadValue."""
    match = _BUDGET.fullmatch(text)
    dollars = float(match["number"].replace(",", ".")) if match else 0.0
    if not 0.01 <= dollars <= 1000:
        raise BadValue("an amount in US dollars such as 2.50, from 0.01 to 1000")
    return dollars


def read_model(text: str) -> str:
    """Read a model's name: an alias such as opus, or the full one of any provider. Raises BadValue."""
    if not _MODEL.fullmatch(text):
        raise BadValue("a model's name such as opus or sonnet")
    return text


def read_image(text: str) -> str:
    """Read the reference of a container image. Raises BadValue.

    Its form: https://github.com/distribution/reference/blob/main/reference.go
    """
    if len(text) > 255 or not _IMAGE.fullmatch(text):
        raise BadValue("a container image such as ghcr.io/owner/name:1.2")
    return text


@dataclass(frozen=True, slots=True)
class _Option:
    """`read` is None for an option without a value, which then stands for `flag`."""

    field: str
    read: Callable[[str], object] | None = None
    example: str = ""
    flag: bool = True


_OPTIONS = {
    "timeout": _Option("timeout_seconds", read_timeout, "45m"),
    "memory": _Option("memory", read_memory, "4Gi"),
    "cpu": _Option("cpu", read_cpu, "2"),
    "model": _Option("model", read_model, "opus"),
    "budget": _Option("budget_usd", read_budget, "2.50"),
    "image": _Option("image", read_image, "ghcr.io/owner/name:1.2"),
    "pr": _Option("pull_request"),
    "no-pr": _Option("pull_request", flag=False),
}
_DASHES = "--|—|–|-"
_OPTION = re.compile(rf"\s*(?P<dash>{_DASHES})(?P<name>[A-Za-z][^\s=]*)(?P<glued>=\S*)?")
_VALUE = re.compile(r"\s+(?!(?:--|—|–)[A-Za-z])(?P<value>\S+)")
_CLOSING = re.compile(r"\s*--(?=\s|$)")
_TRAILING = re.compile(rf"\s(?=(?:{_DASHES})(?:{'|'.join(_OPTIONS)})(?:[\s=]|$))", re.IGNORECASE)
_DURATION = re.compile(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m(?:in)?)?(?:([0-9]{1,6})s)?")
_MEMORY = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[mg])(?:i|b|ib)?")
_CPU = re.compile(r"(?P<number>[0-9]{1,5}(?=m)|[0-9]{1,2}(?:\.[0-9]{1,3})?)(?P<thousandths>m)?")
_BUDGET = re.compile(r"\$?(?P<number>[0-9]{1,4}(?:[.,][0-9]{1,2})?)\$?")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,99}")
_IMAGE_NAME = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]{{1,5}})?/)?{_IMAGE_NAME}(?:/{_IMAGE_NAME})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def _unknown(match: re.Match[str]) -> BadOption:
    alike = nearest(match["name"], _OPTIONS)
    if alike is not None:
        return BadOption(
            f"There is no such option. Did you mean --{alike}?",
            match.start("dash"),
            match.end("name"),
            f"--{alike}",
        )
    known = ", ".join(f"--{name}" for name in _OPTIONS)
    what = f"There is no such option. There are {known}. If it is part of the task, put -- before the task."
    return BadOption(what, match.start("dash"), match.start("dash"), "-- ")


def _value(name: str, option: _Option, match: re.Match[str]) -> tuple[object, int]:
    """Return the value of an option, and where it ends."""
    start, end = match.span("dash")[0], match.end()
    if option.read is None:
        if match["glued"] is not None:
            raise BadOption(f"--{name} takes no value.", start, end, f"--{name}")
        return option.flag, end
    written = (match["glued"] or "")[1:]
    if match["glued"] is None and (value := _VALUE.match(match.string, end)):
        written, end = value["value"], value.end()
    try:
        return option.read(written), end
    except BadValue as taken:
        what = f"--{name} takes {taken}."
        raise BadOption(what, start, end, f"--{name} {option.example}") from taken
