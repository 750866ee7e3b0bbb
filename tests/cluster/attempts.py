"""What a hostile program tries in a Pod, as programs for python3 there; each prints JSON, and takes its wishes as JSON."""

from __future__ import annotations

REACH = """\
import json, socket, sys, time
def reached(target):
    address, port = target
    try:
        socket.create_connection((address, port), 2).close()
    except OSError:
        return False
    return True
wish = json.loads(sys.argv[1])
forbidden = next(iter(wish["targets"].values()))
until = time.monotonic() + wish["patience"]
while reached(forbidden) and time.monotonic() < until:
    time.sleep(0.1)
print(json.dumps({name: reached(target) for name, target in wish["targets"].items()}))
"""
"""`{"patience": seconds until the first one has to be refused, "targets": {name: [address, port]}}` -> `{name: was reached}`."""

HUNT = r"""
import glob, json, os, re, sys
wanted = {"cluster": rb"eyJ[\w-]{10,}\.eyJ[\w-]{20,}\.", "telegram": rb"[0-9]{8,10}:AA[\w-]{30,}"}
found = set()
def look(where, data):
    for kind, form in wanted.items():
        if re.search(form, data):
            found.add((kind, where))
def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(4_000_000)
    except OSError:
        return b""
for name, value in os.environ.items():
    look("environment", f"{name}={value}".encode())
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    look("processes", read(path))
for top in ("/var/run", "/run", "/secrets", "/etc", "/home", "/root", "/tmp", "/workspace", "/opt", "/claude-sandbox"):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.path.abspath(path) != os.path.abspath(sys.argv[0]):
                look("files", read(path))
print(json.dumps(sorted(found)))
"""
"""Prints `[[cluster or telegram, environment, processes or files], …]`: where a token of that form was found."""
