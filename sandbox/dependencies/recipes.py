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
    `stored`, they fill STORE instead. `variables` are for the commands and for the agent, `only_here` for the commands
    alone. `venv` says that the folder is a virtual environment, which programs are to find.
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


_NODE_INPUTS = ("package.json", ".npmrc", ".nvmrc", ".node-version")
_PIP_INPUTS = ("requirements*.txt", "constraints*.txt", "requirements/*.txt")
_NODE_VERSION = ("node", "--version")
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
        (("mvn", "--batch-mode", "--quiet", "dependency:go-offline"),),
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
            (("sh", "./gradlew", "--no-daemon", "--quiet", "dependencies"),),
            beside="gradlew",
            inputs=("settings.gradle*", "gradle.lockfile", "gradle/*.toml", "gradle/wrapper/*"),
            stored=True,
            variables={"GRADLE_USER_HOME": STORE},
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
            ("mix", "local.hex", "--force", "--if-missing"),
            ("mix", "local.rebar", "--force", "--if-missing"),
            ("mix", "deps.get", "--check-locked"),
        ),
        inputs=("mix.exs",),
        folders=("deps",),
        stored=True,
        variables={"MIX_HOME": "{store}/mix", "HEX_HOME": "{store}/hex"},
    ),
)
