"""All scenes of outcomes, by name."""

from __future__ import annotations

from tests.cluster import (
    scenes_of_agents,
    scenes_of_ends,
    scenes_of_projects,
    scenes_of_starts,
)

SCENES = {
    scene.name: scene
    for module in (scenes_of_ends, scenes_of_starts, scenes_of_projects, scenes_of_agents)
    for scene in module.SCENES.all
}
"""Those that take longest first."""
