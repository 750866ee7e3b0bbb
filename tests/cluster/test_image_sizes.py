"""How large the bot's image is, as it is pulled."""

from __future__ import annotations

import pytest

from bench.image_sizes import archives_of_cluster, layers_of, table

MOST_BYTES = 150e6


@pytest.mark.own_cluster
def test_the_bots_image_is_pulled_with_150_mb_at_most() -> None:
    found = [path for path in archives_of_cluster() if path.name.startswith("bot-")]
    assert len(found) == 1
    layers = layers_of(found[0])
    assert len(layers) >= 4
    assert sum(layer.bytes_pulled for layer in layers) <= MOST_BYTES, table("bot", layers)
