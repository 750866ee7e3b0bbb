"""The real cluster: `make test-cluster` brings it up. Servers of a test listen where Pods reach this machine.

Another cluster is used with KUBECONFIG and TEST_IMAGE_PREFIX (what stands before `claude-sandbox:test` in the names of
the images there), and with TEST_HOST_ADDRESS where Pods reach this machine by another address than the API server does.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from playground.server import Playground, start
from playground.world import World
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.cache_volume import CacheVolume, cache_volume
from tests.cluster.chat_scene import ChatScene, open_chat_scene
from tests.cluster.deployment import BOT, NOTHING, WAYS, Deployed, Ground, deploy
from tests.cluster.images_of_tests import Images
from tests.cluster.installed import Installer, installer
from tests.cluster.kubectl import Kubectl
from tests.cluster.namespaces import made_namespace
from tests.parts.git_server import GitServer, OriginRepo
from tests.parts.messages_api import MessagesApi, Step
from tests.parts.registries import Registry

pytest.register_assert_rewrite("tests.runs.contract")

_CLUSTER = str(Path(__file__).with_name("cluster"))
_ANOTHER = bool(os.environ.get("TEST_IMAGE_PREFIX"))


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The kubeconfig of the cluster, with an administrator's rights."""
    if _ANOTHER:
        path = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    else:
        printed = subprocess.run([_CLUSTER, "kubeconfig"], capture_output=True, check=True)
        path = Path(os.fsdecode(printed.stdout.strip()))
    if not path.is_file():
        pytest.exit(
            f"There is no cluster: {path} is missing. Start the tests with: make test-cluster", 2
        )
    return path


@pytest.fixture(scope="session")
def images() -> Images:
    """The names of the images that the tests run."""
    return Images(os.environ.get("TEST_IMAGE_PREFIX") or "localhost/")


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Kubectl:
    """kubectl for the whole cluster."""
    return Kubectl(["kubectl"] if _ANOTHER else [_CLUSTER, "kubectl"], kubeconfig)


@pytest.fixture(scope="session")
def host_address(kubeconfig: Path) -> str:
    """The address of this machine by which Pods reach it: where packets to the API server leave it."""
    if given := os.environ.get("TEST_HOST_ADDRESS"):
        return given
    settings = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    server = urlsplit(settings["clusters"][0]["cluster"]["server"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((server.hostname, server.port or 443))  # sends nothing
        found = str(way.getsockname()[0])
    if ipaddress.ip_address(found).is_loopback:
        pytest.exit("Say by which address Pods reach this machine: TEST_HOST_ADDRESS=…", 2)
    return found


@pytest.fixture(scope="session")
def deployed(
    request: pytest.FixtureRequest,
    cluster: Kubectl,
    images: Images,
    host_address: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployed | None]:
    """The bot and the sandboxes, deployed by the commands of docs/cluster.md; another overlay is a parameter.

    With NOTHING what an earlier test had deployed is taken away, and nothing put in its place.
    """
    way = getattr(request, "param", "two-namespaces")
    if way == NOTHING:
        yield None
        return
    ground = Ground(
        cluster, images, host_address, not _ANOTHER, tmp_path_factory.mktemp("deployed")
    )
    with deploy(ground, WAYS[way]) as found:
        yield found


@pytest.fixture
async def team(
    request: pytest.FixtureRequest,
    cluster: Kubectl,
    images: Images,
    host_address: str,
    tmp_path: Path,
    deployed: None,
) -> AsyncIterator[Installer]:
    """A team with a cluster on which nothing of ours is; where the bot is to be is a parameter."""
    own = images.prefix == "localhost/"
    place = Ground(cluster, images, host_address, own, tmp_path)
    async with installer(place, getattr(request, "param", BOT)) as found:
        yield found


@pytest.fixture
def namespace(cluster: Kubectl) -> Iterator[str]:
    """A namespace of its own under Pod Security restricted, with the secret of the sandboxes."""
    with made_namespace(cluster) as name:
        yield name


@pytest.fixture
def kubectl(cluster: Kubectl, namespace: str) -> Kubectl:
    """kubectl for the test's namespace."""
    return cluster.within(namespace)


@pytest.fixture
def git_server(tmp_path_factory: pytest.TempPathFactory, host_address: str) -> Iterator[GitServer]:
    """A git server that Pods reach; it demands the token of the namespace's secret."""
    with GitServer(tmp_path_factory.mktemp("git-server"), host=host_address) as server:
        yield server


@pytest.fixture
def messages_api(host_address: str) -> Iterator[Callable[..., MessagesApi]]:
    """Start a Messages API with the steps given, which Pods reach."""
    with ExitStack() as stack:

        def begin(*script: Step) -> MessagesApi:
            return stack.enter_context(MessagesApi(script, host_address))

        yield begin


@pytest.fixture
async def playground(host_address: str) -> AsyncIterator[Callable[[World], Awaitable[Playground]]]:
    """Serve a World, so that a bot in a Pod reaches it."""
    async with AsyncExitStack() as stack:

        async def begin(world: World) -> Playground:
            found = await start(world, host=host_address)
            stack.push_async_callback(found.close)
            return found

        yield begin


@pytest.fixture
def repo(git_server: GitServer) -> OriginRepo:
    """The small repository that the tasks work on; a test that needs another one says so by a fixture of this name."""
    return git_server.create("small", {"README.md": "# Small\n"})


@pytest.fixture
def volume(cluster: Kubectl, namespace: str, tmp_path: Path) -> Iterator[CacheVolume]:
    """A volume for dependencies in the test's namespace."""
    with cache_volume(cluster, namespace, tmp_path / "volume") as found:
        yield found


@pytest.fixture
def registry(host_address: str) -> Iterator[Registry]:
    """Package registries that Pods reach; pip gets a `greeter` there."""
    with Registry(host_address) as found:
        found.wheel("greeter", "def main():\n    print('hello from the greeter')\n")
        yield found


@pytest.fixture
async def place(
    kubeconfig: Path, namespace: str, images: Images, repo: OriginRepo, tmp_path: Path
) -> AsyncIterator[ClusterPlace]:
    """Backends over a namespace of their own."""
    found = ClusterPlace(kubeconfig, namespace, images, repo.url, tmp_path)
    yield found
    await found.close()


@pytest.fixture
async def scene(
    place: ClusterPlace,
    playground: Callable[[World], Awaitable[Playground]],
    kubectl: Kubectl,
) -> AsyncIterator[ChatScene]:
    """A team's chat with the namespace of `place`; the bot's processes are started by the test."""
    async with open_chat_scene(place, playground, kubectl) as found:
        yield found
