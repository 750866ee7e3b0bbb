"""The demo on a cluster, as far as no cluster is needed: what it says without one, and its git server."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from cli.demo_stage import make_remote
from cli.git_server import serve_git
from tests.k8s.fake_cluster import kubeconfig
from tests.parts.git_server import run_git
from tests.whole.bot_process import COMMAND, LIMIT_SECONDS

TOKEN = "a-token-of-the-test"


def errors_of_demo(folder: Path, **changes: str) -> str:
    """Start the demo on a cluster, which must end with 2 and without a conversation; return what it complains of."""
    temporary = folder / "tmp"
    temporary.mkdir()
    played = subprocess.run(
        [COMMAND, "demo", "--once", "/run demo x"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(temporary),
            "SANDBOX_BACKEND": "kubernetes",
            **changes,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert (played.returncode, played.stdout) == (2, ""), played.stderr
    assert list(temporary.iterdir()) == []
    return played.stderr.strip()


def unused_server() -> str:
    """Return the address of a server that isn't there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_without_a_kubeconfig_the_demo_says_how_to_get_a_cluster(tmp_path: Path) -> None:
    said = errors_of_demo(tmp_path)
    assert said == (
        f"There is no cluster: {tmp_path}/.kube/config is missing."
        " Bring one up with `make cluster`, or name yours with KUBECONFIG=…"
    )


def test_a_cluster_that_does_not_answer_is_said_in_one_line_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(unused_server()))
    said = errors_of_demo(tmp_path, KUBECONFIG=str(path))
    assert said.startswith("The cluster doesn't answer: ")
    assert said.endswith("Bring one up with `make cluster`, or name yours with KUBECONFIG=…")
    assert "\n" not in said


def test_claude_without_a_key_for_its_pod_is_refused_with_what_to_set(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(unused_server()))
    said = errors_of_demo(tmp_path, KUBECONFIG=str(path), SANDBOX_AGENT="claude")
    assert "Set CLAUDE_CODE_OAUTH_TOKEN" in said
    assert "or ANTHROPIC_API_KEY." in said


def test_a_misspelt_backend_is_told_by_its_name(tmp_path: Path) -> None:
    said = errors_of_demo(tmp_path, SANDBOX_BACKEND="kubernets")
    assert "SANDBOX_BACKEND isn't kubernetes or local: 'kubernets'" in said


async def test_who_knows_the_token_can_clone_and_push(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    clone = tmp_path / "clone"
    async with serve_git(remote, "127.0.0.1", TOKEN) as url:
        with_token = url.replace("http://", f"http://x-access-token:{TOKEN}@")
        await asyncio.to_thread(run_git, None, "clone", "--quiet", with_token, str(clone))
        (clone / "new").write_bytes(os.urandom(3 << 20))  # more than git sends in one piece
        run_git(clone, "add", "--all")
        run_git(clone, "commit", "--quiet", "--message", "New")
        await asyncio.to_thread(run_git, clone, "push", "--quiet", "origin", "HEAD:other")
    assert run_git(remote, "rev-parse", "other") == run_git(clone, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("demo.git/info/refs?service=git-upload-pack", TOKEN, 200),
        ("demo.git/info/refs?service=git-upload-pack", "another", 401),
        ("demo.git/info/refs?service=git-receive-pack", None, 401),
        ("demo.git/no", TOKEN, 404),
        ("other.git/info/refs?service=git-upload-pack", TOKEN, 404),
        ("demo.git/%2e%2e/other.git/info/refs?service=git-upload-pack", TOKEN, 500),
    ],
    ids=["right", "wrong token", "no token", "no such file", "another repo", "upwards"],
)
async def test_only_the_one_repository_is_served_and_only_with_the_token(
    tmp_path: Path, path: str, token: str | None, status: int
) -> None:
    remote = make_remote(tmp_path)
    run_git(None, "init", "--quiet", "--bare", str(tmp_path / "other.git"))
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    headers = {} if token is None else {"Authorization": f"Basic {login}"}
    async with serve_git(remote, "127.0.0.1", TOKEN) as url:
        server = url.removesuffix(remote.name)
        # Encoded: the client would go the way upwards by itself.
        address = URL(server + path, encoded=True)
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(address) as answer,
        ):
            assert answer.status == status
