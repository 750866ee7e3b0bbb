"""The services that a CI brings up beside the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from runs.stacks import yaml_nodes as nodes
from runs.stacks.stack import File, Finding, Source
from runs.stacks.table import Table


def read_github(file: File, table: Table) -> Iterator[Finding]:
    """Yield the services of the jobs of a GitHub workflow; an image of a matrix is nobody's default."""
    for _, _, job in nodes.items(nodes.child(nodes.compose(file.text), "jobs")):
        for name, _, service in nodes.items(nodes.child(job, "services")):
            yield from _image(file, table, nodes.child(service, "image") or service, name)


def read_gitlab(file: File, table: Table) -> Iterator[Finding]:
    """Yield the services of GitLab's jobs, also those of hidden jobs and of the defaults."""
    root = nodes.compose(file.text)
    for holder in (root, *(value for _, _, value in nodes.items(root))):
        for service in nodes.elements(nodes.child(holder, "services")):
            yield from _image(file, table, nodes.child(service, "name") or service, "service")


def read_circle(file: File, table: Table) -> Iterator[Finding]:
    """Yield the images beside the first one of CircleCI's jobs and executors."""
    root = nodes.compose(file.text)
    for kind in ("jobs", "executors"):
        for _, _, job in nodes.items(nodes.child(root, kind)):
            for service in nodes.elements(nodes.child(job, "docker"))[1:]:
                image = nodes.child(service, "image")
                if image is not None:
                    yield from _image(file, table, image, "image")


def read_travis(file: File, table: Table) -> Iterator[Finding]:
    """Yield the services of Travis, which have names and no images."""
    services = nodes.child(nodes.compose(file.text), "services")
    for service in nodes.elements(services) or ([services] if services is not None else []):
        word = nodes.text(service) or ""
        if (sign := table.word(word)) is not None:
            yield Finding(
                sign.service, Source.CI, file.path, nodes.line(service), word, flavour=sign.flavour
            )


_NOT_KNOWN = re.compile(r"\$\{\{|\$[A-Za-z_{]")


def _image(file: File, table: Table, node: yaml.Node, name: str) -> Iterator[Finding]:
    image = nodes.text(node) or ""
    path, _, tag = image.partition(":")
    if _NOT_KNOWN.search(path):
        return
    about = table.image(path if _NOT_KNOWN.search(tag) else image)
    if about is not None:
        sign, version = about
        what = f"{name}: {image}"
        yield Finding(
            sign.service, Source.CI, file.path, nodes.line(node), what, version, sign.flavour
        )
