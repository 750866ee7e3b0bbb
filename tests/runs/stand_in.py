"""A stand-in for the sandbox program, for tests of what happens around it. Its task says what to do.

Words: "wait" runs until SIGTERM, "stubborn" ignores it, "fail" fails, "nothing" changes nothing, "silent" writes no
Report, "daemon" leaves a process behind that outlives its session, "environment" prints what it was given. Each
start adds a line to the file STAND_IN_STARTS, and one to `<it>.beside` if another stand-in is running.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    task = os.environ["TASK"]
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in task else stop)
    with Path(os.environ["STAND_IN_STARTS"]).open("a") as starts:
        starts.write(f"{os.environ['SANDBOX_RUN']} {os.getpid()}\n")
    running = Path(os.environ["STAND_IN_STARTS"] + ".running").open("w")  # noqa: SIM115 - held until the end
    try:
        fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        Path(os.environ["STAND_IN_STARTS"] + ".beside").touch()
    print("▶ clone", flush=True)
    report("unfinished", phase="clone")
    if "environment" in task:
        print(json.dumps(dict(os.environ)), flush=True)
    if "daemon" in task:
        daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
        print(f"daemon {daemon.pid}", flush=True)
    if "wait" in task or "stubborn" in task:
        time.sleep(600)
    print("▶ done", flush=True)
    if "silent" in task:
        return 0
    if "fail" in task:
        report("failed", cause="agent-failed", error="the task said so")
        return 1
    report("nothing-changed" if "nothing" in task else "pushed")
    return 0


def stop(*_: object) -> None:
    report("failed", cause="cancelled")
    sys.exit(1)


def report(verdict: str, *, phase: str = "done", **values: str) -> None:
    path = Path(os.environ["SANDBOX_REPORT"])
    found = {"run_id": os.environ["SANDBOX_RUN"], "phase": phase, "verdict": verdict, **values}
    path.with_suffix(".new").write_text(json.dumps(found))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    sys.exit(main())
