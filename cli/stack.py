"""`claude-sandbox stack`: what a repository would get beside its agent, and why. Nothing of the repository is run."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.repo_file import BadRepoFile, RepoFile, parse
from bot.stack_words import language_words, service_words
from bot.stacks import StackReader
from cli.exits import Exit, Failure
from cli.guard import guarded
from cli.screen import Screen
from runs.stacks.detect import detect
from runs.stacks.remote import Reading, RemoteStacks, Unread
from runs.stacks.stack import MOST_BYTES, OWN_FILE, File, Wanted
from runs.stacks.table import services_table
from runs.stacks.telling import may_tell, telling
from sandbox.keys import read_keys
from sandbox.words import printable

_NARROWEST = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What is printed: services by the table's names, and for each finding subject, file, line and what it is."""

    language: str | None
    version: str | None
    services: tuple[str, ...]
    reasons: tuple[dict[str, object], ...]
    mistakes: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()


def run_stack(environment: Mapping[str, str], place: str, ref: str | None, *, as_json: bool) -> int:
    """Look at a folder or at a branch of a URL, print what was found, and return the exit code."""
    return guarded(lambda: _show(environment, place, ref, as_json), Screen(as_json=as_json))


def _show(environment: Mapping[str, str], place: str, ref: str | None, as_json: bool) -> Exit:
    answer = _answer(_read(environment, place, ref))
    if as_json:
        print(json.dumps(_values(answer), indent=2))
    else:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print("\n".join(rows(answer, columns)))
    for mistake in answer.mistakes:
        print(printable(f"{OWN_FILE}, {mistake}"), file=sys.stderr)
    return Exit.OK


def _read(environment: Mapping[str, str], place: str, ref: str | None) -> Reading:
    folder = Path(place)
    if ref is None and folder.is_dir():
        return read_folder(folder)
    if not folder.is_dir() and ":" not in place:
        raise Failure(
            f"There is no folder {place}.", "Or a git URL, such as https://github.com/owner/name"
        )
    url = folder.resolve().as_uri() if folder.is_dir() else place
    try:
        return asyncio.run(RemoteStacks(read_keys(environment), environment).read(url, ref))
    except Unread as error:
        advice = "Look at the address and the branch; a private repository needs GITHUB_TOKEN."
        raise Failure(f"{place}: {error}", advice, Exit.CLUSTER) from error


def read_folder(root: Path) -> Reading:
    """Read the files as they lie there; symbolic links aren't followed."""
    paths = telling(_walk(root))
    files = [
        File(path, text) for path in paths if (text := _text_of(root.joinpath(path))) is not None
    ]
    own = next((file.text for file in files if file.path == OWN_FILE), None)
    return Reading("", detect(files), own)


class OrFolder:
    """Reads a repo from its server, or where that can't be done from here, as it lies in a folder."""

    def __init__(self, reader: StackReader, root: Path) -> None:
        self._reader = reader
        self._root = root

    async def read(self, url: str, branch: str | None) -> Reading:
        """See StackReader."""
        try:
            return await self._reader.read(url, branch)
        except Unread:
            return await asyncio.to_thread(read_folder, self._root)


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        inside = Path(folder).relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        folders[:] = sorted(name for name in folders if may_tell(prefix + name))
        yield from (prefix + name for name in names)


def _text_of(path: Path) -> str | None:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _answer(reading: Reading) -> Answer:
    stack = reading.stack
    own = RepoFile()
    mistakes: tuple[str, ...] = ()
    try:
        own = parse(reading.own_file or "")
    except BadRepoFile as bad:
        mistakes = bad.mistakes
    detected = tuple(wanted.service for wanted in stack.services)
    asked = own.services
    reasons = [
        {"subject": each.subject, "file": each.file, "line": each.line, "what": each.what}
        for each in stack.reasons
    ]
    if asked is not None:
        reasons.insert(
            0, {"subject": "services", "file": OWN_FILE, "line": 1, "what": "its own list"}
        )
    language = stack.language or next(iter(own.versions), None)
    return Answer(
        language,
        own.versions.get(language or "", stack.version),
        detected if asked is None else tuple(_canonical(name) for name in asked),
        tuple(reasons),
        mistakes,
        tuple(map(service_words, map(_named, stack.services) if asked is None else asked)),
        own.setup,
    )


def _named(wanted: Wanted) -> str:
    name = wanted.flavour or wanted.service
    return f"{name}:{wanted.version}" if wanted.version else name


def _canonical(service: str) -> str:
    return services_table().flavours[service.partition(":")[0]].name


def _values(answer: Answer) -> dict[str, object]:
    values: dict[str, object] = {
        "language": answer.language,
        "version": answer.version,
        "services": list(answer.services),
        "reasons": list(answer.reasons),
    }
    if answer.mistakes:
        values["mistakes"] = list(answer.mistakes)
    return values


def rows(answer: Answer, columns: int | None) -> Iterator[str]:
    """Give what people read: the stack, and below each of its parts where that stands; wrapped to so many columns.

    The words are a stranger's, and can't steer the terminal.
    """
    words = [language_words(answer.language, answer.version)] if answer.language else []
    yield from _wrapped(" · ".join([*words, *answer.asked]) or "nothing found", "  ", columns)
    for each in answer.reasons:
        row = f"  {each['subject']}: {each['file']}:{each['line']}  {each['what']}"
        yield from _wrapped(row, "    ", columns)
    for command in answer.setup:
        yield from _wrapped(f"  setup: {OWN_FILE}  {command}", "    ", columns)


def _wrapped(row: str, indent: str, columns: int | None) -> list[str]:
    text = printable(row)
    if columns is None or len(text) <= columns:
        return [text]
    return textwrap.wrap(
        text,
        max(columns, _NARROWEST),
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
