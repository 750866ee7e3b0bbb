"""Small Rails-like, Django-like, Node and Go projects, from the chat: installed once, and then from the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parts.package_managers import path
from tests.parts.registries import Registry
from tests.sandbox_project.managed_go import go
from tests.sandbox_project.managed_projects import Managed, bundler, npm, uv
from tests.sandbox_project.project_repo import repo_of
from tests.whole.scene import open_scene

SECONDS = 300
RAILS = {
    "config/application.rb": "class Application; end\n",
    "bin/rails": "#!/usr/bin/env ruby\nrequire 'bundler/setup'\nrequire 'greet'\nputs WORD\n",
}
DJANGO = {
    "manage.py": "import shop\n\nshop.main()\n",
    "src/shop/settings.py": "INSTALLED_APPS = ['greet']\n",
}


def shown(tool: str) -> list[pytest.MarkDecorator]:
    """Mark a case with the manager that it needs, and whose cells of docs/stacks.md it proves."""
    row = {"bundle": "bundler"}.get(tool, tool)
    cells = [pytest.mark.shows(column, row) for column in ("installed", "cache hit")]
    return [getattr(pytest.mark, tool), *cells]


@pytest.mark.parametrize(
    ("make", "more", "setup"),
    [
        pytest.param(bundler, RAILS, "ruby bin/rails", id="Rails", marks=shown("bundle")),
        pytest.param(uv, DJANGO, "python manage.py", id="Django", marks=shown("uv")),
        pytest.param(npm, {}, None, id="Node", marks=shown("npm")),
        pytest.param(go, {}, None, id="Go", marks=shown("go")),
    ],
)
async def test_a_project_with_a_real_lockfile_works_in_its_second_run_without_its_registry(
    tmp_path: Path,
    make: Callable[[Path, Registry], Managed],
    more: dict[str, str],
    setup: str | None,
) -> None:
    with Registry() as registry:
        project = make(tmp_path, registry)
        files = {**project.files, **more, ".claude-sandbox/setup": f"{setup or project.script}\n"}
        # Here a variable of the bot isn't one of the project.
        files[".env.claude-sandbox"] = "".join(f"{k}={v}\n" for k, v in project.variables.items())
        repo = repo_of(tmp_path, files)
        async with open_scene(tmp_path, {"PATH": path()}) as scene:
            scene.configure(repos={"shop": {"url": repo.file_url, "timeout": "15m"}})
            await scene.start()
            first = await scene.reply(scene.say("/run shop note one"), SECONDS)
            assert "✅ Done" in first and "cache miss" in first, first
            registry.close()
            if make is go:
                (tmp_path / "proxy").rename(tmp_path / "gone")
            second = await scene.reply(scene.say("/run shop note two"), SECONDS)
            assert "✅ Done" in second and "cache hit · " in second, second
