"""Why a Run failed, in words: one plain sentence and one next step for each cause."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from runs.outcome import Ending, Outcome, Seen
from sandbox.report import Cause
from sandbox.task import Task


@dataclass(frozen=True, slots=True)
class Explanation:
    """`sentence` says what happened, `advice` what a person can do; both are plain text. `advice` "" asks for nothing."""

    sentence: str
    advice: str


def explain(outcome: Outcome, task: Task, run_id: str = "") -> Explanation:
    """Return the words for a Run that didn't end well; what stands in `…` is to be shown as code."""
    cause = outcome.cause
    if cause is None:
        return Explanation(
            "It failed and left no reason.", "Look at the log, then send the task again."
        )
    sentence, advice = _WORDS[cause]
    if advice.startswith(_LOOK) and outcome.report and outcome.report.pushed:
        advice = advice.replace(_LOOK, _GO_ON)
    known = _known(outcome, task) | _known_of_place(outcome, run_id)
    return Explanation(_filled(sentence, known), _filled(advice, known))


def seen_in_log(outcome: Outcome, log: str) -> Outcome:
    """Return the Outcome with a cause that only the log tells: some runtimes say there alone why a program didn't start."""
    if outcome.cause is Seen.EXIT_CODE and log.rstrip().endswith("exec format error"):
        return replace(outcome, cause=Seen.EXEC_FORMAT)
    return outcome


def _known(outcome: Outcome, task: Task) -> dict[str, str]:
    return {
        "<branch>": task.branch or "the default branch",
        "<repo>": task.repo_name or task.repo_url,
        "<timeout>": duration(task.timeout_seconds),
        "<budget>": "" if task.budget_usd is None else f" of ${task.budget_usd:g}",
        "<model>": task.model or (outcome.report and outcome.report.model) or "the default model",
        "<code>": str(outcome.exit.code if outcome.exit else "?"),
        "<signal>": str(outcome.exit.signal if outcome.exit and outcome.exit.signal else 9),
    }


def _known_of_place(outcome: Outcome, run_id: str) -> dict[str, str]:
    """Return how the run and the container beside it are called that the words are about."""
    container = _CONTAINER.match(outcome.error or "")
    return {
        "<run> ": f"{run_id} " if run_id else "",
        "<run>-": f"{run_id}-" if run_id else "",
        "<service>": container[1] if container else "NAME",
        "<whose>": container[0].rstrip(":") if container else "the run",
    }


def _filled(text: str, known: dict[str, str]) -> str:
    """Replace our own few placeholders in one pass; never `str.format`, since a task may hold braces, or a placeholder."""
    return _PLACEHOLDER.sub(lambda found: known.get(found[0], found[0]), text)


def is_proved_by_log(outcome: Outcome) -> bool:
    """Say whether the log has to show what happened: where nothing else does, or only how it was seen to end."""
    if outcome.ending is Ending.FINISHED:
        return True
    if outcome.ended_well or outcome.ending is Ending.CANCELLED:
        return False
    return not outcome.error or outcome.cause in _SEEN_TO_END


def duration(seconds: float) -> str:
    """Return a time as people say it: "42 s", "3 min 5 s", "2 h 10 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


_SEEN_TO_END = (
    Cause.AGENT_FAILED,
    Cause.AGENT_SILENT,
    Cause.AGENT_KILLED,
    Cause.AGENT_HANGS,
    Cause.DEADLINE,
    Seen.KILLED,
    Seen.LOST,
    Seen.OUT_OF_MEMORY,
    Seen.DEADLINE_BY_CLUSTER,
    Seen.FORGED_REPORT,
)
"""Their error says that it ended, or what was printed last; why, the log may say before that."""

_CONTAINER = re.compile("([a-z0-9-]+)-sidecar:")
_PLACEHOLDER = re.compile("<run>[ -]|<[a-z]+>")

_LOOK = "Look for a branch claude/<run>-…,"
_GO_ON = "Go on from what it had,"
_LOG_OF_SERVICE = (
    "Its log says why: `/logs <run> sidecar <service>`; then check the repo's services."
)

_KEY = "An admin renews the key; then send the task again."

_WORDS: dict[Cause | Seen, tuple[str, str]] = {
    Cause.BAD_ENVIRONMENT: (
        "The sandbox was started with settings that it can't use.",
        "That is a fault of the installation: show these lines to an admin.",
    ),
    Cause.TOOLS_MISSING: (
        "The image or machine of the run lacks python3 (3.10 or newer) or git.",
        "Choose an image that has both, or leave --image out; on a machine an admin installs them.",
    ),
    Cause.UNPROTECTED: (
        "No network policy kept the run away from the cluster's own API, so nothing of the repository was run.",
        "An admin installs the network policies, or sets `gate: warn` in the config.",
    ),
    Cause.BROKER: (
        "The broker, which holds the run's keys, couldn't be reached.",
        "Send the task again; if it happens again, an admin looks at the container `broker`.",
    ),
    Cause.CLONE_AUTH: (
        "The repository refused the git token, or there is none.",
        "An admin checks that GITHUB_TOKEN is valid and may read <repo>.",
    ),
    Cause.CLONE_NOT_FOUND: (
        "The repository <repo> isn't there, or the git token may not see it.",
        "Check the name; for a private repository an admin gives the token access to it.",
    ),
    Cause.CLONE_BRANCH: (
        "There is no branch <branch> in <repo>.",
        "Check the branch's name, or leave it out for the default branch.",
    ),
    Cause.CLONE_NETWORK: (
        "The repository's server couldn't be reached.",
        "Try again in a few minutes; nothing was changed.",
    ),
    Cause.CLONE_TIMEOUT: (
        "The time limit ran out before the clone was done.",
        "Try again in a few minutes; a large repository needs a longer --timeout than <timeout>.",
    ),
    Cause.CLONE_FAILED: (
        "The repository couldn't be cloned.",
        "Git's own words say why; the rest: 📎\u00a0Full log",
    ),
    Cause.DECRYPT_FAILED: (
        "The repository's secrets couldn't be decrypted.",
        "An admin puts the age key that they are encrypted for into the secret age-key.",
    ),
    Cause.SERVICE_UNREACHABLE: (
        "A service that the run needs can't be reached.",
        _LOG_OF_SERVICE,
    ),
    Cause.SETUP_FAILED: (
        "The repository's own setup failed.",
        "Fix it in the repository: .claude-sandbox/setup, or setup: in .claude-sandbox.yaml",
    ),
    Cause.AGENT_MISSING: (
        "The agent's program isn't installed where the run was.",
        "An admin installs Claude Code there: npm install -g @anthropic-ai/claude-code",
    ),
    Cause.AGENT_FAILED: ("The agent failed.", "Its last words say why; the rest: 📎\u00a0Full log"),
    Cause.AGENT_SILENT: (
        "The agent ended without saying how.",
        "Look at the log, then send the task again.",
    ),
    Cause.AGENT_KILLED: (
        "The agent was killed from outside.",
        "Often memory ran out. Send the task again, perhaps with --memory 8Gi.",
    ),
    Cause.AGENT_HANGS: (
        "The agent said nothing for too long, so it was ended.",
        "Often one of its commands waits for input. Say in the task what to leave out, and send it again.",
    ),
    Cause.LOGIN: (
        "The agent isn't logged in to its model.",
        "An admin sets CLAUDE_CODE_OAUTH_TOKEN (from `claude setup-token`) or ANTHROPIC_API_KEY.",
    ),
    Cause.LOGIN_EXPIRED: (
        "The agent's login to its model has expired.",
        "An admin makes a new CLAUDE_CODE_OAUTH_TOKEN with `claude setup-token`; then send the task again.",
    ),
    Cause.API_AUTH: ("The model's API refused the key (401).", _KEY),
    Cause.API_FORBIDDEN: (
        "The model's API doesn't let our key do this (403).",
        "An admin checks what the key may use.",
    ),
    Cause.API_NOT_FOUND: (
        "The model's API doesn't know <model> (404).",
        "Check --model, or leave it out.",
    ),
    Cause.API_RATE_LIMIT: (
        "The model's API takes no more requests from us for now (429).",
        "Wait some minutes, then send the task again.",
    ),
    Cause.API_OVERLOADED: (
        "The model's API is overloaded (529), and stayed so over all retries.",
        "That is usually over in minutes: send the task again.",
    ),
    Cause.API_ERROR: (
        "The model's API failed, and stayed so over all retries.",
        "Send the task again in some minutes.",
    ),
    Cause.BUDGET: (
        "The agent used up its budget<budget>.",
        "Send the task again with a higher --budget, or in smaller parts.",
    ),
    Cause.TURNS: ("The agent reached its limit of turns.", "Send the task again in smaller parts."),
    Cause.DEADLINE: (
        "The time limit of <timeout> ran out before the agent was done.",
        "Send the task again with a longer --timeout, or in smaller parts.",
    ),
    Cause.CANCELLED: ("It was stopped.", "Send the task again when you want it."),
    Cause.PUSH_AUTH: (
        "The work is done, but the git token may not push to <repo>.",
        "An admin gives GITHUB_TOKEN the right to write; then send the task again.",
    ),
    Cause.PUSH_REFUSED: (
        "The work is done, but the repository refused the push.",
        "The server's own words say why; its rules have to allow branches claude/*.",
    ),
    Cause.PUSH_FAILED: (
        "The work is done, but it couldn't be pushed.",
        "Send the task again when the repository's server can be reached.",
    ),
    Cause.DISK_FULL: (
        "The disk was full.",
        "An admin makes room where the runs live; then send the task again.",
    ),
    Cause.READ_ONLY: (
        "The run may not write where it works.",
        "An admin gives it a /workspace that can be written to.",
    ),
    Cause.INTERNAL: (
        "The sandbox program itself failed. That is our mistake.",
        "Show these lines to an admin; sending the task again may work.",
    ),
    Seen.KILLED: (
        "The run was killed from outside (signal <signal>).",
        "Often the machine ran out of memory. Send the task again.",
    ),
    Seen.LOST: (
        "The run vanished: the machine restarted, or somebody killed it.",
        f"{_LOOK} or send the task again.",
    ),
    Seen.NO_REPORT: (
        "The run ended without saying how.",
        "Look at 📎\u00a0Full log, then send the task again.",
    ),
    Seen.EXIT_CODE: (
        "The image's own program failed (exit code <code>).",
        "Its last lines say why; the rest: 📎\u00a0Full log",
    ),
    Seen.FORGED_REPORT: (
        "The run's report and its exit code contradict each other, so neither is believed.",
        "Look at the log and at the repository's branches before you go on.",
    ),
    Seen.NOT_STARTED: (
        "The run couldn't be started.",
        "An admin fixes what these words name; then send the task again.",
    ),
    Seen.ENTRYPOINT_MISSING: (
        "The image lacks the program that it should start.",
        "Choose another image, or leave --image out.",
    ),
    Seen.EXEC_FORMAT: (
        "The image's program is made for another kind of machine.",
        "Build the image for the cluster's machines (amd64 or arm64), or leave --image out.",
    ),
    Seen.WAITED_TOO_LONG: (
        "It waited too long for a free place.",
        "Send it again when less is going on: /jobs shows it.",
    ),
    Seen.OUT_OF_MEMORY: (
        "The run needed more memory than it may have, and was killed for it.",
        "Send the task again with more, such as --memory 8Gi, or in smaller parts.",
    ),
    Seen.IMAGE_PULL: (
        "The image of <whose> couldn't be pulled.",
        "Check the image's name and tag, and that the cluster reaches its registry.",
    ),
    Seen.IMAGE_NAME: (
        "The image's name isn't one that can be pulled.",
        "Check it: names are in lower case, such as ghcr.io/owner/name:tag.",
    ),
    Seen.IMAGE_REFUSED: (
        "The registry doesn't let the cluster pull the image of <whose>.",
        "Check the image's name; or an admin names a secret that may pull it in imagePullSecrets.",
    ),
    Seen.MISSING_SECRET: (
        "A secret that the run needs isn't in the cluster.",
        "An admin creates it; then send the task again.",
    ),
    Seen.MISSING_KEY: (
        "A secret that the run needs lacks a key.",
        "An admin adds the key to the secret; then send the task again.",
    ),
    Seen.MISSING_VOLUME: (
        "A volume of the run couldn't be mounted.",
        "An admin fixes what these words name; then send the task again.",
    ),
    Seen.BROKER_FAILED: (
        "The broker, which holds the run's keys, doesn't start.",
        "An admin looks at CLAUDE_IMAGE: one with a program of its own stands under `entrypoints` in the config.",
    ),
    Seen.SERVICE_FAILED: (
        "A service beside the agent doesn't start.",
        "Its last lines say why; check the repo's services.",
    ),
    Seen.SERVICE_OUT_OF_MEMORY: (
        "A service beside the agent needs more memory than it may have.",
        "An admin gives it more in the Job's template.",
    ),
    Seen.SERVICE_NOT_READY: (
        "A service beside the agent runs, but never got ready.",
        _LOG_OF_SERVICE,
    ),
    Seen.UNSCHEDULABLE: (
        "No machine of the cluster has room for the run.",
        "Ask for less with --memory or --cpu, or an admin adds a machine.",
    ),
    Seen.NO_MACHINE_FITS: (
        "No machine of the cluster may take the run, however much room it has.",
        "An admin compares the Job's template with the machines: labels, taints, volumes.",
    ),
    Seen.POD_REFUSED: (
        "The cluster refuses the run's Pod.",
        "An admin fixes what these words name; then send the task again.",
    ),
    Seen.POD_SECURITY: (
        "The cluster's Pod Security refuses what the run's Pod asks for.",
        "An admin takes that out of the Job's template, or lets the namespace have it.",
    ),
    Seen.QUOTA: (
        "The cluster's quota was used up for too long.",
        "Send the task again when less is going on, or an admin raises the quota.",
    ),
    Seen.DEADLINE_BY_CLUSTER: (
        "The time limit ran out and the run didn't end by itself, so the cluster ended it.",
        "Send the task again with a longer --timeout than <timeout>, or in smaller parts.",
    ),
    Seen.EVICTED: (
        "The run had to leave its machine, which ran short of something or is being emptied.",
        f"{_LOOK} or send the task again.",
    ),
    Seen.PREEMPTED: (
        "Something more important took the run's place on its machine.",
        f"{_LOOK} or send the task again when less is going on.",
    ),
    Seen.DISK_LIMIT: (
        "The run wrote more than its disk may hold, and was ended for it.",
        "Send the task again in smaller parts, or an admin raises the limit in the Job's template.",
    ),
    Seen.NODE_GONE: (
        "The machine that the run was on went away.",
        f"{_LOOK} or send the task again.",
    ),
    Seen.POD_DELETED: (
        "Somebody deleted the run's Pod.",
        f"{_LOOK} or send the task again.",
    ),
    Seen.JOB_DELETED: (
        "Somebody deleted the run before it could end.",
        f"{_LOOK} or send the task again.",
    ),
    Seen.UNKNOWN: (
        "The cluster says something that I don't know; these are its own words.",
        "",
    ),
}
