"""Runs that wait for a place, and logs that are too long."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

from playground.messages import Message
from tests.parts.git_server import OriginRepo
from tests.whole.bot_process import until
from tests.whole.scene import Scene, run_of

MEBIBYTE = 1 << 20
LOG_MEBIBYTES = 8
LONG_LINE_AGENT = """\
import json, sys
row = lambda **values: print(json.dumps(values), flush=True)
row(type="system", subtype="init", model="loud")
for stream in (sys.stdout.buffer, sys.stderr.buffer):
    stream.write(b"\\xff\\xfe" + b"x" * 50_000_000 + b"\\n")
    stream.flush()
open("loud.txt", "w").write("loud\\n")
row(type="result", subtype="success", is_error=False, num_turns=1, result="Shouted once.")
"""


async def test_over_the_limit_runs_wait_in_order_say_their_place_and_outlive_the_bot(
    scene: Scene, file_repo: OriginRepo
) -> None:
    scene.configure(repos={"small": file_repo.file_url}, limits={"runs": 1})
    bot = await scene.start()
    first, second, third = await scene.created(
        "/run small wait 60", "/run small wait 61", "/run small nothing"
    )
    await scene.card_says(first, "⚙️ Running")
    await scene.card_says(second, "🕐 Waiting · place 1")
    await scene.card_says(third, "🕐 Waiting · place 2")
    await until(lambda: scene.card_is_noted(first, second, third), "the cards are noted")
    bot.end()
    await scene.start()
    scene.whisper(f"/cancel {run_of(first)}")
    assert "⏹ Stopped by Ada" in await scene.reply(first)
    await scene.card_says(second, "⚙️ Running")
    await scene.card_says(third, "🕐 Waiting · place 1")
    scene.whisper(f"/cancel {run_of(second)}")
    assert "⏹ Stopped by Ada" in await scene.reply(second)
    assert "⚪ Done" in await scene.reply(third)
    for asked in (first, second, third):
        assert (scene.starts(asked), len(scene.cards(asked))) == (1, 1)
    spans = [span(scene, asked) for asked in (first, second, third)]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def span(scene: Scene, asked: Message) -> tuple[float, float]:
    """Return when the Run's program started and ended, in seconds since 1970."""
    return scene.run_file(asked, "started.json")["at"], scene.run_file(asked, "exit.json")["at"]


async def test_a_log_of_20_megabytes_is_kept_to_its_budget_and_the_run_ends_well_fault_34(
    scene: Scene,
) -> None:
    bot = await scene.start()
    asked = scene.say("/run small noise 20")
    assert "✅ Done" in await scene.reply(asked)
    await scene.acknowledged(asked)
    log = (scene.store / f"{run_of(asked)}.log").read_bytes()
    assert 6 * MEBIBYTE < len(log) <= LOG_MEBIBYTES * MEBIBYTE
    assert b"noise 00000000" in log and b"noise 00199999" in log and b"are left out here" in log
    assert "▶ done pushed" in await scene.reply(scene.whisper("/logs"))
    assert bot.exit_code is None


async def test_a_line_of_50_megabytes_that_is_not_utf8_is_cut_and_the_run_ends_well_fault_34(
    scene: Scene, tmp_path: Path, file_repo: OriginRepo
) -> None:
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{LONG_LINE_AGENT}")
    program.chmod(0o755)
    scene.variables["PATH"] = f"{program.parent}:{scene.variables['PATH']}"
    scene.variables["SANDBOX_AGENT"] = "claude"
    await scene.start()
    asked = scene.say("/run small shout")
    told = await scene.reply(asked)
    assert "✅ Done" in told and "Shouted once." in told
    assert "loud.txt" in file_repo.files(f"claude/{run_of(asked)}-shout")
    await scene.acknowledged(asked)
    log = (scene.store / f"{run_of(asked)}.log").read_bytes()
    assert len(log) < MEBIBYTE and b"xxxx" in log and b"was left out" in log
    assert json.loads((scene.store / f"{run_of(asked)}.json").read_bytes())
