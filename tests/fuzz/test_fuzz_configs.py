"""Any config: it is a Config or a list of mistakes, and what of it is shown has no marks but ours."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

from bot.config import Config, Role
from bot.config_file import ConfigError, parse
from bot.guide import pages_of_repos, repos
from bot.parse import read_run, to_task
from tests.fuzz.fuzzing import WATCH, check_markup, fuzzed, junk, texts

GITHUB = "https://github.com"
URLS = st.sampled_from(
    ["https://github.com/a/b", "git@git.example:team/api.git", "file:///srv/x.git", "-x", "ext::id"]
)
NAMES = st.one_of(st.sampled_from(["demo", "shop", "a b", "-x", "@", "💥", "demo@x"]), texts)
OPTIONS = {
    "branch": st.sampled_from(["main", "-x", "a..b", "release/2"]),
    "image": st.sampled_from(["ghcr.io/a/b:1", "ubuntu", "-x", "a b"]),
    "memory": st.sampled_from(["8Gi", "1", "0Gi", "9999999Gi"]),
    "cpu": st.sampled_from(["2", "1500m", "-1", ".5"]),
    "timeout": st.sampled_from(["45m", 45, "1e9h", "0"]),
    "services": st.sampled_from([["postgres"], ["redis:7"], [], ["x y"], [[]]]),
    "pr": st.booleans(),
    "protected": st.sampled_from([True, "yes", "perhaps"]),
    "trust": st.sampled_from(["base", "branch", "nobody"]),
}
KEYS = {
    "chats": st.lists(st.integers(-(10**14), 10**14) | junk, max_size=3),
    "people": st.dictionaries(
        st.integers(0, 99) | texts, st.sampled_from(["viewer", "runner", "admin", "x"]), max_size=3
    ),
    "images": st.lists(st.sampled_from(["ghcr.io/*", "[", "*", "a b"]) | texts, max_size=3),
    "entrypoints": st.lists(texts, max_size=2),
    "serviceImages": st.dictionaries(st.sampled_from(["postgres", "x"]), texts, max_size=2),
    "gate": st.sampled_from(["warn", "fail", "off", "x"]),
    "kueue": texts,
    "limits": st.fixed_dictionaries({}, optional={"runs": junk, "queue_minutes": st.integers()}),
    "runLimits": st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("memory", "cpu", "timeout"), junk)
    ),
}


def sometimes_junk(kinds: dict[str, Any]) -> dict[str, Any]:
    return {name: st.one_of(*[kind] * 6, junk) for name, kind in kinds.items()}


options = st.fixed_dictionaries({}, optional=sometimes_junk(OPTIONS))
entries = st.one_of(URLS, st.builds(lambda url, more: {"url": url, **more}, URLS, options), junk)
configs = st.fixed_dictionaries(
    {},
    optional={
        "repos": st.dictionaries(NAMES, entries, max_size=4),
        "defaults": options,
        "surprise": junk,
        **sometimes_junk(KEYS),
    },
)


def written(config: object, flow: bool) -> str:
    """Write a config as YAML; what YAML can't hold is left to the other strategies."""
    try:
        return yaml.safe_dump(config, allow_unicode=True, default_flow_style=flow)
    except (yaml.YAMLError, UnicodeError):
        return repr(config)


documents = st.one_of(
    *[st.builds(written, configs, st.booleans())] * 4,
    st.builds(lambda text, at, more: text[:at] + more + text[at:], st.builds(written, configs, st.booleans()), st.integers(0, 200), texts),
    st.lists(st.sampled_from(["repos:", "\n", "  ", "demo: ", "&a ", "*a", "<<: ", "- ", "[", "{", "!!set ", "? ", "|\n", "\t", "---\n", "%TAG ! x\n", "'"]), max_size=12).map("".join),
    texts,
)  # fmt: skip


@fuzzed(documents)
def test_any_config_is_read_or_refused_with_its_mistakes(text: str) -> None:
    with WATCH.listening():
        try:
            config = parse(text)
        except ConfigError as error:
            assert error.mistakes and all(mistake.strip() for mistake in error.mistakes)
            return
        check_config(config)


def check_config(config: Config) -> None:
    for role in Role:
        for page in range(1, pages_of_repos(config) + 1):
            check_markup(repos(config, role, GITHUB, page))
    for alias, repo in config.repos.items():
        assert not repo.address.url.startswith("-")
        task = to_task(read_run(f"{alias} do it", config, GITHUB), config)
        assert task.repo_url == repo.address.url
        assert not (task.branch or "").startswith("-")
