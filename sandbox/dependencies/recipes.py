"""How each kind of lockfile is installed, frozen to what it says, and what of it can be kept. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STORE = "{store}"
"""In a variable: a folder outside of the clone, one for each recipe."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to install dependencies.

    `lockfile` is what it is recognised by, beside the file `beside` where one is named. Of one `language` the first
    recipe that fits counts. `inputs` are patterns of further files in the same folder that decide the result.
    `version` must succeed where the tool can be used, and its output says which one it is. `commands` run in the
    project's folder. `folders` are names of folders that they make there (also deeper down, where `deep`); with
    `stored`, they fill STORE too. `variables` are for the commands and for the agent, `only_here` for the commands
    alone. `venv` says that the folder is a virtual environment, which programs are to find. `again` are commands that
    finish what came from the cache.
    """

    name: str
    language: str
    lockfile: str
    tool: str
    version: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    beside: str | None = None
    inputs: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    deep: bool = False
    stored: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    only_here: Mapping[str, str] = field(default_factory=dict)
    venv: bool = False
    again: tuple[tuple[str, ...], ...] = ()


_NODE_INPUTS = ("package.json", ".npmrc", ".nvmrc", ".node-version")
_PIP_INPUTS = ("requirements*.txt", "constraints*.txt", "requirements/*.txt")
_NODE_VERSION = ("node", "--version")
_RESOLVE_GRADLE = """\
allprojects { p ->
  p.tasks.create("sandboxResolve") {
    doLast { p.configurations.findAll { it.canBeResolved }.each { try { it.files } catch (Exception e) { println e } } }
  }
}
"""
"""`dependencies` would fetch what describes them and leave the libraries. What a configuration lacks isn't our concern."""
_GRADLE = """\
mkdir -p "$GRADLE_USER_HOME" && printf %s "$RESOLVE" >"$GRADLE_USER_HOME/resolve.gradle" &&
exec sh ./gradlew --no-daemon --quiet -Dorg.gradle.configuration-cache=false \
  --init-script "$GRADLE_USER_HOME/resolve.gradle" sandboxResolve
"""
_HEX = """\
grep -q '{:hex,' mix.lock || exit 0
mix local.hex --force --if-missing && mix local.rebar --force --if-missing
"""
_MAVEN_FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:go-offline"
"""The version that Maven 3 takes by itself fails where one module needs another."""
_MAVEN_STORE = {"MAVEN_OPTS": "-Dmaven.repo.local={store}/repository"}

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "bundler",
        "Ruby",
        "Gemfile.lock",
        "bundle",
        ("ruby", "--version"),
        (("bundle", "install", "--jobs=4", "--retry=2"),),
        inputs=("Gemfile", "*.gemspec", ".ruby-version"),
        stored=True,
        variables={"BUNDLE_PATH": STORE},
        only_here={"BUNDLE_FROZEN": "true"},
    ),
    Recipe(
        "pnpm",
        "Node",
        "pnpm-lock.yaml",
        "pnpm",
        _NODE_VERSION,
        (("pnpm", "install", "--frozen-lockfile"),),
        inputs=(*_NODE_INPUTS, "pnpm-workspace.yaml"),
        folders=("node_modules",),
        deep=True,
    ),
    Recipe(
        "yarn",
        "Node",
        "yarn.lock",
        "yarn",
        _NODE_VERSION,
        (("yarn", "install", "--immutable"),),
        beside=".yarnrc.yml",
        inputs=(*_NODE_INPUTS, ".yarnrc.yml"),
        folders=("node_modules",),
        deep=True,
        # Without node_modules, which is its default, only yarn itself can make what leads to its packages.
        stored=True,
        variables={"YARN_GLOBAL_FOLDER": STORE},
        again=(("yarn", "install", "--immutable"),),
    ),
    Recipe(
        "yarn",
        "Node",
        "yarn.lock",
        "yarn",
        _NODE_VERSION,
        (("yarn", "install", "--frozen-lockfile", "--non-interactive"),),
        inputs=(*_NODE_INPUTS, ".yarnrc"),
        folders=("node_modules",),
        deep=True,
    ),
    *(
        Recipe(
            "npm",
            "Node",
            lockfile,
            "npm",
            _NODE_VERSION,
            (("npm", "ci", "--no-audit", "--no-fund", "--no-progress"),),
            inputs=_NODE_INPUTS,
            folders=("node_modules",),
            deep=True,
        )
        for lockfile in ("package-lock.json", "npm-shrinkwrap.json")
    ),
    Recipe(
        "uv",
        "Python",
        "uv.lock",
        "uv",
        ("python3", "--version"),
        (("uv", "sync", "--frozen", "--no-progress"),),
        inputs=("pyproject.toml", ".python-version"),
        folders=(".venv",),
        only_here={"UV_LINK_MODE": "copy", "UV_PROJECT_ENVIRONMENT": ".venv"},
        venv=True,
    ),
    Recipe(
        "poetry",
        "Python",
        "poetry.lock",
        "poetry",
        ("python3", "--version"),
        (("poetry", "install", "--no-interaction", "--no-ansi"),),
        inputs=("pyproject.toml", "poetry.toml"),
        folders=(".venv",),
        variables={"POETRY_VIRTUALENVS_IN_PROJECT": "true"},
        venv=True,
    ),
    Recipe(
        "pip",
        "Python",
        "requirements.txt",
        "python3",
        ("python3", "-c", "import ensurepip, sys; print(sys.version, ensurepip.version())"),
        (
            ("python3", "-m", "venv", ".venv"),
            (
                *(".venv/bin/python", "-m", "pip", "install", "--disable-pip-version-check"),
                *("--no-input", "--progress-bar=off", "--requirement=requirements.txt"),
            ),
        ),
        inputs=_PIP_INPUTS,
        folders=(".venv",),
        venv=True,
    ),
    Recipe(
        "Go",
        "Go",
        "go.sum",
        "go",
        ("go", "env", "GOVERSION"),
        (("go", "mod", "download"),),
        beside="go.mod",
        inputs=("go.mod",),
        stored=True,
        # Go makes its modules read-only, and then a workspace can't be removed by whoever isn't root.
        variables={"GOMODCACHE": STORE, "GOFLAGS": "-modcacherw"},
    ),
    Recipe(
        "cargo",
        "Rust",
        "Cargo.lock",
        "cargo",
        ("cargo", "--version"),
        (("cargo", "fetch", "--locked"),),
        beside="Cargo.toml",
        inputs=("Cargo.toml", "rust-toolchain", "rust-toolchain.toml"),
        stored=True,
        variables={"CARGO_HOME": STORE},
    ),
    Recipe(
        "Maven",
        "Java",
        "pom.xml",
        "mvn",
        ("mvn", "--version"),
        (("mvn", "--batch-mode", "--quiet", _MAVEN_FETCH),),
        inputs=("*/pom.xml", ".mvn/maven.config"),
        stored=True,
        variables=_MAVEN_STORE,
    ),
    *(
        Recipe(
            "Gradle",
            "Java",
            build,
            "java",
            ("java", "-version"),
            (("sh", "-c", _GRADLE),),
            beside="gradlew",
            inputs=("settings.gradle*", "gradle.lockfile", "gradle/*.toml", "gradle/wrapper/*"),
            stored=True,
            variables={"GRADLE_USER_HOME": STORE},
            only_here={"RESOLVE": _RESOLVE_GRADLE},
        )
        for build in ("build.gradle", "build.gradle.kts")
    ),
    Recipe(
        "composer",
        "PHP",
        "composer.lock",
        "composer",
        ("php", "--version"),
        (("composer", "install", "--no-interaction", "--no-progress"),),
        inputs=("composer.json",),
        folders=("vendor",),
    ),
    Recipe(
        "mix",
        "Elixir",
        "mix.lock",
        "mix",
        ("elixir", "--version"),
        (
            ("sh", "-c", _HEX),
            ("mix", "deps.get", "--check-locked"),
        ),
        inputs=("mix.exs",),
        folders=("deps",),
        stored=True,
        variables={"MIX_HOME": "{store}/mix", "HEX_HOME": "{store}/hex"},
    ),
)
