"""Who may do what."""

from __future__ import annotations

import pytest

from bot.access import (
    Action,
    Actor,
    Membership,
    Refusal,
    membership,
    needs_membership,
    refuse,
    refuse_repo,
    role_of,
)
from bot.address import read_configured
from bot.config import Config, Repo, RepoOptions, Role
from bot.repo import find

HOME = -100
OTHER = -200
STRANGE = -300
GITHUB = "https://github.com"
OPEN = Config(chats=frozenset({OTHER}))
NAMED = Config(chats=frozenset({OTHER}), people={1: Role.VIEWER, 2: Role.RUNNER, 3: Role.ADMIN})


def actor(person: int | None = 7, chat: int = HOME, **more: object) -> Actor:
    return Actor(person, chat, private=chat > 0, **more)


@pytest.mark.parametrize(
    ("status", "is_member", "expected"),
    [
        ("creator", False, Membership.ADMINISTRATOR),
        ("administrator", False, Membership.ADMINISTRATOR),
        ("member", False, Membership.MEMBER),
        ("restricted", True, Membership.MEMBER),
        ("restricted", False, Membership.NONE),
        ("left", False, Membership.NONE),
        ("kicked", False, Membership.NONE),
        ("left", True, Membership.NONE),
        ("something new", True, Membership.NONE),
    ],
)
def test_membership_is_read_from_telegrams_status(status, is_member, expected):
    assert membership(status, is_member=is_member) is expected


@pytest.mark.parametrize("chat", [HOME, OTHER, 7])
@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (Membership.ADMINISTRATOR, Role.ADMIN),
        (Membership.MEMBER, Role.RUNNER),
        (Membership.NONE, Refusal.STRANGER),
        (None, Refusal.STRANGER),
    ],
)
def test_without_people_the_home_chat_decides(chat, member, expected):
    assert role_of(actor(chat=chat), OPEN, HOME, member) is expected


@pytest.mark.parametrize(
    ("person", "expected"),
    [(1, Role.VIEWER), (2, Role.RUNNER), (3, Role.ADMIN), (4, Refusal.STRANGER)],
)
def test_with_people_only_these_have_a_role_whatever_they_are_in_telegram(person, expected):
    assert role_of(actor(person), NAMED, HOME, Membership.ADMINISTRATOR) is expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (actor(1087968824, sender_chat_id=HOME, is_bot=True), Refusal.ANONYMOUS),
        (actor(7, sender_chat_id=HOME), Refusal.ANONYMOUS),
        (actor(136817688, sender_chat_id=-555, is_bot=True), Refusal.CHANNEL),
        (actor(777000, sender_chat_id=-555), Refusal.CHANNEL),
        (actor(777000), Refusal.CHANNEL),
        (actor(7, sender_chat_id=-555), Refusal.CHANNEL),
        (actor(None), Refusal.CHANNEL),
        (actor(8, is_bot=True), Refusal.BOT),
        (actor(7, STRANGE), Refusal.ELSEWHERE),
        (actor(3, STRANGE), Refusal.ELSEWHERE),
        (actor(1087968824, STRANGE), Refusal.ELSEWHERE),
    ],
)
@pytest.mark.parametrize("config", [OPEN, NAMED])
def test_whoever_is_no_person_or_in_no_known_chat_has_no_role_fault_41(who, expected, config):
    assert role_of(who, config, HOME, Membership.ADMINISTRATOR) is expected
    assert not needs_membership(who, config, HOME)


def test_a_person_who_was_named_by_mistake_as_telegrams_own_account_stays_nobody_fault_41():
    config = Config(people={1087968824: Role.ADMIN})
    assert role_of(actor(1087968824), config, HOME) is Refusal.ANONYMOUS


def test_telegram_is_asked_for_membership_only_where_it_decides():
    assert needs_membership(actor(7), OPEN, HOME)
    assert needs_membership(actor(7, chat=7), OPEN, HOME)
    assert not needs_membership(actor(7), NAMED, HOME)


@pytest.mark.parametrize(
    ("role", "action", "own", "expected"),
    [
        (Role.VIEWER, Action.READ, False, None),
        (Role.VIEWER, Action.RUN, False, Refusal.VIEWER),
        (Role.VIEWER, Action.CHANGE, False, Refusal.VIEWER),
        (Role.VIEWER, Action.CHANGE, True, Refusal.VIEWER),
        (Role.RUNNER, Action.READ, False, None),
        (Role.RUNNER, Action.RUN, False, None),
        (Role.RUNNER, Action.CHANGE, True, None),
        (Role.RUNNER, Action.CHANGE, False, Refusal.NOT_YOURS),
        (Role.ADMIN, Action.READ, False, None),
        (Role.ADMIN, Action.RUN, False, None),
        (Role.ADMIN, Action.CHANGE, False, None),
    ],
)
def test_what_a_role_may_do(role, action, own, expected):
    assert refuse(role, action, own=own) is expected


DEMO = Repo("demo", read_configured("https://github.com/acme/demo"))
SAFE = Repo("safe", read_configured("https://git.example/team/safe"), RepoOptions(protected=True))
LISTED = Config(repos={"demo": DEMO, "safe": SAFE})
GUARDED = Config(defaults=RepoOptions(protected=True))


@pytest.mark.parametrize(
    ("config", "written", "viewer", "runner", "admin"),
    [
        (LISTED, "demo", Refusal.VIEWER, None, None),
        (LISTED, "acme/demo", Refusal.VIEWER, None, None),
        (LISTED, "git@github.com:ACME/demo.git", Refusal.VIEWER, None, None),
        (LISTED, "safe", Refusal.VIEWER, Refusal.REPO_PROTECTED, None),
        (LISTED, "https://git.example/team/safe", Refusal.VIEWER, Refusal.REPO_PROTECTED, None),
        (LISTED, "other/repo", Refusal.VIEWER, Refusal.REPO_NOT_NAMED, None),
        (LISTED, "https://git.example/team/x", Refusal.VIEWER, *[Refusal.OTHER_HOST] * 2),
        (Config(), "other/repo", Refusal.VIEWER, None, None),
        (Config(), "https://gitlab.com/a/b", Refusal.VIEWER, *[Refusal.OTHER_HOST] * 2),
        (GUARDED, "other/repo", Refusal.VIEWER, Refusal.REPO_PROTECTED, None),
    ],
)
def test_which_repos_a_role_may_run_fault_39(config, written, viewer, runner, admin):
    target = find(written, config, GITHUB)
    decisions = [refuse_repo(role, target, config) for role in Role]
    assert decisions == [viewer, runner, admin]
