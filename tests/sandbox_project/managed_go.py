"""A small project of Go, and the proxy of modules that it comes from: a folder."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from tests.parts.package_managers import locked
from tests.parts.registries import Registry
from tests.sandbox_project.managed_projects import Managed


def go(folder: Path, registry: Registry | None = None) -> Managed:
    """One module that needs another; no registry that speaks HTTP is needed."""
    files = {
        "go.mod": "module demo\n\ngo 1.21\n\nrequire example.com/greet v1.0.0\n",
        "main.go": 'package main\n\nimport "example.com/greet"\n\nfunc main() { println(greet.Word) }\n',
    }
    variables = {
        "GOPROXY": go_proxy(folder / "proxy").as_uri(),
        "GONOSUMDB": "*",
        "GOFLAGS": "-mod=mod",
        "GOTOOLCHAIN": "local",
    }
    source = folder / "source"
    return Managed(
        locked(source, files, ["go", "mod", "tidy"], "go.sum", **variables), "go vet .", variables
    )


def go_proxy(folder: Path) -> Path:
    versions = folder / "example.com" / "greet" / "@v"
    versions.mkdir(parents=True)
    module = "module example.com/greet\n"
    (versions / "list").write_text("v1.0.0\n")
    (versions / "v1.0.0.info").write_text('{"Version": "v1.0.0", "Time": "2020-01-01T00:00:00Z"}')
    (versions / "v1.0.0.mod").write_text(module)
    with ZipFile(versions / "v1.0.0.zip", "w") as archive:
        root = "example.com/greet@v1.0.0"
        archive.writestr(f"{root}/go.mod", module)
        archive.writestr(f"{root}/greet.go", 'package greet\n\nconst Word = "hello"\n')
    return folder
