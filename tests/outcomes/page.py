"""docs/outcomes.md, made from the samples and from what the product says of them: `make outcomes`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.buttons import end_buttons
from bot.explain import duration, explain, seen_in_log
from bot.messages import HEADLINES, completion
from k8s import diagnosis, obstacles
from k8s.place import Patience
from runs.outcome import Ending, Outcome, Seen
from sandbox.report import Cause
from tests.outcomes.samples import Sample, judged, read_samples, run_with

PAGE = Path(__file__).parents[2] / "docs" / "outcomes.md"

INTRODUCTION = """\
# How runs end

Each end below was made to happen on a real Kubernetes by the test that is named beside it. That test kept what the
cluster said of Job, Pod and events in `tests/data/outcomes/`, and from that the words here are made again, by the code
that the bot runs. This page is made by `make outcomes`, and a test says when it is out of date. To take the samples anew:
`KEEP_SAMPLES=1 make test-cluster`.
"""

ORDER = """\
## The order of the checks

One check after the other is tried, and the first that fits decides. They are small functions of `k8s/diagnosis.py` and
`k8s/obstacles.py`, by these names. A Job that has no Pod any more ended by its deadline, if it says so, and else because
somebody deleted its Pod; one that is gone was deleted.
"""

LIMITS = """\
## What Kubernetes would wait for without end

Each such wait has a limit, after which the run ends. The config may set it by its name (`patience`, see
[config.md](config.md)).
"""

TABLES: tuple[tuple[str, Sequence[Callable[..., object]]], ...] = (
    ("A program that was seen to end", diagnosis.ENDED),
    ("A Pod that was ended from outside (`stopped`)", diagnosis.STOPPED),
    ("A Pod that ended, and nobody saw how its program did", diagnosis.UNSEEN),
    (
        "A Pod that doesn't start: each container, those beside the agent first",
        obstacles.OF_CONTAINER,
    ),
    ("A Pod that doesn't start: the Pod", obstacles.OF_POD),
    ("A Job that gets no Pod, by its events", obstacles.WITHOUT_POD),
)

CAUSES: tuple[Cause | Seen, ...] = (*Cause, *Seen)


def page(samples: dict[str, Sample]) -> str:
    """Return the whole page."""
    shown = [(sample, _outcome(sample)) for sample in samples.values()]
    parts = [
        INTRODUCTION,
        _overview(shown),
        _without_sample([outcome for _, outcome in shown]),
        ORDER,
        *(_order(title, checks) for title, checks in TABLES),
        LIMITS + "\n" + _limits(),
        "## As the chat tells it\n",
        *(_told(sample, outcome) for sample, outcome in shown),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _outcome(sample: Sample) -> Outcome:
    outcome = judged(sample)
    if outcome is None:
        raise ValueError(f"the sample {sample.name} says of no end")
    return seen_in_log(outcome, "\n".join(sample.log))


def _overview(shown: list[tuple[Sample, Outcome]]) -> str:
    rows = [
        "| made to happen | ends as | because of | what is said | next step |",
        "|---|---|---|---|---|",
    ]
    for sample, outcome in shown:
        cause = f"`{outcome.cause.value}`" if outcome.cause else ""
        words = explain(outcome, run_with(sample, outcome).task) if _is_explained(outcome) else None
        said = [HEADLINES[outcome.ending], outcome.remark or ""]
        if words is not None:
            said = [words.sentence, words.advice]
        cells = [f"[{sample.name}](#{sample.name})", outcome.ending.value, cause, *map(_cell, said)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _is_explained(outcome: Outcome) -> bool:
    return not outcome.ended_well and outcome.ending is not Ending.CANCELLED


def _without_sample(outcomes: list[Outcome]) -> str:
    made = {outcome.cause for outcome in outcomes}
    rest = ", ".join(f"`{cause.value}`" for cause in CAUSES if cause not in made)
    return f"Causes without a sample of a cluster; their words are tested all the same: {rest}.\n"


def _order(title: str, checks: Sequence[Callable[..., object]]) -> str:
    rows = [
        f"{number}. `{check.__name__}`: {(inspect.getdoc(check) or '').splitlines()[0]}"
        for number, check in enumerate(checks, 1)
    ]
    return "\n".join([f"### {title}\n", *rows]) + "\n"


def _limits() -> str:
    patience = Patience()
    rows = ["| what | usual limit |", "|---|---|", f"| `{Seen.IMAGE_NAME.value}` | none: at once |"]
    for cause in Seen:
        if (name := patience.name_of(cause)) is not None:
            limit = f"{duration(patience.of(cause))} (`{name}`)"
            rows.append(f"| `{cause.value}` | {limit} |")
    rows.append(f"| everything else | {duration(patience.other)} (`other`) |")
    return "\n".join(rows) + "\n"


def _told(sample: Sample, outcome: Outcome) -> str:
    run = run_with(sample, outcome)
    text = completion(run, "\n".join(sample.log)).text()
    buttons = " · ".join(button.text for row in end_buttons(run) for button in row)
    return f"""\
### {sample.name}

````text
{text}
````

Buttons: {buttons}. Made by `{_command(sample)}` on {sample.taken}, Kubernetes {sample.kubernetes}.
"""


def _command(sample: Sample) -> str:
    path, _, function = sample.test.partition("::")
    return f"{path} {function[function.index('[') :]}"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(read_samples()), encoding="utf-8")
