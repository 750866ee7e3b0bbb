"""The broker: a process beside the sandbox that holds the Run's keys, and lets through what this Run may do.

Pure: `requests`, `routes`, `push`, `usage`, `prices`, `state`, `refusals`. Edges: `wire` (the client's side), `upstream`
(the other side), `ledger` (its file). `server` and the three passages put them together.
"""
