"""Every way in which a Run ends, made to happen on the real cluster, many at once.

`KEEP_SAMPLES=1` keeps what the cluster said of each as a sample, over which `tests/outcomes/` judges without a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl
from tests.cluster.outcome_scenes import SCENES
from tests.cluster.outcome_stage import NotHere, Theatre, World, keeps_samples
from tests.outcomes.samples import write
from tests.parts.git_server import GitServer


@pytest.fixture(scope="module")
def theatre(
    request: pytest.FixtureRequest,
    cluster: Kubectl,
    images: Images,
    host_address: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Theatre]:
    """Play the scenes of all tests that were chosen, many at once."""
    chosen = [
        SCENES[item.callspec.params["name"]]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    folder = tmp_path_factory.mktemp("outcomes")
    with GitServer(folder / "git", host=host_address) as git_server:
        world = World(cluster, images, git_server, host_address, folder)
        with Theatre(world, chosen) as found:
            yield found


@pytest.mark.parametrize("name", SCENES)
def test_each_way_to_end_happens_fault_12_fault_18_fault_19_fault_20_fault_21_fault_22_fault_23_fault_32_fault_33(
    theatre: Theatre, name: str
) -> None:
    scene = SCENES[name]
    try:
        played = theatre.result(name)
    except NotHere as reason:
        pytest.skip(str(reason))
    outcome = played.outcome
    assert (outcome.ending, outcome.cause) == (scene.ending, scene.cause), (outcome, played.log)
    told = "\n".join([outcome.error or "", outcome.remark or "", played.log])
    assert scene.proof in told
    assert played.sample is not None, f"nothing that the cluster said leads to this: {outcome}"
    if keeps_samples():
        write(played.sample)
