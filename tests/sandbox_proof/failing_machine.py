"""Failures of git, of networks, of the shell and of the machine."""

from __future__ import annotations

from tests.sandbox_proof.failing import CLOSED, Failing

_REPO = "git init -q -b main repo && cd repo && echo one > a && git add a && git commit -qm one"

_REFUSING_SERVER = """\
import http.server
import pathlib
import sys


class Refuse(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[1]))
        self.send_header("WWW-Authenticate", 'Basic realm="demo"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Refuse)
pathlib.Path("port.new").write_text(str(server.server_port))
pathlib.Path("port.new").rename("port")
server.serve_forever()
"""
_REFUSED = (
    "python refuse.py {status} & server=$!; until [ -s port ]; do sleep 0.05; done; "
    "{command}; code=$?; kill $server; exit $code"
)

MACHINE = (
    Failing(
        "git-not-a-repo",
        ("git",),
        "git status",
        ("fatal: not a git repository",),
    ),
    Failing(
        "git-clone",
        ("git",),
        f"git clone --progress {CLOSED}/absent.git",
        ("fatal: unable to access 'http://127.0.0.1:1/absent.git/'",),
    ),
    Failing(
        "git-rejected",
        ("git",),
        f"{_REPO} && git clone -q --bare . ../bare && git remote add origin ../bare"
        " && git commit -q --amend -m two && git push origin main",
        ("! [rejected]", "main -> main (non-fast-forward)", "error: failed to push some refs"),
    ),
    Failing(
        "git-hook",
        ("git",),
        f"{_REPO} && git clone -q --bare . ../bare"
        " && printf '#!/bin/sh\\necho protected branch; exit 1\\n' > ../bare/hooks/pre-receive"
        " && chmod +x ../bare/hooks/pre-receive && git commit -q --allow-empty -m two"
        " && git push ../bare main",
        ("remote: protected branch", "! [remote rejected]", "pre-receive hook declined"),
    ),
    Failing(
        "git-conflict",
        ("git",),
        f"{_REPO} && git checkout -qb side && echo two > a && git commit -qam two"
        " && git checkout -q main && echo three > a && git commit -qam three && git merge side",
        ("CONFLICT (content): Merge conflict in a", "Automatic merge failed"),
    ),
    Failing(
        "shell-command",
        ("bash",),
        "bash -c 'set -e; echo begin; absent-command --now; echo end'",
        ("absent-command: command not found",),
    ),
    Failing(
        "shell-file",
        ("cat",),
        "cat absent/settings.toml",
        ("absent/settings.toml: No such file or directory",),
    ),
    Failing(
        "killed",
        ("bash",),
        "bash -c 'echo begin; bash -c \"kill -9 \\$\\$\"; exit $?'",
        ("Killed",),
    ),
    Failing(
        "disk-full",
        ("dd",),
        "dd if=/dev/zero of=/dev/full bs=1k count=1",
        ("No space left on device",),
    ),
    Failing(
        "git-not-found",
        ("git",),
        _REFUSED.format(command="git clone http://127.0.0.1:$(cat port)/absent.git", status=404),
        ("fatal: repository", "not found"),
        {"refuse.py": _REFUSING_SERVER},
    ),
    Failing(
        "git-login",
        ("git",),
        _REFUSED.format(command="git clone http://127.0.0.1:$(cat port)/absent.git", status=401),
        ("fatal: could not read Username", "terminal prompts disabled"),
        {"refuse.py": _REFUSING_SERVER},
    ),
    Failing(
        "npm-not-found",
        ("npm",),
        _REFUSED.format(
            command="npm install absent-package --registry=http://127.0.0.1:$(cat port)", status=404
        ),
        ("code E404", "404 Not Found - GET", "absent-package"),
        {"refuse.py": _REFUSING_SERVER, "package.json": '{"name": "demo", "version": "1.0.0"}\n'},
    ),
    Failing(
        "npm-killed",
        ("npm",),
        "npm test",
        ("Killed",),
        {
            "package.json": (
                '{"name": "demo", "version": "1.0.0", "scripts": {"test": "kill -9 $$"}}\n'
            )
        },
    ),
    Failing(
        "curl",
        ("curl",),
        f"curl -sS {CLOSED}/",
        ("curl: (7) Failed to connect to 127.0.0.1 port 1",),
    ),
    Failing(
        "apt",
        ("apt-get",),
        "apt-get install --simulate absent-package",
        ("E: Unable to locate package absent-package",),
    ),
    Failing(
        "disk-full-python",
        (),
        "python -c \"open('/dev/full', 'wb', buffering=0).write(b'x')\"",
        ("OSError: [Errno 28] No space left on device",),
    ),
    Failing(
        "disk-full-node",
        ("node",),
        "node -e \"require('fs').writeFileSync('/dev/full', 'x')\"",
        ("Error: ENOSPC: no space left on device",),
    ),
    Failing(
        "read-only",
        ("touch",),
        "touch /sys/absent",
        ("touch: cannot touch '/sys/absent'",),
    ),
)
