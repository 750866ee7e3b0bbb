"""Which of the services that a repository shows signs of it needs. Pure.

A sign too many costs memory and seconds, one too few a task that fails. So a client library counts, unless the settings
say that it is left off; but SQL databases take each other's place, and where a program can use several, with one inside
of itself among them, it needs none until something says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runs.stacks.stack import EMBEDDED, Finding, Reason, Source, Wanted
from runs.stacks.table import services_table

MOST_REASONS = 3
"""For one service: the best of them."""


def judge(
    findings: Sequence[Finding], folders: Iterable[str]
) -> tuple[tuple[Wanted, ...], tuple[Reason, ...]]:
    """Return the services that are needed, in the table's order, and why; `folders` are those with a manifest."""
    table = services_table()
    projects = _projects(findings, folders)
    evidence = _Evidence(projects, findings)
    needed = _needed_sql(evidence) | _needed_others(evidence)
    wanted, reasons = [], []
    for name in table.services:
        found = [sign for sign in findings if sign.service == name and not sign.denied]
        if name in needed:
            found.sort(key=lambda sign: _WEIGHT[sign.source])
            wanted.append(_wanted(name, found))
            reasons += [_reason(sign, sign.what) for sign in found[:MOST_REASONS]]
        elif found:
            reasons.append(
                _reason(found[0], f"{found[0].what}: left out, {_why_not(evidence, name)}")
            )
    return tuple(wanted), tuple(reasons)


@dataclass(frozen=True, slots=True)
class _Project:
    """The signs of one folder with a manifest: services by source."""

    signs: dict[Source, set[str]] = field(default_factory=dict)

    def of(self, source: Source) -> set[str]:
        return self.signs.get(source, set())

    @property
    def chooses(self) -> bool:
        """Say whether the program can use one of many databases, its own inside among them, and no setting says which."""
        clients = self.of(Source.CLIENT)
        return (
            not self.of(Source.SETTING) & (_sql() | {EMBEDDED})
            and EMBEDDED in clients
            and len(clients & _sql()) > 1
        )


@dataclass(frozen=True, slots=True)
class _Evidence:
    projects: Sequence[_Project]
    findings: Sequence[Finding]

    def of(self, source: Source) -> set[str]:
        return {sign.service for sign in self.findings if sign.source is source and not sign.denied}

    @property
    def denied(self) -> set[str]:
        off = {sign.service for sign in self.findings if sign.denied}
        return off - self.of(Source.SETTING)


_WEIGHT = {
    Source.SETTING: 0,
    Source.CLIENT: 1,
    Source.COMPOSE: 2,
    Source.TEST_CLIENT: 3,
    Source.CI: 4,
}


def _sql() -> set[str]:
    return {service.name for service in services_table().services.values() if service.sql}


def _projects(findings: Sequence[Finding], folders: Iterable[str]) -> list[_Project]:
    """Put each sign to the nearest folder above it that has a manifest."""
    projects = {folder: _Project() for folder in {"", *folders}}
    for sign in findings:
        if sign.denied:
            continue
        folder = sign.file.rpartition("/")[0]
        while folder not in projects:
            folder = folder.rpartition("/")[0]
        projects[folder].signs.setdefault(sign.source, set()).add(sign.service)
    return list(projects.values())


def _needed_sql(evidence: _Evidence) -> set[str]:
    sql, composed = _sql(), evidence.of(Source.COMPOSE) & _sql()
    needed: set[str] = set()
    known: set[str] = set()
    for project in evidence.projects:
        settings = project.of(Source.SETTING) & (sql | {EMBEDDED})
        clients = project.of(Source.CLIENT) & (sql | {EMBEDDED})
        tools = project.of(Source.TEST_CLIENT) & (sql | {EMBEDDED})
        known |= settings | clients | tools
        if settings - {EMBEDDED}:
            needed |= settings - {EMBEDDED}
        elif settings or EMBEDDED in clients:
            needed |= _only(clients & composed)
        elif clients:
            needed |= clients
        else:
            needed |= _only(tools) or _only(tools & composed)
    needed.discard(EMBEDDED)
    if not known:
        return composed or _only(evidence.of(Source.CI) & sql)
    return needed


def _needed_others(evidence: _Evidence) -> set[str]:
    brought = evidence.of(Source.SETTING) | evidence.of(Source.COMPOSE)
    needed = set(brought)
    free = any(project.chooses for project in evidence.projects)
    for project in evidence.projects:
        clients, tools = project.of(Source.CLIENT), project.of(Source.TEST_CLIENT) - _sql()
        if not project.chooses:
            needed |= clients
        if len(tools - clients) < _MANY:
            needed |= tools
    if not free:
        needed |= evidence.of(Source.CI)
    return needed - evidence.denied - _sql() - {EMBEDDED}


_MANY = 2
"""So many different services among the tools of development are adapters, of which each is for somebody else."""


def _only(names: set[str]) -> set[str]:
    """Return the one service of a set; nothing when there are several, or one inside of the program beside it."""
    return names if len(names) == 1 else set()


def _wanted(name: str, found: Sequence[Finding]) -> Wanted:
    service = services_table().services[name]
    versions = [sign for sign in found if sign.version is not None]
    best = versions[0] if versions else None
    running = [sign for sign in found if sign.source in (Source.COMPOSE, Source.CI)]
    named = best or next(iter(running or found))
    flavour = named.flavour if named.flavour in service.images else None
    return Wanted(name, best.version if best else None, flavour)


def _why_not(evidence: _Evidence, name: str) -> str:
    if name in evidence.denied:
        return "the settings leave it off"
    if name in _sql():
        return "the database is another one by default, or a choice of the user's"
    return "it is a choice of the user's"


def _reason(sign: Finding, what: str) -> Reason:
    return Reason(sign.service, sign.file, sign.line, what)
