"""How a Run ended: pure judgement over what the sandbox says and what was seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sandbox.report import Cause, Report, Verdict


class Ending(Enum):
    """The closed set of ways in which a Run ends, for icons, labels and exit codes.

    PUSHED and NOTHING_CHANGED ended well, and so did FINISHED, of which nothing more is known. ASKS ended with a
    question to the person, with or without pushed work. NOT_PUSHED has commits that the remote doesn't.
    """

    PUSHED = "pushed"
    NOTHING_CHANGED = "nothing-changed"
    FINISHED = "finished"
    ASKS = "asks"
    NOT_PUSHED = "not-pushed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Seen(Enum):
    """Causes that only the outside can see; the sandbox's own are `sandbox.report.Cause`."""

    KILLED = "killed"
    LOST = "lost"
    NO_REPORT = "no-report"
    EXIT_CODE = "exit-code"
    FORGED_REPORT = "forged-report"
    NOT_STARTED = "not-started"
    ENTRYPOINT_MISSING = "entrypoint-missing"
    EXEC_FORMAT = "exec-format"
    WAITED_TOO_LONG = "waited-too-long"
    OUT_OF_MEMORY = "out-of-memory"
    IMAGE_PULL = "image-pull"
    IMAGE_NAME = "image-name"
    IMAGE_REFUSED = "image-refused"
    MISSING_SECRET = "missing-secret"  # noqa: S105 - what was missed, not a secret
    MISSING_KEY = "missing-key"
    MISSING_VOLUME = "missing-volume"
    BROKER_FAILED = "broker-failed"
    SERVICE_FAILED = "service-failed"
    SERVICE_OUT_OF_MEMORY = "service-out-of-memory"
    SERVICE_NOT_READY = "service-not-ready"
    UNSCHEDULABLE = "unschedulable"
    NO_MACHINE_FITS = "no-machine-fits"
    POD_REFUSED = "pod-refused"
    POD_SECURITY = "pod-security"
    QUOTA = "quota"
    DEADLINE_BY_CLUSTER = "deadline-by-cluster"
    EVICTED = "evicted"
    PREEMPTED = "preempted"
    DISK_LIMIT = "disk-limit"
    NODE_GONE = "node-gone"
    POD_DELETED = "pod-deleted"
    JOB_DELETED = "job-deleted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Exit:
    """How the sandbox program ended: an exit code, or the signal that killed it (then `code` is None)."""

    code: int | None
    signal: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a Run ended.

    `report` is the last Report that may be believed: after a kill it only says how far the run came, and how it got
    its dependencies. `cause` stands exactly when the Run didn't end well (of a cancelled one it says how it stopped);
    `error` is the raw text that proves it, if there is one. `remark` is what the outside saw beside the end and people
    should know.
    """

    ending: Ending
    report: Report | None = None
    cause: Cause | Seen | None = None
    error: str | None = None
    exit: Exit | None = None
    remark: str | None = None

    @property
    def ended_well(self) -> bool:
        """Say whether nothing failed: pushed, nothing to push, done by a program's own account, or waiting for an answer."""
        return self.ending in _WELL


def judge(report: Report | None, program_exit: Exit | None, *, cancelled: bool) -> Outcome:
    """Decide how a run ended from its last Report and the exit of its program.

    `program_exit` None means that the program vanished without anybody seeing how. The exit code is what the
    agent can't forge: it is 0 exactly when the Report claims success, or the Report isn't believed. `cancelled`
    says that somebody asked for the end: then being killed isn't a failure.
    """
    doubt = _doubt(report, program_exit)
    if doubt is not None or report is None:
        stopped = cancelled and doubt is not Seen.FORGED_REPORT
        ending = Ending.CANCELLED if stopped else Ending.FAILED
        error = None
        if doubt is Seen.FORGED_REPORT and report is not None and program_exit is not None:
            error = f"its report says {report.verdict.value}, its exit code is {program_exit.code}"
        return Outcome(ending, _how_far(report), doubt, error, program_exit)
    if report.verdict in _ENDED_WELL:
        ending = Ending.ASKS if report.question else Ending(report.verdict.value)
        return Outcome(ending, report, exit=program_exit)
    return Outcome(
        _bad_ending(report), report, report.cause or Cause.INTERNAL, report.error, program_exit
    )


def judge_by_exit(program_exit: Exit, *, cancelled: bool) -> Outcome:
    """Decide how a run ended whose image has a program of its own, which leaves no Report.

    Its exit is all that is known, and nobody can forge it.
    """
    if program_exit.code is None:
        return judge(None, program_exit, cancelled=cancelled)
    if program_exit.code == 0:
        return Outcome(Ending.FINISHED, exit=program_exit)
    ending = Ending.CANCELLED if cancelled else Ending.FAILED
    return Outcome(ending, cause=Seen.EXIT_CODE, exit=program_exit)


_WELL = (Ending.PUSHED, Ending.NOTHING_CHANGED, Ending.FINISHED, Ending.ASKS)
_ENDED_WELL = (Verdict.PUSHED, Verdict.NOTHING_CHANGED)


def _doubt(report: Report | None, program_exit: Exit | None) -> Seen | None:
    """Say why a Report can't be the whole story; None when it and the exit agree."""
    if program_exit is None:
        return Seen.LOST
    if program_exit.signal is not None:
        return Seen.KILLED
    if report is None or report.verdict is Verdict.UNFINISHED:
        return Seen.NO_REPORT
    if (program_exit.code == 0) is not (report.verdict in _ENDED_WELL):
        return Seen.FORGED_REPORT
    return None


def _how_far(report: Report | None) -> Report | None:
    """Keep of a Report that isn't believed only how far the run came, and how it got its dependencies."""
    if report is None:
        return None
    return Report(
        report.run_id,
        report.phase,
        base=report.base,
        cache=report.cache,
        dependency_seconds=report.dependency_seconds,
    )


def _bad_ending(report: Report) -> Ending:
    if report.cause is Cause.CANCELLED:
        return Ending.CANCELLED
    return Ending.NOT_PUSHED if report.verdict is Verdict.NOT_PUSHED else Ending.FAILED
