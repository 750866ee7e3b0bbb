"""Which projects of a clone are installed, by their lockfiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from sandbox.dependencies.find import MOST, find_projects
from sandbox.dependencies.recipes import RECIPES, Recipe


def recognised(recipe: Recipe) -> ParameterSet:
    """Mark a recipe's case with the cell of docs/stacks.md that it proves."""
    row = "yarn 2" if recipe.beside == ".yarnrc.yml" else recipe.name.lower()
    name = f"{row}-{recipe.lockfile}"
    return pytest.param(recipe, marks=pytest.mark.shows("recognised", row), id=name)


def place(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize("recipe", [recognised(recipe) for recipe in RECIPES])
@pytest.mark.parametrize("below", ["", "api", "services/api"])
def test_a_lockfile_is_recognised_at_the_root_and_up_to_two_folders_down(
    tmp_path: Path, recipe: Recipe, below: str
) -> None:
    place(tmp_path / below, recipe.lockfile, *([recipe.beside] if recipe.beside else []))
    (found,) = find_projects(tmp_path)
    assert (found.recipe, found.place) == (recipe, below)


@pytest.mark.parametrize("folder", ["a/b/c", "node_modules/x", "tests", "examples/shop", ".hidden"])
def test_a_lockfile_elsewhere_is_left_alone(tmp_path: Path, folder: str) -> None:
    place(tmp_path / folder, "Gemfile.lock")
    assert find_projects(tmp_path) == []


def test_of_a_language_that_the_root_has_folders_are_its_workspaces(tmp_path: Path) -> None:
    place(tmp_path, "pnpm-lock.yaml", "package-lock.json")
    place(tmp_path / "web", "package-lock.json", "Gemfile.lock")
    found = [(each.recipe.name, each.place) for each in find_projects(tmp_path)]
    assert found == [("pnpm", ""), ("bundler", "web")]


def test_a_link_is_no_lockfile_and_leads_into_no_folder(tmp_path: Path) -> None:
    place(tmp_path / "real", "Gemfile.lock")
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "Gemfile.lock").symlink_to(tmp_path / "real" / "Gemfile.lock")
    (clone / "web").symlink_to(tmp_path / "real")
    assert find_projects(clone) == []


def test_so_many_projects_are_found_that_the_rest_can_be_named(tmp_path: Path) -> None:
    for number in range(MOST + 3):
        place(tmp_path / f"p{number}", "Gemfile.lock")
    assert len(find_projects(tmp_path)) == MOST + 3
