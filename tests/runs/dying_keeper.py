"""A keeper that dies by SIGKILL at a chosen step; arguments: the step (-1 is never), then those of the keeper."""

from __future__ import annotations

import fcntl
import os
import sys

from runs import durable, keeper
from tests.runs.small_bot import Steps

if __name__ == "__main__":
    steps = Steps(int(sys.argv[1]))
    steps.around(fcntl, "flock")
    steps.around(durable, "write")
    steps.around(os, "posix_spawnp")
    steps.around(keeper, "_kill_descendants")
    keeper.main(sys.argv[2:], os.environ)
    print(steps.passed)
