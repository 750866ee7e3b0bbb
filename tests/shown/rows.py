"""What docs/stacks.md has a row or a column for: package managers and services, and what is shown of each."""

from __future__ import annotations

from dataclasses import dataclass

from bot.stack_words import service_words
from runs.stacks.table import services_table
from sandbox.dependencies.recipes import RECIPES

OF_MANAGERS = ("recognised", "version", "installed", "cache hit")
OF_SERVICES = ("recognised", "version", "service up", "URL works")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the page: what it is called in a mark, and the other name whose marks count for it too."""

    name: str
    title: str
    language: str | None = None


def managers() -> tuple[Row, ...]:
    """Return a row for each recipe; of one manager's several lockfiles the first."""
    rows: dict[str, Row] = {}
    for recipe in RECIPES:
        name = "yarn 2" if recipe.beside == ".yarnrc.yml" else recipe.name.lower()
        title = "yarn from version 2 on" if name == "yarn 2" else recipe.name
        rows.setdefault(name, Row(name, title, recipe.language.lower()))
    return tuple(rows.values())


def services() -> tuple[Row, ...]:
    """Return a row for each service, and for what may stand in its place."""
    table = services_table()
    return tuple(
        Row(flavour, service_words(flavour))
        for service in table.services.values()
        for flavour in service.images
    )


def check(column: str, names: tuple[str, ...]) -> None:
    """Raise ValueError for a mark that no cell of the page would show."""
    rows = {
        **{row.name: OF_MANAGERS for row in managers()},
        **{row.language: OF_MANAGERS for row in managers()},
        **{row.name: OF_SERVICES for row in services()},
    }
    for name in names:
        if column not in rows.get(name, ()):
            raise ValueError(f"docs/stacks.md has no cell for {column!r} of {name!r}")
