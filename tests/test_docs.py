"""What the documents say is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot import repo_file
from bot.config import Role
from bot.config_file import parse
from bot.settings import read

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named
    assert named <= targets


def test_every_place_that_a_document_points_to_is_there() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text(encoding="utf-8")):
            path, _, place = link.partition("#")
            target = document.parent / path if path else document
            assert target.exists(), f"{document.name}: {link}"
            assert not place or place in places(target), f"{document.name}: {link}"


def places(document: Path) -> set[str]:
    """Return what a link may name behind its #, as GitHub makes it of the titles."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", ["README.md", "docs/structure.md"])
def test_every_file_in_which_something_stands_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    rooms = "bot|runs|sandbox|cli|docs|k8s|manifests|playground|tests|bench"
    paths = re.findall(rf"`((?:{rooms})/[a-z0-9_/.]*)`", text)
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_decision_that_the_code_points_to_is_there() -> None:
    rooms = ("bot", "runs", "sandbox", "cli", "k8s", "playground", "manifests", "bench", "tests")
    files = [path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix in _CODE]
    named = {
        (name, path)
        for path in files
        for name in re.findall(r"docs/(decisions/\d{3}[\w-]+\.md)", path.read_text("utf-8"))
    }
    assert named
    for name, path in named:
        assert (ROOT / "docs" / name).exists(), f"{path}: {name}"


_CODE = (".py", ".yaml", ".j2", ".sh")


@pytest.mark.parametrize("text", blocks(ROOT / "docs" / "config.md", "yaml"))
def test_the_example_of_the_config_can_be_used_as_it_stands(text: str) -> None:
    config = parse(text)
    assert set(config.repos) == {"demo", "shop"}
    assert config.people[12345678] is Role.ADMIN
    assert config.limits.queue_seconds == 3600


@pytest.mark.parametrize("text", blocks(ROOT / "docs" / "repo-file.md", "yaml"))
def test_the_example_of_a_repos_own_file_can_be_used_as_it_stands(text: str) -> None:
    own = repo_file.parse(text)
    assert own.services == ("postgres:15", "redis")
    assert own.setup == ("bin/setup",)


def test_every_variable_of_the_readme_is_known_to_the_bot() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:SANDBOX|TELEGRAM)_[A-Z_]+)`", readme))
    values = {
        "TELEGRAM_BOT_TOKEN": "123456789:" + "A" * 35,
        "TELEGRAM_CHAT_ID": "-1001234567890",
        "TELEGRAM_API_URL": "http://127.0.0.1:8081",
        "SANDBOX_BACKEND": "kubernetes",
        "SANDBOX_NAMESPACE": "claude-sandbox",
        "SANDBOX_OWNER": "acme",
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_CONFIG": "/etc/claude-sandbox.yaml",
        "SANDBOX_STATE": "/var/lib/claude-sandbox",
        "SANDBOX_LOG_STORE": "/var/log/claude-sandbox",
        "SANDBOX_POLL_SECONDS": "30",
        "SANDBOX_LOG_FORMAT": "json",
        "SANDBOX_METRICS": "9464",
    }
    assert names == set(values)
    settings = read(values)
    assert str(settings.state_folder) == values["SANDBOX_STATE"]
    assert settings.poll_seconds == 30


def test_every_decision_has_a_number_of_its_own_which_its_title_says() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [path.name.partition("-")[0] for path in decisions]
    assert len({*numbers}) == len(numbers)
    titles = [path.read_text(encoding="utf-8").partition("\n")[0] for path in decisions]
    assert [title[2:5] for title in titles] == numbers
