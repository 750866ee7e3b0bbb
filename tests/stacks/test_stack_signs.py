"""Signs one by one: what counts, what doesn't, and why. And files that nobody wrote in good faith."""

from __future__ import annotations

import time

import pytest

from runs.stacks.detect import detect
from runs.stacks.stack import File, Stack, Wanted
from runs.stacks.table import services_table, version_of
from runs.stacks.telling import MOST_FILES, telling


def needs(**files: str) -> list[str]:
    return [wanted.service for wanted in stack_of(files).services]


def stack_of(files: dict[str, str]) -> Stack:
    return detect([File(path, files[path]) for path in telling(files)])


@pytest.mark.parametrize(
    ("gemfile", "services"),
    [
        ('gem "pg"', ["postgres"]),
        ("gem 'pg', '~> 1.1', require: false", ["postgres"]),
        ('gem("sidekiq")', ["redis"]),
        ('# gem "pg"', []),
        ('gem "pg_search"', []),
        ('gem "pg" if ENV["PG"]', []),
        ('gem "pg", install_if: -> { true }', []),
        ('group :optional_db, optional: true do\n  gem "pg"\nend', []),
        ('group :production do\n  gem "pg"\nend', []),
        ('group :development, :production do\n  gem "pg"\nend', ["postgres"]),
        ('gem "pg", group: :production', []),
        ('gem "pg", groups: [:default, :production]', ["postgres"]),
        ('source "https://gems.example" do\n  gem "sidekiq-pro"\n  gem "redis"\nend', ["redis"]),
        (
            'if RUBY_ENGINE == "jruby"\n  gem "mysql2"\nelse\n  gem "pg"\nend\ngem "redis"',
            ["redis"],
        ),
        ("%w[pg redis].each do |name|\n  gem name\nend", []),
        ('gem "sqlite3"\ngem "mysql2"', []),
        ('gem "fakeredis"\ngem "mock_redis"', []),
    ],
)
def test_a_gem_counts_when_everybody_installs_it(gemfile: str, services: list[str]) -> None:
    assert needs(Gemfile=gemfile) == services


@pytest.mark.parametrize(
    ("path", "text", "services"),
    [
        (".env.example", "DATABASE_URL=postgres://u:p@localhost/app", ["postgres"]),
        (".env.example", "# DATABASE_URL=postgres://u:p@localhost/app", []),
        (".env.example", "DATABASE_URL=sqlite:///db.sqlite3\nPOSTGRES_HOST=", []),
        (".env.sample", 'export MONGO_URI="mongodb+srv://a.example/db"', ["mongodb"]),
        (".env.production.example", "REDIS_URL=redis://x", []),
        (".env.example", "DB_URL=${DB_URL:-mysql://root@localhost/app}", ["mysql"]),
        (".env.example", "DB_URL=${DB_URL}", []),
        (".env.template", "CACHE_STORE=file\nREDIS_HOST=127.0.0.1", []),
        ("config/database.yml", "test:\n  adapter: mysql2\n", ["mysql"]),
        ("config/database.yml", "production:\n  adapter: mysql2\ntest:\n  adapter: sqlite3\n", []),
        ("config/database.yml.example", "development:\n  adapter: postgresql\n", ["postgres"]),
        ("apps/a/Gemfile", 'gem "pg"', ["postgres"]),
        ("apps/a/b/Gemfile", 'gem "pg"', []),
        ("spec/dummy/Gemfile", 'gem "pg"', []),
        ("vendor/Gemfile", 'gem "pg"', []),
        ("docker-compose.yml", "services: {db: {image: 'postgis/postgis:15-3.4'}}", ["postgres"]),
        ("docker-compose.yml", "services: {db: {image: postgres-exporter}}", []),
        ("docker-compose.yml", "services: {db: {image: postgres, profiles: [x]}}", []),
        ("docker-compose.yml", "services:\n  a: {extends: {service: a}}\n", []),
        ("compose.yaml", "include: [other.yml]\nservices: {s: {image: minio/minio}}", ["minio"]),
        ("package.json", '{"dependencies": {"pg": "8"}}', ["postgres"]),
        ("package.json", '{"peerDependencies": {"pg": "8"}}', []),
        ("package.json", '{"devDependencies": {"redis": "4"}}', ["redis"]),
        ("package.json", '{"dependencies": ["pg"]}', []),
        ("package.json", "[" * 100_000, []),
        ("pom.xml", "<dependency>" * 40_000, []),
        ("Cargo.toml", '[package]\nname="a"\n[dependencies]\nredis="0.2"\n', ["redis"]),
        ("Cargo.toml", "[[[", []),
    ],
)  # fmt: skip
def test_a_file_says_what_it_says(path: str, text: str, services: list[str]) -> None:
    assert needs(**{path: text}) == services


def test_a_service_twice_is_one_with_the_version_of_the_composition() -> None:
    stack = stack_of(
        {
            "Gemfile": 'gem "pg"\ngem "pg"\n',
            "docker-compose.yml": "services: {a: {image: postgres:13}, b: {image: postgres:12}}",
            ".github/workflows/a.yml": "jobs: {t: {services: {p: {image: postgres:16}}}}",
        }
    )
    assert stack.services == (Wanted("postgres", "13"),)
    first = next(reason for reason in stack.reasons if reason.subject == "postgres")
    assert first.file == "Gemfile"


def test_what_is_left_out_is_told_with_its_reason() -> None:
    stack = stack_of({"Gemfile": 'gem "sqlite3"\ngem "pg"\n'})
    told = [reason for reason in stack.reasons if reason.subject == "postgres"]
    assert [(reason.file, reason.line) for reason in told] == [("Gemfile", 2)]
    assert "left out" in told[0].what


def test_a_password_in_an_example_is_never_told() -> None:
    stack = stack_of({".env.example": "DATABASE_URL=postgres://admin:hunter2@db/app"})
    assert "hunter2" not in repr(stack)


@pytest.mark.parametrize(
    ("paths", "language"),
    [
        (["requirements.txt", "package.json"], "python"),
        (["Gemfile", "package.json", ".nvmrc"], "ruby"),
        (["composer.json", "package.json"], "php"),
        (["web/package.json", "go.mod"], "go"),
        (["web/package.json", ".python-version"], "node"),
        ([".nvmrc"], "node"),
        (["api/b/pom.xml", "web/package.json"], "node"),
        ([], None),
    ],
)
def test_the_manifest_nearest_to_the_root_says_the_language_and_the_front_end_comes_last(
    paths: list[str], language: str | None
) -> None:
    assert stack_of(dict.fromkeys(paths, "20\n")).language == language


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "services: &s {a: *s, b: {image: redis, <<: *s}}",
        "services:\n" + "  x: {<<: [" + "{a: b}," * 20_000 + "]}",
        "{" * 5000,
        "- " * 50_000,
        "\x00\x01\ufffd" * 1000,
        "services: !!python/object/apply:os.system ['touch /tmp/x']",
        "a: b\n" * 100_000,
        "services:\n" + "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(3000)),
        "install_requires=[" * 20_000,
        "x" * 500_000,
        "MYSQL_" * 80_000 + "=1",
        'gem "' * 80_000,
        "\n" * 500_000,
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        *("docker-compose.yml", ".github/workflows/a.yml", "Gemfile", "config/database.yml", "pom.xml", "setup.py"),
        *(".env.example", "app/settings.py", "package.json", "pyproject.toml", "mix.exs", "build.gradle"),
        *("requirements.txt", "go.mod", "Cargo.toml", "prisma/schema.prisma", ".tool-versions"),
    ],
)  # fmt: skip
def test_a_hostile_file_takes_no_time_and_raises_nothing(path: str, text: str) -> None:
    begun = time.process_time()
    detect([File(path, text)])
    assert time.process_time() - begun < 15


def test_of_too_many_files_the_nearest_to_the_root_are_read() -> None:
    paths = [f"p{number}/Gemfile" for number in range(1000)] + ["Gemfile"]
    found = telling(paths)
    assert len(found) == MOST_FILES
    assert found[0] == "Gemfile"


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("15-alpine", "15"),
        ("8.0.35", "8.0.35"),
        ("latest", None),
        ("", None),
        ("v2.11", "2.11"),
        ("2.14-pg15", "15"),
        ("RELEASE.2024-01-01T00-00-00Z", None),
        ("3.13-management", "3.13"),
    ],
)
def test_a_version_is_read_from_a_tag(tag: str, version: str | None) -> None:
    assert version_of(tag) == version


def test_the_table_has_each_service_with_what_its_container_needs() -> None:
    table = services_table()
    assert list(table.services) == [
        *(
            "postgres",
            "redis",
            "mysql",
            "mongodb",
            "rabbitmq",
            "elasticsearch",
            "minio",
            "memcached",
        )
    ]
    for service in table.services.values():
        assert {"command", "port", "environment", "probe", "volumes", "requests", "limits"} <= set(
            service.run
        )
        assert service.variables
        assert set(service.versions) <= set(service.images)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('note("AWS_ENDPOINT_URL", "https://minio.example:9000")', []),
        ('ENDPOINT = env("S3_URL", default="http://minio:9000/files")', ["minio"]),
    ],
)
def test_an_example_in_a_program_is_no_service_and_a_default_is(
    line: str, found: list[str]
) -> None:
    stack = detect([File("app/settings.py", line + "\n")])
    assert [each.service for each in stack.services] == found
