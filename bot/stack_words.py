"""How people read what stands around an agent: "Ruby 3.3 · Postgres · Redis". Pure."""

from __future__ import annotations

from runs.stacks.languages import TITLES
from runs.stacks.table import services_table
from sandbox.task import Task

_FLAVOURS = {"mariadb": "MariaDB", "valkey": "Valkey", "opensearch": "OpenSearch"}
_SHOWN_PARTS = {"java": 1, "node": 1, "php": 2}


def stack_words(task: Task) -> str:
    """Return the language and the services of a Task; empty when there are none."""
    language = task.stack.language if task.stack else None
    version = task.stack.version if task.stack else None
    words = [] if language is None else [language_words(language, version)]
    return " · ".join([*words, *(service_words(service) for service in task.services or ())])


def language_words(language: str, version: str | None) -> str:
    """Return "Ruby 3.3" for Ruby in version 3.3.1."""
    title = TITLES.get(language, language)
    if version is None:
        return title
    return f"{title} {'.'.join(version.split('.')[: _SHOWN_PARTS.get(language, 2)])}"


def service_words(service: str) -> str:
    """Return "Postgres 15" for postgres:15."""
    name, _, tag = service.partition(":")
    known = services_table().flavours.get(name)
    title = _FLAVOURS.get(name) or (known.title if known else name)
    return f"{title} {tag}".rstrip()
