"""Where a command acts: the kubeconfig, the context and the namespace, chosen as kubectl chooses them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.settings import SettingsError
from cli.exits import Exit, Failure
from cli.where import Chosen, find_where


def kubeconfig(path: Path, current: str | None, **namespaces: str | None) -> Path:
    """Write a kubeconfig with these contexts."""
    contexts = [
        {"name": name, "context": {"cluster": "c", "user": "u"} | ({"namespace": n} if n else {})}
        for name, n in namespaces.items()
    ]
    path.write_text(yaml.safe_dump({"current-context": current or "", "contexts": contexts}))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".kube").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "chosen", "expected"),
    [
        ({}, Chosen(), ("work", "team")),
        ({"SANDBOX_NAMESPACE": "own"}, Chosen(), ("work", "own")),
        ({"SANDBOX_NAMESPACE": "own"}, Chosen(namespace="said"), ("work", "said")),
        ({}, Chosen(context="bare"), ("bare", "default")),
        ({"SANDBOX_NAMESPACE": " own\r"}, Chosen(context="bare"), ("bare", "own")),
    ],
)
def test_the_namespace_is_the_one_said_then_the_variables_then_the_contexts(
    home: Path, given: dict[str, str], chosen: Chosen, expected: tuple[str, str]
) -> None:
    kubeconfig(home / ".kube" / "config", "work", work="team", bare=None)
    where = find_where({"HOME": str(home), **given}, chosen)
    assert (where.context, where.namespace) == expected
    assert where.settings.cluster.context == expected[0]


def test_several_kubeconfigs_are_read_as_one_and_one_that_is_missing_is_left_out(
    tmp_path: Path,
) -> None:
    first = kubeconfig(tmp_path / "first", None, work="team")
    second = kubeconfig(tmp_path / "second", "work", work="other", more="m")
    paths = f"{first}:{tmp_path / 'none'}:{second}"
    where = find_where({"HOME": "/", "KUBECONFIG": paths}, Chosen())
    assert (where.context, where.namespace) == ("work", "team")
    assert find_where({"HOME": "/", "KUBECONFIG": paths}, Chosen("more")).namespace == "m"


@pytest.mark.parametrize(
    ("text", "chosen", "words"),
    [
        (None, Chosen(), "There is no kubeconfig at"),
        ("{", Chosen(), "can't be read"),
        ("- a\n", Chosen(), "isn't a kubeconfig"),
        ("contexts: []\n", Chosen(), "no current context"),
        ("current-context: gone\ncontexts: []\n", Chosen(), "no context 'gone'"),
        (
            "current-context: work\ncontexts: [{name: work, context: {}}]\n",
            Chosen(context="wrok"),
            "Did you mean work?",
        ),
    ],
)
def test_a_kubeconfig_that_can_not_be_used_is_told_with_what_to_do(
    tmp_path: Path, text: str | None, chosen: Chosen, words: str
) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Failure) as caught:
        find_where({"HOME": "/", "KUBECONFIG": str(path)}, chosen)
    assert words in caught.value.what
    assert caught.value.advice
    assert caught.value.code is Exit.USAGE


def test_a_misspelt_variable_and_a_wrong_namespace_are_told_before_the_kubeconfig_is_read() -> None:
    with pytest.raises(SettingsError, match="Did you mean SANDBOX_NAMESPACE"):
        find_where({"HOME": "/", "SANDBOX_NAMESPCE": "x"}, Chosen())


def test_a_namespace_that_can_not_be_one_is_refused(home: Path) -> None:
    kubeconfig(home / ".kube" / "config", "work", work="team")
    with pytest.raises(Failure, match="--namespace isn't a namespace's name: 'Two words'"):
        find_where({"HOME": str(home)}, Chosen(namespace="Two words"))


def test_the_command_line_needs_no_telegram(home: Path) -> None:
    kubeconfig(home / ".kube" / "config", "work", work="team")
    assert find_where({"HOME": str(home)}, Chosen()).settings.telegram_token == ""
