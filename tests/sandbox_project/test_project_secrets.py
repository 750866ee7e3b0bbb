"""The repository's own variables: read, decrypted by the real sops, given to what runs for it, and to nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from sandbox import dotenv
from sandbox.report import Cause, Phase, Verdict
from sandbox.secrets_of_repo import read_secrets
from sandbox.sops import NotDecrypted
from tests.parts.sops_fixtures import Sops
from tests.sandbox.running import run
from tests.sandbox_project.project_repo import repo_of

ENV = "SHOP_PASSWORD=correct horse battery\nSTRIPE_KEY='sk_quoted \"x\" value'\nDATABASE_URL=postgres://their:pass-word-1@db.example/x\nPATH=/evil\n"
YAML = (
    "FLAG: true\nPORT: 8080\nYAML_TOKEN: yaml-hidden-value\nnested:\n  inner: nested-hidden-value\n"
)
SEEN = 'env > ../seen; echo "$SHOP_PASSWORD / $YAML_TOKEN / nested-hidden-value"'


@pytest.mark.sops
def test_encrypted_files_come_into_the_environment_and_never_into_log_report_or_commit(
    tmp_path: Path, sops: Sops
) -> None:
    files = {
        ".env.sops": sops.encrypt(ENV, "dotenv"),
        "app.sops.yaml": sops.encrypt(YAML, "yaml"),
        ".sops.yaml": "creation_rules: []\n",
        ".claude-sandbox/setup": 'echo "in the setup: $SHOP_PASSWORD"; env > ../setup-seen\n',
    }
    repo = repo_of(tmp_path, files)
    given = {"DATABASE_URL": "postgres://postgres@localhost/x", **sops.variables()}
    done = run(tmp_path / "run", SEEN + "; echo x > x", repo.file_url, **given)
    assert done.report.verdict is Verdict.PUSHED, done.log
    for place in ("seen", "setup-seen"):
        lines = (done.workspace / place).read_text().splitlines()
        seen = dict(line.split("=", 1) for line in lines if "=" in line)
        assert seen["SHOP_PASSWORD"] == "correct horse battery"
        assert seen["STRIPE_KEY"] == 'sk_quoted "x" value'
        assert seen["DATABASE_URL"] == "postgres://their:pass-word-1@db.example/x"
        assert (seen["FLAG"], seen["PORT"]) == ("true", "8080")
        assert "nested" not in seen and "SOPS_AGE_KEY_FILE" not in seen
        assert seen["PATH"] != "/evil"
    assert "▶ secrets app.sops.yaml, .env.sops" in done.log
    assert "the repository's own DATABASE_URL counts, not ours" in done.log
    assert done.report.remark == "The repo's own DATABASE_URL counts, not ours."
    assert ".env.sops: PATH may not be set by a repository" in done.log
    assert "app.sops.yaml: nested holds more than a value: not set" in done.log
    everything = done.log + json.dumps(done.report.summary) + str(done.report)
    for secret in (
        "correct horse battery",
        "yaml-hidden-value",
        "nested-hidden-value",
        "pass-word-1",
    ):
        assert secret not in everything
    assert done.report.summary == "[redacted] / [redacted] / [redacted]"
    on_disk = [
        path for path in tmp_path.rglob("*") if path.is_file() and "age-keys" not in path.parts
    ]
    holding = [p.name for p in on_disk if b"correct horse battery" in p.read_bytes()]
    assert sorted(holding) == ["seen", "setup-seen"]


@pytest.mark.sops
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SOPS_AGE_KEY_FILE": "/nonexistent/key"}, "there is no age key here"),
        ({"PATH": "/usr/bin:/bin"}, "sops isn't installed here"),
        ("other", "it is encrypted for another key than the age key here: age1"),
        ("torn", "Could not decrypt"),
    ],
    ids=["no key", "no sops", "another key", "torn"],
)
def test_what_cannot_be_decrypted_ends_the_run_with_the_reason(
    tmp_path: Path, sops: Sops, change: dict[str, str] | str, words: str
) -> None:
    text = sops.encrypt(ENV, "dotenv")
    if change == "torn":
        text = text.replace("data:", "data:AAAA", 1)
    given = sops.variables("other" if change == "other" else "key")
    given |= change if isinstance(change, dict) else {}
    done = run(tmp_path / "run", "true", repo_of(tmp_path, {".env.sops": text}).file_url, **given)
    report = done.report
    assert (report.cause, report.phase) == (Cause.DECRYPT_FAILED, Phase.SECRETS), done.log
    assert str(report.error).startswith(".env.sops: ") and words in str(report.error)
    assert "▶ agent" not in done.log


def test_a_plain_file_is_loaded_and_only_what_may_be_secret_is_blackened(tmp_path: Path) -> None:
    text = "RAILS_ENV=development\nADMIN_PASSWORD=letmein-letmein\nLD_PRELOAD=/x.so\nCOLOUR=#a1b2c3d4e5\n"
    repo = repo_of(tmp_path, {".env.claude-sandbox": text})
    script = 'echo "$RAILS_ENV $ADMIN_PASSWORD ${LD_PRELOAD-unset}"'
    done = run(tmp_path / "run", script, repo.file_url)
    assert done.report.summary == "development [redacted] unset"
    assert ".env.claude-sandbox: LD_PRELOAD may not be set by a repository" in done.log


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("A=b", {"A": "b"}),
        ("export A=b c # note", {"A": "b c"}),
        ("A=b#c", {"A": "b#c"}),
        ("A=", {"A": ""}),
        ("A=#x", {"A": ""}),
        ("A='$HOME `id` $(id)'", {"A": "$HOME `id` $(id)"}),
        ("A=$HOME$(id)", {"A": "$HOME$(id)"}),
        ('A="x\\ny\\"z" # note', {"A": 'x\ny"z'}),
        ('A="one\ntwo"\nB=c', {"A": "one\ntwo", "B": "c"}),
        ("A='one\ntwo'", {"A": "one\ntwo"}),
        ("A=b\r\nB=c\r\n", {"A": "b", "B": "c"}),
        ("\ufeffA=b", {"A": "b"}),
        ("A=1\nA=2", {"A": "2"}),
        ("# A=b\n\n  A = b  ", {"A": "b"}),
        ("A=é", {"A": "é"}),
        ("A='b  \nc'", {"A": "b  \nc"}),
    ],
)
def test_env_files_are_read_without_running_anything(line: str, found: dict[str, str]) -> None:
    assert dotenv.parse(line) == (found, [])


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A", [1]),
        ("A=1\nno\nB=2", [2]),
        ('A="open', [1]),
        ("A='x' y", [1]),
        ("1A=b", [1]),
        ("Ä=b", [1]),
        ('A="b\nc"\nno', [3]),
        ('A="b\nB=1', [1]),
    ],
)
def test_a_line_that_is_not_understood_is_named(text: str, wrong: list[int]) -> None:
    assert dotenv.parse(text)[1] == wrong


def test_a_quote_that_is_never_closed_is_looked_for_once() -> None:
    begun = time.process_time()
    found, wrong = dotenv.parse('A="\n' + "x\n" * 40_000 + "B=1\n")
    assert time.process_time() - begun < 10, "it took a minute"
    assert (found, wrong[:2], len(wrong)) == ({"B": "1"}, [1, 2], 40_001)


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "PATH",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "NODE_OPTIONS",
        "BASH_ENV",
        "GIT_SSH_COMMAND",
        "GIT_DIR",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_API_KEY",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "SANDBOX_RUN",
        "HOME",
        "https_proxy",
        "HTTP_PROXY",
        "PERL5OPT",
        "RUBYOPT",
        "JAVA_TOOL_OPTIONS",
        "IFS",
        "ENV",
    ],
)
def test_names_that_change_how_programs_are_loaded_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / ".env.claude-sandbox").write_text(f"{name}=x\nFINE=y\n")
    found = read_secrets(tmp_path, [".env.claude-sandbox"], _never)
    assert found.variables == {"FINE": "y"}
    assert f".env.claude-sandbox: {name} may not be set by a repository" in found.notes


def test_a_link_or_a_huge_file_in_the_place_of_variables_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".env.claude-sandbox").symlink_to("/proc/self/environ")
    (tmp_path / ".env.sops").write_text("A=b\n" * 100_000)
    found = read_secrets(tmp_path, [".env.claude-sandbox", ".env.sops"], _never)
    assert found.variables == {}
    assert len(found.notes) == 2 and all("no plain file" in note for note in found.notes)


def test_a_file_that_is_not_encrypted_for_an_age_key_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.sops.yaml").write_text("A: b\n")
    found = read_secrets(tmp_path, ["x.sops.yaml"], _never)
    assert (found.variables, found.notes) == (
        {},
        ("x.sops.yaml isn't encrypted for an age key: ignored",),
    )


def _never(_data: bytes, _kind: str) -> bytes:
    raise NotDecrypted("nothing here is to be decrypted")
