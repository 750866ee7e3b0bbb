"""`init` and `uninstall` as a person says them, with an API server in memory and the playground as Telegram."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from tests.cli.object_api import refused, serving
from tests.cli.setup_scene import GIT_TOKEN, LIMIT_SECONDS, MODEL_KEY, Scene


async def test_init_makes_all_says_hello_and_a_second_one_changes_nothing(scene: Scene) -> None:
    done = await scene.say("init", "--yes")
    assert done.code == 0, done.out + done.err
    assert scene.hellos() == 1
    assert set(scene.data("claude-sandbox")) == {"GITHUB_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"}
    assert set(scene.data("claude-sandbox-bot")) == {
        "GITHUB_TOKEN",
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_CHAT_ID",
    }
    allowed = scene.api.one("ConfigMap", "claude-sandbox-allowed")["data"]["images"]
    for pattern in (":*", "@*"):
        assert f"registry.example/team/claude-sandbox{pattern}\n" in allowed
    scene.api.changes.clear()
    again = await scene.say("init", "--yes")
    assert again.code == 0, again.out + again.err
    assert "nothing to change" in again.out
    assert scene.api.changes == []
    assert scene.hellos() == 1


async def test_a_changed_key_replaces_the_old_one_and_starts_the_bot_anew(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0
    before = bot_annotations(scene)
    scene.forge.key = scene.environment["GITHUB_TOKEN"] = "another-git-key"
    scene.model.key = scene.environment["ANTHROPIC_API_KEY"] = "sk-ant-api03-for-tests"
    del scene.environment["CLAUDE_CODE_OAUTH_TOKEN"]
    done = await scene.say("init", "--yes")
    assert done.code == 0, done.out + done.err
    assert "changed Secret claude-sandbox-secrets in claude-sandbox-bot" in done.out
    keys = scene.data("claude-sandbox")
    assert keys == {
        "GITHUB_TOKEN": "another-git-key",
        "ANTHROPIC_API_KEY": "sk-ant-api03-for-tests",
    }
    assert bot_annotations(scene) != before


async def test_keys_that_are_installed_need_not_be_said_again(scene: Scene) -> None:
    assert (await scene.say("init", "--yes", "--repo", "demo=https://forge.example/a/b")).code in (
        0,
        1,
    )
    for name in (
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_CHAT_ID",
        "GITHUB_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
    ):
        del scene.environment[name]
    scene.api.changes.clear()
    done = await scene.say("init", "--yes")
    assert "nothing to change" in done.out, done.out + done.err
    assert scene.api.changes == []
    config = scene.generated("claude-sandbox-config")["config.yaml"]
    assert yaml.safe_load(config)["repos"] == {"demo": "https://forge.example/a/b"}


async def test_a_team_without_a_git_token_says_so_once_and_all_is_well(scene: Scene) -> None:
    scene.environment["GITHUB_TOKEN"] = "none"
    done = await scene.say("init", "--yes")
    assert done.code == 0, done.out + done.err
    assert "! Keys in claude-sandbox: claude-sandbox-secrets has no GITHUB_TOKEN" in done.out
    assert "refuses it" not in done.out
    for namespace in ("claude-sandbox", "claude-sandbox-bot"):
        assert "GITHUB_TOKEN" not in scene.data(namespace)
    del scene.environment["GITHUB_TOKEN"]
    scene.api.changes.clear()
    again = await scene.say("init", "--yes")
    assert (again.code, scene.api.changes) == (0, []), again.out + again.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"TELEGRAM_BOT_TOKEN": "1:wrong"}, "✗ Telegram token: Telegram refuses it"),
        ({"TELEGRAM_CHAT_ID": "-100123"}, "✗ Telegram chat: @claude_sandbox_bot can't see -100123"),
        ({"GITHUB_TOKEN": "wrong"}, "✗ GitHub token: 127.0.0.1 refuses it"),
        ({"CLAUDE_CODE_OAUTH_TOKEN": "wrong"}, "refuses CLAUDE_CODE_OAUTH_TOKEN"),
        ({"TELEGRAM_CHAT_ID": "team"}, "TELEGRAM_CHAT_ID isn't a chat's id"),
        ({"GITHUB_TOKEN": ""}, "Not set: GITHUB_TOKEN"),
        ({"CLAUDE_CODE_OAUTH_TOKEN": ""}, "CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY"),
        ({"CLAUDE_IMAGE": "no image"}, "CLAUDE_IMAGE isn't an image's name"),
    ],
)
async def test_a_key_that_is_not_taken_changes_nothing(
    scene: Scene, change: dict[str, str], words: str
) -> None:
    scene.environment |= change
    done = await scene.say("init", "--yes")
    assert done.code == 2, done.out + done.err
    assert words in done.err
    assert "➜" in done.err or "Example:" in done.err
    assert scene.api.changes == []
    assert scene.hellos() == 0


async def test_a_bot_outside_of_the_group_is_told_to_be_added(scene: Scene) -> None:
    scene.world.set_status(scene.world.bot, scene.team, "left")
    done = await scene.say("init", "--yes")
    assert done.code == 2
    assert "Add @claude_sandbox_bot to the group" in done.err
    assert scene.api.changes == []


async def test_every_missing_right_is_named_before_anything_is_made(scene: Scene) -> None:
    scene.api.denied = {("create", "secrets"), ("patch", "validatingadmissionpolicies")}
    done = await scene.say("init", "--yes")
    assert done.code == 3
    assert "  create secrets -n claude-sandbox\n" in done.err
    assert "  create secrets -n claude-sandbox-bot\n" in done.err
    assert "  patch validatingadmissionpolicies.admissionregistration.k8s.io\n" in done.err
    assert done.err.count("\n  ") == 3
    assert scene.api.changes == []


@pytest.mark.parametrize(
    ("minor", "sentence"),
    [
        ("28", "Kubernetes 1.30 or newer is needed; this one is 1.28."),
        ("29", "Kubernetes 1.30 or newer is needed; this one is 1.29."),
    ],
)
async def test_a_cluster_that_is_too_old_is_refused(
    scene: Scene, minor: str, sentence: str
) -> None:
    scene.api.version = {"major": "1", "minor": minor}
    done = await scene.say("init", "--yes")
    assert done.code == 3
    assert sentence in done.err
    assert scene.api.changes == []


async def test_nobody_who_can_be_asked_means_that_yes_has_to_be_said(scene: Scene) -> None:
    done = await scene.say("init")
    assert done.code == 2
    assert "Say yes with --yes" in done.err
    assert scene.api.changes == []


async def test_a_login_that_is_not_taken_says_so(scene: Scene) -> None:
    scene.api.moment = lambda _request: refused(401, "Unauthorized")
    done = await scene.say("init", "--yes")
    assert done.code == 3
    assert "Log in anew" in done.err


async def test_a_bot_that_does_not_get_ready_is_told_with_what_it_waits_for(scene: Scene) -> None:
    scene.api.bot_is_ready = False
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}
    scene.api.objects["/api/v1/namespaces/claude-sandbox-bot/pods/bot-1"] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "bot-1",
            "namespace": "claude-sandbox-bot",
            "labels": {"app": "claude-sandbox-bot"},
        },
        "status": {"containerStatuses": [{"state": {"waiting": waiting}}]},
    }
    done = await scene.say("init", "--yes", "--wait", "1")
    assert done.code == 3
    assert '… the bot: ImagePullBackOff: Back-off pulling image "x"' in done.err
    assert "The bot isn't ready after 1 s: ImagePullBackOff" in done.err
    assert "kubectl -n claude-sandbox-bot describe pods" in done.err
    assert scene.hellos() == 0
    scene.api.bot_is_ready = True
    del scene.api.objects["/api/v1/namespaces/claude-sandbox-bot/pods/bot-1"]
    scene.api.objects.pop(
        "/apis/apps/v1/namespaces/claude-sandbox-bot/deployments/claude-sandbox-bot"
    )
    again = await scene.say("init", "--yes")
    assert again.code == 0, again.out + again.err
    assert scene.hellos() == 1


async def test_a_registry_login_and_an_age_key_go_where_they_are_needed_and_stay(
    scene: Scene, tmp_path: Path
) -> None:
    registry, age = tmp_path / "config.json", tmp_path / "age.txt"
    registry.write_text('{"auths": {}}')
    age.write_text("AGE-SECRET-KEY-1\n")
    done = await scene.say("init", "--yes", f"--regcred={registry}", f"--age-key={age}")
    assert done.code == 0, done.out + done.err

    def check() -> None:
        for namespace in ("claude-sandbox", "claude-sandbox-bot"):
            secret = scene.api.one("Secret", "regcred", namespace)
            assert secret["type"] == "kubernetes.io/dockerconfigjson"
        assert set(scene.api.one("Secret", "age-key")["data"]) == {"age-key.txt"}
        pod = scene.api.one("Deployment", "claude-sandbox-bot")["spec"]["template"]["spec"]
        assert pod["imagePullSecrets"] == [{"name": "regcred"}]
        config = scene.generated("claude-sandbox-config")["config.yaml"]
        assert yaml.safe_load(config)["imagePullSecrets"] == ["regcred"]

    check()
    scene.api.changes.clear()
    assert (await scene.say("init", "--yes")).code == 0
    check()
    assert scene.api.changes == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--overlay", "three"), "There is no overlay 'three'"),
        (("--config", "/none"), "/none can't be read: No such file or directory.\n"),
        (("--repo", "demo"), "isn't alias=URL"),
        (("--repo", "demo=/etc"), "repos.demo"),
        (("--age-key", "/none"), "--age-key: /none can't be read"),
    ],
)
async def test_a_wrong_option_is_told_and_changes_nothing(
    scene: Scene, words: tuple[str, ...], said: str
) -> None:
    done = await scene.say("init", "--yes", *words)
    assert done.code == 2
    assert said in done.err
    assert scene.api.changes == []


async def test_another_overlay_that_has_the_bot_elsewhere_is_refused(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0
    scene.api.changes.clear()
    done = await scene.say("init", "--yes", "--overlay", "one-namespace")
    assert done.code == 2
    assert "First take it away: claude-sandbox uninstall" in done.err
    assert scene.api.changes == []


async def test_a_config_is_kept_unless_another_one_is_named(scene: Scene, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("gate: fail\nimages: ['ghcr.io/team/*']\n")
    assert (await scene.say("init", "--yes", f"--config={mine}")).code == 0
    allowed = scene.api.one("ConfigMap", "claude-sandbox-allowed")["data"]["images"]
    assert "ghcr.io/team/*\n" in allowed
    assert (await scene.say("init", "--yes")).code == 0
    assert scene.generated("claude-sandbox-config")["config.yaml"] == mine.read_text()
    mine.write_text("gate: warn\n")
    assert (await scene.say("init", "--yes", f"--config={mine}")).code == 0
    assert scene.generated("claude-sandbox-config")["config.yaml"] == "gate: warn\n"


def expired_certificate(folder: Path) -> Path:
    """Make a certificate of loopback that has expired."""
    key, request, certificate = (folder / name for name in ("key.pem", "asked.pem", "expired.pem"))
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=here")
    signed = ("-signkey", str(key), "-days", "-1", "-extfile", str(folder / "names"))
    for words in (
        ("req", *new, "-keyout", str(key), "-out", str(request)),
        ("x509", "-req", "-in", str(request), *signed, "-out", str(certificate)),
    ):
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)
    return certificate


@pytest.mark.parametrize("command", [("init", "--yes"), ("doctor",), ("uninstall", "--yes")])
async def test_a_certificate_that_has_expired_is_told(
    scene: Scene, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "tls").mkdir()
    certificate = expired_certificate(tmp_path / "tls")
    async with serving(scene.api, tmp_path / "tls", certificate) as kubeconfig:
        scene.environment["KUBECONFIG"] = str(kubeconfig)
        done = await scene.say(*command)
    assert done.code == 3
    assert "certificate has expired" in done.err
    assert "look at this machine's clock" in done.err
    assert scene.api.changes == []


@pytest.mark.parametrize("command", [("init", "--yes"), ("doctor",), ("uninstall", "--yes")])
async def test_a_context_that_is_not_there_is_told(scene: Scene, command: tuple[str, ...]) -> None:
    done = await scene.say(*command, "--context", "tset")
    assert done.code == 2
    assert "Did you mean test?" in done.err


@pytest.mark.parametrize("after", [1, 4, 9, 14, 19])
async def test_init_goes_on_where_it_was_stopped(scene: Scene, after: int) -> None:
    """Ctrl-C after so many objects; then the same again makes the rest, once each."""
    process = None
    stopped = asyncio.Event()

    def stop(request: web.Request) -> web.Response | None:
        if process is not None and len(scene.api.changes) == after and not stopped.is_set():
            stopped.set()
            process.send_signal(signal.SIGINT)
        return None

    scene.api.moment = stop
    process = await scene.started("init", "--yes")
    async with asyncio.timeout(LIMIT_SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 130, out.decode() + err.decode()
    assert "What is made stays" in err.decode()
    made = len(scene.api.changes)
    assert after <= made <= after + 1
    done = await scene.say("init", "--yes")
    assert done.code == 0, done.out + done.err
    assert len(scene.api.changes) == len(set(scene.api.changes)) == len(scene.api.objects)
    assert scene.hellos() == 1


async def test_a_dry_run_prints_what_would_be_made_without_the_keys(scene: Scene) -> None:
    done = await scene.say("init", "--dry-run")
    assert done.code == 0, done.err
    shown = list(yaml.safe_load_all(done.out))
    kinds = {one["kind"] for one in shown}
    assert {"Namespace", "Deployment", "Secret", "ValidatingAdmissionPolicy"} <= kinds
    for secret in (GIT_TOKEN, MODEL_KEY, scene.world.token):
        assert secret not in done.out
    keys = [one["stringData"] for one in shown if one["kind"] == "Secret"]
    assert {
        "GITHUB_TOKEN": "<GITHUB_TOKEN>",
        "CLAUDE_CODE_OAUTH_TOKEN": "<CLAUDE_CODE_OAUTH_TOKEN>",
    } in keys
    assert scene.api.changes == []
    scene.environment["KUBECONFIG"] = "/none"
    alone = await scene.say("init", "--dry-run")
    assert alone.out == done.out
    scene.environment["GITHUB_TOKEN"] = "none"
    over_ssh = await scene.say("init", "--dry-run")
    assert over_ssh.out == "".join(
        line for line in done.out.splitlines(keepends=True) if "<GITHUB_TOKEN>" not in line
    )


@pytest.mark.parametrize("overlay", ["two-namespaces", "one-namespace", "kueue", "gvisor"])
async def test_uninstall_takes_away_all_that_init_made_and_nothing_else(
    scene: Scene, overlay: str
) -> None:
    mine: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mine", "namespace": "default"},
        "data": {},
    }
    scene.api.objects["/api/v1/namespaces/default/configmaps/mine"] = mine
    made = await scene.say("init", "--yes", "--overlay", overlay)
    assert made.code == 0, made.out + made.err
    assert len(scene.api.objects) > 15
    done = await scene.say("uninstall", "--yes")
    assert done.code == 0, done.out + done.err
    assert list(scene.api.objects.values()) == [mine]
    again = await scene.say("uninstall", "--yes")
    assert "Nothing here was made" in again.out


async def test_uninstall_leaves_a_namespace_that_was_there_before_and_the_logs_if_asked(
    scene: Scene,
) -> None:
    there = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "claude-sandbox"}}
    scene.api.objects["/api/v1/namespaces/claude-sandbox"] = {**there, "spec": {}}
    assert (await scene.say("init", "--yes")).code == 0
    done = await scene.say("uninstall", "--yes", "--keep-logs")
    assert done.code == 0, done.out + done.err
    assert scene.api.names("Namespace") == ["claude-sandbox", "claude-sandbox-bot"]
    assert {one["kind"] for one in scene.api.objects.values()} == {
        "Namespace",
        "PersistentVolumeClaim",
    }
    assert "Kept" in done.out


async def test_uninstall_asks_first(scene: Scene) -> None:
    assert (await scene.say("init", "--yes")).code == 0
    objects = dict(scene.api.objects)
    done = await scene.say("uninstall")
    assert done.code == 2
    assert "Say yes with --yes" in done.err
    assert scene.api.objects == objects


def bot_annotations(scene: Scene) -> object:
    template = scene.api.one("Deployment", "claude-sandbox-bot")["spec"]["template"]
    return dict(template["metadata"]["annotations"])
