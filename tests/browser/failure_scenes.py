"""Ends that the demo can't be brought to, as the bot tells them: what was asked, how it ended, what was printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from runs.outcome import Ending, Exit, Outcome, Seen
from runs.run import Run
from sandbox.report import Cause, Phase, Report, Verdict
from tests.outcomes.samples import judged, read_samples

PROOF = Path(__file__).parents[1] / "data" / "proof"


@dataclass(frozen=True, slots=True)
class FailureScene:
    """A task for the repo `shop`, with its options, and its end after so many seconds; `words` are those to wait for."""

    name: str
    task: str
    words: str
    seconds: float
    outcome: Callable[[Run], Outcome]
    options: str = ""
    log: str = ""

    @property
    def command(self) -> str:
        """Return what is written in the chat."""
        return f"/run shop {self.options}{self.task}"


def words_of(sample: str) -> str:
    """Return what a real cluster said of an end."""
    outcome = judged(read_samples()[sample])
    assert outcome is not None
    assert outcome.error is not None
    return outcome.error


def printed(command: str, sample: str) -> str:
    """Return a log in which the agent runs a command that prints a real sample, as the sandbox frames it."""
    rows = (PROOF / sample).read_text("utf-8").rstrip("\n").split("\n")
    return "▶ agent claude\n" + f"│ $ {command}\n" + "".join(f"│   {row}\n" for row in rows)


def worked(run: Run, ending: Ending, cause: Cause, error: str, suffix: str = "-wip") -> Outcome:
    """Return the end of a Run whose agent had begun to work."""
    report = Report(
        run.id,
        Phase.DONE,
        Verdict.FAILED,
        branch=f"claude/{run.id}-{run.task.prompt.lower().replace(' ', '-')}{suffix}",
        base="main",
        commits=1,
        pushed=True,
        files=6,
        insertions=148,
        deletions=31,
        cost_usd=1.87,
        input_tokens=812_000,
        output_tokens=21_000,
        turns=38,
        model="claude-sonnet-4-5",
        cause=cause,
        error=error,
    )
    return Outcome(ending, report, cause, error, Exit(1))


def out_of_memory(run: Run) -> Outcome:
    """The kernel killed it."""
    how_far = Report(run.id, Phase.AGENT, base="main")
    return Outcome(Ending.FAILED, how_far, Seen.OUT_OF_MEMORY, None, Exit(137))


def deadline(run: Run) -> Outcome:
    """Its time was over."""
    error = f"the time of {run.task.timeout_seconds} seconds was over"
    return worked(run, Ending.FAILED, Cause.DEADLINE, error)


def push_refused(run: Run) -> Outcome:
    """The forge's rules refuse the branch."""
    error = words_of("push-refused")
    outcome = worked(run, Ending.NOT_PUSHED, Cause.PUSH_REFUSED, error, suffix="")
    assert outcome.report is not None
    report = replace(outcome.report, verdict=Verdict.NOT_PUSHED, pushed=False)
    return replace(outcome, report=report)


def image_pull(_run: Run) -> Outcome:
    """The registry doesn't answer."""
    told = words_of("image-of-service").replace("redis-sidecar", "claude")
    error = told.replace("localhost/nobody/has:that", "ghcr.io/acme/shop-sandbox:1.3")
    error = error.replace("http://localhost/v2/nobody/has/manifests/that", "https://ghcr.io/v2/…")
    error = error.replace("127.0.0.1:80", "140.82.121.33:443")
    return Outcome(Ending.FAILED, None, Seen.IMAGE_PULL, error)


def key_refused(run: Run) -> Outcome:
    """The model's API refuses the key."""
    error = "Invalid API key · Fix external API key"
    report = Report(
        run.id, Phase.DONE, Verdict.FAILED, base="main", cause=Cause.API_AUTH, error=error
    )
    return Outcome(Ending.FAILED, report, Cause.API_AUTH, error, Exit(1))


def asks_back(run: Run) -> Outcome:
    """The agent asks."""
    question = (
        "What shall happen to an order whose voucher has run out by then?\n\n"
        "1. It goes through at the full price.\n2. It is refused, and the customer is told."
    )
    report = Report(
        run.id,
        Phase.DONE,
        Verdict.NOTHING_CHANGED,
        "Vouchers are checked when they are entered, in `cart/vouchers.py`, but not at the checkout, so they can run "
        f"out in between. Checking them there is easy.\n\n{question}",
        base="main",
        cost_usd=0.31,
        input_tokens=96_000,
        output_tokens=3_000,
        turns=9,
        model="claude-sonnet-4-5",
        agent_ended_well=True,
        question=question,
    )
    return Outcome(Ending.ASKS, report, exit=Exit(0))


SCENES = (
    FailureScene(
        "out-of-memory",
        "Speed up the price import",
        "needed more memory",
        412,
        out_of_memory,
        log=printed("node scripts/import.js --all", "node-memory.txt"),
    ),
    FailureScene(
        "out-of-time",
        "Move the tests to pytest",
        "The time limit of 45 min",
        2700,
        deadline,
        options="--timeout 45m ",
        log=printed("pytest -q", "pytest.txt"),
    ),
    FailureScene("push-refused", "Round prices half up", "refused the push", 734, push_refused),
    FailureScene(
        "image-pull",
        "Update the linters",
        "couldn't be pulled",
        183,
        image_pull,
        options="--image ghcr.io/acme/shop-sandbox:1.3 ",
    ),
    FailureScene("key-refused", "Add a dark theme", "refused the key", 9, key_refused),
    FailureScene("asks-back", "Check vouchers at the checkout", "Asks back", 151, asks_back),
)
