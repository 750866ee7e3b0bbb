"""Say at the end of a run which tests were left out for want of a program, and how to have them."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.parts.package_managers import FOLDER, there

HOW_TO_HAVE = {
    "claude": (
        "the real Claude Code CLI",
        "`make claude-cli` installs the pinned CLI from npm (needs Node.js 18 or newer)",
    ),
    "npm": ("npm", "install Node.js 18 or newer with npm"),
    "go": ("Go", "install Go 1.21 or newer"),
    "sops": (
        "the real sops",
        "`make sops` builds sops and age-keygen, once, in about 2 minutes (needs Go 1.25 or newer)",
    ),
    "buildah": (
        "Buildah",
        "install it, on Debian and Ubuntu with: sudo apt-get install buildah, and run the tests as root",
    ),
    "mise": ("the real mise", "`make mise` installs it from npm (needs Node.js 18 or newer)"),
    "actionlint": ("actionlint", "`make actionlint` builds it (needs Go 1.24 or newer)"),
    "browser": (
        "a browser",
        "install Chromium, on Debian and Ubuntu with: sudo apt-get install chromium",
    ),
    "sshd": (
        "an ssh server",
        "install sshd, on Debian and Ubuntu with: sudo apt-get install openssh-server",
    ),
    "s3": (
        "a real S3 server",
        "`make minio` builds MinIO, once, in about 3 minutes (needs Go 1.24 or newer)",
    ),
    "podman": (
        "Podman",
        "install it, on Debian and Ubuntu with: sudo apt-get install podman",
    ),
    "docker": (
        "the Docker engine",
        "install it, on Debian and Ubuntu with: sudo apt-get install docker.io",
    ),
    "own_cluster": (
        "the node, the network and the images of a cluster of the tests' own",
        "`make test-cluster` without TEST_IMAGE_PREFIX brings one up",
    ),
    "kubectl": (
        "kubectl, which renders the manifests",
        "put kubectl on PATH, that of `make cluster` for example",
    ),
    "promtool": (
        "Prometheus and its promtool",
        "put both on PATH, on Debian and Ubuntu with: sudo apt-get install prometheus",
    ),
}
"""By marker: what is missing, and how to get it."""

MANAGERS = {
    "bundle": "on Debian and Ubuntu with: sudo apt-get install bundler",
    "pnpm": "with: make package-managers",
    "yarn": "with: make package-managers",
    "uv": "with: make package-managers",
    "poetry": "with: make package-managers",
    "cargo": "with rustup",
    "mvn": "on Debian and Ubuntu with: sudo apt-get install maven; then make package-managers",
    "gradle": "on Debian and Ubuntu with: sudo apt-get install gradle",
    "composer": "on Debian and Ubuntu with: sudo apt-get install composer php-zip",
    "mix": "on Debian and Ubuntu with: sudo apt-get install elixir",
}
HOW_TO_HAVE |= {tool: (tool, f"install it {how}") for tool, how in MANAGERS.items()}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test whose tool isn't on the PATH."""
    for tool in ("npm", "go", "buildah", "promtool", *MANAGERS):
        if item.get_closest_marker(tool) and not there(tool):
            pytest.skip(f"{tool} isn't installed here")
    if item.get_closest_marker("mvn") and not (FOLDER / "maven" / "ready").exists():
        pytest.skip("Maven's own parts aren't here")
    if item.get_closest_marker("buildah") and os.geteuid() != 0:
        pytest.skip("these tests of buildah need root")
    if item.get_closest_marker("own_cluster") and os.environ.get("TEST_IMAGE_PREFIX"):
        pytest.skip("another cluster isn't the tests' own")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that were left out, by what they need."""
    for marker, (what, how) in HOW_TO_HAVE.items():
        left_out = Counter(
            report.nodeid.partition("[")[0]
            for report in terminalreporter.stats.get("skipped", [])
            if marker in report.keywords
        )
        if not left_out:
            continue
        terminalreporter.section(f"left out: tests with {what}")
        for name, count in sorted(left_out.items()):
            terminalreporter.line(f"  {name}" + (f" ({count} cases)" if count > 1 else ""))
        terminalreporter.line(f"To have them: {how}, then `make test` again.")
