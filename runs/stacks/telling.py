"""Which files of a repository tell what it needs, and what reads each. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from runs.stacks import ci, compiled, elixir, jvm, node, php, python, ruby, settings, versions
from runs.stacks.stack import OWN_FILE, File, Finding, Toolchain
from runs.stacks.table import Table

MOST_FILES = 200

Signs = Iterator[Finding | Toolchain] | Iterator[Finding] | Iterator[Toolchain]
Read = Callable[[File, Table], Signs]


def telling(paths: Iterable[str]) -> list[str]:
    """Return the paths that are worth reading, the nearest to the root first, at most MOST_FILES."""
    found = [path for path in paths if path == OWN_FILE or _matches(path)]
    return sorted(found, key=lambda path: (path.count("/"), path))[:MOST_FILES]


def may_tell(folder: str) -> bool:
    """Say whether a folder, as a path, can hold telling files."""
    parts = folder.split("/")
    return len(parts) <= _DEEPEST and not any(part.lower() in _PASSED_BY for part in parts)


def reader_of(path: str) -> Read | None:
    """Return what reads a file; None for compose files, which refer to each other, and for the repository's own file."""
    return next((kind.read for kind in _KINDS if kind.pattern.fullmatch(path)), None)


def is_compose(path: str) -> bool:
    """Say whether a file is a compose file."""
    return _COMPOSE.fullmatch(path) is not None


def comes_up(path: str) -> bool:
    """Say whether a compose file is one that developers bring up; others are only referred to."""
    return _COMES_UP.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class _Kind:
    pattern: re.Pattern[str]
    read: Read


_DEEPEST = 6
_PASSED_BY = {
    *("node_modules", "vendor", "third_party", "thirdparty", "testdata", "fixtures", "fixture", "examples", "example"),
    *("samples", "sample", "templates", "template", "tests", "test", "spec", "docs", "doc", "dist", "build", "target"),
    *("benchmarks", "benchmark", "bench", "e2e", "__tests__", "cookbook", "tutorials", "demos", "snippets"),
    *(".git", ".venv", "venv", "site-packages", "bower_components", "__pycache__", ".yarn", "generators"),
}  # fmt: skip
_PROJECT = r"(?:[^/]+/){0,2}"
"""A project stands in the root, or one or two folders below it."""

_COMPOSE = re.compile(
    rf"{_PROJECT}(?:[\w-]+[.-])?(?:docker-)?compose[\w.-]*\.ya?ml|{_PROJECT}common-services\.ya?ml"
)
_COMES_UP = re.compile(
    rf"{_PROJECT}(?:docker-)?compose"
    r"(?:[.-](?:dev|devel|development|local|override|base|services|infra|deps|dependencies|db|test|tests|ci))?\.ya?ml"
)
_NOT_LIVE = r"(?!.*(?:prod|staging|heroku|docker-hub))"


def _kinds(*rows: tuple[str, Read]) -> tuple[_Kind, ...]:
    return tuple(_Kind(re.compile(_PROJECT + pattern), read) for pattern, read in rows)


_KINDS = _kinds(
    (r"(?:Gemfile|gems\.rb)", ruby.read_gemfile),
    (r"[\w.-]+\.gemspec", ruby.read_gemspec),
    (r"config/database\.yml(?:[.-](?:example|sample|dist|default|template|postgresql|mysql))?", ruby.read_database_yml),
    (r"config/database\.(?:example|sample|default|template)\.yml", ruby.read_database_yml),
    (r"package\.json", node.read_package_json),
    (r"(?:[^/]+/){0,2}schema\.prisma", node.read_prisma),
    (r"drizzle\.config\.[cm]?[jt]s", node.read_drizzle),
    (r"(?:requirements/)?requirements[\w.-]*\.(?:txt|in)", python.read_requirements),
    (r"requirements/[\w.-]+\.(?:txt|in)", python.read_requirements),
    (r"pyproject\.toml", python.read_pyproject),
    (r"setup\.(?:py|cfg)", python.read_setup),
    (r"Pipfile", python.read_pipfile),
    (r"(?:[^/]+/)?(?:settings|config|default_settings)\.py", settings.read_python_settings),
    (
        r"(?:[^/]+/){0,2}(?:settings|config)/"
        r"(?:__init__|base|common|defaults?|dev|development|local|settings|test|testing|database)\.py",
        settings.read_python_settings,
    ),
    (r"go\.mod", compiled.read_go_mod),
    (r"Cargo\.toml", compiled.read_cargo),
    (r"pom\.xml", jvm.read_pom),
    (r"build\.gradle(?:\.kts)?", jvm.read_gradle),
    (r"src/main/resources/(?:application|bootstrap)\.(?:properties|ya?ml)", jvm.read_spring),
    (r"composer\.json", php.read_composer),
    (r"mix\.exs", elixir.read_mix),
    (
        rf"{_NOT_LIVE}(?:\.?env|\.env[\w.-]*[.-])\.?(?:example|sample|template|dist|defaults?|dev|development|test|tpl)[\w.-]*",
        settings.read_env,
    ),
    (r"(?:\.env|\.env\.local\.example|example\.env|sample\.env|env\.example|\.envrc\.example)", settings.read_env),
    (r"(?:\.github/workflows/[\w.-]+\.ya?ml)", ci.read_github),
    (r"\.gitlab-ci\.ya?ml", ci.read_gitlab),
    (r"\.circleci/config\.ya?ml", ci.read_circle),
    (r"\.travis\.ya?ml", ci.read_travis),
    (r"\.tool-versions", versions.read_tool_versions),
    (r"(?:\.?mise\.toml|\.config/mise/config\.toml)", versions.read_mise),
    (r"rust-toolchain\.toml", versions.read_rust_toolchain),
    (r"\.sdkmanrc", versions.read_sdkman),
    (rf"(?:{'|'.join(re.escape(name) for name in versions.SINGLE)})", versions.read_single),
)  # fmt: skip


# All kinds at once, since most of a repository's paths are of none.
_ANY = re.compile(
    f"{_PROJECT}(?:{'|'.join(kind.pattern.pattern.removeprefix(_PROJECT) for kind in _KINDS)})"
)


def _matches(path: str) -> bool:
    if _ANY.fullmatch(path) is None and not is_compose(path):
        return False
    folder = path.rpartition("/")[0]
    return not folder or may_tell(folder)
