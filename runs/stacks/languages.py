"""Which language a repository is written in, and in which version. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runs.stacks.stack import Reason, Stack, Toolchain

TITLES = {
    "elixir": "Elixir",
    "php": "PHP",
    "ruby": "Ruby",
    "go": "Go",
    "java": "Java",
    "rust": "Rust",
    "python": "Python",
    "node": "Node",
}
"""What people read, in the order of who wins where several stand side by side: the tools of the front end come last."""


def main_language(toolchains: Sequence[Toolchain]) -> Stack:
    """Return a Stack of language, version and why. The nearest to the root decides, then the order of TITLES.

    A file that only names versions decides no language where a manifest stands beside it.
    """
    manifests = [each for each in toolchains if each.manifest]
    ranked = sorted(manifests or toolchains, key=_rank)
    if not ranked:
        return Stack()
    first = ranked[0]
    named = [
        each for each in toolchains if each.language == first.language and each.version is not None
    ]
    named.sort(key=lambda each: (each.file.count("/"), _is_manifest(each.file)))
    if not named:
        return Stack(first.language, reasons=(_reason(first),))
    best = named[0]
    why = (_reason(first), _reason(best))
    return Stack(first.language, best.version, reasons=why, requirement=best.requirement)


def _rank(toolchain: Toolchain) -> tuple[int, int]:
    return toolchain.file.count("/"), list(TITLES).index(toolchain.language)


def _is_manifest(path: str) -> bool:
    name = path.rpartition("/")[2]
    return not name.startswith(".") and not name.startswith(("rust-toolchain", "runtime", "mise"))


def _reason(toolchain: Toolchain) -> Reason:
    return Reason(toolchain.language, toolchain.file, toolchain.line, toolchain.what)
