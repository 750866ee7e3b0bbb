"""A Task fitted to its repo's stack: what detection found, what the repo's own file says, what the operator allows. Pure.

What a person wrote behind /run stands above all; then the repo's own file, then the config, then what was detected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.config import Config, RepoOptions
from bot.quantity import amount
from bot.repo_file import BadRepoFile, RepoFile, parse
from bot.stack_words import language_words, service_words
from runs.image_name import repository
from runs.stacks.remote import Reading
from runs.stacks.stack import OWN_FILE, Stack, Wanted
from runs.stacks.table import services_table
from sandbox.task import RepoStack, Task
from sandbox.version_range import is_newer_of_its_kind, within

ONLY = {"php": "8.2"}
"""Debian's, of languages that mise can't install in the sandbox (`sandbox.toolchain`)."""
FALLBACK = ("postgres", "redis")
"""What a repo gets that couldn't be looked at."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to choose from: the config, and the image of a Task that names none.

    `owner` is whose images are the usual ones; None means the project's.
    """

    config: Config
    image: str
    owner: str | None = None


def fitted(task: Task, reading: Reading, offer: Offer) -> Task:
    """Return the Task with what its repo needs."""
    notes: list[str] = []
    own = _own_file(reading.own_file, notes)
    usual = _usual(task, offer.config)
    language, version = _language(own, reading.stack)
    asked = None if language in own.versions else reading.stack.requirement
    changes: dict[str, object] = {}
    services = _services(task, own, reading.stack, offer.config, notes)
    if services is not None:
        changes["services"] = services
    changes |= _resources(task, own, usual, offer.config, notes)
    image = _image(task, own, usual, offer.config, notes)
    if image is not None:
        changes["image"] = image
    elif language is not None and task.image is None:
        tagged, version = _tagged_image(
            replace(reading.stack, language=language, version=version, requirement=asked),
            offer,
            notes,
        )
        if tagged is not None:
            changes["image"] = tagged
    if own.env:
        changes["variables"] = own.env
        notes += _addresses(own, task.services if services is None else services)
    if own.setup:
        changes["setup"] = "\n".join(own.setup)
    stack = RepoStack(language, version, tuple(sorted(changes)), tuple(notes), asked)
    return replace(task, stack=stack, **changes)  # type: ignore[arg-type]  # names and types are those of Task


def guessed(task: Task, why: str) -> Task:
    """Return the Task of a repo that couldn't be looked at; what the config sets stands."""
    if task.services is not None:
        return task
    named = " and ".join(service_words(name) for name in FALLBACK)
    note = f"{named} only guessed, the repo wasn't read: {why}"
    return replace(task, services=FALLBACK, stack=RepoStack(None, None, ("services",), (note,)))


def unfitted(task: Task, config: Config, before: Task | None = None) -> Task:
    """Return the Task as it was asked for, so that its repo is looked at anew; what differs from `before` stays."""
    if task.stack is None:
        return task
    usual = _usual(task, config)
    known = {"services": usual.services, "image": usual.image, "memory": usual.memory}
    known |= {"cpu": usual.cpu, "variables": (), "setup": None}
    again = {
        name: value
        for name, value in known.items()
        if name in task.stack.chosen and getattr(task, name) == getattr(before or task, name)
    }
    return replace(task, stack=None, **again)  # type: ignore[arg-type]  # names and types are those of Task


_USUAL_MEMORY, _USUAL_CPU = "4Gi", "2"


def _usual(task: Task, config: Config) -> RepoOptions:
    """Return what the config sets for the Task's repo."""
    repos = config.repos.values()
    named = next((repo for repo in repos if repo.address.url == task.repo_url), None)
    return config.options_of(named)


def _own_file(text: str | None, notes: list[str]) -> RepoFile:
    """Read the repo's own file; with a mistake in it nothing of it counts, which is told with the line."""
    if text is None:
        return RepoFile()
    try:
        return parse(text)
    except BadRepoFile as bad:
        more = f" (and {len(bad.mistakes) - 1} more)" if len(bad.mistakes) > 1 else ""
        notes.append(f"{OWN_FILE} doesn't count, {bad.mistakes[0]}{more}")
        return RepoFile()


def _language(own: RepoFile, stack: Stack) -> tuple[str | None, str | None]:
    if stack.language is None and own.versions:
        return next(iter(own.versions.items()))
    asked = own.versions.get(stack.language or "")
    return stack.language, asked or stack.version


def _services(
    task: Task, own: RepoFile, stack: Stack, config: Config, notes: list[str]
) -> tuple[str, ...] | None:
    """Return what is beside the agent; None when a person's list or the config's own stands."""
    usual = _usual(task, config)
    if task.services not in (None, usual.services):
        return None
    if own.services is not None:
        return tuple(_pinned(service, config, notes) for service in own.services)
    if usual.services is not None:
        return None
    return tuple(_service(wanted, config, notes) for wanted in stack.services)


def _pinned(service: str, config: Config, notes: list[str]) -> str:
    """Return a service of the repo's own list; of an image that the operator pinned by digest it chooses no version."""
    name, _, tag = service.partition(":")
    known = services_table().flavours[name]
    image = config.service_images.get(name) or config.service_images.get(known.name) or ""
    if not tag or "@" not in image:
        return service
    notes.append(
        f"{service_words(service)} can't be had, {_tag_of(image) or 'the usual one'} is used"
    )
    return name


def _service(wanted: Wanted, config: Config, notes: list[str]) -> str:
    """Return the name of a service, with the version's tag where that may be had."""
    service = services_table().services[wanted.service]
    flavour = wanted.flavour or service.usual
    name = wanted.service if flavour == service.usual else flavour
    ours = config.service_images.get(name) or config.service_images.get(wanted.service)
    if wanted.version is None:
        return name
    tag = None if ours else service.tag(flavour, wanted.version)
    if tag is None:
        used = _tag_of(ours or service.images[flavour])
        if used.split(".")[0] != wanted.version.split(".")[0]:
            asked = service_words(f"{name}:{wanted.version}")
            notes.append(f"{asked} can't be had, {used or 'the usual one'} is used")
        return name
    return name if tag == _tag_of(service.images[flavour]) else f"{name}:{tag}"


def _tag_of(image: str) -> str:
    return image.rpartition("/")[2].partition("@")[0].partition(":")[2]


def _image(
    task: Task, own: RepoFile, usual: RepoOptions, config: Config, notes: list[str]
) -> str | None:
    if own.image is None or task.image != usual.image:
        return None
    if config.allows_image(own.image):
        return own.image
    notes.append(f"{OWN_FILE}: the image {own.image} isn't allowed here")
    return None


def _addresses(own: RepoFile, services: Sequence[str] | None) -> list[str]:
    """Say which addresses of services the repo sets itself: the agent gets those."""
    flavours = services_table().flavours
    known = [
        flavours[name] for each in services or () if (name := each.partition(":")[0]) in flavours
    ]
    ours = {variable for service in known for variable in service.all_variables}
    theirs = [name for name, _ in own.env if name in ours]
    return [f"The repo's own {', '.join(theirs)} counts, not ours"] if theirs else []


def _resources(
    task: Task, own: RepoFile, usual: RepoOptions, config: Config, notes: list[str]
) -> dict[str, object]:
    """Return memory and cpu of the repo's own file, up to what a repo may ask for itself."""
    changes: dict[str, object] = {}
    asked = (
        ("memory", own.memory, task.memory, usual.memory, config.repo_limits.memory, _USUAL_MEMORY),
        ("cpu", own.cpu, task.cpu, usual.cpu, config.repo_limits.cpu, _USUAL_CPU),
    )
    for name, wanted, present, normal, most, fallback in asked:
        if wanted is None or present != normal:
            continue
        limit = most or normal or fallback
        if amount(wanted) > amount(limit):
            notes.append(f"{OWN_FILE}: {wanted} {name} is more than the {limit} allowed here")
            wanted = limit
        changes[name] = wanted
    return changes


def _tagged_image(stack: Stack, offer: Offer, notes: list[str]) -> tuple[str | None, str | None]:
    """Return the image that has a language's version by its tag, as ruby-3.3, and the version that is in it."""
    language, version = stack.language or "", stack.version
    offered = offer.config.versions_of(offer.image, offer.owner).get(language, ())
    if not offered:
        return None, _of_image(language, version, notes)
    newest = max(offered, key=_parts)
    chosen = newest if version is None else _best(version, stack.requirement, offered)
    if chosen is None:
        asked = language_words(language, version)
        notes.append(f"{asked} can't be had, {newest} is used")
        chosen = newest
    return f"{repository(offer.image)}:{language}-{chosen}", chosen


def _of_image(language: str, version: str | None, notes: list[str]) -> str | None:
    """Return the version that a run will have: that of our image where there is no other of a language."""
    only = ONLY.get(language)
    if only is None or version is None or is_newer_of_its_kind(version, only):
        return version
    notes.append(f"{language_words(language, version)} can't be had, {only} is used")
    return only


def _best(version: str, requirement: str | None, offered: Sequence[str]) -> str | None:
    """Return the newest offered version that is in the range, or that the asked one names or is more exact about."""
    if requirement is not None:
        return max(
            (each for each in offered if within(requirement, each)), key=_parts, default=None
        )
    parts = version.split(".")
    fitting = [
        each
        for each in offered
        if all(ours == theirs for ours, theirs in zip(each.split("."), parts, strict=False))
    ]
    return max(fitting, key=_parts, default=None)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
