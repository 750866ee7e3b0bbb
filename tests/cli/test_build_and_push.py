"""`claude-sandbox build` and `push`, with a real Buildah where there is one, and with programs that stand in for the others."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit, Failure
from cli.images.build import names_of
from cli.images.builder import find_images
from cli.images.push import names_at, target_of

ROOT = Path(__file__).parents[2]


class Shop:
    """A checkout of its own, a person's home, and a PATH with nothing that builds but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.home = folder / "home"
        self.checkout = folder / "checkout"
        for place in (self.bin, self.home / ".claude" / "agents", self.checkout / "sandbox"):
            place.mkdir(parents=True)
        for name in ("agent-files", "image"):
            (self.checkout / name).mkdir()
        (self.checkout / "agent-files" / "README.md").write_text("for people\n")
        (self.checkout / "agent-files" / "team.md").write_text("the team's\n")
        (self.checkout / "sandbox" / "__init__.py").write_text("")
        (self.checkout / ".dockerignore").write_text("*\n!agent-files\n!sandbox\n!image\n!gone\n")
        for ruby in ("3.3", "3.4"):
            (self.checkout / "image" / ruby).write_text(f"Ruby {ruby}\n")
        (self.checkout / "secret.txt").write_text("not for an image\n")
        (self.checkout / "Dockerfile").write_text(
            "ARG RUBY=3.4\n"
            "FROM scratch AS sandbox\nARG RUBY\nCOPY image/$RUBY /ruby\nCOPY agent-files /agent-files\nCOPY sandbox /sandbox\n"
            "FROM scratch AS bot\nARG OWNER\nLABEL owner=$OWNER\nCOPY sandbox /sandbox\n"
        )
        (self.home / ".claude" / "agents" / "mine.md").write_text("mine\n")
        (self.home / ".claude" / ".credentials.json").write_text('{"accessToken": "x"}')
        self.variables: dict[str, str] = {}

    def stand_in(self, name: str, script: str) -> None:
        """Put a program there that answers like a builder."""
        place = self.bin / name
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.bin}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            **self.variables,
        }
        command = [sys.executable, "-m", "cli", *arguments]
        environment["PYTHONPATH"] = str(ROOT)
        return subprocess.run(
            command,
            env=environment,
            cwd=self.checkout,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_builder_that_does_not_answer_is_not_waited_for_for_ever(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.images.builder.ANSWER_SECONDS", 0.1)
    shop.stand_in("docker", "PATH=/usr/bin:/bin; exec sleep 600")
    with pytest.raises(Failure, match=r"Docker doesn't answer: nothing in 0\.1 s") as failed:
        find_images(None, {"PATH": str(shop.bin)})
    assert failed.value.code is Exit.CLUSTER


KEEP = """case $1 in
  info) ;;
  build) shift; echo "$@" >> "$HOME/asked"; for last; do :; done; cp -r "$last" "$HOME/context" ;;
  *) echo "$@" >> "$HOME/asked" ;;
esac"""
"""A builder that keeps what it was asked for, and the folder that it was given."""


def with_tools(shop: Shop, script: str) -> str:
    """Let a stand-in have the programs of the machine."""
    return f"PATH=/usr/bin:/bin; export PATH\n{script}"


def test_the_image_is_built_from_the_checkout_with_the_persons_agents_in_it(shop: Shop) -> None:
    shop.stand_in("docker", with_tools(shop, KEEP))
    done = shop.run("build")
    assert done.returncode == 0, done.stderr
    (asked,) = (shop.home / "asked").read_text().splitlines()
    assert asked.startswith(
        "--target=sandbox --build-arg RUBY=3.4 "
        "--tag claude-sandbox:latest --tag claude-sandbox:ruby-3.4 /"
    )
    context = shop.home / "context"
    files = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}
    assert files == {
        "Dockerfile",
        ".dockerignore",
        "image/3.3",
        "image/3.4",
        "sandbox/__init__.py",
        "agent-files/README.md",
        "agent-files/team.md",
        "agent-files/agents/mine.md",
    }
    assert "Built claude-sandbox:latest and claude-sandbox:ruby-3.4 with Docker." in done.stdout
    assert "agents/mine.md" in done.stdout
    assert not Path(asked.split()[-1]).exists(), "the folder that it was built from is gone"
    assert not (shop.checkout / "agent-files" / "agents").exists()


def test_another_ruby_the_bot_and_no_own_files_can_be_asked_for(shop: Shop) -> None:
    shop.stand_in("podman", with_tools(shop, KEEP))
    shop.variables["SANDBOX_OWNER"] = "alice"
    assert shop.run("build", "--ruby", "3.3", "--no-own-files").returncode == 0
    assert not (shop.home / "context/agent-files/agents").exists()
    assert shop.run("build", "--ruby", "none", "--build-arg", "CHROMIUM=").returncode == 0
    assert shop.run("build", "--bot").returncode == 0
    first, second, third = (shop.home / "asked").read_text().splitlines()
    assert first.startswith("--target=sandbox --build-arg RUBY=3.3 --tag claude-sandbox:ruby-3.3 /")
    assert second.startswith(
        "--target=sandbox --build-arg RUBY= --build-arg CHROMIUM= --tag claude-sandbox:no-ruby /"
    )
    assert third.startswith(
        "--target=bot --build-arg RUBY= --build-arg OWNER=alice --tag claude-sandbox-bot:latest /"
    )


def test_a_script_gets_one_json_value_and_what_was_left_out(shop: Shop) -> None:
    shop.stand_in("docker", with_tools(shop, f"echo noise\n{KEEP}"))
    (shop.home / ".claude" / "CLAUDE.md").write_text("ghp_" + "a1B2" * 9)
    done = shop.run("build", "--json")
    assert json.loads(done.stdout) == {
        "images": ["claude-sandbox:latest", "claude-sandbox:ruby-3.4"],
        "with": "docker",
        "agentFiles": ["agents/mine.md"],
        "leftOut": ["CLAUDE.md: a secret stands in it"],
    }
    assert "noise" in done.stderr
    assert "Left out: CLAUDE.md" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "script", "said", "code"),
    [
        (("build",), None, "Neither Docker nor Podman nor Buildah is installed here.", 2),
        (("push", "--to", "a/b"), None, "Neither Docker nor Podman nor Buildah", 2),
        (("build", "--with", "podman"), None, "Podman is not installed here.", 2),
        (("build",), "echo 'no daemon' >&2; exit 1", "Docker doesn't answer: no daemon", 3),
        (("build",), 'test "$1" = info', "docker couldn't build the image (exit code 1).", 1),
        (("build", "--ruby", "2.7"), "exit 0", "There is no image with Ruby 2.7.", 2),
        (("build", "--build-arg", "X"), "exit 0", "'X' is no build argument.", 2),
        (("push",), "exit 0", "Where to? No owner is known", 2),
        (("push", "--to", "UPPER/x"), "exit 0", "'UPPER/x' is no image's name.", 2),
        (("push", "--to", "a/b"), 'test "$1" = info', "There is no image claude-sandbox here.", 2),
        (
            ("push", "--to", "a/b"),
            'test "$1" != push || { echo "denied: requested access" >&2; exit 1; }',
            "Docker Hub refuses a/b:latest",
            1,
        ),
        (
            ("push", "--to", "registry.example:5000/b"),
            'test "$1" != push || { echo "unauthorized: who?" >&2; exit 1; }',
            "Log in: docker login registry.example:5000",
            1,
        ),
        (
            ("push", "--to", "localhost:5000/b"),
            'test "$1" != push || { echo "unauthorized: who?" >&2; exit 1; }',
            "Log in: docker login localhost:5000",
            1,
        ),
        (
            ("push", "--to", "a/b"),
            'test "$1" != push || { echo "no route to host" >&2; exit 1; }',
            "a/b:latest can't be pushed: no route to host",
            1,
        ),
    ],
)
def test_what_cant_be_done_is_said_with_what_to_do(
    shop: Shop, arguments: tuple[str, ...], script: str | None, said: str, code: int
) -> None:
    if script is not None:
        shop.stand_in("docker", script)
    done = shop.run(*arguments)
    assert said in done.stderr
    assert "➜" in done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_outside_of_a_checkout_this_programs_own_is_built(shop: Shop) -> None:
    shop.stand_in("docker", with_tools(shop, KEEP))
    shutil.rmtree(shop.checkout / "sandbox")
    done = shop.run("build", "--no-own-files")
    assert done.returncode == 0, done.stderr
    assert (shop.home / "context/image/package-lock.json").exists()


@pytest.mark.parametrize(
    ("named", "environment", "target"),
    [
        ("alice/box", {}, "alice/box:latest"),
        ("alice/box:1.0", {}, "alice/box:1.0"),
        (None, {"CLAUDE_IMAGE": "ghcr.io/team/box"}, "ghcr.io/team/box:latest"),
        (None, {"SANDBOX_OWNER": "Alice"}, "alice/claude-sandbox:latest"),
        ("a/b", {"CLAUDE_IMAGE": "c/d", "SANDBOX_OWNER": "e"}, "a/b:latest"),
    ],
)
def test_where_to_push_is_what_was_named_or_else_the_owners(
    named: str | None, environment: dict[str, str], target: str
) -> None:
    assert target_of(named, environment) == target


@pytest.mark.parametrize("name", ["-x", "a b", "a/b;id", "https://a/b", "a/b:"])
def test_what_is_no_image_isnt_pushed_to(name: str) -> None:
    with pytest.raises(Failure):
        target_of(name, {})


def test_every_tag_goes_along_and_the_usual_one_has_the_name_that_was_asked_for() -> None:
    assert names_at("registry:5000/a/b:1.0")[:2] == [
        ("latest", "registry:5000/a/b:1.0"),
        ("ruby-3.2", "registry:5000/a/b:ruby-3.2"),
    ]
    assert names_of("3.4") == ("claude-sandbox:latest", "claude-sandbox:ruby-3.4")


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry of images on loopback: what the distribution specification asks of a push, kept in memory."""

    protocol_version = "HTTP/1.1"
    blobs: dict[str, bytes]
    manifests: dict[str, bytes]

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        kept = self.manifests.get(self.path) or self.blobs.get(name)
        self._answer(200 if self.path == "/v2/" or kept else 404, kept or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._answer(202, location=f"{self.path.partition('?')[0]}{uuid.uuid4()}")

    def do_PATCH(self) -> None:
        self.blobs[self.path] = self._body()
        self._answer(202, location=self.path)

    def do_PUT(self) -> None:
        body = self._body()
        if "/manifests/" in self.path:
            self.manifests[self.path] = body
        else:
            digest = self.path.partition("digest=")[2].replace("%3A", ":")
            self.blobs[digest] = body or self.blobs.pop(self.path.partition("?")[0])
        self._answer(201, location=self.path)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, code: int, body: bytes = b"", location: str = "") -> None:
        self.send_response(code)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def registry() -> Iterator[http.server.ThreadingHTTPServer]:
    handler = type("Kept", (Registry,), {"blobs": {}, "manifests": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.buildah
def test_a_real_buildah_builds_and_pushes_to_a_registry(
    shop: Shop, registry: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    place = f"127.0.0.1:{registry.server_port}"
    (tmp_path / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/images"\nrunroot = "{tmp_path}/run"\n'
    )
    (tmp_path / "registries.conf").write_text(
        f'[[registry]]\nlocation = "{place}"\ninsecure = true\n'
    )
    (tmp_path / "containers.conf").write_text(
        f'[network]\nnetwork_config_dir = "{tmp_path}/networks"\n'
    )
    shop.variables |= {
        "PATH": os.environ["PATH"],
        "CONTAINERS_STORAGE_CONF": str(tmp_path / "storage.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(tmp_path / "registries.conf"),
        "CONTAINERS_CONF": str(tmp_path / "containers.conf"),
        "BUILDAH_ISOLATION": "chroot",
    }
    for ruby in ("3.3", "3.4"):
        built = shop.run("build", "--with", "buildah", "--ruby", ruby)
        assert built.returncode == 0, built.stderr
    pushed = shop.run("push", "--with", "buildah", "--to", f"{place}/alice/box:1.0", "--json")
    assert pushed.returncode == 0, pushed.stderr
    tags = {"1.0", "ruby-3.3", "ruby-3.4"}
    assert json.loads(pushed.stdout)["images"] == [
        f"{place}/alice/box:{tag}" for tag in ("1.0", "ruby-3.3", "ruby-3.4")
    ]
    kept = registry.RequestHandlerClass
    there = {path: data for path, data in kept.manifests.items() if "sha256" not in path}
    assert set(there) == {f"/v2/alice/box/manifests/{tag}" for tag in tags}
    layers = {
        path.rpartition("/")[2]: [layer["digest"] for layer in json.loads(data)["layers"]]
        for path, data in there.items()
    }
    assert layers["1.0"] == layers["ruby-3.4"] != layers["ruby-3.3"]
    assert {digest for each in layers.values() for digest in each} <= set(kept.blobs)


def test_all_that_was_built_is_pushed_the_bot_beside_the_sandbox(shop: Shop) -> None:
    shop.stand_in("docker", with_tools(shop, KEEP))
    done = shop.run("push", "--to", "alice/box:1.0", "--json")
    assert done.returncode == 0, done.stderr
    places = ["alice/box:1.0", *(f"alice/box:ruby-{each}" for each in ("3.2", "3.3", "3.4"))]
    places += ["alice/box:no-ruby", "alice/box-bot:latest"]
    assert json.loads(done.stdout) == {"images": places, "claudeImage": "alice/box:1.0"}
    asked = (shop.home / "asked").read_text().splitlines()
    assert [line for line in asked if line.startswith("push ")] == [f"push {p}" for p in places]
    assert "tag claude-sandbox:latest alice/box:1.0" in asked
    assert "tag claude-sandbox-bot:latest alice/box-bot:latest" in asked


@pytest.mark.parametrize(
    ("here", "named"),
    [
        ("claude-sandbox:ruby-3.3", "alice/box:ruby-3.3"),
        ("claude-sandbox:no-ruby", "alice/box:no-ruby"),
        ("claude-sandbox-bot:latest", None),
    ],
)
def test_only_an_image_that_was_pushed_is_named_for_the_bot(
    shop: Shop, here: str, named: str | None
) -> None:
    shop.stand_in("docker", f'case $* in "image inspect "*) test "$3" = {here} ;; esac')
    done = shop.run("push", "--to", "alice/box", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["claudeImage"] == named
