"""Settings as they are before anybody changed them: .env.example, Django's settings.py, other config.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runs.stacks.lines import numbered
from runs.stacks.stack import EMBEDDED, File, Finding, Source
from runs.stacks.table import Table


def read_env(file: File, table: Table) -> Iterator[Finding]:
    """Yield what an example of an environment switches on, and what it leaves off though there is a place for it."""
    values = {
        match["key"].upper(): (number, _DEFAULT.sub(r"\1", match["value"].strip().strip("\"'")))
        for number, line in numbered(file.text)
        if (match := _ASSIGNMENT.match(line))
    }
    choices = [key for key in values if _CHOICE.fullmatch(key)]
    drivers = [key for key in values if _DRIVER.fullmatch(key)]
    off = _switched_off(values)
    for key in (*choices, *drivers):
        number, value = values[key]
        if (found := _word(file, table, number, f"{key}={value}", value)) is not None:
            yield found
    for key, (number, value) in values.items():
        if key in choices or key in drivers or value.lower() in _NOTHING:
            continue
        found = _url(file, table, number, key, value) or _by_name(file, number, key)
        if found is None or found.service in off:
            continue
        if choices and (found.service == EMBEDDED or table.services[found.service].sql):
            continue
        if drivers and found.service in _BY_DRIVER and "://" not in value:
            continue
        yield found
    if drivers:
        off |= {name for name in _BY_DRIVER if not any(name in values[key][1] for key in drivers)}
    for service in sorted(off):
        yield Finding(service, Source.SETTING, file.path, 0, "left off", denied=True)


def read_python_settings(file: File, table: Table) -> Iterator[Finding]:
    """Yield the engines and URLs that stand in a Python program's settings; of several the embedded one is the default.

    Django: https://docs.djangoproject.com/en/stable/ref/settings/#engine.
    """
    if not _IS_SETTINGS.search(file.text):
        return
    found = list(_python_signs(file, table))
    embedded = [sign for sign in found if sign.service == EMBEDDED]
    for sign in found:
        if embedded and sign.service != EMBEDDED and table.services[sign.service].sql:
            continue
        yield sign


_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<key>[A-Za-z_][\w.]*)\s*=(?P<value>.*)")
_DEFAULT = re.compile(r"^\$\{\w+:?-(.*)\}$")
"""As a shell has it: `${DATABASE_URL:-postgres://…}`."""

_CHOICE = re.compile(
    r"(?:\w+_)?(?:DB|DATABASE)_(?:CONNECTION|ENGINE|DIALECT|CLIENT|TYPE|DRIVER|ADAPTER|PROVIDER|VENDOR)"
    r"|TYPEORM_CONNECTION"
)
_DRIVER = re.compile(
    r"CACHE_(?:STORE|DRIVER)|QUEUE_(?:CONNECTION|DRIVER)|SESSION_DRIVER|BROADCAST_(?:DRIVER|CONNECTION)"
    r"|SCOUT_DRIVER"
)
_BY_DRIVER = ("redis", "memcached")
"""What Laravel's example has a place for, whether it is used or not."""
_NOTHING = ("", "null", "nil", "none", "false", "0", "no", "off")
_EMBEDDED = re.compile(
    r"^(?:jdbc:)?(?:sqlite3?|h2|hsqldb|libsql)\b|^file:.*\.(?:db|sqlite3?)\b", re.IGNORECASE
)
_NAMES = (
    (re.compile(r"(?:\w+_)?(?:POSTGRES|POSTGRESQL|PG)_?(?:HOST|USER|PASSWORD|DB|DATABASE|SERVER|URL|DSN)"), "postgres"),
    (re.compile(r"(?:\w+_)?(?:MYSQL|MARIADB)_(?:\w+_)?(?:HOST|USER|PASSWORD|DATABASE|URL)"), "mysql"),
    (re.compile(r"(?:\w+_)?(?:REDIS|VALKEY)_(?:HOST|URL|URI|ADDR|SERVER|DSN)"), "redis"),
    (re.compile(r"(?:\w+_)?MONGO(?:DB)?_(?:HOST|URL|URI|DSN|CONNECTION_STRING)"), "mongodb"),
    (re.compile(r"(?:\w+_)?(?:RABBITMQ|AMQP)_(?:HOST|URL|URI|USER|DSN|DEFAULT_USER)"), "rabbitmq"),
    (re.compile(r"(?:\w+_)?(?:ELASTICSEARCH|OPENSEARCH|ELASTIC)_(?:HOSTS?|URLS?|URI|NODE|DSN)"), "elasticsearch"),
    (re.compile(r"(?:\w+_)?MINIO_(?:\w+)"), "minio"),
    (re.compile(r"(?:\w+_)?MEMCACHED?_(?:HOST|SERVERS?|URL|ENDPOINT)"), "memcached"),
)  # fmt: skip
_FLAVOURS = ("opensearch", "mariadb", "valkey")
_OFF = re.compile(r"(?:ENABLE|USE)_(?P<after>[A-Z]+)|(?P<before>[A-Z]+)_(?:ENABLED?|ACTIVE)")
_IS_SETTINGS = re.compile(
    r"^(?:DATABASES|INSTALLED_APPS|CACHES)\b|SQLALCHEMY_DATABASE_URI|BaseSettings|environ|getenv|\benv[.(]",
    re.MULTILINE,
)
_ENGINE = re.compile(
    r"(?:django\.db\.backends|django_prometheus\.db\.backends|django\.contrib\.gis\.db\.backends"
    r"|django_tenants|mysql\.connector|djongo)\.?(?P<name>\w*)|[\"']ENGINE[\"']\s*:\s*[\"'](?P<other>\w+)[\"']"
)
_IS_ENGINE = re.compile(r"[\"']ENGINE[\"']\s*(?:\]\s*=|:)|^\s*\w*ENGINE\s*=")
_CACHE = re.compile(
    r"(django_redis|RedisCache|channels_redis|PyMemcacheCache|PyLibMCCache|MemcachedCache)\b"
)
_LITERAL = re.compile(r"[\"'](?P<text>[a-z][a-z0-9+]*(?:\+srv)?://?[^\"']*)[\"']")


def _switched_off(values: dict[str, tuple[int, str]]) -> set[str]:
    off = set()
    for key, (_, value) in values.items():
        match = _OFF.fullmatch(key)
        if match is None or value.lower() not in _NOTHING[1:]:
            continue
        name = f"{match['after'] or match['before']}_HOST"
        off |= {service for pattern, service in _NAMES if pattern.fullmatch(name)}
    return off


def _word(file: File, table: Table, number: int, what: str, value: str) -> Finding | None:
    word = value.rpartition(".")[2].lower()
    if _EMBEDDED.match(word):
        return Finding(EMBEDDED, Source.SETTING, file.path, number, what)
    sign = table.word(word)
    if sign is None:
        return None
    return Finding(sign.service, Source.SETTING, file.path, number, what, flavour=sign.flavour)


def _url(file: File, table: Table, number: int, key: str, value: str) -> Finding | None:
    """Read a URL; only its scheme is told, for what follows may be a password."""
    what = f"{key}={value.partition('://')[0]}://…"
    if _EMBEDDED.match(value):
        return Finding(EMBEDDED, Source.SETTING, file.path, number, what)
    # By its host alone: where no setting's name stands before it, it may be an example, as minio.example is.
    if re.match(r"https?://[^/]*\bminio\b" if key else r"https?://minio(?![\w.-])", value):
        return Finding("minio", Source.SETTING, file.path, number, what)
    sign = table.url(value)
    if sign is None:
        return None
    return Finding(sign.service, Source.SETTING, file.path, number, what, flavour=sign.flavour)


def _by_name(file: File, number: int, key: str) -> Finding | None:
    for pattern, service in _NAMES:
        if pattern.fullmatch(key):
            flavour = next((name for name in _FLAVOURS if name in key.lower()), None)
            return Finding(service, Source.SETTING, file.path, number, key, flavour=flavour)
    return None


def _python_signs(file: File, table: Table) -> Iterator[Finding]:
    for number, line in numbered(file.text):
        for match in _ENGINE.finditer(line) if _IS_ENGINE.search(line) else ():
            word = match["name"] or match["other"] or match[0].partition(".")[0]
            word = {"django_tenants": "postgres", "djongo": "mongodb", "mysql": "mysql"}.get(
                word, word
            )
            found = _word(file, table, number, line.strip()[:80], word)
            if found is not None:
                yield found
        for match in _LITERAL.finditer(line):
            found = _url(file, table, number, "", match["text"])
            if found is not None:
                yield found
        if "BACKEND" in line and (cache := _CACHE.search(line)):
            service = "redis" if "redis" in cache[1].lower() else "memcached"
            yield Finding(service, Source.SETTING, file.path, number, cache[1])
