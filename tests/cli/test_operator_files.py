"""What of a person's ~/.claude goes into an image, and what never does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.images.operator_files import MOST_BYTES, OperatorFiles, collect
from sandbox.agent_files import read_folder
from tests.parts.token_samples import Sample, samples

TOKEN = "ghp_" + "a1B2" * 9


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".claude").mkdir(parents=True)
    return folder


def write(home: Path, **files: str) -> None:
    for name, text in files.items():
        place = home / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def found(home: Path) -> OperatorFiles:
    return collect({"HOME": str(home)})


def test_what_teaches_the_agent_is_taken_and_nothing_else(home: Path) -> None:
    taken = ("CLAUDE.md", "agents/a.md", "skills/s/SKILL.md", "commands/c.md", "rules/r.md")
    other = ("projects/p.jsonl", "todos/t.json", "history.jsonl", "plugins/p/x.md", "other.md")
    write(home, **{f".claude/{name}": f"{name}\n" for name in (*taken, *other)})
    got = found(home)
    assert set(got.files) == set(taken)
    assert got.files["agents/a.md"] == b"agents/a.md\n"
    assert got.left_out == ()


def test_all_that_is_taken_counts_in_the_sandbox(home: Path, tmp_path: Path) -> None:
    write(home, **{".claude/CLAUDE.md": "x", ".claude/agents/a.md": "x"})
    write(home, **{".claude/settings.json": '{"model": "opus"}'})
    write(home, **{".claude.json": '{"mcpServers": {"s": {"command": "s"}}}'})
    got = found(home)
    for name, data in got.files.items():
        place = tmp_path / "baked" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    assert dict(read_folder(tmp_path / "baked")) == got.files


def test_nobody_without_such_a_folder_has_anything(home: Path) -> None:
    (home / ".claude").rmdir()
    assert found(home) == OperatorFiles({})


def test_a_login_is_never_taken_wherever_it_stands(home: Path) -> None:
    write(
        home,
        **{
            ".claude/.credentials.json": '{"claudeAiOauth": {"accessToken": "sk-ant-oat01-x"}}',
            ".claude/agents/.credentials.json": "{}",
            ".claude/skills/s/.env": "A=1\n",
            ".claude/skills/s/server.pem": "x",
            ".claude/hooks/id_rsa": "x",
            ".claude/skills/s/SKILL.md": "fine\n",
        },
    )
    got = found(home)
    assert set(got.files) == {"skills/s/SKILL.md"}
    assert [line.partition(":")[0] for line in got.left_out] == [
        "agents/.credentials.json",
        "hooks/id_rsa",
        "skills/s/.env",
        "skills/s/server.pem",
    ]


@pytest.mark.parametrize("sample", samples()[::8], ids=lambda sample: sample.template[:20])
def test_a_file_in_which_a_secret_stands_is_left_out_and_named(home: Path, sample: Sample) -> None:
    text = f"Use this:\n{sample.text}\n"
    write(home, **{".claude/CLAUDE.md": text, ".claude/agents/a.md": "fine\n"})
    got = found(home)
    assert set(got.files) == {"agents/a.md"}
    assert got.left_out == ("CLAUDE.md: a secret stands in it",)
    assert sample.secret not in repr(got)


def test_settings_are_taken_without_what_is_secret_in_them(home: Path) -> None:
    settings = {
        "model": "opus",
        "permissions": {"deny": ["Bash(rm *)"]},
        "apiKeyHelper": "/bin/key",
        "env": {"EDITOR": "vi", "MY_TOKEN": "plain", "NOTE": TOKEN, "MAX_TOKENS": "5"},
        "hooks": {"Stop": [{"hooks": [{"type": "command", "command": f"curl -H {TOKEN}"}]}]},
    }
    write(home, **{".claude/settings.json": json.dumps(settings)})
    got = found(home)
    assert json.loads(got.files["settings.json"]) == {
        "model": "opus",
        "permissions": {"deny": ["Bash(rm *)"]},
        "env": {"EDITOR": "vi"},
        "hooks": {},
    }
    assert {line.rpartition(": ")[0] for line in got.left_out} == {
        "settings.json: apiKeyHelper",
        "settings.json: env.MY_TOKEN",
        "settings.json: env.MAX_TOKENS",
        "settings.json: env.NOTE",
        "settings.json: hooks.Stop",
    }


def test_servers_come_along_without_their_keys_and_the_rest_of_that_file_never(home: Path) -> None:
    state = {
        "oauthAccount": {"emailAddress": "me@example.com"},
        "primaryApiKey": "x",
        "mcpServers": {
            "docs": {"command": "docs", "args": ["--all"], "env": {"API_KEY": "x", "LANG": "C"}},
            "web": {
                "type": "http",
                "url": "https://mcp.example",
                "headers": {"Authorization": "x"},
            },
        },
    }
    write(home, **{".claude.json": json.dumps(state)})
    got = found(home)
    assert set(got.files) == {".mcp.json"}
    assert json.loads(got.files[".mcp.json"]) == {
        "mcpServers": {
            "docs": {"command": "docs", "args": ["--all"], "env": {"LANG": "C"}},
            "web": {"type": "http", "url": "https://mcp.example", "headers": {}},
        }
    }
    assert len(got.left_out) == 2


@pytest.mark.parametrize("text", ["{", "[]", "\xff", "[" * 100_000])
def test_settings_that_are_no_settings_are_named(home: Path, text: str) -> None:
    (home / ".claude/settings.json").write_text(text, encoding="latin-1")
    got = found(home)
    assert "settings.json" not in got.files
    assert text == "[]" or got.left_out == ("settings.json: it can't be read",)


def test_links_are_followed_and_a_circle_ends(home: Path, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    (dotfiles / "agents").mkdir(parents=True)
    (dotfiles / "agents" / "a.md").write_text("mine\n")
    (dotfiles / "agents" / "again").symlink_to(dotfiles / "agents")
    (dotfiles / "agents" / "gone.md").symlink_to("/nonexistent")
    (home / ".claude" / "agents").symlink_to(dotfiles / "agents")
    got = found(home)
    assert got.files == {"agents/a.md": b"mine\n"}


def test_a_huge_file_is_left_out_and_named(home: Path) -> None:
    write(home, **{".claude/skills/s/big.txt": "x" * (MOST_BYTES + 1)})
    got = found(home)
    assert got.files == {}
    assert got.left_out == ("skills/s/big.txt: it has more than 1 MiB",)


def test_another_folder_counts_where_it_is_the_persons(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "CLAUDE.md").write_text("own\n")
    write(home, **{".claude/CLAUDE.md": "home\n"})
    got = collect({"HOME": str(home), "CLAUDE_CONFIG_DIR": str(own)})
    assert got.files == {"CLAUDE.md": b"own\n"}
