"""What an agent runs that looks for keys, each given backwards: in its environment, /proc, all files and loopback ports."""

import os
import socket
import sys
import urllib.request

WANTED = [secret[::-1].encode() for secret in sys.argv[1:]]
looked = 0


def look(where: str, data: bytes) -> None:
    global looked
    looked += 1
    for number, secret in enumerate(WANTED):
        if secret in data:
            print(f"KEY {number} in {where}")


def read(path: str) -> None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - names that aren't text, too
            look(path, file.read(8 << 20))
    except OSError:
        pass


for name, value in os.environ.items():
    look(f"variable {name}", value.encode())
for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - as an agent would
    for part in ("environ", "cmdline", "maps"):
        read(f"/proc/{process}/{part}")
    try:
        for number in os.listdir(f"/proc/{process}/fd"):  # noqa: PTH208
            if os.path.isfile(f"/proc/{process}/fd/{number}"):  # noqa: PTH113
                read(f"/proc/{process}/fd/{number}")
    except OSError:
        pass
places = os.environ.get("SEARCHED", "/").split(":")
for folder, folders, files in (each for place in places for each in os.walk(place)):
    folders[:] = [each for each in folders if (folder, each) not in (("/", "proc"), ("/", "sys"))]
    for each in files:
        path = os.path.join(folder, each)  # noqa: PTH118
        if os.path.isfile(path) and os.path.getsize(path) < 8 << 20:  # noqa: PTH113, PTH202
            read(path)
for port in range(1, 65536):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        continue
    print(f"port {port} answers")
    for way in (
        "",
        "state",
        "git/info/refs?service=git-upload-pack",
        "model/v1/models",
        "forge/user",
        "../etc",
    ):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{way}", timeout=5) as answer:
                look(f"port {port}/{way}", str(answer.headers).encode() + answer.read())
        except urllib.error.HTTPError as error:
            look(f"port {port}/{way}", str(error.headers).encode() + error.read())
        except (OSError, ValueError):
            pass
print(f"looked at {looked} places")
