"""What the bot says of itself: its commands and their help, the greeting, the repos. Pure: values in, markup out."""

from __future__ import annotations

from collections.abc import Sequence

from bot.config import Config, Repo, Role
from bot.explain import duration
from bot.markup import Markup, bold, code, joined, lines, link, paragraphs, plain, shortened
from bot.nearest import nearest

RUN_EXAMPLE = '/run demo "add a farewell to the greeter"'

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("start a task in a repo", RUN_EXAMPLE),
    "repos": ("the repos and their settings", "/repos"),
    "jobs": ("the runs of this chat", "/jobs"),
    "logs": ("what a run printed", "/logs errors"),
    "cancel": ("stop a run, keep its work", "/cancel"),
    "retry": ("do a run's task again", "/retry"),
    "clean": ("remove ended runs", "/clean"),
    "help": ("this list, or one command", "/help run"),
    "id": ("your id and this chat's", "/id"),
}
"""The commands: what each is for, as Telegram's menu shows it, and an example."""

_RUN_HELP = (
    ("repo", "an alias, owner/name or a URL; repo@branch for another branch"),
    ("task", "with or without quotes, as many lines as you like"),
    ("--timeout 45m", "how long it may take, up to 24h"),
    ("--budget 2.50", "dollars that the agent may spend"),
    ("--model NAME", "which model"),
    ("--pr", "open a pull request; --no-pr: don't"),
    ("--memory 8Gi --cpu 4", "how much of a cluster's machine"),
    ("--image NAME", "what it runs in, on a cluster"),
)

_LOGS_HELP = (
    ("50", "the last 50 lines; without a number 30"),
    ("errors", "what went wrong"),
    ("follow", "live, until the run ends"),
    ("file", "the whole log, as a file"),
    ("grep WORD", "the lines that have this text"),
    ("phase agent", "one phase: clone, dependencies, setup, agent, deliver"),
    ("sidecar postgres", "a service beside the run"),
)

_NAMED = "The start of an id is enough, or reply to a run's message with"

_MORE: dict[str, str] = {
    "run": "/run repo [options] task\nOr reply to a message with /run repo: its text is the task.",
    "repos": "Each with its address, its branch, what an admin has set for it, and a line to tap.",
    "jobs": "The runs of this chat with their ids: tap an id to copy it. The list keeps itself up to date for an hour. The "
    "buttons below it show a run's log, stop it or try it again.",
    "logs": f"{_NAMED} /logs. Without either, it is the newest run under way. What may follow:",
    "cancel": f"{_NAMED} /cancel. What the agent has done so far is pushed to a branch that ends in -wip.",
    "retry": f"{_NAMED} /retry, or press 🔁 Retry. It starts over, from the branch as it is now. Where that would help, "
    "another button gives it twice the memory or time, or the usual image, and ▶ goes on from what the run had pushed. "
    "Only admins can retry other people's runs.",
    "clean": "It removes your runs that have ended and been told (an admin's /clean: everybody's in this chat), and says "
    "which. Their logs are kept for 30 days. Put ids behind it to remove only these.",
    "help": "Put a command's name behind it for more about that command.",
    "id": "An admin needs these numbers for the config: chats and people.",
}


REPOS_PER_PAGE = 8


def aliases_of(config: Config) -> list[str]:
    """Return the names of the repos, those first that everybody may run who may run at all."""
    protected = {
        alias: bool(config.options_of(repo).protected) for alias, repo in config.repos.items()
    }
    return sorted(protected, key=lambda alias: (protected[alias], alias))


def example_of(aliases: Sequence[str]) -> str:
    """Return a command that works when it is sent: a repo of these, the demo's where it is one."""
    if "demo" in aliases:
        return RUN_EXAMPLE
    repo = aliases[0] if aliases else "owner/name"
    return f'/run {repo} "fix the typo in the README"'


def help_text(about: str, aliases: Sequence[str]) -> Markup:
    """Return the answer to /help, about one command if it is named."""
    name = "".join(about.split()[:1]).removeprefix("/").lower().split("@")[0]
    if name in COMMANDS:
        purpose, example = COMMANDS[name]
        parts = {"run": _RUN_HELP, "logs": _LOGS_HELP}.get(name, ())
        rows = [joined([code(word), meaning], " – ") for word, meaning in parts]
        tap = lines("For example:", code(example_of(aliases) if name == "run" else example))
        return paragraphs(f"/{name}: {purpose}.", _MORE[name], lines(*rows), tap)
    if name:
        meant = nearest(name, COMMANDS)
        hint = code(f"/help {meant}") if meant else plain("/help lists what I understand.")
        return lines(f"I don't know /{shortened(name, 40)}.", hint)
    rows = [plain(f"/{known} – {purpose}") for known, (purpose, _) in COMMANDS.items()]
    repos = (
        plain("Repos: ") + joined([code(alias) for alias in aliases[:30]], ", ")
        if aliases
        else Markup()
    )
    return paragraphs(
        "Give me a task for a repo: a coding agent works on it in a sandbox, and I tell you how it ended.",
        lines(*rows),
        repos,
        "❓ When a run asks back, reply to its message: the work goes on with your answer.",
        lines("Try:", code(example_of(aliases))),
        lines("More about a command:", code("/help run")),
    )


def greeting(name: str, aliases: Sequence[str], *, private: bool) -> Markup:
    """Return the answer to /start: who this is, and what to do next."""
    called = shortened(name, 60) if private else ""
    hello = f"Hello {called}!" if called else "Hello!"
    what = (
        "Give me a task for a repo: a coding agent works on it in a sandbox of its own, and I tell you "
        "how it ended, with the branch, the size of the change and the cost."
    )
    return paragraphs(
        f"{hello} {what}",
        lines("Send me, for example:", code(example_of(aliases))),
        lines("/repos – where I can work", "/jobs – what is going on", "/help – everything else"),
    )


def repos(config: Config, role: Role, forge: str, page: int) -> Markup:
    """Return one page of the answer to /repos, the first being 1: what each repo is, what is set, a line to tap.

    `forge` is the web address of the forge, whose repos need no name.
    """
    named = sorted(config.repos.values(), key=lambda repo: repo.alias)
    host = forge.partition("://")[2]
    if not named:
        return lines(f"Any repo of {host} that my key may read. For example:", code(example_of([])))
    shown = named[(page - 1) * REPOS_PER_PAGE : page * REPOS_PER_PAGE]
    others = (
        plain(f"Besides these you may run any repo of {host}.") if role is Role.ADMIN else Markup()
    )
    return paragraphs(*(_repo(repo, config, role) for repo in shown), others).cut()


def pages_of_repos(config: Config) -> int:
    """Return how many pages /repos has."""
    return max(1, -(-len(config.repos) // REPOS_PER_PAGE))


def _repo(repo: Repo, config: Config, role: Role) -> Markup:
    options = config.options_of(repo)
    branch = f"@{shortened(options.branch, 60)}" if options.branch else ""
    address = repo.address
    place = f"{address.host}/{address.path}" if address.host else address.url
    page = f"https://{place}" if address.url.startswith("https://") else None
    set_ = [
        options.image and shortened(options.image, 80),
        options.memory and f"{options.memory} memory",
        options.cpu and f"{options.cpu} CPU",
        options.timeout_seconds and f"at most {duration(options.timeout_seconds)}",
        options.services is not None and (", ".join(options.services) or "no services"),
        options.pull_request and "opens pull requests",
    ]
    locked = bool(options.protected)
    may = role is Role.ADMIN or (role is Role.RUNNER and not locked)
    return lines(
        joined([bold(repo.alias) + branch, "🔒 admins only" if locked else ""], " · "),
        link(shortened(place, 120), page),
        joined([str(value) for value in set_ if value], " · "),
        code(f'/run {repo.alias} "add a test"') if may else Markup(),
    )
