"""One run from its environment to its Report."""

from __future__ import annotations

import re
import shutil
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sandbox.agent_run import run_agent
from sandbox.agents import Agent
from sandbox.agents.choose import UnknownAgent
from sandbox.broker.client import read_state
from sandbox.broker.refusals import remark
from sandbox.broker.state import State
from sandbox.clone import Clone, CloneFailed, cause_of, check_url, make_clone
from sandbox.deliver import Delivering, Delivery, deliver
from sandbox.gate import Gate, GateMode, Watch
from sandbox.git import Git, GitFailed, clean_environment
from sandbox.guide import Guides, Misguided, find_guides
from sandbox.keys import BROKER_MODEL, read_keys
from sandbox.log import Log
from sandbox.preparation import Means, NotPrepared, Prepared, prepare
from sandbox.process import GRACE_SECONDS, Limits, Stop
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.report_file import write_report
from sandbox.stopwatch import Stopwatch
from sandbox.task import Assignment, BadEnvironment
from sandbox.verdict import (
    MAX_ERROR,
    AgentEnd,
    ended_well,
    measured,
    over_budget,
    settle,
    shown,
    told_by_agent,
)
from sandbox.words import branch_name, title

DELIVERY_SECONDS = 60.0
"""A delivery may take this long even when the run's time is over."""
RESERVED_SHARE = 0.1
"""The part of the run's time, DELIVERY_SECONDS at most, that is kept from the agent for the delivery."""
PULL_REQUEST_SECONDS = 30.0
BROKER_SECONDS = 30.0
"""A broker that was killed is started again, by Kubernetes after a pause of up to 20 s."""

Choose: TypeAlias = Callable[[Assignment, Mapping[str, str], Callable[[str], str]], Agent]
"""Makes the agent of an assignment, from the environment and what blackens secrets in a text."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run meets besides its Assignment.

    `started_at` is the `time.monotonic` value from which the run's time counts. `adopted` says that orphans of the
    agent become ours (`sandbox.descendants`): then all of them are ended with it.
    """

    environment: Mapping[str, str] = field(repr=False)
    log: Log
    stop: Stop
    started_at: float
    choose: Choose
    adopted: bool = False
    grace_seconds: float = GRACE_SECONDS


def perform(assignment: Assignment, surroundings: Surroundings) -> Report:
    """Carry out one run; return its final Report, which is also written to the assignment's `report_path`.

    Every way in which the task, the agent, the remote or the disk can fail is in the Report.
    """
    run = _Run(assignment, surroundings)
    try:
        run.perform()
    except _Failed as failure:
        run.fail(failure.cause, str(failure))
    except Exception:  # the top of the program: a mistake of ours is told like any other end
        surroundings.log.note(traceback.format_exc())
        last = traceback.format_exc().splitlines()[-1]
        run.fail(Cause.INTERNAL, f"a mistake in the sandbox program: {last}")
    return run.finish()


class _Failed(Exception):
    """The run ends here."""

    def __init__(self, cause: Cause, error: str) -> None:
        super().__init__(error)
        self.cause = cause


class _Run:
    """The run as far as it has come."""

    def __init__(self, assignment: Assignment, around: Surroundings) -> None:
        self._assignment = assignment
        self._task = assignment.task
        self._around = around
        self._log = around.log
        self._keys = read_keys(around.environment)
        self._deadline = around.started_at + assignment.task.timeout_seconds
        reserved = min(DELIVERY_SECONDS, RESERVED_SHARE * assignment.task.timeout_seconds)
        self._agent_deadline = self._deadline - reserved
        self._report = Report(assignment.run_id, Phase.ENVIRONMENT)
        self._stopwatch = Stopwatch(around.started_at)

    def perform(self) -> None:
        """Go through the phases."""
        git, agent = self._prepare()
        clone = self._clone_behind_gate(git)
        guide = self._find_guide(git, clone)
        prepared = self._prepare_project(git, clone)
        clone = prepared.clone
        agent = self._guided(agent, guide)
        end = self._run_agent(agent, prepared)
        delivery = self._deliver(git, clone, end)
        self._report = settle(self._report, end, delivery, self._assignment)
        if self._report.verdict is Verdict.PUSHED and self._task.pull_request:
            self._open_pull_request(clone)
        self._report = replace(self._report, phase=Phase.DONE)

    def fail(self, cause: Cause, error: str) -> None:
        """Settle on a failure, in the phase that was reached."""
        self._report = replace(self._report, verdict=Verdict.FAILED, cause=cause, error=error)

    def finish(self) -> Report:
        """Write the final Report and print how the run ended."""
        error = self._report.error
        if error is not None:
            self._report = replace(self._report, error=self._clean(error).strip()[-MAX_ERROR:])
        spent = self._stopwatch.enter(Phase.DONE)
        summary = self._clean(self._report.summary)
        self._report = replace(self._report, summary=summary, phase_seconds=spent)
        if self._report.question is not None:
            self._report = replace(self._report, question=self._clean(self._report.question))
        self._write()
        self._log.phase(Phase.DONE.value, _ending(self._report))
        if self._report.error:
            self._log.note(self._report.error)
        return self._report

    def _prepare(self) -> tuple[Git, Agent]:
        self._enter(Phase.ENVIRONMENT, f"run {self._assignment.run_id}")
        self._find_broker()
        if self._task.pull_request:
            # Most runs don't need the HTTP client; who does loads it before the agent could change what is loaded.
            import sandbox.forge  # noqa: F401 (loaded for `_open_pull_request`)
        try:
            _check_run_id(self._assignment.run_id)
            check_url(self._task.repo_url)
            redact = self._log.redactor.text
            agent = self._around.choose(self._assignment, self._around.environment, redact)
        except (BadEnvironment, UnknownAgent) as mistake:
            raise _Failed(Cause.BAD_ENVIRONMENT, str(mistake)) from mistake
        executable = shutil.which("git", path=self._around.environment.get("PATH"))
        if executable is None:
            raise _Failed(Cause.TOOLS_MISSING, "git isn't installed here, or isn't on PATH")
        environment = clean_environment(self._around.environment)
        workspace = self._assignment.workspace
        git = Git(executable, workspace, environment, self._agent_deadline, self._around.stop)
        return git, agent

    def _find_broker(self) -> None:
        """Learn from the broker, where there is one, what it holds; who started it may have said so already."""
        environment, broker = self._around.environment, self._keys.broker
        if broker is None:
            return
        if self._keys.passes_by(self._task.repo_url):
            self._remark(_PAST_BROKER)
        if BROKER_MODEL not in environment:
            state = self._ask_broker(BROKER_SECONDS)
            if state is None:
                raise _Failed(Cause.BROKER, f"the broker didn't answer within {BROKER_SECONDS:g} s")
            environment = {**environment, BROKER_MODEL: state.model_key.value}
            self._around = replace(self._around, environment=environment)

    def _ask_broker(self, seconds: float) -> State | None:
        if self._keys.broker is None:
            return None
        stop = self._around.stop
        return read_state(self._keys.broker, seconds, lambda: stop.requested)

    def _clone_behind_gate(self, git: Git) -> Clone:
        """Clone, and go on only behind the gate: until then nothing of the repository has run."""
        gate = self._assignment.gate
        if gate is None:
            return self._clone(git)
        watch = Watch(gate)
        try:
            clone = self._clone(git)
            self._pass(gate, watch)
        finally:
            watch.close()
        return clone

    def _pass(self, gate: Gate, watch: Watch) -> None:
        where = f"{gate.address}:{gate.port}"
        self._log.phase("gate", f"until {where} is refused")
        stop = self._around.stop
        refused = watch.wait(self._agent_deadline, lambda: stop.requested)
        if refused is None:
            cause = Cause.CANCELLED if stop.requested else Cause.DEADLINE
            raise _Failed(cause, "it ended while it waited for the network policies")
        if refused:
            return
        answers = f"{where} could still be reached after {gate.seconds:g} s"
        if gate.mode is GateMode.FAIL:
            raise _Failed(Cause.UNPROTECTED, answers)
        self._remark(_UNPROTECTED)
        self._log.note(f"{answers}: no network policy holds, the run goes on without")

    def _clone(self, git: Git) -> Clone:
        self._enter(Phase.CLONE, f"{self._task.repo_url} {self._task.branch or ''}")
        branch = branch_name(self._assignment.run_id, self._task.prompt)
        try:
            clone = make_clone(git, self._keys, self._task, branch)
        except CloneFailed as failure:
            raise _Failed(failure.cause, str(failure)) from failure
        self._report = replace(self._report, base=clone.base)
        return clone

    def _find_guide(self, git: Git, clone: Clone) -> Guides:
        if self._assignment.agent not in _CONFIGURED_BY_FILES:
            return Guides()
        try:
            return find_guides(git, self._keys, clone, self._task, self._around.environment)
        except Misguided as error:
            raise _Failed(Cause.BAD_ENVIRONMENT, str(error)) from error
        except GitFailed as failure:
            raise _Failed(cause_of(failure, self._task), failure.errors) from failure

    def _guided(self, agent: Agent, guide: Guides) -> Agent:
        """Return the agent, configured by other files than the clone's where those don't count, or aren't all."""
        try:
            guidance = guide.settle(self._assignment.workspace)
        except (Misguided, OSError) as error:
            raise _Failed(Cause.SETUP_FAILED, str(error)) from error
        if guidance is None:
            return agent
        if guidance.remark:
            self._log.note(guidance.remark)
            self._remark(guidance.remark)
        guided = replace(self._assignment, guidance=guidance)
        return self._around.choose(guided, self._around.environment, self._log.redactor.text)

    def _prepare_project(self, git: Git, clone: Clone) -> Prepared:
        means = Means(
            self._assignment,
            self._around.environment,
            git,
            self._limits(),
            self._log,
            self._enter,
            self._keys.broker,
        )
        try:
            prepared = prepare(clone, means)
        except NotPrepared as failure:
            raise _Failed(failure.cause, str(failure)) from failure
        self._report = replace(
            self._report,
            cache=prepared.cache,
            dependency_seconds=prepared.dependency_seconds,
        )
        for text in prepared.remarks:
            self._remark(text)
        return prepared

    def _limits(self) -> Limits:
        around = self._around
        return Limits(self._agent_deadline, around.grace_seconds, around.stop, around.adopted)

    def _run_agent(self, agent: Agent, prepared: Prepared) -> AgentEnd:
        self._enter(Phase.AGENT, self._assignment.agent + prepared.shown)
        limits = replace(self._limits(), silence_seconds=self._assignment.silence_seconds)
        folder = prepared.clone.folder
        end = run_agent(agent, folder, prepared.environment, limits, self._log)
        self._report = told_by_agent(self._report, end, self._clean)
        return self._hear_broker(end)

    def _hear_broker(self, end: AgentEnd) -> AgentEnd:
        """Take from the broker what the agent did through it; the delivery needs it to be there, too."""
        if self._keys.broker is None:
            return end
        state = self._ask_broker(BROKER_SECONDS)
        if state is None:
            self._log.note("the broker doesn't answer: the cost is what the agent claims")
            return end
        self._report = measured(self._report, state)
        if told := remark(state.refusals):
            self._remark(told)
            self._log.note(told)
        return over_budget(end, state)

    def _remark(self, text: str) -> None:
        known = self._report.remark
        self._report = replace(self._report, remark=f"{known} {text}" if known else text)

    def _deliver(self, git: Git, clone: Clone, end: AgentEnd) -> Delivery:
        suffix = "" if ended_well(end) else "-wip"
        self._enter(Phase.DELIVER, clone.branch + suffix)
        until = max(self._deadline, time.monotonic() + DELIVERY_SECONDS)
        ours = replace(git, deadline=until, stop=None)
        return deliver(
            Delivering(ours, self._keys, clone, self._message(end), self._log.note), suffix
        )

    def _message(self, end: AgentEnd) -> str:
        subject = self._clean(title(self._task.prompt))
        state = "" if ended_well(end) else "Unfinished: "
        return f"{state}{subject}\n\nCommitted by claude-sandbox, run {self._assignment.run_id}."

    def _open_pull_request(self, clone: Clone) -> None:
        from sandbox.forge import (
            MAX_TITLE,
            NoPullRequest,
            PullRequest,
            body_text,
            open_pull_request,
        )

        self._write()
        prompt = self._clean(self._task.prompt)
        body = body_text(self._report.summary, prompt, self._assignment.run_id)
        wanted = PullRequest(
            clone.url,
            str(self._report.branch),
            self._task.base or clone.base or "",
            title(prompt, MAX_TITLE),
            body,
        )
        try:
            until = time.monotonic() + PULL_REQUEST_SECONDS
            address = open_pull_request(wanted, self._keys, until)
        except NoPullRequest as reason:
            self._report = replace(self._report, pull_request_error=self._clean(str(reason)))
            self._log.note(f"no pull request: {reason}")
        else:
            self._report = replace(self._report, pull_request=self._clean(address))
            self._log.note(f"pull request {address}")

    def _enter(self, phase: Phase, detail: str) -> None:
        spent = self._stopwatch.enter(phase)
        self._report = replace(self._report, phase=phase, phase_seconds=spent)
        self._log.phase(phase.value, detail)
        self._write()

    def _write(self) -> None:
        if problem := write_report(self._assignment.report_path, self._report):
            self._log.note(problem)

    def _clean(self, text: str) -> str:
        return self._log.redactor.text(shown(text))


_CONFIGURED_BY_FILES = ("claude",)
_PAST_BROKER = "Git went past the broker (ssh): what was pushed wasn't checked by it."
_UNPROTECTED = "No network policy kept this run away from the cluster's own API."


def _check_run_id(run_id: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}", run_id):
        raise BadEnvironment("SANDBOX_RUN may hold letters, digits and hyphens only")


def _ending(report: Report) -> str:
    words = [report.verdict.value]
    if report.question is not None:
        words.append("asks back")
    if report.cause is not None:
        words.append(report.cause.value)
    if report.branch is not None:
        where = report.branch if report.pushed else f"{report.branch} (not on the remote)"
        files = "1 file" if report.files == 1 else f"{report.files} files"
        words.append(f"{where}: {files}, +{report.insertions} −{report.deletions}")
    return ", ".join(words)
