"""What an engine says of a run's containers, in the words that a cluster would have: then they mean the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cli.local.engine import State
from k8s import diagnosis, obstacles
from k8s.names import CONTAINER
from k8s.structs import (
    ContainerState,
    ContainerStatus,
    Metadata,
    Pod,
    PodStatus,
    Running,
    Terminated,
)
from runs.outcome import Ending, Outcome, judge
from runs.outcome import Seen as Cause


@dataclass(frozen=True, slots=True)
class Seen:
    """The containers as they were when the run ended.

    `report` is what the agent's left as its last word, `ready` names who had become ready, `out_of_time` says that the
    run was ended because its time was over.
    """

    states: Mapping[str, State]
    ready: frozenset[str] = frozenset()
    report: bytes = b""
    last_words: Mapping[str, str] | None = None
    out_of_time: bool = False


def outcome(run_id: str, seen: Seen, *, cancelled: bool) -> Outcome:
    """Return how a run ended, by the checks that hold for a Pod."""
    ended = diagnosis.ended_by_pod(run_id, _pod(seen), cancelled=cancelled)
    found = judge(None, None, cancelled=cancelled) if ended is None else ended.outcome
    return _with_words(found, seen)


def not_begun(seen: Seen) -> Outcome:
    """Return how a run ended whose agent couldn't begin, because something beside it didn't get ready."""
    found = obstacles.obstacle(_pod(seen), ())
    if found is None:
        return judge(None, None, cancelled=False)
    return _with_words(Outcome(Ending.FAILED, cause=found.cause, error=found.error), seen)


def _with_words(found: Outcome, seen: Seen) -> Outcome:
    """Add what a service that isn't ready printed last: here nobody keeps its log."""
    if found.cause is not Cause.SERVICE_NOT_READY:
        return found
    error = found.error or ""
    unready = [name for name in seen.states if f"{name}: not ready" in error.splitlines()]
    words = [text for name in unready if (text := (seen.last_words or {}).get(name))]
    return replace(found, error="\n".join([error, *words]))


def _pod(seen: Seen) -> Pod:
    words = seen.last_words or {}
    statuses = {
        name: _status(name, state, words.get(name, ""), ready=name in seen.ready)
        for name, state in seen.states.items()
    }
    agent = statuses.pop(CONTAINER, None)
    if agent is not None and agent.state.terminated is not None and not _never_ran(agent):
        message = seen.report.decode("utf-8", "replace")
        terminated = ContainerState(terminated=_with_message(agent.state.terminated, message))
        agent = ContainerStatus(CONTAINER, state=terminated)
    return Pod(
        Metadata(),
        PodStatus(
            phase="" if agent else "Failed",
            reason="DeadlineExceeded" if seen.out_of_time else "",
            container_statuses=[] if agent is None else [agent],
            init_container_statuses=list(statuses.values()),
        ),
    )


def _status(name: str, state: State, words: str, *, ready: bool) -> ContainerStatus:
    """Return a container's status. Of one that is started again and again, its last end is what counts."""
    ended = ContainerState(terminated=_terminated(state, words))
    if name == CONTAINER or not (state.is_running or state.restarts):
        stayed = ready and state.status in _ENDED  # it waits to be started again
        last = ended if stayed else ContainerState()
        return ContainerStatus(name, state=_current(state, ended), last_state=last)
    last = ended if state.restarts else ContainerState()
    return ContainerStatus(
        name,
        started=ready,
        restart_count=state.restarts,
        state=_current(state, ended),
        last_state=last,
    )


def _current(state: State, ended: ContainerState) -> ContainerState:
    if state.is_running:
        return ContainerState(running=Running())
    return ended if state.status in _ENDED or state.error else ContainerState()


def _terminated(state: State, words: str) -> Terminated:
    if state.error:
        return Terminated(
            state.exit_code or _START_FAILED, reason="StartError", message=state.error
        )
    reason = "OOMKilled" if state.out_of_memory else "Error" if state.exit_code else "Completed"
    return Terminated(state.exit_code, reason=reason, message=words)


def _with_message(ended: Terminated, message: str) -> Terminated:
    return Terminated(ended.exit_code, ended.signal, ended.reason, message)


def _never_ran(status: ContainerStatus) -> bool:
    ended = status.state.terminated
    return ended is not None and ended.reason == "StartError"


_ENDED = ("exited", "stopped", "dead")
_START_FAILED = 128
