"""When a service counts as ready: by the first words of its protocol, as servers are known to say them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from runs.stacks.table import services_table
from sandbox import services
from sandbox.greetings import GREETINGS
from sandbox.services import (
    SECONDS,
    Service,
    Unready,
    names_shown,
    read_limit,
    read_services,
    shown,
    wait,
)

LIMIT_SECONDS = 120.0
STARTS = b"E\0\0\0*SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
NO_USER = b'E\0\0\0*SFATAL\0VFATAL\0C28000\0Mrole "postgres" does not exist\0\0'
MARIADB = b"n\0\0\0\x0a5.5.5-10.11.19-MariaDB\0"
TOO_MANY = b"\x17\0\0\x01\xff\x10\x04Too many connections"


@contextmanager
def answering(answers: Sequence[bytes | None], *, speaks_first: bool = False) -> Iterator[int]:
    """Serve one connection after the other, each with its answer, the last one again and again.

    None is a server that says nothing, and b"" one that hangs up.
    """
    heard: list[bytes] = []

    def serve() -> None:
        held = []
        for number in range(1000):
            try:
                connection, _ = server.accept()
            except OSError:
                break
            answer = answers[min(number, len(answers) - 1)]
            if answer is None:
                held.append(connection)
                continue
            with connection:
                if not speaks_first:
                    heard.append(connection.recv(4096))
                for part in (answer[:3], answer[3:]):
                    connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
        for each in held:
            each.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a busy machine the time for one answer."""
    monkeypatch.setattr(services, "_TRY_SECONDS", LIMIT_SECONDS)


def asked_once(name: str, port: int) -> list[Unready]:
    return wait([Service(name, port)], time.monotonic() + LIMIT_SECONDS, lambda: True)


def waited(name: str, port: int, seconds: float) -> list[Unready]:
    return wait([Service(name, port)], time.monotonic() + seconds, lambda: False)


@pytest.mark.parametrize(
    ("name", "first", "ready"),
    [
        ("postgres", STARTS, b"R\0\0\0\x08\0\0\0\0"),
        ("postgres", b"", NO_USER),
        ("redis", b"-LOADING Redis is loading the dataset in memory\r\n", b"+PONG\r\n"),
        ("redis", b"", b"-NOAUTH Authentication required.\r\n"),
        ("mysql", TOO_MANY, MARIADB),
        ("rabbitmq", b"", b"\x01\0\0\0\0\x02\0"),
        ("elasticsearch", b"HTTP/1.1 503 Service Unavailable\r\n", b"HTTP/1.0 200 OK\r\n\r\n{}"),
        ("elasticsearch", b"", b"HTTP/1.1 401 Unauthorized\r\n\r\n"),
        ("minio", b"HTTP/1.0 503 Service Unavailable\r\n", b"HTTP/1.0 200 OK\r\n\r\n"),
        ("memcached", b"", b"VERSION 1.6.18\r\n"),
    ],
)
def test_a_service_is_ready_when_it_says_so_in_its_own_words(
    name: str, first: bytes, ready: bytes
) -> None:
    with answering([first, ready], speaks_first=name == "mysql") as port:
        assert waited(name, port, LIMIT_SECONDS) == []
    with answering([first], speaks_first=name == "mysql") as port:
        (missing,) = asked_once(name, port)
    said = first[:80].decode("utf-8", "replace")
    assert missing.why == (f"it answers {said!r}" if first else "it hangs up")


def test_a_service_that_says_nothing_is_not_ready() -> None:
    with answering([None]) as port:
        (missing,) = waited("redis", port, 0.2)
    assert missing.why == "it doesn't answer"


def test_one_whose_protocol_nobody_here_knows_is_ready_when_it_takes_connections() -> None:
    with answering([None]) as port:
        assert waited("mongodb", port, LIMIT_SECONDS) == []


def test_every_service_of_the_table_but_mongodb_is_asked_in_its_own_words() -> None:
    assert set(services_table().services) - set(GREETINGS) == {"mongodb"}
    assert set(GREETINGS) <= set(services_table().services)


def test_who_is_stopped_waits_no_longer() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        gone = Service("redis", bound.getsockname()[1])
        begun = time.monotonic()
        missing = wait([gone], begun + 3600, lambda: True)
    assert missing == [Unready(gone, "Connection refused")]


def test_what_is_not_ready_can_be_read_from_what_people_are_shown() -> None:
    missing = [
        Unready(Service("postgres", 5432), "it hangs up"),
        Unready(Service("redis", 6379), "it answers 'minio (127.0.0.1:9000): x'"),
    ]
    assert names_shown(shown(missing)) == ["postgres", "redis"]
    assert names_shown("fatal: no space left") == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15", 15.0),
        ("2.5", 2.5),
        ("", SECONDS),
        ("soon", SECONDS),
        ("-3", SECONDS),
        ("1e9", SECONDS),
    ],
)
def test_a_limit_that_is_no_number_is_the_usual_one(text: str, seconds: float) -> None:
    assert read_limit(text) == seconds


def test_what_is_no_service_is_left_out() -> None:
    assert read_services("redis:6379 x postgres:port :1 a:1234567") == [Service("redis", 6379)]
