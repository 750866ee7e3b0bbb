"""From the options of a command to a Task, by the same rules as /run in the chat. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from bot.address import BadRepo, refuse_branch
from bot.config import Config
from bot.config_file import read_service
from bot.options import (
    BadValue,
    Options,
    read_budget,
    read_cpu,
    read_image,
    read_memory,
    read_model,
    read_timeout,
)
from bot.parse import RunRequest, to_task, too_much
from bot.repo import Target, find
from cli.exits import Failure
from cli.written import Written
from sandbox.task import Task

_Value = TypeVar("_Value")


def read_written(written: Written) -> tuple[Options, tuple[str, ...] | None]:
    """Return the options, and the services where some were named. Raises Failure with all mistakes at once."""
    mistakes: list[str] = []

    def read(name: str, text: str | None, reader: Callable[[str], _Value]) -> _Value | None:
        try:
            return None if text is None else reader(text.strip())
        except BadValue as taken:
            mistakes.append(f"--{name} takes {taken}.")
            return None

    options = Options(
        timeout_seconds=read("timeout", written.timeout, read_timeout),
        memory=read("memory", written.memory, read_memory),
        cpu=read("cpu", written.cpu, read_cpu),
        model=read("model", written.model, read_model),
        budget_usd=read("budget", written.budget, read_budget),
        image=read("image", written.image, read_image),
        pull_request=written.pr,
    )
    services = read("services", written.services, _read_services)
    if mistakes:
        raise Failure("\n".join(mistakes))
    return options, services


def read_prompt(text: str) -> str:
    """Return a task as it is handed on. Raises Failure."""
    prompt = text.replace("\r\n", "\n").strip()
    if not prompt:
        raise Failure("Say what to do.", 'In quotes, such as "add a farewell to the greeter"')
    if "\0" in prompt or any("\ud800" <= character <= "\udfff" for character in prompt):
        raise Failure("There is a character in the task that no program can take.")
    return prompt


def find_target(written: str, ref: str | None, config: Config, forge_url: str) -> Target:
    """Return the repo that an alias, `owner/name` or an address means, `ref` being a branch of it. Raises Failure."""
    if written.strip().lower().startswith(("file:", "/", ".", "~")):
        raise Failure(
            "--repo takes no folder of this machine.",
            "Such as --repo owner/name; or go into a clone of it, and say: claude-sandbox local --bare",
        )
    try:
        target = find(written.strip(), config, forge_url)
        if ref is not None:
            ref = _branch(ref)
            if target.branch not in (None, ref):
                raise Failure(f"Which branch, {target.branch} or {ref}? Leave one out.")
            target = replace(target, branch=ref)
    except BadRepo as bad:
        advice = f"Did you mean {bad.instead}?" if bad.instead else "Such as --repo owner/name"
        raise Failure(bad.what, advice) from bad
    return target


def _branch(written: str) -> str:
    ref = written.strip()
    try:
        refuse_branch(ref)
    except BadRepo as bad:
        raise Failure(bad.what, "Such as --ref main") from bad
    return ref


def make_task(
    target: Target, options: Options, services: tuple[str, ...] | None, prompt: str, config: Config
) -> Task:
    """Return the Task: the config's defaults, the repo's entry and the person's options, the last winning.

    Whoever may make Jobs may choose an image; a config that names some is obeyed all the same. Raises Failure.
    """
    if options.image and config.images and not config.allows_image(options.image):
        raise Failure(f"That image isn't allowed here. Allowed: {', '.join(config.images)}.")
    if (what := too_much(options, config.run_limits)) is not None:
        raise Failure(what)
    task = to_task(RunRequest(target, options, prompt), config)
    return task if services is None else replace(task, services=services)


def _read_services(text: str) -> tuple[str, ...]:
    if text.lower() in ("none", ""):
        return ()
    return tuple(dict.fromkeys(read_service(name.strip()) for name in text.split(",")))
