"""Requests that no honest client makes: each is refused in words, nothing of them reaches a server, and others go on."""

from __future__ import annotations

import gzip
import random
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.broker.push import MalformedPush, PushReader, judge
from sandbox.broker.refusals import MAX_KEPT, Refused, joined, refusal
from sandbox.broker.requests import BadRequest, Head, read_head
from sandbox.broker.usage import Counter
from tests.broker.broker_process import RUN, BrokerProcess
from tests.parts.git_server import GitServer, OriginRepo

OLD, NEW, NONE = "1" * 40, "2" * 40, "0" * 40
START = "POST /git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"


def packet(text: str) -> bytes:
    return b"%04x" % (len(text.encode()) + 4) + text.encode()


def body_of(*lines: str) -> bytes:
    return b"".join(map(packet, lines)) + b"0000"


GOOD = body_of(f"{NONE} {NEW} refs/heads/claude/{RUN}-x\0 report-status")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("GET /state HTTP/1.0\r\n\r\n", 400),
        ("GET /state\r\n\r\n", 400),
        ("GET http://127.0.0.1/state HTTP/1.1\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\n\r\n", 400),
        ("CONNECT api.github.com:443 HTTP/1.1\r\n\r\n", 400),
        ("GET /git/../state HTTP/1.1\r\n\r\n", 403),
        ("GET /git/%2e%2e/state HTTP/1.1\r\n\r\n", 403),
        ("GET /git//info/refs?service=git-upload-pack HTTP/1.1\r\n\r\n", 403),
        ("GET /git/info/refs?service=git-upload-pack&x HTTP/1.1\r\n\r\n", 403),
        ("GET /git/info/refs?service=git-upload-archive HTTP/1.1\r\n\r\n", 403),
        ("DELETE /git/info/refs?service=git-upload-pack HTTP/1.1\r\n\r\n", 403),
        ("GET /state HTTP/1.1\nHost: x\r\n\r\n", 400),
        ("GET /state HTTP/1.1\r\nA: x\ny\r\n\r\n", 400),
        ("GET /state HTTP/1.1\r\nA : x\r\n\r\n", 400),
        ("GET /state HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        ("GET /state HTTP/1.1\r\nA: \0\r\n\r\n", 400),
        ("GET /st\u00e4te HTTP/1.1\r\n\r\n", 400),
        (f"GET /state HTTP/1.1\r\nA: {'x' * 40_000}\r\n\r\n", 431),
        (f"GET /state HTTP/1.1\r\n{'A: x' + chr(13) + chr(10)}" + "B: y\r\n" * 80 + "\r\n", 431),
        (f"GET /{'x' * 9000} HTTP/1.1\r\n\r\n", 400),
        (f"{START}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0000", 400),
        (f"{START}Content-Length: 4\r\nContent-Length: 5\r\n\r\n0000", 400),
        (f"{START}Content-Length: 4, 4\r\n\r\n0000", 400),
        (f"{START}Content-Length: +4\r\n\r\n0000", 400),
        (f"{START}Content-Length: -4\r\n\r\n0000", 400),
        (f"{START}Content-Length: 99999999999\r\n\r\n", 413),
        (f"{START}Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (f"{START}Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (f"{START}Transfer-Encoding: chunked\r\n\r\n4\n0000\r\n0\r\n\r\n", 400),
        (f"{START}Transfer-Encoding: chunked\r\n\r\n3\r\n0000\r\n0\r\n\r\n", 400),
        (f"{START}Transfer-Encoding: chunked\r\n\r\n{'0' * 300}4\r\n0000\r\n0\r\n\r\n", 400),
        (f"{START}Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", 400),
        (f"{START}Content-Length: 4\r\nContent-Encoding: br\r\n\r\n0000", 415),
        (f"{START}Content-Length: 4\r\nContent-Encoding: gzip\r\n\r\n0000", 400),
        (f"{START}Content-Length: 4\r\n\r\n0001", 400),
        (f"{START}Content-Length: 4\r\n\r\n0004", 400),
        (f"{START}Content-Length: 4\r\n\r\nzzzz", 400),
        (f"{START}Content-Length: 0\r\n\r\n", 400),
        (f"{START}\r\n", 400),
        (f"{START}Content-Length: 8\r\n\r\n0008abcd", 400),
        ("\0\1\2\3\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
def test_a_request_that_can_be_understood_in_two_ways_is_refused(
    data: str, status: int, broker: BrokerProcess, git_server: GitServer
) -> None:
    asked = len(git_server.requests)
    answer = broker.ask(data.encode("utf-8"), end=True)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(git_server.requests) == asked
    broker.state()


def test_a_forge_that_the_server_is_none_of_is_refused_and_told(broker: BrokerProcess) -> None:
    assert broker.ask(b"GET /forge/user HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 404 ")
    assert broker.state().refusals == (refusal(Refused.OTHER_API, "GET /user"),)


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(GOOD) + gzip.compress(body_of(f"{OLD} {NEW} refs/heads/main\0")),
        gzip.compress(GOOD)[:-9],
        gzip.compress(GOOD) + b"x",
    ],
)
def test_a_packed_push_that_holds_a_second_one_is_refused(
    body: bytes, broker: BrokerProcess, origin_repo: OriginRepo
) -> None:
    before = origin_repo.branches()
    head = f"{START}Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answer = broker.ask(head + body)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 5")), answer
    assert origin_repo.branches() == before


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        ([f"{NONE} {NEW} refs/heads/claude/{RUN}-x\0 caps"], [None]),
        ([f"{OLD} {NEW} refs/heads/claude/{RUN}-x\n\0 caps"], [None]),
        ([f"shallow {OLD}", f"{NONE} {NEW} refs/heads/claude/x\0 caps"], [None]),
        ([f"{OLD} {NEW} refs/heads/claude/x"], [Refused.FOREIGN_BRANCH]),
        ([f"{OLD} {NEW} refs/heads/claude/{RUN}"], [Refused.FOREIGN_BRANCH]),
        ([f"{OLD} {NEW} refs/heads/claude/{RUN}y-x"], [Refused.FOREIGN_BRANCH]),
        ([f"{OLD} {NONE} refs/heads/claude/{RUN}-x"], [Refused.DELETION]),
        ([f"{NONE} {NEW} refs/heads/claude/../main"], [Refused.PUSH]),
        ([f"{NONE} {NEW} refs/heads/Claude/x"], [Refused.PUSH]),
        ([f"{NONE} {NEW} heads/claude/x"], [Refused.PUSH]),
        ([f"{NONE} {NEW} refs/heads/claude/"], [Refused.PUSH]),
        ([f"{NONE} {NEW} refs/pull/1/head"], [Refused.PUSH]),
        ([f"{NONE} {NEW} refs/heads/claude/\u202ex"], [None]),
        ([f"{NONE} {NEW} refs/heads/claude/{RUN}-x\0 a push-options"], [Refused.PUSH_OPTIONS]),
        ([f"{NONE} {NEW} refs/heads/claude/{RUN}-x\0push-options=\n"], [Refused.PUSH_OPTIONS]),
        (
            [f"{NONE} {NEW} refs/heads/claude/{RUN}-x\0 c", f"{OLD} {NEW} refs/heads/main"],
            [None, Refused.PUSH],
        ),
    ],
)
def test_each_change_of_a_push_is_judged(lines: list[str], kinds: list[Refused | None]) -> None:
    for step in (1, 3, 1000):
        reader, data = PushReader(), body_of(*lines) + b"PACK"
        assert any(reader.feed(data[at : at + step]) for at in range(0, len(data), step))
        assert reader.push is not None
        found = judge(reader.push, RUN)
        assert [None if each is None else each.kind for each in found] == kinds


@pytest.mark.parametrize(
    "lines",
    [
        ["push-cert\0 report-status", f"{OLD} {NEW} refs/heads/main"],
        [f"{OLD} {NEW} refs/heads/main\0a", f"{OLD} {NEW} refs/heads/claude/x\0b"],
        [f"{OLD} {NEW}  refs/heads/main"],
        [f"{OLD}\t{NEW}\trefs/heads/main"],
        [f"{OLD} {NEW} refs/heads/claude/x refs/heads/main"],
        [f"{OLD[:-1]} {NEW} refs/heads/main"],
        [f"{OLD.replace('1', 'A')} {NEW} refs/heads/main"],
        [f"{OLD} {NEW} "],
        ["x" * 60_000],
        [f"{NONE} {NEW} refs/heads/claude/{RUN}-x\0 push-options\0 a"],
        [f"{NONE} {NEW} refs/heads/claude/{'x' * 2000}"],
    ],
)
def test_a_push_that_git_doesnt_make_is_refused(lines: list[str]) -> None:
    with pytest.raises(MalformedPush):
        PushReader().feed(body_of(*lines))


def test_a_push_of_endless_changes_is_given_up() -> None:
    reader = PushReader()
    line = packet(f"{NONE} {NEW} refs/heads/claude/{'x' * 900}")
    with pytest.raises(MalformedPush, match="too many"):
        for _ in range(5000):
            reader.feed(line)


anything = st.binary(max_size=300)
parts = st.lists(
    st.sampled_from(
        [
            *(b"GET ", b"/git", b"/", b"..", b"%2e", b" HTTP/1.1", b"\r\n", b"\n", b"\0", b"a: b"),
            *(
                b": ",
                b"Content-Length: 4",
                b"Transfer-Encoding: chunked",
                b"0000",
                b"0001",
                b"00a0",
            ),
            *(OLD.encode(), NEW.encode(), b" refs/heads/main", b" refs/heads/claude/x", b" "),
            *(b"data: ", b'{"type":"message_delta","usage":', b"{", b"}", b'"usage"', b"[" * 50),
        ]
    ),
    max_size=30,
).map(b"".join)
FUZZ = settings(
    max_examples=3000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@FUZZ
@given(st.one_of(anything, parts))
def test_generated_heads_are_read_or_refused(data: bytes) -> None:
    try:
        head = read_head(data)
    except BadRequest as bad:
        assert 400 <= bad.status < 600
    else:
        assert isinstance(head, Head)
        assert head.path.startswith("/")
        assert not any(c in value for value in head.headers.values() for c in "\r\n\0")


@FUZZ
@given(st.lists(st.one_of(anything, parts), max_size=5))
def test_generated_pushes_are_judged_or_refused(chunks: list[bytes]) -> None:
    reader = PushReader()
    try:
        known = any(map(reader.feed, chunks))
    except MalformedPush:
        return
    if known:
        assert reader.push is not None
        for command, refused in zip(reader.push.commands, judge(reader.push, RUN), strict=True):
            assert refused is not None or command.name.startswith("refs/heads/claude/")


@FUZZ
@given(st.booleans(), st.lists(st.one_of(anything, parts), max_size=5))
def test_generated_answers_of_a_model_are_counted(streamed: bool, chunks: list[bytes]) -> None:
    counter = Counter(streamed=streamed)
    for chunk in chunks:
        counter.feed(chunk)
    counter.finish()
    assert counter.usage.output >= 0


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(list(Refused)), st.text(max_size=200)), max_size=60))
def test_what_is_remembered_of_refusals_stays_small(found: list[tuple[Refused, str]]) -> None:
    known: tuple[object, ...] = ()
    for kind, detail in found:
        known = joined(known, refusal(kind, detail))  # type: ignore[arg-type]  # a tuple of Refusals
    assert len(known) <= MAX_KEPT


def test_many_slow_clients_dont_keep_others_out(broker: BrokerProcess) -> None:
    clients = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(30)]
    for client in clients:
        client.sendall(b"GET /sta")
    broker.state()
    for client in clients:
        client.close()


def test_bytes_of_chance_end_nothing(broker: BrokerProcess) -> None:
    chance = random.Random(7)
    for _ in range(60):
        broker.ask(chance.randbytes(chance.randrange(1, 2000)) + b"\r\n\r\n", end=True)
    state = broker.state()
    assert {each.kind for each in state.refusals} <= {Refused.MALFORMED, Refused.SIZE}
