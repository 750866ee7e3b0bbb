"""The grammar of commands."""

from __future__ import annotations

import pytest

from bot.config_file import parse
from bot.mistake import Mistake
from bot.options import Options
from bot.parse import (
    Command,
    LogsRequest,
    LogView,
    RunRequest,
    pick_run,
    read_clean,
    read_command,
    read_logs,
    read_one_run,
    read_run,
    to_task,
)
from sandbox.task import Task

GITHUB = "https://github.com"
CONFIG = parse(
    """
repos:
  demo: https://github.com/acme/demo
  api: {url: https://git.example/team/api, branch: develop, timeout: 2h, pr: true, memory: 8Gi, image: "box:1"}
defaults: {timeout: 30m, cpu: 2, services: [postgres]}
images: ["ghcr.io/acme/*"]
"""
)


def run(arguments: str, reply_text: str | None = None) -> RunRequest:
    return read_run(arguments, CONFIG, GITHUB, reply_text)


def mistake(arguments: str, reply_text: str | None = None) -> Mistake:
    with pytest.raises(Mistake) as caught:
        run(arguments, reply_text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/run demo x", Command("run", "demo x")),
        ("/RUN demo x", Command("run", "demo x")),
        ("/run@our_bot demo x", Command("run", "demo x")),
        ("/run@Our_Bot demo x", Command("run", "demo x")),
        ("/run\ndemo\nx ", Command("run", "demo\nx ")),
        ("/run", Command("run", "")),
        ("/run ", Command("run", "")),
        ("/run@our_bot", Command("run", "")),
        ("/run@other demo x", None),
        ("/run@our_bot2 demo x", None),
        ("/run@ demo x", None),
        ("/run, demo", None),
        (" /run demo", None),
        ("run demo", None),
        ("/", None),
        ("", None),
        ("please /run demo x", None),
    ],
)
def test_a_command_is_for_this_bot_or_for_nobody_fault_38(text, command):
    assert read_command(text, "our_bot") == command


@pytest.mark.parametrize(
    ("written", "prompt"),
    [
        ("demo add a farewell", "add a farewell"),
        ('demo "add a farewell"', "add a farewell"),
        ("demo “add a farewell”", "add a farewell"),
        ("demo „add a farewell“", "add a farewell"),
        ("demo „add a farewell”", "add a farewell"),
        ("demo ”add a farewell”", "add a farewell"),
        ("demo «add a farewell»", "add a farewell"),
        ("demo »add a farewell«", "add a farewell"),
        ("demo 'add a farewell'", "add a farewell"),
        ("demo ‘add a farewell’", "add a farewell"),
        ("demo ‚add a farewell‘", "add a farewell"),
        ('demo "add a farewell”', "add a farewell"),
        ('demo “add a farewell"', "add a farewell"),
        ("demo “add a farewell“", "add a farewell"),
        ("demo\nadd\n\n  a farewell\n", "add\n\n  a farewell"),
        ('demo "add\n\n  a farewell\n"', "add\n\n  a farewell\n"),
        ("demo don't break", "don't break"),
        ("demo 'don't break'", "don't break"),
        ("demo ‘don’t break’", "don’t break"),
        ("demo “say “hi” twice”", "say “hi” twice"),
        ("demo say “hi” twice", "say “hi” twice"),
        ('demo say "hi', 'say "hi'),
        ("demo `rm` it", "`rm` it"),
        ('demo -- "hi" and "ho"', '"hi" and "ho"'),
        ("demo -- --pr is broken", "--pr is broken"),
        ("demo -- fix --pr", "fix --pr"),
        ("demo explain --pr please", "explain --pr please"),
        ("demo - fix this\n- and that", "- fix this\n- and that"),
        ("demo — fix this", "— fix this"),
        ("demo @everyone look", "@everyone look"),
        ("demo \u202eright \u200bzero", "\u202eright \u200bzero"),
        ("demo\u00a0add it", "add it"),
    ],
)
def test_the_task_is_what_the_person_wrote_fault_38(written, prompt):
    assert run(written).prompt == prompt


@pytest.mark.parametrize(
    ("written", "reply_text", "prompt"),
    [
        ("demo", "fix the login", "fix the login"),
        ("demo --pr", " fix\nit \n", "fix\nit"),
        ("demo", '"in quotes" it stays', '"in quotes" it stays'),
        ('demo ""', "fix the login", "fix the login"),
        ("demo --", "fix the login", "fix the login"),
        ("demo do this", "fix the login", "do this"),
    ],
)
def test_without_a_task_the_message_replied_to_is_the_task(written, reply_text, prompt):
    assert run(written, reply_text).prompt == prompt


def test_repo_branch_and_options_stand_before_the_task():
    request = run("acme/demo@fix/1 --timeout 5m —model=opus --no-pr “do it”")
    assert request.target.name == "demo"
    assert request.target.branch == "fix/1"
    assert request.options == Options(timeout_seconds=300, model="opus", pull_request=False)
    assert request.prompt == "do it"


@pytest.mark.parametrize(
    ("written", "part", "example"),
    [
        ("", "Say which repo", '/run demo "add a farewell"'),
        ("  \n ", "Say which repo", '/run demo "add a farewell"'),
        ("demo", "Say what to do", '/run demo "add a farewell"'),
        ("api@x --pr", "Say what to do", '/run api@x --pr "add a farewell"'),
        ('demo ""', "Say what to do", '/run demo "add a farewell"'),
        ("demo “  ”", "Say what to do", '/run demo "add a farewell"'),
        ("demo --", "Say what to do", "/run demo -- add a farewell"),
        ("dmeo add it", "Did you mean demo?", "/run demo add it"),
        ("dmeo@x “add it”", "Did you mean demo?", "/run demo@x “add it”"),
        ("dmeo add\nit", "Did you mean demo?", '/run demo "add a farewell"'),
        ("appi " + "x" * 300, "Did you mean api?", '/run api "add a farewell"'),
        ("add a farewell", "There are: api, demo.", '/run demo "add a farewell"'),
        ('"add it"', "Name the repo before", '/run demo "add it"'),
        ("--pr demo add it", "repo comes before the options", "/run demo --pr add it"),
        ("—timeout 5m demo “add it”", "repo comes before", "/run demo —timeout 5m “add it”"),
        ('demo "add it', "isn't closed", '/run demo "add it"'),
        ("demo “add it", "isn't closed", "/run demo “add it”"),
        ("demo „add it", "isn't closed", "/run demo „add it“"),
        ("demo 'don't", "isn't closed", "/run demo 'don't'"),
        ('demo "', "isn't closed", '/run demo "add a farewell"'),
        ('demo "a" and "b"', "after the closing quote", '/run demo -- "a" and "b"'),
        ("demo “a”, then b", "after the closing quote", "/run demo -- “a”, then b"),
        ('demo --pr "a" b', "after the closing quote", '/run demo --pr -- "a" b'),
        ('demo "add it" --pr', "Options come before the task", '/run demo --pr "add it"'),
        ("demo add it --pr", "Options come before the task", "/run demo --pr add it"),
        ("demo --pr add it —cpu 2", "Options come before", "/run demo --pr —cpu 2 add it"),
        ("demo --timout 5m add it", "Did you mean --timeout?", "/run demo --timeout 5m add it"),
        ("demo --frob add it", "There are --timeout", "/run demo -- --frob add it"),
        ("demo --cpu 99 add it", "from 100m to 32", "/run demo --cpu 2 add it"),
        ("demo --image evil/x add it", "Allowed: ghcr.io/acme/*.", '/run demo "add a farewell"'),
        ("demo@ x", "no branch after the @", '/run demo "add a farewell"'),
        ("demo@a..b x", "Git knows no branch", '/run demo "add a farewell"'),
        ("demo add\x00it", "no program can take", "/run demo addit"),
        ("demo add\ud83dit", "no program can take", "/run demo addit"),
        ("../x add it", "path of a machine", '/run demo "add a farewell"'),
        ("https://github.com/a/b/tree/c/d do", "page of a repo", "/run a/b@c/d do"),
    ],
)
def test_a_mistake_says_what_is_wrong_and_gives_a_line_that_works_fault_38(written, part, example):
    error = mistake(written)
    assert part in error.what
    assert error.example == example
    run(example.removeprefix("/run "))


def test_a_secret_in_the_repo_is_in_no_part_of_the_answer_fault_39():
    for written in (
        "https://me:pa55w0rd@github.com/a/b do",
        "pa55w0rd@github.com/a/b do",
        "me:pa55w0rd@github.com do",
        "https://pa55w0rd@github.com/a/b",
    ):
        assert "pa55w0rd" not in str(mistake(written))


def test_a_character_that_no_program_can_take_is_refused_in_a_reply_too():
    assert "reply to" in mistake("demo", "a\x00b").what


def test_without_named_repos_the_example_names_owner_and_name():
    with pytest.raises(Mistake) as caught:
        read_run("", parse(""), GITHUB)
    assert caught.value.example == '/run owner/name "add a farewell"'


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--memory 16Gi", None),
        ("--memory 17Gi", "--memory takes 16Gi at most here."),
        ("--memory 16385Mi", "--memory takes 16Gi at most here."),
        ("--cpu 7500m", None),
        ("--cpu 8.5", "--cpu takes 8 at most here."),
        ("--timeout 4h", None),
        ("--timeout 4h1m", "--timeout takes 4 h at most here."),
    ],
)
def test_more_than_the_operator_allows_is_refused_with_how_much_that_is(option, said):
    config = parse(
        'repos: {demo: "https://github.com/a/b"}\nrunLimits: {memory: 16Gi, cpu: 8, timeout: 4h}'
    )
    try:
        request = read_run(f"demo {option} do it", config, GITHUB)
    except Mistake as error:
        assert error.what == said
    else:
        assert said is None
        assert request.prompt == "do it"


def test_no_image_may_be_chosen_where_the_config_names_none():
    with pytest.raises(Mistake, match="You can't choose an image here"):
        read_run("a/b --image x:1 do", parse(""), GITHUB)


@pytest.mark.parametrize(
    ("written", "task"),
    [
        (
            "demo do it",
            Task("https://github.com/acme/demo", "do it", "demo", None, 1800, cpu="2", services=("postgres",)),
        ),
        (
            "api do it",
            Task(
                "https://git.example/team/api", "do it", "api", "develop", 7200, pull_request=True, memory="8Gi",
                cpu="2", image="box:1", services=("postgres",), trusted_base="develop", trusts_branch=True,
            ),
        ),
        (
            "api@fix --no-pr --timeout 1m --memory 1Gi --cpu 4 --model opus --budget 2 --image ghcr.io/acme/b do it",
            Task(
                "https://git.example/team/api", "do it", "api", "fix", 60, "opus", 2.0, False, "1Gi", "4",
                "ghcr.io/acme/b", ("postgres",), trusted_base="develop",
            ),
        ),
        (
            "other/repo@x --pr do it",
            Task(
                "https://github.com/other/repo.git", "do it", "other/repo", "x", 1800, pull_request=True, cpu="2",
                services=("postgres",),
            ),
        ),
    ],
)  # fmt: skip
def test_a_persons_options_win_over_the_repos_and_these_over_the_defaults(written, task):
    assert to_task(run(written), CONFIG) == task


@pytest.mark.parametrize(
    ("config", "written", "base", "trusted"),
    [
        ("repos: {a: https://x.example/r}", "a do", None, False),
        ("repos: {a: https://x.example/r}", "a@b do", None, False),
        ("repos: {a: {url: https://x.example/r, branch: b}}", "a do", "b", True),
        ("repos: {a: {url: https://x.example/r, branch: b}}", "a@b do", "b", True),
        ("repos: {a: {url: https://x.example/r, branch: b}}", "a@c do", "b", False),
        ("repos: {a: {url: https://x.example/r, trust: branch}}", "a@c do", None, True),
        ("defaults: {trust: branch}\nrepos: {a: {url: https://x.example/r, trust: base}}", "a@c do", None, False),
        ("defaults: {trust: branch}", "o/r@c do", None, True),
    ],
)  # fmt: skip
def test_only_the_configs_own_branch_and_a_trusted_one_may_configure_the_agent(
    config, written, base, trusted
):
    task = to_task(read_run(written, parse(config), GITHUB), parse(config))
    assert (task.trusted_base, task.trusts_branch) == (base, trusted)


def test_without_any_config_a_task_has_an_hour_and_no_pull_request():
    task = to_task(read_run("a/b do it", parse(""), GITHUB), parse(""))
    assert task == Task("https://github.com/a/b.git", "do it", "a/b")


@pytest.mark.parametrize(
    ("written", "request_"),
    [
        ("", LogsRequest(None)),
        ("50", LogsRequest(None, lines=50)),
        ("file", LogsRequest(None, LogView.FILE)),
        ("ab", LogsRequest("ab")),
        ("22222222", LogsRequest("22222222")),
        ("#AB2C 50", LogsRequest("ab2c", lines=50)),
        (" abcdefgh\n2000 ", LogsRequest("abcdefgh", lines=2000)),
        ("ab errors", LogsRequest("ab", LogView.ERRORS)),
        ("ab Follow", LogsRequest("ab", LogView.FOLLOW)),
        ("grep file", LogsRequest(None, LogView.GREP, word="file")),
        ("ab grep  [a-z]* “two  words” ", LogsRequest("ab", LogView.GREP, word="[a-z]* “two  words”")),
        ("ab phase Agent", LogsRequest("ab", LogView.PHASE, word="agent")),
        ("ab sidecar postgres", LogsRequest("ab", LogView.SIDECAR, word="postgres")),
        ("sidecar redis-sidecar", LogsRequest(None, LogView.SIDECAR, word="redis")),
    ],
)  # fmt: skip
def test_logs_takes_a_run_or_none_and_what_of_its_log_is_wanted(written, request_):
    assert read_logs(written) == request_


@pytest.mark.parametrize(
    ("written", "example"),
    [
        ("run-1", "/jobs"),
        ("abcdefghi", "/jobs"),
        ("ab1", "/jobs"),
        ("0", "/logs 50"),
        ("ab x", "/logs ab 50"),
        ("ab 0", "/logs ab 50"),
        ("ab 2001", "/logs ab 50"),
        ("ab ٥", "/logs ab 50"),
        ("ab 5 6", "/logs ab 50"),
        ("ab folow", "/logs ab follow"),
        ("ab sidcar", "/logs ab sidecar postgres"),
        ("ab follow me", "/logs ab follow"),
        ("ab grep", "/logs ab grep error"),
        ("grep", "/logs grep error"),
        ("ab phase", "/logs ab phase agent"),
        ("ab phase clon", "/logs ab phase clone"),
        ("ab sidecar", "/logs ab sidecar postgres"),
        ("ab sidecar ../x", "/logs ab sidecar postgres"),
    ],
)
def test_a_wrong_logs_is_told_with_a_line_that_works(written, example):
    with pytest.raises(Mistake) as caught:
        read_logs(written)
    assert caught.value.example == example
    if example.startswith("/logs"):
        read_logs(example.removeprefix("/logs"))


def test_cancel_and_retry_take_one_run():
    assert read_one_run(" #Ab ", "cancel") == "ab"
    with pytest.raises(Mistake, match="One run") as caught:
        read_one_run("ab cd", "retry")
    assert caught.value.example == "/retry ab"
    with pytest.raises(Mistake, match="which run"):
        read_one_run(" ", "cancel")


def test_clean_takes_any_number_of_runs():
    assert read_clean("") == ()
    assert read_clean("ab CD\nab") == ("ab", "cd")
    with pytest.raises(Mistake):
        read_clean("ab ../cd")


def test_the_beginning_of_an_id_picks_its_run_fault_42():
    runs = ["abcdefgh", "abzzzzzz", "ab", "cdefghij"]
    assert pick_run("cd", runs, "logs") == "cdefghij"
    assert pick_run("abz", runs, "logs") == "abzzzzzz"
    assert pick_run("ab", runs, "logs") == "ab"


def test_an_ambiguous_beginning_names_the_runs_and_a_line_to_tap_fault_42():
    with pytest.raises(Mistake) as caught:
        pick_run("ab", ["abzzzzzz", "abcdefgh", "cdefghij"], "cancel")
    assert "abcdefgh, abzzzzzz." in caught.value.what
    assert caught.value.example == "/cancel abcdefgh"


def test_very_many_matches_are_cut_fault_42():
    with pytest.raises(Mistake) as caught:
        pick_run("ab", [f"ab{letter}" * 2 for letter in "cdefghijk"], "logs")
    assert caught.value.what.count(",") == 5
    assert "…" in caught.value.what


def test_an_unknown_run_leads_to_the_list_fault_42():
    with pytest.raises(Mistake) as caught:
        pick_run("zz", ["abcdefgh"], "logs")
    assert caught.value.example == "/jobs"
