"""Maven and Gradle builds, and Spring's application settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runs.stacks.lines import LONGEST_LINE, line_of, numbered, without_blocks, without_comment
from runs.stacks.stack import EMBEDDED, File, Finding, Source, Toolchain
from runs.stacks.table import Table

_EMBEDDED = (
    "com.h2database:h2",
    "org.hsqldb:hsqldb",
    "org.apache.derby:derby",
    "org.xerial:sqlite-jdbc",
)


def read_pom(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients of a pom's own dependencies: not what it only manages, tests with, or leaves to a profile."""
    yield Toolchain("java", None, file.path, 1, "a pom.xml", manifest=True)
    text = without_blocks(file.text, "<!--", "-->")
    if match := _JAVA_VERSION.search(text):
        yield Toolchain("java", match[1], file.path, line_of(text, match.start()), match[0])
    for section in ("dependencyManagement", "profiles", "build", "reporting"):
        text = without_blocks(text, f"<{section}>", f"</{section}>")
    for line, inside in _dependencies(text):
        parts = dict(_ELEMENT.findall(inside))
        if parts.get("optional") == "true" or parts.get("scope") in ("test", "provided", "import"):
            continue
        name = f"{parts.get('groupId', '')}:{parts.get('artifactId', '')}"
        yield from _client(file, table, line, name)


def read_gradle(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients that a Gradle build uses beyond its tests, and the Java that it names."""
    yield Toolchain("java", None, file.path, 1, f"a {file.name}", manifest=True)
    for number, line in _code(file.text):
        if match := _GRADLE_JAVA.search(line):
            yield Toolchain("java", match[1], file.path, number, line.strip())
        match = _GRADLE.match(line)
        if match is None or "test" in match["configuration"].lower():
            continue
        if names := re.findall(r"""name\s*[:=]\s*["']([\w.-]+)["']""", line):
            group = re.search(r"""group\s*[:=]\s*["']([\w.-]+)["']""", line)
            yield from _client(file, table, number, f"{group[1] if group else ''}:{names[0]}")
        for group_id, artifact in re.findall(r"""["']([\w.-]+):([\w.-]+)(?::[^"']*)?["']""", line):
            yield from _client(file, table, number, f"{group_id}:{artifact}")
        for alias in re.findall(r"\blibs\.([\w.]+)", line):
            yield from _catalogue_alias(file, table, number, alias)


def read_spring(file: File, table: Table) -> Iterator[Finding]:
    """Yield the databases and brokers that Spring's settings name without a profile."""
    profiled = False
    for number, line in numbered(file.text):
        if line.strip() == "---":
            profiled = False
        if re.search(r"on-profile|^\s*profiles\s*:", line):
            profiled = True
        match = None if profiled else _JDBC.search(line)
        if match is None:
            continue
        scheme = match["scheme"].split(":")[-1]
        if scheme in ("h2", "hsqldb", "derby", "sqlite"):
            yield Finding(EMBEDDED, Source.SETTING, file.path, number, line.strip())
        elif (sign := table.url(f"jdbc:{scheme}://") or table.url(f"{scheme}://")) is not None:
            yield Finding(
                sign.service, Source.SETTING, file.path, number, line.strip(), flavour=sign.flavour
            )


_JAVA_VERSION = re.compile(
    r"<(?:java\.version|maven\.compiler\.(?:release|source|target)|release|jdk\.version|javaVersion)>"
    r"\s*(?:1\.)?(\d{1,2})"
)
_ELEMENT = re.compile(r"<(groupId|artifactId|scope|optional)>\s*([^<\s]+)\s*<")
_GRADLE = re.compile(
    r"\s*(?:add\()?[\"']?(?P<configuration>\w*(?:implementation|api|compile|runtime|runtimeOnly|Implementation"
    r"|RuntimeOnly|Api|developmentOnly))[\"']?[\s(,]"
)
_GRADLE_JAVA = re.compile(
    r"(?:JavaLanguageVersion\.of\(|jvmToolchain\(|(?:source|target)Compatibility\s*=?\s*"
    r"(?:JavaVersion\.VERSION_|[\"'])?(?:1[._])?|options\.release\s*(?:=|\.set\()\s*)[\"']?(\d{1,2})\b"
)
_JDBC = re.compile(
    r"(?P<scheme>(?:jdbc|r2dbc):(?:tc:)?(?:p6spy:)?[a-z0-9]+|mongodb(?:\+srv)?|redis|amqp)(?=:)(?::(?!$))"
)


def _dependencies(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and inside of each `<dependency>`; one that isn't closed ends at the next."""
    line = 1
    before, *parts = text.split("<dependency>")
    for part in parts:
        line += before.count("\n")
        yield line, part.partition("</dependency>")[0][:LONGEST_LINE]
        before = part


def _client(file: File, table: Table, number: int, name: str) -> Iterator[Finding]:
    if name in _EMBEDDED:
        yield Finding(EMBEDDED, Source.CLIENT, file.path, number, name)
    elif (sign := table.client("jvm", name)) is not None:
        yield Finding(sign.service, Source.CLIENT, file.path, number, name, flavour=sign.flavour)


def _catalogue_alias(file: File, table: Table, number: int, alias: str) -> Iterator[Finding]:
    """Read an alias of a version catalogue by the artifact that it is usually named after."""
    name = alias.replace(".", "-").lower()
    for known in table.clients["jvm"]:
        artifact = known.partition(":")[2]
        if name in (artifact, artifact.removeprefix("spring-boot-starter-")):
            yield from _client(file, table, number, known)
            return


def _code(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(without_blocks(text, "/*", "*/").splitlines(), 1):
        kept = "" if len(line) > LONGEST_LINE else without_comment(line, "//")
        if kept.strip():
            yield number, kept
