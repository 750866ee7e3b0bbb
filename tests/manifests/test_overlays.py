"""The overlays, as kubectl renders them: what they hold fits together, and fits what the bot and the Jobs need."""

from __future__ import annotations

import ipaddress
import re
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from bot.config_file import parse
from bot.settings import BackendName, Listen, read
from runs.stacks.table import services_table
from sandbox.gate import GateMode
from tests.manifests.overlays import FOLDER, NAMES, Object, Overlay, render

pytestmark = pytest.mark.kubectl


@pytest.fixture(scope="module", params=NAMES)
def overlay(request: pytest.FixtureRequest) -> Overlay:
    return render(FOLDER / request.param)


@pytest.fixture(scope="module")
def usual() -> Overlay:
    return render(FOLDER / "two-namespaces")


def environment(overlay: Overlay) -> dict[str, str]:
    """Return the variables of the bot's container, those of Secrets with a value of the form that they have."""
    (container,) = overlay.containers()
    found: dict[str, str] = dict(overlay.one("ConfigMap", "claude-sandbox-environment")["data"])
    samples = {"TELEGRAM_BOT_TOKEN": "123456789:" + "A" * 35, "TELEGRAM_CHAT_ID": "-100123"}
    for variable in container["env"]:
        found[variable["name"]] = samples.get(variable["name"], "x")
    return found


def reaches(policy: Object, address: str, port: int) -> bool:
    """Say whether a NetworkPolicy lets a Pod reach an address from which no Pod is known."""
    target = ipaddress.ip_address(address)
    for rule in policy["spec"].get("egress", ()):
        if {"port": port, "protocol": "TCP"} not in rule["ports"]:
            continue
        for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
            inside = target in ipaddress.ip_network(block["cidr"])
            excepted = map(ipaddress.ip_network, block.get("except", ()))
            if inside and not any(target in network for network in excepted):
                return True
    return False


def test_every_overlay_is_tried() -> None:
    assert set(NAMES) == {path.name for path in FOLDER.iterdir()}


def test_every_namespace_is_closed_and_everything_is_in_one(overlay: Overlay) -> None:
    namespaces = {item["metadata"]["name"]: item for item in overlay.all("Namespace")}
    assert "claude-sandbox" in namespaces, "the guide's name"
    for namespace in namespaces.values():
        labels = namespace["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    used = {item["metadata"].get("namespace") for item in overlay.objects} - {None}
    assert used == set(namespaces)


def test_one_namespace_is_one_and_its_policy_knows_the_bots_pod() -> None:
    overlay = render(FOLDER / "one-namespace")
    (namespace,) = overlay.all("Namespace")
    assert namespace["metadata"]["name"] == "claude-sandbox"
    conditions = overlay.one("ValidatingAdmissionPolicy", "")["spec"]["matchConditions"]
    assert "ReplicaSet" in conditions[0]["expression"]


def test_the_rights_are_those_of_the_account_that_the_bot_has(overlay: Overlay) -> None:
    deployment = overlay.one("Deployment", "claude-sandbox-bot")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    (subject,) = overlay.one("RoleBinding", "claude-sandbox-bot")["subjects"]
    assert subject == {
        "kind": "ServiceAccount",
        "name": account,
        "namespace": deployment["metadata"]["namespace"],
    }
    there = overlay.one("ServiceAccount", account)["metadata"]["namespace"]
    assert there == deployment["metadata"]["namespace"]
    assert not overlay.all("ClusterRole") + overlay.all("ClusterRoleBinding")


def test_the_bot_understands_its_environment_and_its_config(overlay: Overlay) -> None:
    variables = environment(overlay)
    settings = read(variables | {"KUBERNETES_SERVICE_HOST": "10.96.0.1"})
    config = parse(overlay.one("ConfigMap", "claude-sandbox-config")["data"]["config.yaml"])
    (container,) = overlay.containers()
    folders = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert settings.backend is BackendName.KUBERNETES
    assert settings.cluster.kubeconfig is None
    role = overlay.one("Role", "claude-sandbox-bot")
    assert settings.cluster.namespace == role["metadata"]["namespace"]
    assert str(settings.config_path) == "/etc/claude-sandbox/config.yaml"
    for path in (settings.config_path, settings.log_store, settings.state_folder):
        assert any(str(path).startswith(folder + "/") for folder in folders)
    assert config.gate is GateMode.FAIL
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        command = container[probe]["exec"]["command"]
        assert command[3:5] == ["bot.pulse", str(settings.state_folder / "pulse")]


def test_no_variable_of_the_bot_is_named_twice(overlay: Overlay) -> None:
    (container,) = overlay.containers()
    names = [variable["name"] for variable in container["env"]]
    names += overlay.one("ConfigMap", "claude-sandbox-environment")["data"]
    assert len(names) == len(set(names))


def test_the_config_of_an_overlay_is_what_it_is_for() -> None:
    configs = {
        name: parse(
            render(FOLDER / name).one("ConfigMap", "claude-sandbox-config")["data"]["config.yaml"]
        )
        for name in NAMES
    }
    assert {name for name in NAMES if configs[name].kueue is not None} == {"kueue"}
    assert (
        configs["kueue"].kueue == render(FOLDER / "kueue").one("LocalQueue", "")["metadata"]["name"]
    )
    assert {name for name in NAMES if configs[name].runtime_class is not None} == {"gvisor"}
    runtime = render(FOLDER / "gvisor").one("RuntimeClass", "")["metadata"]["name"]
    assert configs["gvisor"].runtime_class == runtime


def test_what_the_bot_starts_by_itself_is_allowed(overlay: Overlay) -> None:
    allowed = overlay.one("ConfigMap", "claude-sandbox-allowed")["data"]
    patterns = allowed["images"].split()
    services = services_table().services.values()
    usual = [image for service in services for image in service.images.values()]
    for image in (environment(overlay)["CLAUDE_IMAGE"], *usual):
        assert any(fnmatchcase(image, pattern) for pattern in patterns), image
    assert not {"TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"} & set(allowed["keys"].split())


@pytest.mark.parametrize(
    ("address", "port", "sandbox", "bot"),
    [
        ("140.82.121.3", 443, True, True),  # GitHub
        ("140.82.121.3", 22, True, False),
        ("140.82.121.3", 80, False, False),
        ("140.82.121.3", 6443, False, True),  # an API server with a public address
        ("149.154.167.220", 443, False, True),  # Telegram
        ("2001:67c:4e8:f004::9", 443, False, True),
        ("2606:50c0:8000::153", 443, True, True),
        ("10.96.0.1", 443, False, True),  # an API server
        ("172.20.0.1", 443, False, True),
        ("192.168.1.1", 443, False, True),
        ("100.64.0.1", 443, False, True),
        ("fd00::1", 443, False, True),
        ("169.254.169.254", 443, False, False),  # metadata of clouds
        ("fd00:ec2::254", 443, False, False),
        ("100.100.100.200", 443, False, False),
        ("168.63.129.16", 443, False, False),
        ("192.0.0.192", 443, False, False),
        ("::ffff:10.0.0.1", 443, False, True),
        ("64:ff9b::a00:1", 443, False, True),  # 10.0.0.1 behind NAT64
        ("127.0.0.1", 443, False, True),
    ],
)
def test_what_may_be_reached(
    usual: Overlay, address: str, port: int, sandbox: bool, bot: bool
) -> None:
    found = [
        reaches(usual.one("NetworkPolicy", name), address, port) for name in ("sandboxes", "bot")
    ]
    assert found == [sandbox, bot]


def test_only_who_is_labelled_comes_in_to_the_metrics_and_what_no_policy_names_is_closed(
    usual: Overlay,
) -> None:
    policies = {item["metadata"]["name"]: item["spec"] for item in usual.all("NetworkPolicy")}
    assert policies["closed"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert {name for name, spec in policies.items() if "ingress" in spec} == {"bot"}
    (rule,) = policies["bot"]["ingress"]
    (peer,) = rule["from"]
    assert peer == {"namespaceSelector": {"matchLabels": {"claude-sandbox/scrape": "allowed"}}}
    for namespace in usual.all("Namespace"):
        assert "claude-sandbox/scrape" not in namespace["metadata"]["labels"]
    (container,) = usual.containers()
    (port,) = container["ports"]
    assert rule["ports"] == [{"port": port["containerPort"], "protocol": "TCP"}]
    assert read(environment(usual)).metrics == Listen("0.0.0.0", port["containerPort"])
    assert policies["bot"]["policyTypes"] == ["Ingress", "Egress"]


def test_the_overlay_of_the_document_sets_what_it_says(tmp_path: Path) -> None:
    text = (FOLDER.parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")
    overlay, network = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    shutil.copytree(FOLDER.parent, tmp_path / "manifests")
    mine = tmp_path / "manifests" / "overlays" / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(overlay, encoding="utf-8")
    (mine / "config.yaml").write_text("gate: warn\n", encoding="utf-8")
    found = render(mine)
    (container,) = found.containers()
    assert container["image"] == "ghcr.io/owner/claude-sandbox-bot:1.2"
    variables = environment(found)
    assert variables["CLAUDE_IMAGE"] == "ghcr.io/owner/claude-sandbox:1.2"
    assert variables["SANDBOX_NAMESPACE"] == "claude-sandbox"
    assert found.one("ConfigMap", "claude-sandbox-config")["data"]["config.yaml"] == "gate: warn\n"
    allowed = found.one("ConfigMap", "claude-sandbox-allowed")["data"]
    assert allowed["images"].split() == ["ghcr.io/owner/*", "postgres:*", "redis:*"]
    assert allowed["secrets"].split() == ["claude-sandbox-secrets"]
    assert allowed["imagesWithKeys"] == "ghcr.io/owner/own-sandbox:*"
    private = yaml.safe_load(network)
    assert reaches(private, "10.20.0.5", 443)
    assert (
        private["spec"]["podSelector"]
        == found.one("NetworkPolicy", "sandboxes")["spec"]["podSelector"]
    )
