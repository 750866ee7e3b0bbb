"""Any message: it is a request or a Mistake, and what becomes of it is never an option of a program."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from bot.access import refuse_repo
from bot.answers import mistake as told
from bot.config import Role
from bot.config_file import parse
from bot.invisible import invisible
from bot.mistake import Mistake
from bot.parse import read_clean, read_command, read_logs, read_one_run, read_run, to_task
from sandbox.agents.choose import choose
from sandbox.clone import CloneFailed, check_url, make_clone
from sandbox.git import Git
from sandbox.guidance import Guidance
from sandbox.keys import Keys
from sandbox.task import BadEnvironment, Task, from_environment, to_environment
from tests.fuzz.fuzzing import WATCH, check_markup, fuzzed, texts

GITHUB = "https://github.com"
CONFIG = parse(
    "repos: {demo: https://github.com/acme/demo, shop: {url: https://git.example/team/api, branch: dev}}\n"
    'images: ["ghcr.io/*"]'
)
KEYS = Keys(git_token="ghp_x", model=("ANTHROPIC_API_KEY", "k"), secrets=())

commands = st.one_of(
    texts,
    st.builds(
        "/{}{} {}{}{}".format,
        st.sampled_from(["run", "logs", "cancel", "retry", "clean", "RUN", "help"]),
        st.sampled_from(["", "@me", "@other"]),
        st.sampled_from(["demo", "shop", "owner/name", "demo@b", "a b c", "abcd2345", ""]),
        st.sampled_from([" ", "\n", "  --pr ", " --budget=2 ", " -- ", ""]),
        texts,
    ),
)


class ArgumentsOfGit(Git):
    """Takes the arguments of git commands instead of running them."""

    def run(self, *arguments: str, **_: object) -> str:
        taken.append(list(arguments))
        return "0" * 40 + "\nmain" if arguments[0] == "rev-parse" else ""


taken: list[list[str]] = []
OWN = ("--quiet", "--single-branch", "--no-tags", "--template=", "--origin=origin")


def arguments_of_clone(task: Task, folder: str) -> list[list[str]]:
    taken.clear()
    git = ArgumentsOfGit("git", folder, {}, 0.0)
    make_clone(git, KEYS, task, "claude/abcd2345-x")
    return list(taken)


@fuzzed(commands, st.none() | texts)
def test_any_message_is_a_request_or_a_mistake(text: str, reply: str | None) -> None:
    with WATCH.listening():
        command = read_command(text, "me")
        if command is None:
            return
        for read in (read_logs, read_clean, lambda words: read_one_run(words, "retry")):
            try:
                read(command.arguments)
            except Mistake as mistake:
                check_mistake(mistake)
        try:
            request = read_run(command.arguments, CONFIG, GITHUB, reply)
        except Mistake as mistake:
            check_mistake(mistake)
            return
        refuse_repo(Role.RUNNER, request.target, CONFIG)
        task = to_task(request, CONFIG)
        assert task.prompt.strip() and task.prompt in (command.arguments + (reply or ""))
        assert invisible(task.prompt) == "" or invisible(task.prompt).isprintable()
        again = from_environment(to_environment(task, "abcd2345")).task
        assert (again.prompt, again.repo_url, again.branch) == (
            task.prompt,
            task.repo_url,
            task.branch,
        )


def check_mistake(mistake: Mistake) -> None:
    check_markup(told(mistake))


environments = st.fixed_dictionaries(
    {"TASK": texts, "REPO_URL": st.one_of(texts, st.just("https://github.com/a/b"))},
    optional={
        "REPO_BRANCH": texts,
        "SANDBOX_TRUSTED_BASE": texts,
        "SANDBOX_MODEL": texts,
        "SANDBOX_BUDGET": texts,
        "SANDBOX_TIMEOUT": texts,
        "SANDBOX_GATE": texts,
        "SANDBOX_PR": texts,
        "SANDBOX_AGENT": texts,
    },
)


@fuzzed(environments)
def test_no_text_of_the_environment_becomes_an_option(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> None:
    environment = {name: text.replace("\0", "") for name, text in environment.items()}
    with WATCH.listening():
        try:
            assignment = from_environment(environment)
            check_url(assignment.task.repo_url)
        except BadEnvironment:
            return
        task = assignment.task
        for guidance in (None, Guidance(None, ""), Guidance("/workspace/files", "")):
            check_agent(task, guidance)
        folder = str(tmp_path_factory.getbasetemp() / "fuzzed")
        try:
            clone, *others = arguments_of_clone(task, folder)
        except CloneFailed:
            return
    check_clone(clone, task)
    assert [arguments[0] for arguments in others] == ["rev-parse", "checkout"]


def check_agent(task: Task, guidance: Guidance | None) -> None:
    from sandbox.task import Assignment

    assignment = Assignment("abcd2345", task, "claude", "/r", "/w", guidance=guidance)
    command = choose(assignment, {"HOME": "/nonexistent"}).command()
    end = command.index("--")
    assert command[end + 1 :] == [f"<task-abcd2345>\n{task.prompt}\n</task-abcd2345>"]
    for argument in command[1:end]:
        assert argument.startswith("-") or "<task-abcd2345>" in argument or argument in KNOWN_VALUES
    models = [argument for argument in command[:end] if argument.startswith("--model")]
    assert models == ([] if task.model is None else [f"--model={task.model}"])


KNOWN_VALUES = ("stream-json",)


def check_clone(clone: list[str], task: Task) -> None:
    end = clone.index("--")
    assert clone[end + 1] == task.repo_url and len(clone) == end + 3
    options = [argument for argument in clone[1:end] if argument not in OWN]
    branch = [] if task.branch is None else [f"--branch={task.branch}"]
    assert options == [*("-c", "user.name=claude-sandbox"), "-c", options[3], *branch]
