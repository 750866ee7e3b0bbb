from __future__ import annotations

import copy
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8s import annotations as notes
from k8s.annotations import Asked
from k8s.manifest import SECRET_KEYS, manifest
from k8s.place import TEMPLATE, KubernetesPlace
from runs.backend import Refused
from runs.run import Origin, run_id
from sandbox.gate import Gate, GateMode, read_gate
from sandbox.task import Task, from_environment

HOSTILE = json.loads((Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text())
PLACE = KubernetesPlace("sandboxes", "image:1", image_pull_secrets=("regcred",), entrypoints=("*",))
BRINGING = replace(PLACE, image="registry:5000/team/sandbox:1", entrypoints=("theirs/*",))
TASK = Task("https://git.example/repo", "plain", services=("postgres", "redis"))
ASKED = Asked("key", TASK, Origin(-100123, 5, 7, "Ada"), 1.5)
BASELINE = manifest(ASKED, PLACE, suspended=False)
GENERATED = 2_000 if os.environ.get("FUZZ") else 200
"""Jobs of ten texts each; `make fuzz`, which CI runs too, makes 20,000 texts."""


def expanded(text: str, variables: dict[str, str]) -> str:
    """Do what Kubernetes does to a value (third_party/forked/golang/expansion/expand.go)."""
    done, rest = "", text
    while "$" in rest[:-1]:
        before, _, rest = rest.partition("$")
        done += before
        if rest.startswith("$"):
            done, rest = done + "$", rest[1:]
        elif rest.startswith("(") and ")" in rest:
            name, _, rest = rest[1:].partition(")")
            done += variables.get(name, f"$({name})")
        else:
            done, rest = done + "$" + rest[0], rest[1:]
    return done + rest


def environment(job: dict[str, Any]) -> dict[str, str]:
    """Return what the program finds, with secrets that hold "secret"."""
    container = job["spec"]["template"]["spec"]["containers"][0]
    found = {entry["name"]: entry.get("value", "secret") for entry in container["env"]}
    return {name: expanded(value, {"GITHUB_TOKEN": "secret"}) for name, value in found.items()}


def with_values(asked: Asked) -> dict[str, Any]:
    """Return the plain manifest, with nothing but the values of another task put in."""
    job = copy.deepcopy(BASELINE)
    task = asked.task
    job["metadata"]["name"] = "claude-" + run_id(asked.key)
    job["metadata"]["annotations"] = notes.initial(asked, admitted=True)
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["image"] = task.image or PLACE.image
    for kind in ("requests", "limits"):
        container["resources"][kind]["memory"] = task.memory
        container["resources"][kind]["cpu"] = task.cpu
    texts = {
        "TASK": task.prompt,
        "REPO_URL": task.repo_url,
        "REPO_BRANCH": task.branch,
        "SANDBOX_MODEL": task.model,
        "SANDBOX_RUN": run_id(asked.key),
        "SANDBOX_IMAGE": task.image or PLACE.image,
    }
    for entry in container["env"]:
        if entry["name"] in texts:
            entry["value"] = str(texts[entry["name"]] or "").replace("$", "$$")
    return job


def asked_with(texts: list[str]) -> Asked:
    prompt, url, name, branch, model, memory, cpu, image, person, key = texts
    task = replace(
        TASK,
        repo_url=url,
        prompt=prompt,
        repo_name=name,
        branch=branch,
        model=model,
        memory=memory or "1Gi",
        cpu=cpu or "1",
        image=image,
    )
    return replace(ASKED, key=key, task=task, origin=replace(ASKED.origin, person_name=person))


@pytest.mark.parametrize("text", [text.replace("\0", "") for text in HOSTILE])
def test_a_text_changes_nothing_but_its_value_fault_40(text: str) -> None:
    asked = asked_with([text] * 10)
    job = manifest(asked, PLACE, suspended=False)
    assert job == with_values(asked)
    assert environment(job)["TASK"] == text
    found = notes.read_asked(job["metadata"]["annotations"], run_id(text))
    assert found == asked


@pytest.mark.parametrize("text", [text for text in HOSTILE if text and "\0" not in text])
def test_an_image_that_the_program_is_brought_into_is_a_value_too_fault_40(text: str) -> None:
    job = manifest(replace(ASKED, task=replace(TASK, image="other")), BRINGING, suspended=False)
    hostile = manifest(replace(ASKED, task=replace(TASK, image=text)), BRINGING, suspended=False)
    for found in (job, hostile):
        found["metadata"]["annotations"] = {}
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["image"] = text
    for entry in container["env"]:
        if entry["name"] == "SANDBOX_IMAGE":
            entry["value"] = text.replace("$", "$$")
    assert hostile == job


texts = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40),
    st.text("\n\r\t :-#'\"{}[]%$()&*!|>@`\\,?~0\x85\u2028\ufeff\x1b", max_size=20),
    st.lists(
        st.sampled_from([*HOSTILE[:36], "\n", "{{ name }}", "{% endif %}", "$$"]), max_size=4
    ).map(lambda parts: "".join(parts).replace("\0", "")),
)


@settings(
    max_examples=GENERATED,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(texts, min_size=10, max_size=10))
def test_generated_texts_change_nothing_but_their_values_fault_40(found: list[str]) -> None:
    asked = asked_with(found)
    job = manifest(asked, PLACE, suspended=False)
    assert job == with_values(asked)
    assert environment(job)["TASK"] == asked.task.prompt


def test_the_sandbox_reads_from_its_environment_what_was_asked() -> None:
    task = Task(
        "https://git.example/r",
        "cost $5, $$6, $é, $(GITHUB_TOKEN) $",
        branch="next",
        timeout_seconds=77,
        model="opus",
        budget_usd=1.5,
        pull_request=True,
    )
    job = manifest(replace(ASKED, task=task), PLACE, suspended=False)
    found = from_environment(environment(job))
    assert found.task == task
    assert found.run_id == run_id("key")
    assert found.report_path == "/dev/termination-log"
    assert found.workspace == "/workspace"


def test_every_container_is_restricted_and_none_gets_a_cluster_token() -> None:
    pod = manifest(ASKED, PLACE, suspended=False)["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    task = replace(TASK, image="other:1")
    brought = manifest(replace(ASKED, task=task), BRINGING, suspended=False)
    broker, *init = brought["spec"]["template"]["spec"]["initContainers"]
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    for container in [*init, *pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == restricted
    own = {"runAsUser": 1001, "runAsGroup": 1001, "readOnlyRootFilesystem": True}
    assert broker["securityContext"] == {**restricted, **own}


def test_only_named_keys_reach_a_program_of_its_own_and_each_may_be_missing() -> None:
    pod = manifest(ASKED, PLACE, suspended=False)["spec"]["template"]["spec"]
    references = [
        entry["valueFrom"]["secretKeyRef"]
        for entry in pod["containers"][0]["env"]
        if "valueFrom" in entry
    ]
    assert [(found["key"], found["optional"]) for found in references] == [
        (name, True) for name in SECRET_KEYS
    ]
    assert {found["name"] for found in references} == {"claude-sandbox-secrets"}
    assert "secretKeyRef" not in json.dumps(pod["initContainers"])


def test_the_names_that_an_existing_image_needs_are_always_set() -> None:
    job = manifest(replace(ASKED, task=Task("u", "p")), PLACE, suspended=False)
    container = job["spec"]["template"]["spec"]["containers"][0]
    plain = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    for name in (
        "GITHUB_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "ANTHROPIC_API_KEY",
        "HAPI_CLI_TOKEN",
        "DATABASE_URL",
        "REDIS_URL",
        "DATABASE_NAME",
    ):
        assert plain[name] == ""
    assert "initContainers" not in job["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("image", "brought"),
    [
        (None, False),
        ("registry:5000/team/sandbox", False),
        ("registry:5000/team/sandbox:ruby-3.3", False),
        ("registry:5000/team/sandbox@sha256:" + "0" * 64, False),
        ("theirs/agent:2", False),
        ("registry:5000/team/sandboxes:1", True),
        ("registry/team/sandbox:1", True),
        ("node:22", True),
    ],
)
def test_the_program_is_brought_into_an_image_without_an_entrypoint_of_its_own(
    image: str | None, brought: bool
) -> None:
    task = replace(TASK, image=image, services=("redis",))
    pod = manifest(replace(ASKED, task=task), BRINGING, suspended=False)["spec"]["template"]["spec"]
    agent, mount = pod["containers"][0], {"name": "sandbox-program", "mountPath": "/claude-sandbox"}
    if not brought:
        assert "command" not in agent
        own = "theirs" in (image or "")
        names = [found["name"] for found in pod["initContainers"]]
        assert names == ["redis-sidecar"] if own else ["broker", "redis-sidecar"]
        assert "sandbox-program" not in json.dumps(pod)
        return
    assert agent["image"] == image
    assert agent["command"] == ["python3", "-I", "/claude-sandbox"]
    assert agent["workingDir"] == "/workspace"
    assert {**mount, "readOnly": True} in agent["volumeMounts"]
    _, service, first = pod["initContainers"]
    assert service["name"] == "redis-sidecar"  # which starts while the program is brought
    assert first["image"] == BRINGING.image
    assert first["command"] == ["python3", "-I", "-m", "sandbox.bring", "/claude-sandbox"]
    assert first["env"] == [{"name": "SANDBOX_AGENT", "value": "claude"}]
    assert first["volumeMounts"] == [mount]
    assert "restartPolicy" not in first
    assert {"name": "sandbox-program", "emptyDir": {}} in pod["volumes"]


@pytest.mark.parametrize("gate", [GateMode.WARN, GateMode.FAIL])
def test_the_gate_gets_the_address_from_kubernetes_itself(gate: GateMode) -> None:
    place = replace(PLACE, gate=gate, gate_seconds=7)
    job = manifest(ASKED, place, suspended=False)
    container = job["spec"]["template"]["spec"]["containers"][0]
    found = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    server = {"KUBERNETES_SERVICE_HOST": "10.43.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    text = expanded(found["SANDBOX_GATE"], server)
    assert read_gate(text) == Gate("10.43.0.1", 443, gate, 7.0)


def test_without_a_gate_there_is_no_variable() -> None:
    assert "SANDBOX_GATE" not in environment(BASELINE)


def test_a_runtime_class_stands_on_the_pod_where_one_is_set() -> None:
    pods = [
        manifest(ASKED, place, suspended=False)["spec"]["template"]["spec"]
        for place in (PLACE, replace(PLACE, runtime_class="gvisor"))
    ]
    assert [pod.get("runtimeClassName") for pod in pods] == [None, "gvisor"]


def test_services_are_native_sidecars_with_their_addresses() -> None:
    task = replace(TASK, services=("postgres", "redis:6"))
    job = manifest(replace(ASKED, task=task), PLACE, suspended=False)
    sidecars = job["spec"]["template"]["spec"]["initContainers"]
    assert [(found["name"], found["image"], found["restartPolicy"]) for found in sidecars] == [
        ("postgres-sidecar", "postgres:16", "Always"),
        ("redis-sidecar", "redis:6", "Always"),
    ]
    found = environment(job)
    assert found["DATABASE_URL"] == "postgres://postgres@localhost:5432/sandbox"
    assert found["DATABASE_NAME"] == "sandbox"
    assert found["REDIS_URL"] == "redis://localhost:6379/0"


def test_the_deadlines_come_in_their_order_fault_21() -> None:
    job = manifest(replace(ASKED, task=replace(TASK, timeout_seconds=600)), PLACE, suspended=False)
    pod = job["spec"]["template"]["spec"]
    assert environment(job)["SANDBOX_TIMEOUT"] == "600"
    assert 600 < pod["activeDeadlineSeconds"] < job["spec"]["activeDeadlineSeconds"]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["ttlSecondsAfterFinished"] == 7 * 24 * 3600


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (replace(TASK, prompt="a\0b"), "NUL"),
        (replace(TASK, prompt="a\ud83d"), "Unicode"),
        (replace(TASK, prompt="x" * 131_072), "too long"),
        (replace(TASK, services=("mongo",)), "no service 'mongo' here. There are: postgres, redis"),
    ],
)
def test_a_task_that_no_pod_can_be_given_is_refused(task: Task, words: str) -> None:
    with pytest.raises(Refused, match=words):
        manifest(replace(ASKED, task=task), PLACE, suspended=False)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("name: {{ name }}", "name: mine", "has to keep the Job's name"),
        ("name: {{ name }}", "name: {{ nmae }}", "'nmae' is undefined"),
        ("name: {{ name }}", "name: [", "can't be used"),
        ("annotations: {{ annotations }}", "annotations: {}", "has to keep"),
        ("kind: Job", "kind: Pod", "has to keep"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, before: str, after: str, words: str
) -> None:
    template = tmp_path / "job.yaml.j2"
    text = TEMPLATE.read_text()
    assert before in text
    template.write_text(text.replace(before, after, 1))
    with pytest.raises(Refused, match=words):
        manifest(ASKED, replace(PLACE, template=template), suspended=False)


def test_an_operator_may_use_a_template_of_their_own(tmp_path: Path) -> None:
    template = tmp_path / "job.yaml.j2"
    template.write_text(
        TEMPLATE.read_text().replace(
            "restartPolicy: Never", "restartPolicy: Never\n      runtimeClassName: gvisor"
        )
    )
    job = manifest(ASKED, replace(PLACE, template=template), suspended=True)
    assert job["spec"]["template"]["spec"]["runtimeClassName"] == "gvisor"
    assert job["spec"]["suspend"] is True
    assert job["metadata"]["annotations"][notes.ADMITTED] == ""
