"""The grammar of commands: from a message's text to what a person asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from bot.address import BadRepo
from bot.config import Config, RepoOptions, RunLimits
from bot.explain import duration
from bot.mistake import Mistake
from bot.nearest import nearest
from bot.options import BadOption, Options, Taken, find_trailing_options, take_options
from bot.quantity import amount
from bot.quotes import QUOTES, NotClosed, unquote
from bot.repo import Target, find
from sandbox.report import Phase
from sandbox.task import Task


@dataclass(frozen=True, slots=True)
class Command:
    """A command to this bot: its name in small letters without the slash, and the text behind it, verbatim."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A `/run` as written: nothing of the config is merged in yet. `bot.access.refuse_repo` decides on `target`."""

    target: Target
    options: Options
    prompt: str


def too_much(options: Options, limits: RunLimits) -> str | None:
    """Say which option asks for more than the operator allows, and how much that is; None where none does."""
    memory, cpu = options.memory or "0", options.cpu or "0"
    if amount(memory) > amount(limits.memory):
        return f"--memory takes {limits.memory} at most here."
    if amount(cpu) > amount(limits.cpu):
        return f"--cpu takes {limits.cpu} at most here."
    if (options.timeout_seconds or 0) > limits.timeout_seconds:
        return f"--timeout takes {duration(limits.timeout_seconds)} at most here."
    return None


class LogView(Enum):
    """What of a log is wanted; the value is the word for it. LINES are the last ones, and need no word."""

    LINES = "lines"
    ERRORS = "errors"
    FOLLOW = "follow"
    FILE = "file"
    GREP = "grep"
    PHASE = "phase"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True)
class LogsRequest:
    """A `/logs`: the beginning of a Run's id, None when none is named; what of its log, and how many lines where said.

    `word` is the text to look for, or the name of the phase or of the service.
    """

    run_prefix: str | None
    view: LogView = LogView.LINES
    lines: int | None = None
    word: str = ""


def read_command(text: str, bot_name: str) -> Command | None:
    """Split a message's text; None when it is no command, or one to another bot (`/run@other`)."""
    match = _COMMAND.fullmatch(text)
    if match is None or (match["bot"] or bot_name).lower() != bot_name.lower():
        return None
    return Command(match["name"].lower(), match["arguments"] or "")


def read_run(
    arguments: str, config: Config, forge_url: str, reply_text: str | None = None
) -> RunRequest:
    """Read what stands behind `/run`: repo[@branch], options, task.

    The task stands in quotes or bare, of many lines, verbatim; behind a `--` even quotes belong to it. Without a
    task, `reply_text` (text or caption of the message replied to) is the task. Raises Mistake, with an example that
    has been tried. Ask only for people who have a role: a Mistake may name aliases of the config.
    """
    try:
        return _read_run(arguments, config, forge_url, reply_text)
    except _Wrong as wrong:
        instead = wrong.instead or ""
        repos = [*instead.split()[:1], *arguments.split()[:1], _first_repo(config)]
        examples = [instead, *(f'{repo} "{_SAMPLE_TASK}"' for repo in repos)]
        works = next(example for example in examples if _works(example, config, forge_url))
        raise Mistake(wrong.what, f"/run {works}") from wrong


def read_logs(arguments: str) -> LogsRequest:
    """Read what stands behind `/logs`: a Run or none, then a number of lines or a view of the log. Raises Mistake."""
    head, rest = _first_word(arguments)
    prefix = None
    if head and head.lower() not in _VIEWS and not _LINES.fullmatch(head):
        prefix = _run_prefix([head])
        head, rest = _first_word(rest)
    command = "/logs" if prefix is None else f"/logs {prefix}"
    if not head:
        return LogsRequest(prefix)
    view = _VIEWS.get(head.lower())
    if view is not None:
        return _read_view(LogsRequest(prefix, view), rest, command)
    lines = int(head) if _LINES.fullmatch(head) else 0
    if rest or not 1 <= lines <= _MOST_LINES:
        meant = nearest(head, _VIEWS) if not lines else None
        words = "errors, follow, file, grep WORD, phase NAME or sidecar NAME"
        what = f"After the run comes a number of lines, from 1 to {_MOST_LINES}, or {words}."
        raise Mistake(what, f"{command} {_SAMPLE_VIEWS.get(meant or '', '50')}")
    return LogsRequest(prefix, lines=lines)


def read_one_run(arguments: str, command: str) -> str:
    """Read what stands behind `/cancel` or `/retry`: the beginning of one Run's id. Raises Mistake."""
    words = arguments.split()
    prefix = _run_prefix(words[:1])
    if len(words) > 1:
        raise Mistake("One run at a time, please.", f"/{command} {prefix}")
    return prefix


def read_clean(arguments: str) -> tuple[str, ...]:
    """Read what stands behind `/clean`: beginnings of Runs' ids; empty means all that may go. Raises Mistake."""
    return tuple(dict.fromkeys(_run_prefix([word]) for word in arguments.split()))


def pick_run(prefix: str, run_ids: Iterable[str], command: str) -> str:
    """Return the one id that begins so. Raises Mistake when none or several do, with a line to tap for `command`.

    `run_ids` are the Runs that the person may see; a Run of another chat is as unknown as one that never was.
    """
    found = sorted({run_id for run_id in run_ids if run_id.startswith(prefix)})
    if not found:
        raise Mistake(f"There is no run {prefix} here. This shows them:", "/jobs")
    if len(found) > 1 and prefix not in found:
        named = ", ".join(found[:_MOST_NAMED]) + (", …" if len(found) > _MOST_NAMED else "")
        raise Mistake(f"Several runs begin with {prefix}: {named}.", f"/{command} {found[0]}")
    return found[0]


def to_task(request: RunRequest, config: Config) -> Task:
    """Merge the config's `defaults`, the repo's entry and the person's options, the last winning."""
    target, chosen = request.target, request.options
    usual = config.options_of(target.named)
    opens = usual.pull_request if chosen.pull_request is None else chosen.pull_request
    return Task(
        repo_url=target.address.url,
        prompt=request.prompt,
        repo_name=target.name,
        branch=target.branch or usual.branch,
        trusted_base=usual.branch,
        trusts_branch=trusts(target.branch, usual),
        timeout_seconds=chosen.timeout_seconds or usual.timeout_seconds or _TIMEOUT_SECONDS,
        model=chosen.model,
        budget_usd=chosen.budget_usd,
        pull_request=bool(opens),
        memory=chosen.memory or usual.memory,
        cpu=chosen.cpu or usual.cpu,
        image=chosen.image or usual.image,
        services=usual.services,
    )


def trusts(branch: str | None, usual: RepoOptions) -> bool:
    """Say whether the files of the branch that was named may configure the agent; those of the config's branch may."""
    of_config = usual.branch is not None and branch in (None, usual.branch)
    return of_config or bool(usual.trusts_branch)


_TIMEOUT_SECONDS = 3600
_MOST_LINES = 2000
_MOST_NAMED = 5
_LONGEST_EXAMPLE = 200
_SAMPLE_TASK = "add a farewell"
_COMMAND = re.compile(
    r"/(?P<name>[A-Za-z0-9_]{1,32})(?:@(?P<bot>[A-Za-z0-9_]{1,64}))?(?:\s(?P<arguments>.*))?",
    re.DOTALL,
)
_WORD = re.compile(r"\s*(?P<word>\S+)")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_LINES = re.compile("[0-9]{1,4}")
_VIEWS = {view.value: view for view in LogView if view is not LogView.LINES}
_SAMPLE_VIEWS = {
    **{word: word for word in _VIEWS},
    "grep": "grep error",
    "phase": "phase agent",
    "sidecar": "sidecar postgres",
}
_PHASES = tuple(phase.value for phase in Phase)
_SERVICE = re.compile("[a-z0-9][a-z0-9-]{0,40}")
_RUN_PREFIX = re.compile("[a-z2-7]{1,8}")


class _Wrong(Exception):
    """What is wrong with a `/run`; `instead` is what could stand behind it, not tried yet."""

    def __init__(self, what: str, instead: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead


def _read_run(arguments: str, config: Config, forge_url: str, reply_text: str | None) -> RunRequest:
    if _NO_TEXT.search(arguments):
        what = "Your message has a character that no program can take (NUL or half an emoji)."
        raise _Wrong(what, _NO_TEXT.sub("", arguments))
    word = _WORD.match(arguments)
    if word is None:
        raise _Wrong("Say which repo, and what to do there.")
    target = _read_repo(word, config, forge_url)
    try:
        taken = take_options(arguments, word.end())
    except BadOption as bad:
        instead = bad.instead
        if instead is not None:
            instead = arguments[: bad.start] + instead + arguments[bad.end :]
        raise _Wrong(bad.what, instead) from bad
    _refuse_image(taken.options, config)
    if (beyond := too_much(taken.options, config.run_limits)) is not None:
        raise _Wrong(beyond)
    prompt = _read_prompt(arguments, taken)
    if not prompt.strip():
        prompt = (reply_text or "").strip()
        if not prompt:
            what = "Say what to do after the repo, or reply to a message that says it."
            sample = _SAMPLE_TASK if taken.closed else f'"{_SAMPLE_TASK}"'
            raise _Wrong(what, f"{arguments[: taken.end].strip()} {sample}")
        if _NO_TEXT.search(prompt):
            raise _Wrong("The message you reply to has a character that no program can take.")
    return RunRequest(target, taken.options, prompt)


def _read_repo(word: re.Match[str], config: Config, forge_url: str) -> Target:
    written, behind = word["word"], word.string[word.end() :]
    if written[0] in QUOTES:
        what = "Name the repo before the task."
        raise _Wrong(what, f"{_first_repo(config)} {word.string.strip()}")
    try:
        ahead = take_options(word.string, 0)
    except BadOption:
        ahead = Taken(Options(), 0, closed=False)
    if ahead.end and (late := _WORD.match(word.string, ahead.end)):
        options, behind = word.string[: ahead.end].strip(), word.string[late.end() :]
        raise _Wrong("The repo comes before the options.", f"{late['word']} {options}{behind}")
    try:
        return find(written, config, forge_url)
    except BadRepo as bad:
        instead = None if bad.instead is None else bad.instead + behind
        raise _Wrong(bad.what, instead) from bad


def _refuse_image(options: Options, config: Config) -> None:
    if options.image is None or config.allows_image(options.image):
        return
    allowed = ", ".join(config.images[:_MOST_NAMED])
    what = (
        f"That image isn't allowed here. Allowed: {allowed}."
        if allowed
        else ("You can't choose an image here. An admin may allow some by images: in the config.")
    )
    raise _Wrong(what)


def _read_prompt(arguments: str, taken: Taken) -> str:
    """Return the task as it stands behind the options; empty when there is none."""
    head, rest = arguments[: taken.end].strip(), arguments[taken.end :].strip()
    if taken.closed:
        return rest
    try:
        quoted = unquote(rest)
    except NotClosed as open_quote:
        what = "The quote at the start of the task isn't closed."
        raise _Wrong(what, f"{head} {rest}{open_quote.closer}") from open_quote
    behind = rest if quoted is None else quoted.rest
    at = find_trailing_options(f" {behind}")
    if at is not None and behind.strip():
        options = f" {behind}"[at:].strip()
        task = rest[: len(rest) - len(options)].strip()
        what = "Options come before the task. If that is part of the task, put -- before the task."
        raise _Wrong(what, f"{head} {options} {task}")
    if quoted is None:
        return rest
    if quoted.rest:
        what = "There is text after the closing quote. If the quotes are part of the task, put -- before it."
        raise _Wrong(what, f"{head} -- {rest}")
    return quoted.text


def _first_repo(config: Config) -> str:
    return next(iter(config.repos), "owner/name")


def _works(arguments: str, config: Config, forge_url: str) -> bool:
    if len(arguments) > _LONGEST_EXAMPLE or "\n" in arguments:
        return False
    try:
        _read_run(arguments, config, forge_url, None)
    except _Wrong:
        return False
    return True


def _read_view(request: LogsRequest, rest: str, command: str) -> LogsRequest:
    view, word = request.view, rest.strip()
    if view not in (LogView.GREP, LogView.PHASE, LogView.SIDECAR):
        if word:
            raise Mistake(f"Nothing can follow {view.value}.", f"{command} {view.value}")
        return request
    sample = f"{command} {_SAMPLE_VIEWS[view.value]}"
    if view is LogView.GREP:
        if not word:
            raise Mistake("Say which text to look for.", sample)
        return replace(request, word=word)
    word = word.lower()
    if view is LogView.PHASE and word not in _PHASES:
        raise Mistake(
            f"The phases are {', '.join(_PHASES)}.",
            f"{command} phase {nearest(word, _PHASES) or 'agent'}",
        )
    if not _SERVICE.fullmatch(word):
        raise Mistake("Say which service beside the run, such as postgres.", sample)
    return replace(request, word=word.removesuffix("-sidecar"))


def _first_word(text: str) -> tuple[str, str]:
    """Split a text behind its first word; two empty texts when there is none."""
    word = _WORD.match(text)
    return ("", "") if word is None else (word["word"], text[word.end() :].strip())


def _run_prefix(words: list[str]) -> str:
    if not words:
        raise Mistake("Say which run. This shows them:", "/jobs")
    prefix = words[0].lower().lstrip("#")
    if not _RUN_PREFIX.fullmatch(prefix):
        what = "Name a run by its id, or by the start of it. This shows them:"
        raise Mistake(what, "/jobs")
    return prefix
