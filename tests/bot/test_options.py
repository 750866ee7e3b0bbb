"""The options of `/run` and their values."""

from __future__ import annotations

import pytest

from bot.options import (
    BadOption,
    BadValue,
    Options,
    find_trailing_options,
    read_budget,
    read_cpu,
    read_image,
    read_memory,
    read_model,
    read_timeout,
    take_options,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45m", 2700), ("2h", 7200), ("90s", 90), ("1h30m", 5400), ("1h30m15s", 5415), ("45", 2700), ("45min", 2700),
        ("2H", 7200), ("1", 60), ("24h", 86400), ("1440", 86400), ("60s", 60),
    ],
)  # fmt: skip
def test_a_timeout_in_the_forms_that_people_write(text, seconds):
    assert read_timeout(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0", "59s", "24h1s", "1441", "-5m", "5 m", "1.5h", "m", "h", "30m1h", "٤٥", "²", "1e3", "9" * 30, "5d"],
)  # fmt: skip
def test_a_timeout_out_of_range_or_form(text):
    with pytest.raises(BadValue, match="from 1m to 24h"):
        read_timeout(text)


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("4Gi", "4Gi"), ("4gi", "4Gi"), ("4G", "4Gi"), ("4GB", "4Gi"), ("512Mi", "512Mi"), ("512m", "512Mi"),
        ("256Mi", "256Mi"), ("64Gi", "64Gi"), ("65536Mi", "65536Mi"),
    ],
)  # fmt: skip
def test_memory_becomes_a_quantity_of_kubernetes(text, quantity):
    assert read_memory(text) == quantity


@pytest.mark.parametrize(
    "text", ["", "4", "255Mi", "65Gi", "65537Mi", "4Ti", "-4Gi", "1.5Gi", "Gi", "4 Gi", "٤Gi"]
)
def test_memory_out_of_range_or_form(text):
    with pytest.raises(BadValue, match="from 256Mi to 64Gi"):
        read_memory(text)


@pytest.mark.parametrize("text", ["2", "1.5", "1500m", "100m", "32", "32000m", "0.1"])
def test_cores_in_the_forms_of_kubernetes(text):
    assert read_cpu(text) == text


@pytest.mark.parametrize(
    "text", ["", "0", "99m", "33", "32001m", "1.5m", "-1", "two", "1e1", "inf", "nan"]
)
def test_cores_out_of_range_or_form(text):
    with pytest.raises(BadValue, match="from 100m to 32"):
        read_cpu(text)


@pytest.mark.parametrize(
    ("text", "dollars"),
    [("2.50", 2.5), ("$2.50", 2.5), ("2,5", 2.5), ("3$", 3.0), ("0.01", 0.01), ("1000", 1000.0)],
)
def test_a_budget_in_dollars(text, dollars):
    assert read_budget(text) == dollars


@pytest.mark.parametrize(
    "text", ["", "0", "0.001", "1000.01", "1,000", "-1", "inf", "nan", "1e2", "€5"]
)
def test_a_budget_out_of_range_or_form(text):
    with pytest.raises(BadValue, match=r"from 0\.01 to 1000"):
        read_budget(text)


@pytest.mark.parametrize(
    "text", ["opus", "claude-sonnet-4-5-20250929", "sonnet[1m]", "us.anthropic.claude-x-v1:0", "a/b@c"]
)  # fmt: skip
def test_a_model_has_a_name_of_any_provider(text):
    assert read_model(text) == text


@pytest.mark.parametrize("text", ["", "-x", "--pr", "a b", "a\nb", "ä", "$(id)", "a" * 101, "a;b"])
def test_what_is_no_models_name(text):
    with pytest.raises(BadValue):
        read_model(text)


@pytest.mark.parametrize(
    "text",
    ["ubuntu", "ubuntu:24.04", "ghcr.io/acme/box:1.2", "localhost:5000/a/b", f"a/b@sha256:{'0' * 64}",
     f"ghcr.io/acme/a_b--c.d:V1@sha256:{'f' * 64}"],
)  # fmt: skip
def test_an_image_is_the_reference_of_a_container_image(text):
    assert read_image(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "-x", "a b", "a/B", "a/../b", "a//b", "a:", "a@sha256:0", "https://ghcr.io/a/b", "a" * 256, "a/b/", "ä"],
)  # fmt: skip
def test_what_is_no_reference_of_an_image(text):
    with pytest.raises(BadValue):
        read_image(text)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("--timeout 45m x", Options(timeout_seconds=2700)),
        ("--timeout=45m x", Options(timeout_seconds=2700)),
        ("—timeout 45m x", Options(timeout_seconds=2700)),
        ("–timeout=45m x", Options(timeout_seconds=2700)),
        ("--Timeout\n45m\nx", Options(timeout_seconds=2700)),
        ("--pr x", Options(pull_request=True)),
        ("—no-pr x", Options(pull_request=False)),
        (
            "--cpu 2 --pr —memory=4Gi --budget $3 --model opus --image a/b:1 --timeout 1h x",
            Options(3600, "4Gi", "2", "opus", 3.0, "a/b:1", True),
        ),
    ],
)
def test_options_in_any_order_and_in_the_forms_of_phones(text, options):
    taken = take_options(text, 0)
    assert taken.options == options
    assert text[taken.end :].strip() == "x"
    assert not taken.closed


@pytest.mark.parametrize(
    "text",
    ["x --pr", "- item", "— item", "---", "--", "-", "—", "-x", "--5", "-1", "", "  ", "–5"],
)
def test_what_begins_like_an_option_and_is_none(text):
    taken = take_options(text, 0)
    assert taken.options == Options()
    assert taken.closed == (text == "--")


def test_two_dashes_end_the_options():
    taken = take_options("--pr -- --no-pr", 0)
    assert taken.options == Options(pull_request=True)
    assert taken.closed
    assert "--pr -- --no-pr"[taken.end :] == " --no-pr"


@pytest.mark.parametrize(
    ("text", "part", "corrected"),
    [
        ("--timout 5m x", "Did you mean --timeout?", "--timeout 5m x"),
        ("--timeout:5m x", "Did you mean --timeout?", "--timeout x"),
        ("—memry=4Gi x", "Did you mean --memory?", "--memory=4Gi x"),
        ("--nopr x", "Did you mean --no-pr?", "--no-pr x"),
        ("--upload-pack=touch x", "There are --timeout", "-- --upload-pack=touch x"),
        ("-timeout 5m x", "two dashes", "--timeout 5m x"),
        ("--timeout", "--timeout takes a time", "--timeout 45m"),
        ("--timeout= x", "--timeout takes a time", "--timeout 45m x"),
        ("--timeout --pr x", "--timeout takes a time", "--timeout 45m --pr x"),
        ("--timeout 25h x", "from 1m to 24h", "--timeout 45m x"),
        ("--budget 5000 x", "from 0.01 to 1000", "--budget 2.50 x"),
        ("--pr=yes x", "--pr takes no value", "--pr x"),
        ("--pr --pr x", "twice", "--pr x"),
        ("--pr --no-pr x", "twice", "--pr x"),
        ("--cpu 2 --cpu=3 x", "twice", "--cpu 2 x"),
    ],
)
def test_a_wrong_option_is_told_with_what_would_be_right(text, part, corrected):
    with pytest.raises(BadOption) as caught:
        take_options(text, 0)
    error = caught.value
    assert part in error.what
    assert f"{text[: error.start]}{error.instead}{text[error.end :]}" == corrected


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("do it --pr", " --pr"),
        ("do it —timeout 5m --no-pr", " —timeout 5m --no-pr"),
        ("do it\n--timeout=5m\n", "\n--timeout=5m\n"),
        ("say --pr and do it", None),
        ("do it --timeout", None),
        ("do it --timeout soon", None),
        ("do it --prefix", None),
        ("do it--pr", None),
        ("do it", None),
        ("", None),
    ],
)
def test_options_behind_a_task_are_found(text, tail):
    at = find_trailing_options(text)
    assert (None if at is None else text[at:]) == tail
