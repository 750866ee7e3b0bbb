"""The log's budget, its lines, and the cutting of a stream into lines."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.lines import Lines
from sandbox.log import LINE_BYTES, LIVE_BYTES, TOTAL_BYTES, Log, Output
from sandbox.redaction import Redactor

TOKEN = "ghp_0123456789abcdefABCDEF"


class Sink:
    def __init__(self) -> None:
        self.data = bytearray()
        self.now = 0.0

    def log(self, *secrets: str) -> Log:
        return Log(Redactor(secrets), self.data.extend, lambda: self.now)

    def lines(self) -> list[str]:
        return self.data.decode().splitlines()


def test_lines_are_ours_or_the_agents_by_their_first_character() -> None:
    sink = Sink()
    log = sink.log()
    log.phase("clone", "file:///x\n▶ done pushed")
    log.agent("▶ done pushed")
    log.note("two\nlines")
    assert sink.lines() == ["▶ clone file:///x▶ done pushed", "│ ▶ done pushed", "· two", "· lines"]


def test_a_long_line_is_cut() -> None:
    sink = Sink()
    log = sink.log()
    log.agent("é" * 10_000)
    log.agent_ended()
    assert len(sink.data) <= LINE_BYTES + 1
    assert sink.data.decode().endswith("é…\n")


@pytest.mark.parametrize("start", range(8150, 8200, 5))
def test_a_secret_where_a_long_line_is_cut_doesnt_show(start: int) -> None:
    sink = Sink()
    log = sink.log(TOKEN, "y" * 30)
    # Redacting shortens the line, so that what stood at the cut comes into view.
    log.agent(("y" * 30) * (start // 30) + "x" * (start % 30) + TOKEN + "z" * 5000)
    log.agent("the next")
    log.agent_ended()
    assert TOKEN[:6] not in sink.data.decode()


def test_beyond_the_live_budget_one_line_in_ten_seconds_and_every_phase_are_printed() -> None:
    sink = Sink()
    log = sink.log()
    for _ in range(LIVE_BYTES // 1000 + 1):
        log.agent("x" * 1000)
    log.flush()
    live = len(sink.lines())
    for number in range(1000):
        sink.now = 100 + number / 10
        log.agent(f"line {number}")
    log.flush()
    log.phase("deliver")
    assert len(sink.lines()) - live == 11
    assert sink.lines()[-1] == "▶ deliver"


def test_at_the_end_comes_what_was_kept_back_and_the_whole_stays_in_the_budget() -> None:
    sink = Sink()
    log = sink.log()
    for number in range(200_000):
        sink.now += 1
        log.agent(f"{number} " + "é" * 100)
    log.agent_ended()
    log.phase("done")
    assert 7 << 20 < len(sink.data) <= TOTAL_BYTES
    assert sink.lines()[-2].startswith("│ 199999 ")
    assert sum("left out here" in line for line in sink.lines()) == 1


def test_bytes_that_grow_in_printing_stay_in_the_budget() -> None:
    sink = Sink()
    log = sink.log()
    line = (b"\xff" * 4000).decode("utf-8", "replace")
    for _ in range(5000):
        log.agent(line)
    log.agent_ended()
    assert len(sink.data) <= TOTAL_BYTES


def test_what_was_kept_back_is_redacted_too() -> None:
    sink = Sink()
    log = sink.log(TOKEN)
    for _ in range(LIVE_BYTES // 1000 + 1):
        log.agent("x" * 1000)
    for _ in range(50):
        sink.now += 20
        log.agent(f"token {TOKEN}")
        log.agent(TOKEN[:13])
        log.agent(TOKEN[13:])
    log.agent_ended()
    text = sink.data.decode()
    assert TOKEN not in text
    assert TOKEN[:13] not in text
    assert TOKEN[13:] not in text


def cut(chunks: list[bytes], limit: int, *, keep: bool) -> list[bytes]:
    lines = Lines(limit, cut=keep)
    return [line for chunk in chunks for line in lines.feed(chunk)] + list(lines.finish())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"one\ntwo", [b"one", b"two"]),
        (b"\n\n", [b"", b""]),
        (b"one\r\ntwo\r\n", [b"one", b"two"]),
        (b"10%\r50%\r100%\nend\n", [b"100%", b"end"]),
        (b"10%\r50%\r", [b"50%"]),
        (b"x" * 9 + b"\n" + b"y\n", [b"xxxxxxxx", b"y"]),
        (b"x" * 50 + b"\ry\n", [b"y"]),
        (b"\0\xff\n", [b"\0\xff"]),
    ],
)
def test_a_stream_is_cut_into_lines_however_it_comes(data: bytes, expected: list[bytes]) -> None:
    assert cut([data], 8, keep=True) == expected
    assert cut([data[i : i + 1] for i in range(len(data))], 8, keep=True) == expected
    assert cut([data[i : i + 7] for i in range(0, len(data), 7)], 8, keep=True) == expected


def test_overlong_lines_can_be_left_out_and_are_counted() -> None:
    lines = Lines(8, cut=False)
    assert list(lines.feed(b"x" * 9 + b"\nshort\n" + b"y" * 20)) == [b"short"]
    assert list(lines.finish()) == []
    assert lines.skipped == 2


@given(st.binary(max_size=60), st.integers(1, 9))
def test_chunks_make_no_difference(data: bytes, size: int) -> None:
    data = data.replace(b"\x07", b"\r").replace(b"\x08", b"\n")
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert cut(chunks, 8, keep=True) == cut([data], 8, keep=True)


def test_an_output_without_a_reader_is_given_up() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    output = Output(writing)
    output.write(b"lost")
    output.write(b"lost too")
    os.close(writing)


def test_an_output_that_is_full_loses_text_and_goes_on_later() -> None:
    reading, writing = os.pipe()
    output = Output(writing, patience_seconds=0.01)
    output.write(b"x" * 10_000_000)
    taken = len(os.read(reading, 10_000_000))
    output.write(b"again")
    assert os.read(reading, 10_000_000).endswith(b"again")
    assert taken > 0
    os.close(reading)
    os.close(writing)
