"""`remote` and the commands after it, over a fake cluster: what is printed, what is made, what a Ctrl-C leaves."""

from __future__ import annotations

import pytest

from runs.run import is_run_id
from tests.cli.command_line import CommandLine, finished, interrupted
from tests.k8s.fake_cluster import FakeCluster, refusing, times
from tests.parts.git_server import run_git

REPO = ("--repo", "https://git.example/acme/demo")


@pytest.fixture(autouse=True)
def no_look_at_repos(shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repo of these tests isn't there to be looked at, and no bot is waited for."""
    monkeypatch.setattr("cli.watching.CARD_SECONDS", 0.0)
    config = shell.folder / "config.yaml"
    config.write_text("detect: false\ngate: off\n")
    shell.variables["SANDBOX_CONFIG"] = str(config)


async def start(shell: CommandLine, task: str) -> str:
    """Start a Run; return its id."""
    started = await shell.run("remote", task, *REPO, "--json")
    assert started.code == 0, started.err
    found: str = started.json["run"]
    assert is_run_id(found)
    return found


async def test_a_task_becomes_a_job_and_how_to_watch_it_is_said(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    done = await shell.run("remote", "wait 300", *REPO, "--ref", "main", "--memory", "8gb")
    assert done.code == 0, done.err
    (job,) = cluster.objects["jobs"].values()
    run_id = job["metadata"]["name"].removeprefix("claude-")
    assert f"Run {run_id} is there: git.example/acme/demo, branch main" in done.out
    assert f"claude-sandbox logs {run_id} -f" in done.out
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "8Gi"
    assert {"name": "REPO_BRANCH", "value": "main"} in container["env"]


async def test_a_run_stays_for_a_week_until_somebody_has_seen_its_end_and_then_for_an_hour(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    name = f"claude-{await start(shell, 'wait 300')}"
    assert cluster.objects["jobs"][name]["spec"]["ttlSecondsAfterFinished"] == 7 * 24 * 3600
    following = await shell.begin("logs", name.removeprefix("claude-"), "-f")
    assert following.stdout is not None
    await following.stdout.readline()
    await shell.run("cancel", name, "--no-wait")
    ended = await finished(following)
    assert ended.code == 0
    assert "stopped" in ended.err
    assert cluster.objects["jobs"][name]["spec"]["ttlSecondsAfterFinished"] == 3600


async def test_a_run_that_is_watched_shows_its_phases_and_its_end(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    done = await shell.run("remote", "do it", *REPO, "--watch")
    assert done.code == 0, done.err
    assert "▶ starting\n" in done.out
    assert "✅ Done" in done.out
    (job,) = cluster.objects["jobs"].values()
    assert job["metadata"]["labels"]["status"] == "complete"


async def test_a_run_that_is_watched_and_fails_has_exit_code_1_and_the_next_step(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    done = await shell.run("remote", "fail", *REPO, "--watch")
    assert done.code == 1
    assert "❌ Failed" in done.out
    (job,) = cluster.objects["jobs"].values()
    run_id = job["metadata"]["name"].removeprefix("claude-")
    assert f"claude-sandbox retry {run_id}" in done.out
    assert job["metadata"]["labels"]["status"] == "failed"


async def test_a_watched_run_is_one_json_value_for_a_script(shell: CommandLine) -> None:
    done = await shell.run("remote", "nothing", *REPO, "--watch", "--json")
    assert done.code == 0, done.err
    assert done.json["ending"] == "nothing-changed"
    assert done.json["ended_well"] is True
    assert done.json["from"] == "command line"
    assert done.json["by"] == "ada"


async def test_ctrl_c_ends_the_watching_and_not_the_run(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    watching = await shell.begin("remote", "wait 300", *REPO, "--watch")
    stopped = await interrupted(watching, "▶ finishing")
    (name,) = cluster.objects["jobs"]
    assert stopped.code == 130
    assert f"run {name.removeprefix('claude-')} goes on" in stopped.err
    assert "claude-sandbox cancel" in stopped.err
    assert cluster.objects["jobs"][name]["spec"]["suspend"] is False


async def test_ctrl_c_ends_the_following_of_a_log_and_not_the_run(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    run_id = await start(shell, "wait 300")
    stopped = await interrupted(await shell.begin("logs", run_id, "-f"), "▶ done")
    assert stopped.code == 130
    assert f"run {run_id} goes on" in stopped.err
    assert cluster.objects["jobs"][f"claude-{run_id}"]["spec"]["suspend"] is False


async def test_from_start_to_clean_by_the_commands_alone(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    run_id = await start(shell, "wait 300")
    listed = await shell.run("jobs", "--json")
    assert [(run["run"], run["state"]) for run in listed.json] == [(run_id, "running")]
    assert run_id in (await shell.run("jobs")).out
    early = await shell.run("retry", run_id)
    assert early.code == 2
    assert "hasn't ended" in early.err
    stopped = await shell.run("cancel", run_id[:4])
    assert stopped.code == 0, stopped.err
    assert "⏹ Stopped" in stopped.out
    logs = await shell.run("logs")
    assert logs.code == 0, logs.err
    assert "the last words" in logs.out
    again = await shell.run("cancel", run_id)
    assert (again.code, "ended already" in again.err) == (2, True)
    retried = await shell.run("retry", run_id, "--json")
    assert retried.code == 0, retried.err
    assert retried.json["task"] == "wait 300"
    twice = await shell.run("retry", run_id)
    assert f"as {retried.json['run']}" in twice.err
    cleaned = await shell.run("clean", "--json")
    assert cleaned.json == {"removed": [run_id], "kept": []}
    assert list(cluster.objects["jobs"]) == [f"claude-{retried.json['run']}"]


async def test_a_question_is_answered_on_the_command_line_and_the_work_goes_on(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    asked = await shell.run("remote", "ask me", *REPO, "--watch")
    assert asked.code == 0, asked.err
    assert "❓ Asks back" in asked.out
    (name,) = cluster.objects["jobs"]
    run_id = name.removeprefix("claude-")
    assert f'claude-sandbox retry {run_id} --answer "…"' in asked.out
    done = await shell.run("retry", run_id, "--answer", "the second", "--json")
    assert done.code == 0, done.err
    assert done.json["task"] == "ask me"
    (of_answer,) = (
        job for job in cluster.objects["jobs"].values() if job["metadata"]["name"] != name
    )
    variables = of_answer["spec"]["template"]["spec"]["containers"][0]["env"]
    prompt = next(found["value"] for found in variables if found["name"] == "TASK")
    assert "Which one?" in prompt
    assert "the second" in prompt


async def test_a_run_that_asked_nothing_takes_no_answer(shell: CommandLine) -> None:
    await shell.run("remote", "do it", *REPO, "--watch")
    (run,) = (await shell.run("jobs", "--json")).json
    refused = await shell.run("retry", run["run"], "--answer", "yes")
    assert (refused.code, "asked nothing" in refused.err) == (2, True)


async def test_a_clone_is_looked_at_where_its_server_can_not_be_asked(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    (shell.folder / "config.yaml").write_text("gate: off\n")
    folder = shell.folder / "clone"
    run_git(None, "init", "-q", "-b", "main", str(folder))
    run_git(folder, "remote", "add", "origin", "http://127.0.0.1:1/acme/demo.git")
    (folder / "Gemfile").write_text('gem "redis"\n')
    done = await shell.run("remote", "do it", "--ref", "main", folder=folder)
    assert done.code == 0, done.err
    assert "Redis" in done.out
    (job,) = cluster.objects["jobs"].values()
    beside = [found["name"] for found in job["spec"]["template"]["spec"]["initContainers"]]
    assert "redis-sidecar" in beside
    assert "postgres-sidecar" not in beside


async def test_the_services_that_are_named_stand_above_what_is_found(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    (shell.folder / "config.yaml").write_text("gate: off\n")
    repo = ("--repo", "http://127.0.0.1:1/acme/demo")
    done = await shell.run("remote", "wait 300", *repo, "--services", "mysql", "--json")
    assert done.code == 0, done.err
    (job,) = cluster.objects["jobs"].values()
    beside = [found["name"] for found in job["spec"]["template"]["spec"]["initContainers"]]
    assert [name for name in beside if name.endswith("-sidecar")] == ["mysql-sidecar"]


async def test_a_service_that_is_not_beside_a_run_is_told(shell: CommandLine) -> None:
    run_id = await start(shell, "wait 300")
    done = await shell.run("logs", run_id, "-c", "postgres")
    assert done.code == 2
    assert "There are: none" in done.err


async def test_a_job_that_can_not_be_removed_is_not_said_to_be(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    run_id = await start(shell, "do it")
    cluster.faults.append(times(1, "DELETE", "/jobs", refusing(403, "Forbidden", "not yours")))
    done = await shell.run("clean", "--json")
    assert done.code == 1
    assert done.json == {"removed": [], "kept": [run_id]}
    assert "not yours" in done.err


async def test_a_run_that_has_a_card_is_left_to_the_bot(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    watching = await shell.begin("remote", "wait 300", *REPO, "--watch")
    assert watching.stdout is not None
    while b"finishing" not in (line := await watching.stdout.readline()):
        assert line
    (name,) = cluster.objects["jobs"]
    marks = '{"card_id":5,"version":2}'
    texts = {"claude-sandbox/marks": marks}
    cluster.edit("jobs", name, lambda job: job["metadata"]["annotations"].update(texts))
    await cluster.end(name)
    done = await finished(watching)
    assert done.code == 1
    job = cluster.objects["jobs"][name]["metadata"]
    assert job["annotations"]["claude-sandbox/marks"] == marks
    assert job["labels"]["status"] == "running"
    kept = await shell.run("clean")
    assert (kept.code, name in cluster.objects["jobs"]) == (0, True)
    assert "stays: the chat hasn't been told of the end" in kept.err


def as_of_the_chat(cluster: FakeCluster, name: str) -> None:
    """Make a Run one that somebody asked for in the chat."""
    asked = cluster.objects["jobs"][name]["metadata"]["annotations"]["claude-sandbox/asked"]
    asked = asked.replace('"message_id":0', '"message_id":7').replace(
        '"chat_id":0', '"chat_id":-100'
    )
    texts = {"claude-sandbox/asked": asked}
    cluster.edit("jobs", name, lambda job: job["metadata"]["annotations"].update(texts))


async def test_a_run_of_the_chat_that_is_stopped_here_is_still_told_there(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    run_id = await start(shell, "wait 300")
    name = f"claude-{run_id}"
    as_of_the_chat(cluster, name)
    stopped = await shell.run("cancel", run_id)
    assert "⏹ Stopped" in stopped.out
    job = cluster.objects["jobs"][name]
    assert job["metadata"]["labels"]["status"] == "running"
    assert job["spec"]["ttlSecondsAfterFinished"] == 7 * 24 * 3600
    logs = await shell.run("logs", run_id)
    assert "the last words" in logs.out


async def test_a_log_is_followed_to_its_end(shell: CommandLine) -> None:
    run_id = await start(shell, "wait 300")
    following = await shell.begin("logs", run_id, "-f")
    assert following.stdout is not None
    first = (await following.stdout.readline()).decode()
    assert first == "▶ clone\n"
    assert (await shell.run("cancel", run_id, "--no-wait")).code == 0
    rest = await finished(following)
    assert rest.code == 0, rest.err
    assert "the last words\n" in rest.out
    kept = await shell.run("logs", run_id)
    assert kept.out == f"{first}{rest.out}", (
        "the Pod is gone, and the log that came is what there is"
    )


@pytest.mark.parametrize("follows", ["the log so far", "nothing but what comes"])
async def test_the_log_is_kept_whoever_of_two_sees_the_end_first(
    shell: CommandLine, follows: str
) -> None:
    run_id = await start(shell, "wait 300")
    tail = () if follows == "the log so far" else ("--tail", "1")
    following = await shell.begin("logs", run_id, "-f", *tail)
    assert following.stdout is not None
    assert await following.stdout.readline()
    stopped = await shell.run("cancel", run_id)
    assert stopped.code == 0, stopped.err
    assert (await finished(following)).code == 0
    kept = await shell.run("logs", run_id)
    assert "▶ clone\n" in kept.out
    assert "the last words\n" in kept.out


async def test_what_the_chat_has_not_been_told_stays_unless_all_is_said(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    run_id = await start(shell, "do it")
    name = f"claude-{run_id}"
    as_of_the_chat(cluster, name)
    kept = await shell.run("clean")
    assert kept.code == 0
    assert f"Run {run_id} stays" in kept.err
    assert name in cluster.objects["jobs"]
    assert (await shell.run("clean", "--all")).code == 0
    assert name not in cluster.objects["jobs"]


async def test_a_request_that_is_refused_starts_nothing_and_says_why(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    answer = refusing(403, "Forbidden", 'jobs.batch is forbidden: User "ada" cannot create')
    cluster.faults.append(times(1, "POST", "/jobs", answer))
    done = await shell.run("remote", "do it", *REPO, "--json")
    assert done.code == 3
    assert "forbidden" in done.json["error"]
    assert "auth can-i" in done.json["advice"]
    assert "isn't known" not in done.json["error"]
    assert not cluster.objects["jobs"]


async def test_where_the_answer_to_a_start_is_lost_it_is_said_that_the_run_may_be_there(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    cluster.faults.append(times(1, "POST", "/jobs", refusing(503, "Unavailable", "try later")))
    done = await shell.run("remote", "do it", *REPO, "--json")
    assert done.code == 3
    assert "was made isn't known: claude-sandbox jobs" in done.json["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--memory", "lots"), "--memory takes an amount of memory"),
        (("--timeout", "0"), "--timeout takes a time"),
        (("--budget", "x", "--cpu", "0"), "--cpu takes a number of cores"),
        (("--services", "postgres,oracle"), "--services takes some of postgres"),
        (("--ref", "a b"), "Git knows no branch"),
        (("--image", "UPPER case"), "--image takes a container image"),
    ],
)
async def test_a_wrong_option_is_told_before_anything_is_asked(
    shell: CommandLine, cluster: FakeCluster, arguments: tuple[str, ...], words: str
) -> None:
    done = await shell.run("remote", "do it", *REPO, *arguments)
    assert done.code == 2
    assert words in done.err
    assert not cluster.requests


async def test_more_than_the_config_lets_a_run_have_is_refused(
    shell: CommandLine, cluster: FakeCluster
) -> None:
    config = shell.folder / "limits.yaml"
    config.write_text("runLimits: {memory: 4Gi}\n", encoding="utf-8")
    shell.variables["SANDBOX_CONFIG"] = str(config)
    done = await shell.run("remote", "do it", *REPO, "--memory", "5Gi")
    assert done.code == 2
    assert "--memory takes 4Gi at most here." in done.err
    assert not cluster.objects["jobs"]
