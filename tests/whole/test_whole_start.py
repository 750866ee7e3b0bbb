"""`claude-sandbox bot` starts with what it is given, or says in plain lines why it can't."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.parts.git_server import GitServer
from tests.whole.bot_process import COMMAND, until
from tests.whole.scene import Scene, open_scene, run_of

TOKEN = "123456789:AAFtestTESTtestTESTtestTESTtestTEST"
WRONG_TOKEN = "7000000001:AAHwrongWRONGwrongWRONGwrongWRONG"
GOOD = {
    "TELEGRAM_BOT_TOKEN": TOKEN,
    "TELEGRAM_CHAT_ID": "-1001234567890",
    "TELEGRAM_API_URL": "http://127.0.0.1:9",
    "SANDBOX_BACKEND": "local",
}
BAD_CONFIG = """\
repos:
  demo: ../elsewhere
  other: {url: "https://git.example/o/r", timeout: 45x}
chats: [team]
people: {12345678: chief}
limts: {runs: 4}
"""


@pytest.fixture
async def bare_scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene in which a bot gets the fixed variables, PATH and HOME, and nothing else."""
    async with open_scene(tmp_path) as made:
        yield made


def refused(variables: Mapping[str, str], home: Path) -> list[str]:
    """Start a bot that must not run; return the lines that it prints."""
    done = subprocess.run(
        [COMMAND, "bot"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {"TELEGRAM_BOT_TOKEN": ""},
            [
                "TELEGRAM_BOT_TOKEN isn't set. "
                "Example: TELEGRAM_BOT_TOKEN=123456789:AAF…, from @BotFather"
            ],
        ),
        (
            {"TELEGRAM_CHAT_ID": "team", "SANDBOX_AGENT": "clyde", "SANDBOX_POLL_SECONDS": "0"},
            [
                "TELEGRAM_CHAT_ID isn't a chat's id: 'team'. "
                "Example: TELEGRAM_CHAT_ID=-1001234567890, the id of your group",
                "SANDBOX_AGENT isn't claude or scripted: 'clyde'. Example: SANDBOX_AGENT=claude",
                "SANDBOX_POLL_SECONDS isn't a number from 1 to 3600: '0'. "
                "Example: SANDBOX_POLL_SECONDS=30",
            ],
        ),
        (
            {"SANDBOX_CONFIGG": "x.yaml"},
            ["SANDBOX_CONFIGG isn't known. Did you mean SANDBOX_CONFIG?"],
        ),
        (
            {"SANDBOX_BACKEND": "kubernetes", "SANDBOX_NAMESPACE": "Not One"},
            [
                "SANDBOX_NAMESPACE isn't a namespace's name: 'Not One'. Example: SANDBOX_NAMESPACE=claude-sandbox"
            ],
        ),
        (
            {"SANDBOX_BACKEND": "kubernetes", "KUBECONFIG": "/nowhere"},
            [
                "There is no kubeconfig at /nowhere.",
                "➜ Name one by KUBECONFIG=…, or put it there. For a cluster to try things on: make cluster",
            ],
        ),
    ],
    ids=["no token", "three mistakes", "misspelt", "kubernetes", "no kubeconfig"],
)
def test_wrong_variables_are_all_told_a_line_each(
    changes: dict[str, str], lines: list[str], tmp_path: Path
) -> None:
    assert refused({**GOOD, **changes}, tmp_path) == lines


def test_a_token_of_a_wrong_form_is_not_echoed(tmp_path: Path) -> None:
    (line,) = refused({**GOOD, "TELEGRAM_BOT_TOKEN": "secret-but-no-token"}, tmp_path)
    assert line.startswith("TELEGRAM_BOT_TOKEN isn't a bot's token.")
    assert "secret-but-no-token" not in line


def test_five_mistakes_of_a_config_are_told_with_line_and_example(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(BAD_CONFIG)
    lines = refused({**GOOD, "SANDBOX_CONFIG": str(config)}, tmp_path)
    wanted = [
        ("line 2: repos.demo", "https://github.com/owner/name"),
        ("line 3: repos.other.timeout", "timeout: 45m"),
        ("line 4: chats", "chats: [-1001234567890]"),
        ("line 5: people.12345678", "12345678: runner"),
        ("line 6: limts", "limits"),
    ]
    assert len(lines) == len(wanted)
    for line, (place, example) in zip(lines, wanted, strict=True):
        assert line.startswith(place) and example in line, line


def test_a_config_that_is_not_there_is_told(tmp_path: Path) -> None:
    (line,) = refused({**GOOD, "SANDBOX_CONFIG": str(tmp_path / "no.yaml")}, tmp_path)
    assert line.startswith("SANDBOX_CONFIG: ") and "no.yaml" in line


async def test_a_wrong_token_ends_the_bot_with_one_line_fault_11(bare_scene: Scene) -> None:
    bare_scene.variables["TELEGRAM_BOT_TOKEN"] = WRONG_TOKEN
    bot = bare_scene.launch()
    assert await bot.ended() == 1
    (line,) = bot.log.splitlines()
    assert line.startswith("Telegram refuses TELEGRAM_BOT_TOKEN.")


async def test_a_token_revoked_in_flight_ends_the_bot_with_one_line_fault_11(
    bare_scene: Scene,
) -> None:
    bot = await bare_scene.start()
    asked = bare_scene.say("/jobs")
    await bare_scene.reply(asked)
    told = len(bot.log)
    bare_scene.world.revoke_token()
    assert await bot.ended() == 1
    (line,) = bot.log[told:].splitlines()
    assert line.startswith("Telegram refuses TELEGRAM_BOT_TOKEN.")
    assert bare_scene.world.token not in bot.log


async def test_the_fixed_variables_are_enough_for_a_whole_run(
    bare_scene: Scene, git_server: GitServer
) -> None:
    repo = git_server.create("team/small", {"README.md": "# Small\n"})
    bare_scene.variables["GITHUB_API_URL"] = git_server.url
    bare_scene.variables["GITHUB_TOKEN"] = git_server.token
    bot = await bare_scene.start()
    asked = bare_scene.say("/run team/small say how to run the tests in the readme")
    told = await bare_scene.reply(asked)
    assert "✅ Done · team/small" in told
    (branch,) = set(repo.branches()) - {"main"}
    assert branch in told and run_of(asked) in branch
    assert "## Tests" in repo.read(branch, "README.md")
    assert not [line for line in bot.log.splitlines() if " WARNING " in line or " ERROR " in line]


async def test_a_bot_waits_for_an_api_that_is_not_there_yet(bare_scene: Scene) -> None:
    bare_scene.world.faults.drop("getMe", after_effect=False, times=1)
    bot = bare_scene.launch()
    await until(lambda: bare_scene.world.bot_listens, "the bot listens")
    assert "telegram doesn't answer yet" in bot.log
