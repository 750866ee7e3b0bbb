"""`python -m sandbox`: carry out the run that the environment describes.

Exit code 0 exactly when the work was pushed or there was nothing to push, 2 for a bad environment, else 1.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from sandbox.agents.choose import choose as choose_agent
from sandbox.descendants import adopt_orphans, close_memory
from sandbox.keys import read_keys
from sandbox.log import Log, Output
from sandbox.phases import Choose, Surroundings, perform
from sandbox.process import GRACE_SECONDS, Stop
from sandbox.redaction import Redactor
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.report_file import write_report
from sandbox.task import DEFAULT_REPORT, BadEnvironment, from_environment

GOOD = (Verdict.PUSHED, Verdict.NOTHING_CHANGED)


def main(
    environment: Mapping[str, str],
    choose: Choose = choose_agent,
    grace_seconds: float = GRACE_SECONDS,
) -> int:
    """Carry out one run in this process, which is given over to it; return the exit code."""
    started_at = time.monotonic()
    close_memory()
    stop = Stop()
    stop.install()
    log = Log(Redactor(read_keys(environment).secrets), Output().write)
    try:
        assignment = from_environment(environment)
    except BadEnvironment as mistake:
        return _refuse(environment, log, str(mistake))
    around = Surroundings(
        environment, log, stop, started_at, choose, adopt_orphans(), grace_seconds
    )
    report = perform(assignment, around)
    if report.cause in (Cause.BAD_ENVIRONMENT, Cause.TOOLS_MISSING):
        return 2
    return 0 if report.verdict in GOOD else 1


def _refuse(environment: Mapping[str, str], log: Log, mistake: str) -> int:
    error = log.redactor.text(mistake)
    report = Report(
        environment.get("SANDBOX_RUN") or "local",
        Phase.ENVIRONMENT,
        Verdict.FAILED,
        cause=Cause.BAD_ENVIRONMENT,
        error=error,
    )
    log.phase(Phase.ENVIRONMENT.value)
    log.note(error)
    if problem := write_report(environment.get("SANDBOX_REPORT") or DEFAULT_REPORT, report):
        log.note(problem)
    return 2


if __name__ == "__main__":
    sys.exit(main(os.environ))
