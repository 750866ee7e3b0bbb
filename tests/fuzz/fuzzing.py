"""Generated input: how much of it, what it is made of, and what nothing of it may cause.

`FUZZ` is how many inputs are made in all, an equal share for each test here. `make fuzz` makes 100,000, never the same
twice; `make test` a few hundred, always the same.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.markup import MESSAGE_UNITS, Markup, Tag
from playground.markup import parse_html
from playground.text import utf16_length

COUNT = int(os.environ.get("FUZZ") or 600)
TESTS = 7
HOSTILE: list[str] = json.loads(
    (Path(__file__).parents[1] / "data" / "hostile-strings.json").read_text("utf-8")
)

_FRAGMENTS = (
    *("/run", "demo", "shop@main", "owner/name", "https://github.com/a/b", "@", " ", "\n", '"', "“", "”"),
    *("--timeout", "--timeout=45m", "--pr", "--", "-", "—budget 2.50", "--image ghcr.io/a/b:1", "--upload-pack=id"),
    *("-oProxyCommand=id", "ext::sh -c id", "$(id)", "`id`", "{{ 7*7 }}", "{% raw %}", "$(TASK)", "$$", "%s"),
    *("<b>", "</b>", "&amp;", "<a href='tg://user?id=1'>x</a>", "@everyone", "*_[]()~`", "\u200b", "\u202e", "\x1b[31m"),
    *("\ufeff", "\u2028", "\x85", "\x00", "\ud83d", "😀", "\U000e0041", "null", "~", "!!python/object:x", "&a *a", ": ", "- "),
)  # fmt: skip

texts = st.one_of(
    st.lists(st.sampled_from(_FRAGMENTS), max_size=8).map("".join),
    st.sampled_from(HOSTILE),
    st.text(max_size=30),
    st.text("\n\r\t :-#'\"{}[]%$()&*!|>@`\\,?~0<>/\x85\u2028\ufeff\x1b", max_size=20),
)
numbers = st.one_of(
    st.integers(-3, 100),
    st.integers(-(10**18), 10**18),
    st.sampled_from([10**400, -(10**400), 2**63, float("nan"), float("inf"), -float("inf"), 1e308]),
    st.floats(),
)
junk = st.one_of(st.none(), st.booleans(), numbers, texts, st.lists(texts, max_size=2))


def fuzzed(*strategies: Any) -> Callable[[Any], Any]:
    """Run a test with its share of generated inputs."""
    chosen = settings(
        max_examples=max(COUNT // TESTS, 10),
        deadline=None,
        database=None,
        derandomize="FUZZ" not in os.environ,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )

    def decorate(test: Callable[..., None]) -> Any:
        return chosen(given(*strategies)(test))

    return decorate


_STARTS = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "pty.spawn"}
_REACHES_OUT = {"socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request"}


class Watch:
    """Hears of every process that is started and every address that is looked for, in this whole process."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._listening = False
        sys.addaudithook(self._hear)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen for a while, in which nothing may be heard."""
        self.heard.clear()
        self._listening = True
        try:
            yield
        finally:
            self._listening = False
        if self.heard:
            raise AssertionError(f"it wasn't silent: {self.heard}")

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._listening and (event in _STARTS or event in _REACHES_OUT):
            self.heard.append(f"{event} {arguments!r:.200}")


WATCH = Watch()


def check_markup(markup: Markup, limit: int = MESSAGE_UNITS) -> None:
    """Let the strict parser read a message: it shows the text of its spans, and no marks but ours."""
    text, entities = parse_html(markup.html())
    assert text == "".join(span.text for span in markup.spans)
    assert utf16_length(text) == markup.units <= limit
    ours = Counter(_KINDS[span.tag] for span in markup.spans if span.tag is not None)
    assert not Counter(entity.type for entity in entities) - ours


_KINDS = {
    Tag.BOLD: "bold",
    Tag.ITALIC: "italic",
    Tag.CODE: "code",
    Tag.PRE: "pre",
    Tag.QUOTE: "blockquote",
    Tag.LINK: "text_link",
}
