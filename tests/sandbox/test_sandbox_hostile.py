"""Every hostile string as task, summary, log line, file name and branch, in real runs."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.report import Verdict
from tests.parts.git_server import OriginRepo, run_git
from tests.sandbox.running import run

HOSTILE: list[str] = json.loads(
    (Path(__file__).parents[1] / "data" / "hostile-strings.json").read_text()
)
IN_ENVIRONMENT = [text for text in HOSTILE if "\0" not in text]
EXPECTED_FIRST = ("▶", "│", "·")


def assert_ended_well(file_repo: OriginRepo, folder: Path, script: str, **variables: str) -> str:
    done = run(folder, script, file_repo.file_url, **variables)
    assert done.report.verdict is Verdict.PUSHED, (variables, done.log)
    assert done.exit_code == 0
    assert {line[:1] for line in done.log.splitlines() if line} <= set(EXPECTED_FIRST), done.log
    assert done.report.branch is not None
    return done.report.branch


def test_as_the_task_fault_40(file_repo: OriginRepo, tmp_path: Path) -> None:
    texts = ["\n".join(IN_ENVIRONMENT), *IN_ENVIRONMENT[1::15], "".join(IN_ENVIRONMENT)[:4096]]
    for number, text in enumerate(texts):
        branch = assert_ended_well(file_repo, tmp_path / str(number), "echo 1 > one", TASK=text)
        assert branch in file_repo.branches()
        run_git(file_repo.path, "update-ref", "-d", f"refs/heads/{branch}")


def test_as_log_lines_and_summary_fault_34(file_repo: OriginRepo, tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("\n".join(HOSTILE), "utf-8", "surrogatepass", newline="")
    script = (
        f"cat {tmp_path}/texts; cat {tmp_path}/texts >&2; echo 1 > one; tail -n 3 {tmp_path}/texts"
    )
    assert_ended_well(file_repo, tmp_path / "run", script)


def test_as_file_names_and_branch_names(file_repo: OriginRepo, tmp_path: Path) -> None:
    names = sorted(
        {
            name
            for text in IN_ENVIRONMENT
            if (name := text.replace("/", "_")[:60]) not in (".", "..")
        }
    )
    program = (
        "import json, subprocess, sys\n"
        f"for name in json.load(open({str(tmp_path / 'names')!r})):\n"
        "    open(name, 'w').write('x')\n"
        "subprocess.run(['git', 'add', '-A'], check=True)\n"
        "subprocess.run(['git', 'commit', '-qm', 'x'], check=True)\n"
        f"for name in json.load(open({str(tmp_path / 'names')!r})):\n"
        "    if not name.startswith('-'):\n"
        "        subprocess.run(['git', 'branch', '--', name], stderr=subprocess.DEVNULL)\n"
    )
    (tmp_path / "names").write_text(json.dumps(names))
    (tmp_path / "make.py").write_text(program)
    branch = assert_ended_well(file_repo, tmp_path / "run", f"python3 {tmp_path}/make.py")
    assert set(names) <= set(file_repo.files(branch))
