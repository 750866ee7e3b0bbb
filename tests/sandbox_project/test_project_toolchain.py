"""A project's own version of its language: the image's where it fits, else one that the real mise installs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox.dependencies.cache import Cache, Root, Until
from sandbox.log import Log
from sandbox.process import Limits
from sandbox.redaction import Redactor
from sandbox.report import Verdict
from sandbox.task import RepoStack, Task, from_environment, to_environment
from sandbox.toolchain import TOOLS, Site, get_toolchain
from tests.parts.git_server import OriginRepo
from tests.sandbox.running import ROOT, Finished, run
from tests.sandbox_project.project_repo import repo_of

HERE = "24.21.0"


class Mirror:
    """A server on loopback with one version of Node, as nodejs.org has it; remembers what was asked of it."""

    def __init__(self, folder: Path, version: str) -> None:
        self.asked: list[str] = []
        self._fill(folder, version)
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                asked.append(self.path)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def _fill(self, folder: Path, version: str) -> None:
        place = folder / f"v{version}"
        place.mkdir(parents=True)
        for machine in ("x64", "arm64"):
            name = f"node-v{version}-linux-{machine}"
            archive = place / f"{name}.tar.gz"
            with tarfile.open(archive, "w:gz") as made:
                for program, said in {"node": f"v{version}", "npm": "10.0.0"}.items():
                    text = f"#!/bin/sh\necho {said}\n".encode()
                    entry = tarfile.TarInfo(f"{name}/bin/{program}")
                    entry.size, entry.mode = len(text), 0o755
                    made.addfile(entry, io.BytesIO(text))
            digest = hashlib.sha256(archive.read_bytes()).hexdigest()
            with (place / "SHASUMS256.txt").open("a") as sums:
                sums.write(f"{digest}  {archive.name}\n")
        files = ["linux-x64", "linux-arm64"]
        about = {"version": f"v{version}", "files": files, "lts": False, "date": "2024-07-08"}
        (folder / "index.json").write_text(json.dumps([about]))


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    served = Mirror(tmp_path / "mirror", "18.20.4")
    served.thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    served.thread.join()


@pytest.fixture(scope="session")
def mise() -> Path:
    """The real mise of the image's version; tests that ask for it are marked `mise`."""
    text = (ROOT / "image" / "package.json").read_text("utf-8")
    version = re.findall(r'"@jdxcode/mise-linux-x64": "(.+)"', text)[0]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claude-sandbox"
    found = cache / f"mise-{version}" / "node_modules/@jdxcode/mise-linux-x64/bin/mise"
    if not found.exists():
        pytest.skip("mise isn't installed here: make mise")
    return found


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder for PATH with the Node of an image."""
    folder = tmp_path / "image"
    folder.mkdir()
    program(folder, "node", f"echo v{HERE}")
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> OriginRepo:
    return repo_of(tmp_path, {"README.md": "A project.\n"})


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def ran(folder: Path, repo: OriginRepo, image: Path, asked: str, **variables: str) -> Finished:
    """Run with an agent that writes down which Node it has."""
    environment = {
        "PATH": f"{image}:/usr/bin:/bin",
        "SANDBOX_TOOLCHAIN": asked,
        "SANDBOX_TIMEOUT": "600",
        "MISE_USE_VERSIONS_HOST": "0",
        "MISE_NODE_MIRROR_URL": "http://127.0.0.1:9/",
        **variables,
    }
    return run(folder / "run", "node --version > found", repo.file_url, **environment)


def found(repo: OriginRepo, done: Finished) -> str:
    assert done.report.verdict is Verdict.PUSHED, done.log
    return repo.read(done.report.branch or "", "found").strip()


def with_mise(image: Path, mise: Path, mirror: Mirror) -> dict[str, str]:
    (image / "mise").symlink_to(mise)
    return {"MISE_NODE_MIRROR_URL": f"http://127.0.0.1:{mirror.server.server_port}/"}


@pytest.mark.mise
@pytest.mark.parametrize("asked", ["node 18", "node 18.20.4", "node 18 >=18 <20"])
def test_mise_installs_what_the_image_hasnt_and_the_agent_has_it(
    tmp_path: Path, repo: OriginRepo, image: Path, mise: Path, mirror: Mirror, asked: str
) -> None:
    done = ran(tmp_path, repo, image, asked, **with_mise(image, mise, mirror))
    assert found(repo, done) == "v18.20.4"
    assert done.report.remark is None
    assert "$ mise install node@18" in done.log
    assert repo.diffstat("main", done.report.branch or "") == "1 file changed, 1 insertion(+)"


@pytest.mark.mise
@pytest.mark.parametrize("asked", ["node 24", "node 24.21", "node -", "node 18 >=18", "ruby 3.3"])
def test_nothing_is_fetched_where_the_image_has_what_fits(
    tmp_path: Path, repo: OriginRepo, image: Path, mise: Path, mirror: Mirror, asked: str
) -> None:
    done = ran(tmp_path, repo, image, asked, **with_mise(image, mise, mirror))
    assert found(repo, done) == f"v{HERE}"
    assert mirror.asked == []
    assert done.report.remark is None


@pytest.mark.mise
@pytest.mark.parametrize("asked", ["node 18", "node 18.20.4"])
def test_what_mise_installed_comes_from_the_cache_in_the_next_run(
    tmp_path: Path, repo: OriginRepo, image: Path, mise: Path, mirror: Mirror, asked: str
) -> None:
    cache = {"SANDBOX_CACHE": str(tmp_path / "cache"), **with_mise(image, mise, mirror)}
    first = ran(tmp_path / "first", repo, image, asked, **cache)
    assert found(repo, first) == "v18.20.4"
    assert "kept in the cache" in first.log
    mirror.asked.clear()
    second = ran(tmp_path / "second", repo, image, asked, **cache)
    assert found(repo, second) == "v18.20.4"
    assert "Node 18.20.4 from the cache" in second.log
    assert "mise install" not in second.log
    assert (mirror.asked, second.report.remark) == ([], None)


@pytest.mark.mise
def test_a_kept_toolchain_that_doesnt_run_is_installed_anew(
    tmp_path: Path, repo: OriginRepo, image: Path, mise: Path, mirror: Mirror
) -> None:
    cache = {"SANDBOX_CACHE": str(tmp_path / "cache"), **with_mise(image, mise, mirror)}
    ran(tmp_path / "first", repo, image, "node 18", **cache)
    (entry,) = (tmp_path / "cache").glob("*.entry")
    spoil(entry, tmp_path / "spoilt")
    second = ran(tmp_path / "second", repo, image, "node 18", **cache)
    assert found(repo, second) == "v18.20.4"
    assert "a cache entry was ignored: what is in it doesn't run here" in second.log
    third = ran(tmp_path / "third", repo, image, "node 18", **cache)
    assert "Node 18.20.4 from the cache" in third.log


def spoil(entry: Path, scratch: Path) -> None:
    """Write an entry anew in which Node is a program that fails."""
    cache, until = Cache(entry.parent), Until(time.monotonic() + 60)
    scratch.mkdir()
    made_in, places = cache.restore(entry.stem, scratch, until)
    (node,) = scratch.glob("0/installs/node/*.*.*/bin/node")
    node.write_text("#!/bin/sh\nexit 1\n")
    cache.keep(entry.stem, made_in, [Root(places[0], scratch / "0")], until)


@pytest.mark.mise
def test_a_version_that_isnt_there_is_told_and_the_images_own_is_used(
    tmp_path: Path, repo: OriginRepo, image: Path, mise: Path, mirror: Mirror
) -> None:
    done = ran(tmp_path, repo, image, "node 17.1", **with_mise(image, mise, mirror))
    assert found(repo, done) == f"v{HERE}"
    remark = done.report.remark or ""
    assert remark.startswith(f"Node 17.1 couldn't be installed, {HERE} is used: "), remark


@pytest.mark.mise
def test_what_the_repository_configures_mise_with_isnt_used(
    tmp_path: Path, image: Path, mise: Path, mirror: Mirror
) -> None:
    mark = tmp_path / "mark"
    hook = f'[hooks]\npreinstall = "touch {mark}"\n[tools]\nnode = "16"\n'
    repo = repo_of(tmp_path, {"mise.toml": hook, ".tool-versions": "node 16\n"})
    done = ran(tmp_path, repo, image, "node 18", **with_mise(image, mise, mirror))
    assert found(repo, done) == "v18.20.4"
    assert not mark.exists()


def test_an_image_without_mise_says_what_is_used_instead(
    tmp_path: Path, repo: OriginRepo, image: Path
) -> None:
    done = ran(tmp_path, repo, image, "node 18 >=18 <20")
    assert found(repo, done) == f"v{HERE}"
    expected = f"Node >=18 <20 isn't in this image, and no mise to get it: {HERE} is used."
    assert done.report.remark == expected


def test_a_mise_that_hangs_is_ended_and_told(tmp_path: Path, image: Path) -> None:
    program(image, "mise", "exec sleep 300")
    path = {"PATH": f"{image}:/usr/bin:/bin"}
    limits = Limits(time.monotonic() + 1.0, grace_seconds=1.0)
    log = Log(Redactor(()), lambda _: None)
    got = get_toolchain(RepoStack("node", "18"), Site(tmp_path / "tools", path), limits, log)
    assert "couldn't be installed" in got.remark
    assert not got.variables


SAYS = {
    "node": "v22.3.0",
    "python": "Python 3.11.2",
    "go": "go version go1.22.4 linux/amd64",
    "rust": "rustc 1.80.1 (3f5fd8dd4 2024-08-06)",
    "java": 'openjdk version "17.0.12" 2024-07-16\nOpenJDK Runtime Environment (build 17.0.12+7)',
    "elixir": "Erlang/OTP 25 [erts-13.1.5]\n\nElixir 1.14.0 (compiled with Erlang/OTP 24)",
}
"""What each language's program says of itself."""


@pytest.mark.parametrize(
    ("asked", "installed"),
    [
        ("node 22", None),
        ("node 20.11.1", "node@20.11.1"),
        ("node 22.4", "node@22.4"),
        ("python 3.11", None),
        ("python 3.10 >=3.10", None),
        ("python 3.1", "python@3.1"),
        ("python 3.12", "python@3.12"),
        ("go 1.21", None),
        ("go 1.23", "go@1.23"),
        ("rust 1.70", None),
        ("rust 1.85.0", "rust@1.85.0"),
        ("java 17", None),
        ("java 21", "java@21"),
        ("java 1.8", "java@8"),
        ("elixir 1.14", None),
        ("elixir 1.17", "erlang@latest elixir@1.17"),
    ],
)
def test_each_language_is_judged_by_its_own_habits(
    tmp_path: Path, asked: str, installed: str | None
) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    language, version, *requirement = asked.split(" ", 2)
    name = TOOLS[language].command[0]
    stream = " >&2" if language == "java" else ""
    program(path, name, f"cat{stream} <<'END'\n{SAYS[language]}\nEND")
    wanted = tmp_path / "wanted"
    program(path, "mise", f'test "$1" = env && echo "{{}}" || echo "$*" > {wanted}')
    environment = {"PATH": f"{path}:/usr/bin:/bin"}
    stack = RepoStack(language, version, requirement=requirement[0] if requirement else None)
    log = Log(Redactor(()), lambda _: None)
    limits = Limits(time.monotonic() + 60)
    got = get_toolchain(stack, Site(tmp_path / "tools", environment), limits, log)
    assert got.remark == ""
    assert (wanted.read_text() if wanted.exists() else None) == (
        f"install {installed}\n" if installed else None
    )


def test_rust_is_installed_where_the_run_may_write(tmp_path: Path) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    home = 'printf \'{"CARGO_HOME": "%s"}\' "$CARGO_HOME"'
    program(path, "mise", f'test "$1" != env || {home}')
    log = Log(Redactor(()), lambda _: None)
    limits = Limits(time.monotonic() + 60)
    environment = {"PATH": f"{path}:/usr/bin:/bin"}
    got = get_toolchain(
        RepoStack("rust", "1.80"), Site(tmp_path / "tools", environment), limits, log
    )
    assert got.variables == {"CARGO_HOME": str(tmp_path / "tools" / "cargo")}


@pytest.mark.parametrize(
    ("stack", "text"),
    [
        (None, ""),
        (RepoStack(), ""),
        (RepoStack("node", None), "node -"),
        (RepoStack("node", "20.1"), "node 20.1"),
        (RepoStack("node", "18", requirement=">=18 <23"), "node 18 >=18 <23"),
        (RepoStack("node", "18", requirement='>=18\0"$(id)`\n'), "node 18 >=18"),
    ],
)
def test_what_is_asked_for_goes_in_by_one_variable(stack: RepoStack | None, text: str) -> None:
    values = to_environment(Task("https://git.example/x", "do it", stack=stack), "abcd2345")
    assert values["SANDBOX_TOOLCHAIN"] == text
    back = from_environment(values).task.stack
    if text:
        assert back is not None
        assert f"{back.language} {back.version or '-'}" == " ".join(text.split(" ")[:2])
    else:
        assert back is None


@pytest.mark.parametrize("text", ["node", "node 18;id", "Node 18", "node 99999", "node 18\nx"])
def test_what_isnt_a_version_asks_for_nothing(text: str) -> None:
    values = {"TASK": "t", "REPO_URL": "u", "SANDBOX_TOOLCHAIN": text}
    assert from_environment(values).task.stack is None
