"""The YAML of SANDBOX_CONFIG."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import Config, RepoLimits, RepoOptions, Role, RunLimits
from bot.config_file import ConfigError, parse
from runs.backend import Limits
from sandbox.gate import GateMode

FULL = """
repos:
  demo: https://github.com/acme/demo        # the short form
  api:
    url: git@git.example:team/api.git
    branch: release/2
    image: ghcr.io/acme/box:1.2
    memory: 8Gi
    cpu: 1500m
    timeout: 2h
    services: [postgres, "redis:7"]
    pr: true
    protected: yes
    trust: branch
  no: file:///srv/git/no.git
chats: [-1001234, "-1005678"]
people:
  12: viewer
  "34": runner
  56: admin
images: ["ghcr.io/acme/*", ubuntu]
serviceImages: {postgres: "mirror.example/postgres:16"}
versions: {ruby: ["3.3", "3.4"]}
repoLimits: {memory: 8Gi, cpu: 4}
runLimits: {memory: 16Gi, timeout: 4h}
detect: false
imagePullSecrets: [regcred]
entrypoints: ["ghcr.io/acme/own:*"]
gate: off
kueue: sandboxes
silence: off
patience: {image: 5m, machine: 2h}
cache: {claim: sandbox-cache}
agents: {configMap: team-agents}
runtimeClass: gvisor
limits: {runs: 4, runs_per_person: 2, queue_minutes: 90}
defaults: {timeout: 45, memory: 4Gi, pr: off, services: []}
"""


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return caught.value.mistakes


def test_every_key_is_read():
    config = parse(FULL)
    assert {alias: repo.address.url for alias, repo in config.repos.items()} == {
        "demo": "https://github.com/acme/demo",
        "api": "git@git.example:team/api.git",
        "no": "file:///srv/git/no.git",
    }
    assert config.repos["demo"].options == RepoOptions()
    assert config.repos["api"].options == RepoOptions(
        branch="release/2",
        image="ghcr.io/acme/box:1.2",
        memory="8Gi",
        cpu="1500m",
        timeout_seconds=7200,
        services=("postgres", "redis:7"),
        pull_request=True,
        protected=True,
        trusts_branch=True,
    )
    assert config.chats == {-1001234, -1005678}
    assert config.people == {12: Role.VIEWER, 34: Role.RUNNER, 56: Role.ADMIN}
    assert config.images == ("ghcr.io/acme/*", "ubuntu")
    assert config.service_images == {"postgres": "mirror.example/postgres:16"}
    assert config.versions == {"ruby": ("3.3", "3.4")}
    assert config.repo_limits == RepoLimits(memory="8Gi", cpu="4")
    assert config.run_limits == RunLimits(memory="16Gi", timeout_seconds=4 * 3600)
    assert config.detects is False
    assert config.image_pull_secrets == ("regcred",)
    assert config.entrypoints == ("ghcr.io/acme/own:*",)
    assert config.kueue == "sandboxes"
    assert config.cache == "sandbox-cache"
    assert config.agent_files == "team-agents"
    assert config.runtime_class == "gvisor"
    assert config.gate is GateMode.OFF
    assert config.silence_seconds == 0
    assert config.patience == {"image": 300, "machine": 7200}
    assert config.limits == Limits(runs=4, runs_per_person=2, queue_seconds=5400)
    assert config.defaults == RepoOptions(
        timeout_seconds=2700, memory="4Gi", pull_request=False, services=()
    )


@pytest.mark.parametrize(
    "text", ["", "  \n", "# nothing\n", "---\n", "repos:\nchats:\npeople:\nlimits:\ndefaults:\nimages:\n", "{}"]
)  # fmt: skip
def test_nothing_said_is_an_empty_config(text):
    assert parse(text) == Config()


def test_a_repos_own_options_win_over_the_defaults():
    config = parse(FULL)
    assert config.options_of(config.repos["api"]).memory == "8Gi"
    assert config.options_of(config.repos["api"]).services == ("postgres", "redis:7")
    assert config.options_of(config.repos["demo"]).memory == "4Gi"
    assert config.options_of(config.repos["demo"]).pull_request is False
    assert config.options_of(None).timeout_seconds == 2700


@pytest.mark.parametrize(
    ("image", "allowed"),
    [
        ("ghcr.io/acme/other:3", True),
        ("ghcr.io/acme/box:1.2", True),
        ("ubuntu", True),
        ("ubuntu:24.04", False),
        ("ghcr.io/acme2/x", False),
        ("evil.example/ghcr.io/acme/x", False),
    ],
)
def test_only_images_that_the_config_names_may_be_chosen(image, allowed):
    assert parse(FULL).allows_image(image) is allowed


def test_an_image_that_a_repo_uses_may_be_chosen_without_a_pattern():
    config = parse("repos: {a: {url: https://github.com/a/b, image: box:1}}")
    assert config.allows_image("box:1")
    assert not config.allows_image("box:2")


def test_all_mistakes_are_told_each_with_its_line_and_an_example():
    told = mistakes(
        """
repos:
  demo: {url: https://github.com/acme/demo, timeut: 45m}
  api:
    url: https://user:s3cret@git.example/api
    memory: lots
    pr: maybe
chats: [-100, abc]
people: {12: boss}
limts: {runs: 4}
"""
    )
    assert told == (
        "line 3: repos.demo.timeut isn't known: did you mean timeout? For example timeout: 45m",
        "line 5: repos.api.url isn't right: Leave names, passwords and tokens out of the address: the bot has its "
        "own key. If that was a real one, replace it now. For example url: https://github.com/owner/name",
        "line 6: repos.api.memory takes an amount of memory such as 4Gi or 512Mi, from 256Mi to 64Gi. "
        "For example memory: 4Gi",
        "line 7: repos.api.pr takes true or false. For example pr: true",
        "line 8: chats takes a chat's id as /id tells it. For example chats: [-1001234567890]",
        "line 9: people.12 takes viewer, runner or admin. For example 12345678: runner",
        "line 10: limts isn't known: did you mean limits? For example limits: {runs: 4, runs_per_person: 2, "
        "queue_minutes: 60}",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:\n\tb: 1", "line 2: there is a tab"),
        ("repos:\n  demo: a: b", 'line 2: there is a second ": "'),
        ("chats: [1,", "line 1: a bracket"),
        ("repos:\n  demo: 'x", "line 2: a quote"),
        ("chats: [1]\n---\nchats: [2]", "line 2: a second document"),
        ("chats: [1]\n\x00", "line 2: there is an invisible character"),
        ("chats: *nobody", "line 1: found undefined alias"),
        ("[1, 2]", "line 1: a config is made of lines"),
        ("hello", "line 1: a config is made of lines"),
        ("? [a]\n: b", "line 1: the config has a key that is no word"),
        ("<<: {chats: [1]}", "line 1: << isn't known"),
        ("repos: [demo]", "line 1: repos is made of lines"),
        ("repos: {demo: [x]}", "line 1: repos.demo takes one value"),
        ("repos: {demo: }", "line 1: repos.demo takes one value"),
        ("repos: {demo: {branch: main}}", "line 1: repos.demo has no url"),
        ("repos: {demo: owner/name}", "line 1: repos.demo isn't right"),
        ("repos: {demo: /srv/git/demo}", "line 1: repos.demo isn't right: A folder is written"),
        ("repos: {demo: 'ext::sh -c x'}", "line 1: repos.demo isn't right"),
        ("repos: {a/b: https://github.com/a/b}", "line 1: repos.a/b: an alias is a word"),
        ("repos: {'': https://github.com/a/b}", "line 1: repos.: an alias is a word"),
        ("defaults: {url: https://github.com/a/b}", "line 1: defaults.url isn't known"),
        ("defaults: {branch: a..b}", "line 1: defaults.branch isn't right: Git knows no branch"),
        ("defaults: {timeout: 1:30}", "line 1: defaults.timeout takes a time"),
        ("defaults: {timeout: 0}", "line 1: defaults.timeout takes a time"),
        ("defaults: {pr: 'true'}", "line 1: defaults.pr takes true or false"),
        ("defaults: {pr: !!bool [a]}", "line 1: defaults.pr takes true or false"),
        ("defaults: {pr: 1}", "line 1: defaults.pr takes true or false"),
        ("defaults: {services: postgres}", "line 1: defaults.services takes a list"),
        ("defaults: {services: [[a]]}", "line 1: defaults.services takes one value"),
        ("defaults: {memory: {a: b}}", "line 1: defaults.memory takes one value"),
        ("chats: -100", "line 1: chats takes a list"),
        ("chats: [yes]", "line 1: chats takes a chat's id"),
        ("chats: [1_000]", "line 1: chats takes a chat's id"),
        ("chats: [0]", "line 1: chats takes a chat's id"),
        ("chats: [99999999999999999999]", "line 1: chats takes a chat's id"),
        ("people: {-100: admin}", "line 1: people: a key takes a person's id"),
        ("people: {017: admin}", "line 1: people: a key takes a person's id"),
        ("people: {1: Admin}", "line 1: people.1 takes viewer, runner or admin"),
        ("people: {1: }", "line 1: people.1 takes one value"),
        ("limits: {runs: 0}", "line 1: limits.runs takes a whole number"),
        ("limits: {queue_minutes: 1.5}", "line 1: limits.queue_minutes takes a whole number"),
        ("images: [a b]", "line 1: images takes images"),
        ("entrypoints: box", "line 1: entrypoints takes a list"),
        ("runtimeClass: a/b", "line 1: runtimeClass takes the name of a RuntimeClass"),
        ("cache: {claim: A_b}", "line 1: cache.claim takes the name of a volume claim"),
        ("cache: big", "line 1: cache is made of lines such as key: value"),
        ("cache: {s3: bucket}", "line 1: cache.s3 takes the address of a bucket"),
        ("cache: {claim: a, s3: s3://bucket/x}", "line 1: cache names both a claim and a bucket"),
        ("kueue: a/b", "line 1: kueue takes the name of a LocalQueue"),
        (
            "serviceImages: {oracle: oracle:8}",
            "line 1: serviceImages: a key takes one of postgres, redis, valkey",
        ),
        ("defaults: {trust: nobody}", "line 1: defaults.trust takes base or branch. For example trust: base"),
        (
            "silence: never",
            "line 1: silence takes a time such as 15m, from 1m to 24h, or off. For example silence: 15m",
        ),
        (
            "patience: {image: soon}",
            "line 1: patience.image takes a time such as 45m or 2h, from 1m to 24h. For example image: 15m",
        ),
        ("gate: maybe", "line 1: gate takes warn, fail or off. For example gate: fail"),
        ("imagePullSecrets: [{name: regcred}]", "line 1: imagePullSecrets takes one value"),
        ("imagepullsecrets: [a]", "line 1: imagepullsecrets isn't known: did you mean imagePullSecrets?"),
        ("!!python/object/apply:os.system [id]", "line 1: a config is made of lines"),
        ("chats: !!python/object/apply:os.system [id]", "line 1: chats takes a chat's id"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text, told):
    first, *rest = mistakes(text)
    assert first.startswith(told)
    assert not rest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("chats: [1]\nchats: [2]", "line 2: chats stands in line 1 already"),
        (
            "repos:\n  demo: https://github.com/a/b\n  Demo: https://github.com/a/c",
            "line 3: repos.Demo stands in line 2 already",
        ),
        ("people: {1: admin, 1: viewer}", "line 1: people.1 stands in line 1 already"),
    ],
)
def test_a_key_that_comes_twice_is_a_mistake(text, told):
    assert mistakes(text) == (told,)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "".join(f"{' ' * depth}a:\n" for depth in range(500)),
        "a: " + "x" * 300_000,
        "&a [*a]",
        "repos: &a {demo: *a}",
        "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(2000)),
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_text_ends_in_a_few_words(text):
    told = mistakes(text)
    assert len(told) <= 51
    assert len("\n".join(told)) < 20_000


def test_very_many_mistakes_are_cut():
    told = mistakes("\n".join(f"key{number}: 1" for number in range(80)))
    assert len(told) == 51
    assert told[-1] == "and 30 more"


def test_a_name_in_a_mistake_can_not_upset_a_terminal():
    (told,) = mistakes('"\\e[31m' + "x" * 100 + '": 1')
    assert "\x1b" not in told
    assert len(told) < 300


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_a_config_with_any_damage_is_a_config_or_tells_its_mistakes(seed):
    chance = random.Random(seed)
    text = FULL
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text))
        with_what = chance.choice(
            ["", "\t", ":", "{", "]", '"', "&a ", "*a", "\x00", "é", "\n", "- ", "!!"]
        )
        text = text[:at] + with_what + text[at + chance.randint(0, 5) :]
    try:
        parse(text)
    except ConfigError as error:
        assert all(mistake.startswith("line ") for mistake in error.mistakes)
