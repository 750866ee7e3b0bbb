"""The guide of the system that this one implements and outdoes: its sentences, and its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "data" / "guide.md").read_text(encoding="utf-8")


def plain(text: str) -> str:
    """Return a text without Markdown's marks and with single spaces, so that a quotation can be found in it."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text.replace("\\|", "|"))
    return " ".join(re.sub(r"[*`]", "", text).split())


def sentences() -> Iterator[str]:
    """Yield every sentence, and every line of a code block, in order; headings and marks of lists are left out."""
    inside = False
    for line in TEXT.splitlines():
        if line.strip().startswith("```"):
            inside = not inside
        elif inside:
            if found := plain(line.strip().removeprefix("# ").removesuffix("\\")):
                yield found
        elif not line.startswith("#"):
            found = plain(re.sub(r"^\s*(?:- |[0-9]\. )", "", line))
            yield from filter(None, re.split(r"(?<=[.:!)]) (?=[A-Z])", found))


def commands(heading: str) -> str:
    """Return the code block behind a heading, as it stands."""
    behind = TEXT[re.search(rf"^#+ {re.escape(heading)}$", TEXT, re.M).end() :]  # type: ignore[union-attr] # a test's own word
    found = re.search(r"^( *)```\w*\n(.*?)^ *```", behind, re.M | re.S)
    assert found is not None
    return found[2]
