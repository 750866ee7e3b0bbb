"""The lens itself: what it takes for noise, how far a failure reaches, which phase it looks at, and its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.proof import LEAST, MOST, ROW_CHARACTERS, narrowed, proving_lines

QUIET = "".join(f"wrote part {number} of the output\n" for number in range(200))


def test_a_log_without_a_failure_is_shown_by_its_last_lines() -> None:
    lines = proving_lines(QUIET)
    assert lines == [f"wrote part {number} of the output" for number in range(185, 200)]
    assert proving_lines(QUIET, most=3) == lines[-3:]
    assert proving_lines("") == proving_lines("\n \n\t\n") == []


@pytest.mark.parametrize(
    "noise",
    [
        "unable to retrieve container logs for containerd://3cc41a767b4c31d7",
        "remote: Counting objects:  45% (9/20)",
        "remote: Compressing objects: 9, done.",
        "remote: Total 9 (delta 0), reused 0 (delta 0)",
        "Receiving objects:  7% (70/1000), 1.2 MiB | 3 MiB/s",
        "[##########------]  62%",
        " 45% |████▌     | 45/100 [00:01<00:02]",
        "Downloading torch-2.0.whl (619.9 MB)",
        "   ━━━━━━━━━━━━━━━━━━━━ 619.9/619.9 MB 2.1 MB/s",
        "⠙ Installing packages…",
        "=================================",
        "Collecting requests",
        "npm timing idealTree Completed in 30ms",
        "   Compiling serde v1.0.0",
        "go: downloading example.com/x v1.0.0",
        "    at Module._load (node:internal/modules/cjs/loader:1091:12)",
        "Node.js v20.20.2",
        "npm error A complete log of this run can be found in: /x",
    ],
)
def test_progress_and_what_every_failure_prints_is_left_out(noise: str) -> None:
    assert proving_lines(f"it begins\n{noise}\n") == ["it begins"]


def test_what_a_carriage_return_wrote_over_is_not_shown() -> None:
    assert proving_lines("10%\r50%\rfatal: no\rfatal: it stopped\r\n") == ["fatal: it stopped"]


def test_colours_and_what_hides_text_are_taken_out() -> None:
    log = "\x1b[1m\x1b[31merror\x1b[0m: \u202eno\u200b \x00such type\x1b]8;;http://x\x07\n"
    assert proving_lines(log) == ["error: no such type"]


def test_equal_lines_in_a_row_are_one() -> None:
    assert proving_lines("error: no\n" * 400 + "\n") == ["error: no (×400)"]
    assert proving_lines("a thing\n\n" * 3) == ["a thing (×3)"]


def test_an_error_is_shown_with_the_command_that_made_it() -> None:
    log = "$ make\ngcc -o app\napp.c:1:1: error: no\n" + "note: advice\n" * 40
    assert proving_lines(log, most=3)[:1] == ["$ make"]
    assert "app.c:1:1: error: no" in proving_lines(log, most=2)


def test_a_short_proof_gets_lines_around_it() -> None:
    lines = proving_lines(QUIET + "fatal: it stopped\n")
    assert len(lines) == LEAST
    assert lines[-2:] == ["wrote part 199 of the output", "fatal: it stopped"]


def test_however_much_was_printed_since_a_failure_is_shown_whole() -> None:
    failure = "a.c:1:1: error: one\na.c:2:1: error: two\n"
    after = "".join(f"put part {number} away\n" for number in range(20_000))
    lines = proving_lines(failure + after)
    assert lines[:2] == ["a.c:1:1: error: one", "a.c:2:1: error: two"]
    assert len(lines) <= MOST


def test_the_last_failure_counts_and_not_an_older_one() -> None:
    log = "error: the first\n" + QUIET + "error: the second\n" + QUIET
    lines = proving_lines(log)
    assert "error: the second" in lines
    assert "error: the first" not in lines


def test_what_is_far_from_an_error_doesnt_belong_to_it() -> None:
    far = "make: *** [all] Error 2\n" + QUIET + "fatal: it stopped\n"
    assert "make: *** [all] Error 2" not in proving_lines(far)


def test_lines_stand_as_far_left_as_they_go_together() -> None:
    assert proving_lines("      error: no\n        note: because\n") == [
        "error: no",
        "  note: because",
    ]
    assert proving_lines("==== 1 failed in 0.10s ====\n") == ["1 failed in 0.10s"]


def test_of_many_errors_the_first_and_the_last_are_shown() -> None:
    log = "".join(f"a.c:{number}:1: error: number {number}\n" for number in range(1, 101))
    lines = proving_lines(log)
    assert lines[:3] == [f"a.c:{number}:1: error: number {number}" for number in (1, 2, 3)]
    assert lines[-1] == "a.c:100:1: error: number 100"
    assert len(lines) <= MOST


FAILED = "$ pytest -q\n  E   assert 1 == 2\n  1 failed in 0.10s\n✎ Edit app.py\n"


def test_a_failure_that_a_later_command_overcame_proves_nothing() -> None:
    passed = "$ pytest -q\n12 passed in 0.10s\n"
    assert proving_lines(FAILED + passed + QUIET) == proving_lines(QUIET)
    assert proving_lines(FAILED + passed, most=2) == ["$ pytest -q", "12 passed in 0.10s"]
    assert "  E   assert 1 == 2" in proving_lines(FAILED + QUIET)


@pytest.mark.parametrize(("commands", "shown"), [(1, True), (3, True), (4, False), (9, False)])
def test_a_failure_is_old_when_some_commands_went_well_since(commands: int, shown: bool) -> None:
    later = "".join(f"$ git show {number}\nI see.\n✎ Edit app.py\n" for number in range(commands))
    lines = proving_lines(FAILED + later + QUIET)
    assert ("  E   assert 1 == 2" in lines) is shown


def test_another_part_that_went_well_beside_it_overcomes_nothing() -> None:
    log = "--- FAIL: TestSum (0.00s)\nFAIL\tdemo/a\t0.01s\nok  \tdemo/b\t0.01s\n3 passed in 0.1s\n"
    assert "--- FAIL: TestSum (0.00s)" in proving_lines(log)


def test_an_exception_of_any_name_ends_its_traceback() -> None:
    log = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app.py", line 3, in <module>\n'
        "    start()\n"
        "acme.NotReady: the queue is closed\n"
    )
    lines = proving_lines(log + "cleaning up\n" * 30, most=1)
    assert lines == ["acme.NotReady: the queue is closed"]


def test_a_traceback_that_is_cut_off_is_shown_as_far_as_it_goes() -> None:
    log = QUIET + 'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in run\n'
    assert proving_lines(log)[-1] == '  File "/srv/app.py", line 3, in run'


@pytest.mark.parametrize(
    "line",
    [
        "0 errors, 12 warnings",
        "0 failed in 0.10s",
        "no errors found",
        "test_error_handling PASSED",
        "test result: ok. 5 passed; 0 failed",
        "WARNING: Retrying: [Errno 111] Connection refused",
        "I will fix the error in the parser next.",
        "$ grep -rn 'Permission denied' .",
        'Search "No such file or directory"',
        "Read docs/ECONNREFUSED.md",
    ],
)
def test_a_line_that_only_speaks_of_errors_is_none(line: str) -> None:
    assert proving_lines(f"{line}\n{QUIET}") == proving_lines(QUIET)


@pytest.mark.parametrize(
    "line",
    [
        "[ERROR] Plugin org.example:demo:1 could not be resolved",
        "FAIL: test_a_sum (test_sums.Sums.test_a_sum)",
        "--- FAIL: TestSum (0.00s)",
        "go: example.com/absent@v1.0.0: unexpected EOF",
        "collect2: error: ld returned 1 exit status",
        " ! [rejected]        main -> main (non-fast-forward)",
        "CONFLICT (content): Merge conflict in a",
        "Automatic merge failed; fix conflicts and then commit the result.",
        "remote: error: GH013: Repository rule violations found for refs/heads/main.",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "the container was ended: OOMKilled, exit code 137",
        "sh: 1: rspec: not found",
    ],
)
def test_a_line_that_says_what_is_wrong_is_found_amid_others(line: str) -> None:
    assert line.strip() in map(str.strip, proving_lines(QUIET + line + "\n" + QUIET))


@pytest.mark.parametrize(
    "line",
    [
        "Require stack:",
        "remote: ask Grace first",
        "make: *** [all] Error 2",
        "#0 0x55aa in main app.c:3",
    ],
)
def test_a_line_that_says_where_is_shown_before_what_is_nearer(line: str) -> None:
    nearer = "".join(f"put part {number} away\n" for number in range(8))
    errors = [f"fatal: it stopped {number} times" for number in range(LEAST)]
    lines = proving_lines("\n".join([QUIET + line, nearer, *errors]))
    assert lines[0] == line
    assert lines[-LEAST:] == errors
    assert "put part 7 away" not in lines


@pytest.mark.parametrize(
    "line",
    [
        "===== 12 passed, 2 warnings in 0.10s =====",
        "OK (skipped=1)",
        "Tests:       3 passed, 3 total",
        "2 examples, 0 failures",
        "[INFO] BUILD SUCCESS",
        "Successfully installed demo-1.0",
    ],
)
def test_a_command_that_says_that_it_went_well_overcomes_a_failure(line: str) -> None:
    lines = proving_lines(f"{FAILED}$ make check\n{line}\n{QUIET}")
    assert lines == proving_lines(QUIET)


CLONE = "▶ clone https://git.example/demo.git main\n"
AGENT = "▶ agent claude\n│ $ pytest -q\n│ E   assert 1 == 2\n│ 1 failed in 0.10s\n"
DELIVER = "▶ deliver claude/k7f3q2ab-x-wip\n· error: the branch is protected\n"


@pytest.mark.parametrize(
    ("log", "shown", "hidden"),
    [
        (CLONE + AGENT + DELIVER + "▶ done failed, agent-failed\n", "assert 1", "protected"),
        (CLONE + AGENT + DELIVER + "▶ done not-pushed, push-refused\n", "protected", "assert 1"),
        (CLONE + "· fatal: no repo\n▶ done failed, clone-failed\n", "fatal: no repo", "done"),
        (CLONE + "│ fatal: old\n" + AGENT, "assert 1", "fatal: old"),
        (AGENT.partition("\n")[2] + DELIVER + "▶ done failed, deadline\n", "assert 1", "protected"),
        (AGENT + "▶ done failed, deadline\n· time was over\n", "time was over", "done"),
        (
            "▶ environment run x\n▶ done failed, bad-environment\n· no REPO_URL\n",
            "no REPO_URL",
            "▶",
        ),
        (AGENT + "│ ▶ done pushed\n", "assert 1", "│"),
        (
            CLONE + "· fatal: old\n▶ agent x\n▶ done failed, agent-missing\n· no such program\n",
            "no such program",
            "fatal: old",
        ),
    ],
    ids=["agent", "push", "clone", "killed", "cut", "deadline", "environment", "forged", "silent"],
)
def test_only_the_phase_that_failed_is_looked_at_fault_34(
    log: str, shown: str, hidden: str
) -> None:
    text = "\n".join(proving_lines(log))
    assert shown in text
    assert hidden not in text


def test_what_the_sandbox_says_of_the_end_is_not_said_twice() -> None:
    log = CLONE + "· fatal: no repo\n▶ done failed, clone-failed\n· fatal: no repo\n"
    assert proving_lines(log) == ["fatal: no repo"]


def test_suites_of_a_test_program_are_no_phases() -> None:
    log = "▶ sums\n  ✖ adds (1.0ms)\n    AssertionError: 4 !== 5\n▶ sums (2.0ms)\n"
    assert "  ✖ adds (1.0ms)" in proving_lines(log)


@pytest.mark.parametrize("before", [0, 300, 70_000, 5_000_000])
def test_of_a_long_line_the_telling_part_is_kept_fault_34(before: int) -> None:
    lines = proving_lines("a " * (before // 2) + "SomeError: the disk is gone " + "z " * 2_500_000)
    assert len(lines) == 1
    assert "SomeError: the disk is gone" in lines[0]
    assert len(lines[0]) <= ROW_CHARACTERS


@pytest.mark.parametrize(
    ("row", "width", "shown"),
    [
        ("short", 20, "short"),
        ("error: a rather long message", 20, "error: a rather lon…"),
        (
            "/a/very/long/path/to/a/file.c:12:34: error: expected ';'",
            30,
            "…c:12:34: error: expected ';'",
        ),
        ("x" * 40, 10, "xxxxxxxxx…"),
    ],
)
def test_a_line_is_cut_around_what_it_says(row: str, width: int, shown: str) -> None:
    assert narrowed(row, width) == shown


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        "\n",
        "a\n",
        " ",
        "\r",
        "a.b:",
        "at x:1 ",
        "E ",
        "[#",
        "━",
        '"',
        "\x1b[",
        "▶ agent\n",
        "│ ",
    ],
)
def test_eight_mebibytes_of_anything_are_looked_through_fault_34(piece: str) -> None:
    log = piece * ((8 << 20) // len(piece))
    assert proving_lines(log + "\nfatal: it stopped\n")[-1] == "fatal: it stopped"
    assert len(proving_lines(log)) <= MOST


@given(st.text(), st.integers(1, 20))
def test_whatever_a_log_is_its_lines_can_be_shown(log: str, most: int) -> None:
    lines = proving_lines(log, most=most)
    assert len(lines) <= most
    for line in lines:
        assert line.strip()
        assert line.isprintable() or "\t" in line or not line.isascii()
        assert len(narrowed(line, 120)) <= 120
