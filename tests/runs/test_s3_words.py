"""What is said of a bucket that can't be used, by what obstore and real servers said: MinIO over TLS, and nobody."""

from __future__ import annotations

import pytest

from runs.s3_place import S3Place
from runs.s3_words import away, error_code, in_words

PLACE = S3Place("box", "logs")
SERVER = "https://minio.example:9000"
_REFUSED = "Error performing GET {0}/box/a in 1ms - Server returned non-2xx status code: {1}: <Error><Code>{2}</Code><Message>{3}</Message></Error>"
_BROKEN = "Error performing GET {0}/box/a in 8ms, after 2 retries - HTTP error: error sending request\n\nDebug source: RetryError {{ inner: Http(HttpError {{ kind: {1} }}) }}"


def refused(status: str, code: str, message: str = "") -> Exception:
    return Exception(_REFUSED.format(SERVER, status, code, message))


def broken(kind: str) -> Exception:
    return Exception(_BROKEN.format(SERVER, kind))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused("404 Not Found", "NoSuchBucket"), "There is no bucket box at https://minio"),
        (refused("403 Forbidden", "ExpiredToken"), "refuses the bot's keys (ExpiredToken)"),
        (refused("403 Forbidden", "AccessDenied"), "Its keys need s3:ListBucket"),
        (
            refused("400 Bad Request", "AuthorizationHeaderMalformed", "expecting 'eu-west-1'"),
            "AuthorizationHeaderMalformed: expecting 'eu-west-1'. Look at AWS_REGION",
        ),
        (refused("507 Insufficient Storage", "XMinioStorageFull"), "is full (XMinioStorageFull)"),
        (refused("429 Too Many Requests", "SlowDown"), "doesn't answer"),
        (broken("Timeout"), "doesn't answer (https://minio.example:9000)"),
        (
            broken("Connect, source: InvalidCertificate(UnknownIssuer)"),
            "Name its authority's file in AWS_CA_BUNDLE",
        ),
        (
            Exception("Error performing PUT http://169.254.169.254/latest/api/token in 1s"),
            "There are no keys for the log store s3://box/logs",
        ),
        (Exception("something new\nwith much behind it"), "can't be used: something new. Look"),
    ],
)
def test_what_went_wrong_is_said_with_what_to_do(error: Exception, words: str) -> None:
    said = in_words(error, PLACE, SERVER)
    assert words in said
    assert "\n" not in said
    assert len(said) < 300


def test_only_a_server_that_is_away_is_left_in_peace() -> None:
    assert in_words(broken("Connect"), PLACE, SERVER) == away(PLACE, SERVER)
    assert in_words(refused("403 Forbidden", "AccessDenied"), PLACE, SERVER) != away(PLACE, SERVER)
    assert error_code(refused("404 Not Found", "NoSuchKey")) == "NoSuchKey"
    assert error_code(broken("Connect")) == ""
