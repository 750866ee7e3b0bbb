"""Small projects of each package manager, with lockfiles that the managers themselves made, from a registry on loopback."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.package_managers import FOLDER, environment, locked, written
from tests.parts.registries import Registry


@dataclass(frozen=True, slots=True)
class Managed:
    """A project: its files, the variables of its runs, and a command that works only with its dependency.

    `stays` says that what was kept holds in the same folder only, which it is on a cluster.
    """

    files: Mapping[str, str]
    script: str
    variables: Mapping[str, str] = field(default_factory=dict)
    stays: bool = False


SAID = "greet speaks"
"""What the script of each project says in the end."""


def bundler(folder: Path, registry: Registry) -> Managed:
    """A gem with an ordinary index, as `gem generate_index` makes it."""
    source = folder / "gem"
    spec = (
        'Gem::Specification.new { |s| s.name = "greet"; s.version = "1.0.0"; s.summary = "x"\n'
        's.authors = ["Ada"]; s.files = ["lib/greet.rb"] }\n'
    )
    written(source, {"greet.gemspec": spec, "lib/greet.rb": f'WORD = "{SAID}"\n'})
    (folder / "server" / "gems").mkdir(parents=True)
    for command in (
        [
            "gem",
            "build",
            "--silent",
            "-o",
            f"{folder}/server/gems/greet-1.0.0.gem",
            "greet.gemspec",
        ],
        ["gem", "generate_index", "--silent", f"--directory={folder}/server"],
    ):
        subprocess.run(
            command, cwd=source, env=environment(folder, {}), check=True, capture_output=True
        )
    _serve(registry, folder / "server")
    files = {"Gemfile": f'source "{registry.url}"\n\ngem "greet"\n', "README.md": "x"}
    lock = ["bundle", "lock"]
    return Managed(
        locked(folder / "source", files, lock, "Gemfile.lock"),
        "bundle exec ruby -e 'require \"greet\"; puts WORD'",
    )


def npm(folder: Path, registry: Registry) -> Managed:
    """One package, by npm."""
    return _node(folder, registry, ["npm", "install", "--package-lock-only"], "package-lock.json")


def pnpm(folder: Path, registry: Registry) -> Managed:
    """A workspace: what its packages need is linked into folders of their own."""
    registry.npm_package("greet")
    files = {
        "package.json": json.dumps({"name": "root", "private": True}),
        "pnpm-workspace.yaml": "packages: [packages/*]\n",
        "packages/shop/package.json": json.dumps(
            {"name": "shop", "version": "1.0.0", "dependencies": {"greet": "1.0.0"}}
        ),
        "packages/shop/index.js": "module.exports = require('greet')\n",
        "packages/app/package.json": json.dumps(
            {"name": "app", "version": "1.0.0", "dependencies": {"shop": "workspace:*"}}
        ),
        **_npmrc(registry),
    }
    lock = ["pnpm", "install", "--lockfile-only"]
    return Managed(
        locked(folder / "source", files, lock, "pnpm-lock.yaml"),
        "cd packages/app && node -p \"require('shop')\"",
    )


def yarn(folder: Path, registry: Registry) -> Managed:
    """One package, by yarn's first version."""
    return _node(folder, registry, ["yarn", "install", "--non-interactive"], "yarn.lock")


def yarn_2(folder: Path, registry: Registry, **more_settings: bool) -> Managed:
    """One package by a newer yarn, which is in the repository, as its users have it; without `node_modules`."""
    settings = {
        "yarnPath": ".yarn/releases/yarn.cjs",
        "npmRegistryServer": registry.url,
        "unsafeHttpWhitelist": ["127.0.0.1"],
        "enableTelemetry": False,
        **more_settings,
    }
    more = {
        ".yarnrc.yml": json.dumps(settings),
        ".yarn/releases/yarn.cjs": (FOLDER / "berry.cjs").read_text("utf-8"),
        ".gitignore": ".pnp.*\n.yarn/install-state.gz\n",
    }
    lock = ["yarn", "install", "--mode=update-lockfile", "--no-immutable"]
    made = _node(folder, registry, lock, "yarn.lock", more)
    return Managed(made.files, "yarn node -p \"require('greet')\"", made.variables)


def yarn_2_with_its_own_cache(folder: Path, registry: Registry) -> Managed:
    """The same with packages in the project, as it was usual before yarn 4."""
    return yarn_2(folder, registry, enableGlobalCache=False)


def uv(folder: Path, registry: Registry) -> Managed:
    """A project that is a package itself, and so stands in its own environment."""
    return _python(
        folder,
        registry,
        ["uv", "lock"],
        "uv.lock",
        f"""\
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["greet"]

[build-system]
requires = ["uv_build>=0.7"]
build-backend = "uv_build"

[[tool.uv.index]]
url = "{registry.url}/simple/"
default = true
""",
    )


def poetry(folder: Path, registry: Registry) -> Managed:
    """The same by poetry."""
    return _python(
        folder,
        registry,
        ["poetry", "lock"],
        "poetry.lock",
        f"""\
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["greet"]

[tool.poetry]
packages = [{{include = "shop", from = "src"}}]

[[tool.poetry.source]]
name = "mirror"
url = "{registry.url}/simple/"
priority = "primary"
""",
    )


def cargo(folder: Path, registry: Registry) -> Managed:
    """A crate, of which a registry takes the place of crates.io."""
    crate = _tar(
        {
            "greet-1.0.0/Cargo.toml": '[package]\nname = "greet"\nversion = "1.0.0"\nedition = "2021"\n',
            "greet-1.0.0/src/lib.rs": f'pub const WORD: &str = "{SAID}";\n',
        }
    )
    about = {"name": "greet", "vers": "1.0.0", "deps": [], "features": {}, "yanked": False}
    line = json.dumps({**about, "cksum": hashlib.sha256(crate).hexdigest()})
    registry.publish("/crates/greet-1.0.0.crate", crate)
    registry.publish("/index/gr/ee/greet", line + "\n")
    where = f"{registry.url}/crates/{{crate}}-{{version}}.crate"
    registry.publish("/index/config.json", json.dumps({"dl": where}))
    files = {
        "Cargo.toml": '[package]\nname = "shop"\nversion = "1.0.0"\nedition = "2021"\n'
        '[dependencies]\ngreet = "1"\n',
        "src/main.rs": 'fn main() { println!("{}", greet::WORD) }\n',
        ".cargo/config.toml": '[source.crates-io]\nreplace-with = "mirror"\n'
        f'[source.mirror]\nregistry = "sparse+{registry.url}/index/"\n',
        ".gitignore": "target/\n",
    }
    rust = {"RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))}
    return Managed(
        locked(folder / "source", files, ["cargo", "generate-lockfile"], "Cargo.lock", **rust),
        "cargo run --offline --quiet",
        rust,
    )


def composer(folder: Path, registry: Registry) -> Managed:
    """A package of a composer repository."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("greet/src/greet.php", f'<?php const WORD = "{SAID}";\n')
    registry.publish("/greet.zip", content.getvalue())
    package = {
        "name": "shop/greet",
        "version": "1.0.0",
        "dist": {"type": "zip", "url": f"{registry.url}/greet.zip"},
        "autoload": {"files": ["src/greet.php"]},
    }
    registry.publish("/packages.json", json.dumps({"packages": {"shop/greet": {"1.0.0": package}}}))
    wanted = {
        "name": "shop/shop",
        "repositories": [{"type": "composer", "url": registry.url}, {"packagist.org": False}],
        "require": {"shop/greet": "1.0.0"},
        "config": {"secure-http": False},
    }
    files = {"composer.json": json.dumps(wanted)}
    # So says whoever builds an image in which everything runs as root, as the tests may.
    root = {"COMPOSER_ALLOW_SUPERUSER": "1"}
    lock = ["composer", "update", "--no-install", "--no-interaction"]
    return Managed(
        locked(folder / "source", files, lock, "composer.lock", **root),
        "php -r 'require \"vendor/autoload.php\"; echo WORD, PHP_EOL;'",
        root,
    )


def mix(folder: Path, registry: Registry) -> Managed:
    """A package from a git server, since Hex itself can't be had where the tests run."""
    source = folder / "greet"
    written(
        source,
        {
            "mix.exs": _mix_project("Greet", "greet", "[]"),
            "lib/greet.ex": f'defmodule Greet do\n  def word, do: "{SAID}"\nend\n',
        },
    )
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        [*who, "commit", "--quiet", "--message=x"],
    ):
        subprocess.run(["git", *command], cwd=source, check=True, capture_output=True)
    wanted = f'[{{:greet, git: "{source.as_uri()}", branch: "main"}}]'
    files = {
        "mix.exs": _mix_project("Shop", "shop", wanted),
        "lib/shop.ex": "defmodule Shop do\n  def word, do: Greet.word()\nend\n",
        ".gitignore": "_build/\n",
    }
    return Managed(
        locked(folder / "source", files, ["mix", "deps.get"], "mix.lock"),
        "mix run -e 'IO.puts(Shop.word())'",
    )


def _node(
    folder: Path,
    registry: Registry,
    lock: list[str],
    lockfile: str,
    more: Mapping[str, str] | None = None,
) -> Managed:
    registry.npm_package("greet")
    package = {"name": "shop", "version": "1.0.0", "dependencies": {"greet": "1.0.0"}}
    files = {"package.json": json.dumps(package), **_npmrc(registry), **(more or {})}
    return Managed(
        locked(folder / "source", files, lock, lockfile),
        "node -p \"require('greet')\"",
    )


def _npmrc(registry: Registry) -> dict[str, str]:
    return {".npmrc": f"registry={registry.url}/\nupdate-notifier=false\n"}


def _python(
    folder: Path, registry: Registry, lock: list[str], lockfile: str, about: str
) -> Managed:
    registry.wheel("greet", f"def main():\n    print('{SAID}')\n")
    files = {
        "pyproject.toml": about,
        "src/shop/__init__.py": "from greet import main\n",
        ".gitignore": "__pycache__/\n",
    }
    return Managed(
        locked(folder / "source", files, lock, lockfile),
        "python -c 'import shop; shop.main()'",
    )


def _mix_project(module: str, name: str, wanted: str) -> str:
    return (
        f"defmodule {module}.MixProject do\n  use Mix.Project\n"
        f'  def project, do: [app: :{name}, version: "1.0.0", deps: {wanted}]\nend\n'
    )


def _tar(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def _serve(registry: Registry, folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            registry.publish(f"/{path.relative_to(folder)}", path.read_bytes())
