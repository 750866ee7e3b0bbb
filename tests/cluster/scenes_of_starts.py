"""Scenes: what keeps a Run from starting."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from runs.outcome import Seen
from runs.run import Run
from tests.cluster.kubectl import KubectlError
from tests.cluster.outcome_machines import add_machine, pod_of
from tests.cluster.outcome_stage import IMPATIENT, NotHere, Scenes, Stage

SCENES = Scenes()
scene = SCENES.add
Ended = tuple[Run, str]

_REDIS = "image: {{ service.image }}\n"
_FOR_SERVICES = replace(IMPATIENT, service=15.0)
_REGISTRY = Path(__file__).with_name("registry.py")


def program(*words: str) -> tuple[str, str]:
    """Return the change of the template that runs another program in the agent's container."""
    return ("image: {{ image }}", f"image: {{{{ image }}}}\n          command: {json.dumps(words)}")


def redis_runs(script: str) -> tuple[str, str]:
    """Return the change of the template that runs a script in place of Redis."""
    return (_REDIS, f"{_REDIS}          command: {json.dumps(['sh', '-c', script])}\n")


def variant(line: str, *more: str) -> tuple[str, str]:
    """Return the change of the template that puts lines behind one."""
    return (line, "\n".join([line, *more]))


def in_pod(*lines: str) -> tuple[str, str]:
    """Return the change of the template that puts lines into the Pod's spec."""
    return variant("      restartPolicy: Never", *(f"      {line}" for line in lines))


@scene("image-bad-name", Seen.IMAGE_NAME, "Not A Name")
async def image_bad_name(at: Stage) -> Ended:
    return await at.play(task=at.task("do it", image="Not A Name"))


@scene("image-not-found", Seen.IMAGE_PULL, "not found")
async def image_not_found(at: Stage) -> Ended:
    return await at.play(task=at.task("do it", image=f"{registry(at, 404)}/nobody/has:this"))


@scene("image-no-right", Seen.IMAGE_REFUSED, "private/app:1")
async def image_no_right(at: Stage) -> Ended:
    return await at.play(task=at.task("do it", image=f"{registry(at, 401)}/private/app:1"))


@scene("image-of-service", Seen.IMAGE_PULL, "redis-sidecar")
async def image_of_service(at: Stage) -> Ended:
    images = {"redis": "localhost/nobody/has:that"}
    return await at.play(task=at.task("do it", services=("redis",)), service_images=images)


def registry(at: Stage, status: int) -> str:
    """Start a registry on the node that answers everything so; return its name."""
    if len(at.world.cluster.command) == 1:
        raise NotHere("on another cluster no registry can be put beside the container runtime")
    inside = [*at.world.cluster.command[:-1], "net", sys.executable, str(_REGISTRY), str(status)]
    process = subprocess.Popen(inside, stdout=subprocess.PIPE, start_new_session=True)
    at.stack.callback(process.wait)
    at.stack.callback(os.killpg, process.pid, signal.SIGKILL)
    assert process.stdout is not None
    at.stack.enter_context(process.stdout)
    return f"127.0.0.1:{int(process.stdout.readline())}"


@scene("entrypoint-missing", Seen.ENTRYPOINT_MISSING, "/nowhere/sandbox")
async def entrypoint_missing(at: Stage) -> Ended:
    return await at.play(program("/nowhere/sandbox"))


@scene("exec-format", Seen.EXIT_CODE, "exec format error")
async def exec_format(at: Stage) -> Ended:
    mounted = await with_program(at, "sandbox", "no program\n")
    return await at.play(program("/given/sandbox"), *mounted)


async def with_program(at: Stage, name: str, text: str) -> list[tuple[str, str]]:
    """Return the changes of the template that mount a program into /given."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "given"}}
    await at.create({**config, "data": {name: text}})
    return [
        variant(
            "            - {name: workspace, mountPath: /workspace}",
            "            - {name: given, mountPath: /given}",
        ),
        variant(
            "        - {name: workspace, emptyDir: {}}",
            "        - {name: given, configMap: {name: given, defaultMode: 493}}",
        ),
    ]


_MUST = ("optional: true}}}", "optional: false}}}")


@scene("missing-secret", Seen.MISSING_SECRET, 'secret "not-there" not found')
async def missing_secret(at: Stage) -> Ended:
    return await at.play(_MUST, secret="not-there")


@scene("missing-key", Seen.MISSING_KEY, "CLAUDE_CODE_OAUTH_TOKEN")
async def missing_key(at: Stage) -> Ended:
    return await at.play(_MUST)


@scene("missing-volume", Seen.MISSING_VOLUME, 'configmap "not-there" not found')
async def missing_volume(at: Stage) -> Ended:
    volume = "        - {name: extra, configMap: {name: not-there}}"
    mount = "            - {name: extra, mountPath: /extra}"
    changes = [
        variant("        - {name: workspace, emptyDir: {}}", volume),
        variant("            - {name: workspace, mountPath: /workspace}", mount),
    ]
    return await at.play(*changes, patience=replace(IMPATIENT, other=20.0))


@scene("no-room", Seen.UNSCHEDULABLE, "Insufficient memory")
async def no_room(at: Stage) -> Ended:
    return await at.play(task=at.task("do it", memory="4000Gi"))


@scene("no-label", Seen.NO_MACHINE_FITS, "node affinity/selector")
async def no_label(at: Stage) -> Ended:
    return await at.play(in_pod("nodeSelector: {disk: none-such}"))


@scene("taint", Seen.NO_MACHINE_FITS, "untolerated taint")
async def taint(at: Stage) -> Ended:
    name = await add_machine(at)
    return await at.play(in_pod(f"nodeSelector: {{kubernetes.io/hostname: {name}}}"))


@scene("unknown", Seen.UNKNOWN, "SchedulingGated")
async def unknown(at: Stage) -> Ended:
    gate = in_pod("schedulingGates: [{name: example.com/somebody}]")
    return await at.play(gate, patience=replace(IMPATIENT, other=3.0))


@scene("quota", Seen.QUOTA, "exceeded quota: small")
async def quota(at: Stage) -> Ended:
    await at.do("create", "quota", "small", "--hard=pods=0")
    return await at.play()


@scene("pod-security", Seen.POD_SECURITY, "violates PodSecurity")
async def pod_security(at: Stage) -> Ended:
    privileged = ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
    return await at.play(privileged)


@scene("admission", Seen.POD_REFUSED, "only images of ours")
async def admission(at: Stage) -> Ended:
    await refuse_pods(at, "only images of ours")
    return await at.play()


async def refuse_pods(at: Stage, words: str) -> None:
    """Make an admission policy that refuses Pods of the namespace, and wait until it holds."""
    name = at.kubectl.namespace
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["*"]}
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": words}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": where}
    await at.create(
        {**kind, "kind": "ValidatingAdmissionPolicy", "spec": policy},
        {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )
    for each in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
        at.stack.callback(at.kubectl.run, "delete", each, name, "--ignore-not-found")
    probe = json.dumps(pod_of("probe", at.world.images.sandbox))
    async with asyncio.timeout(60):
        while True:
            try:
                await at.do("create", "--dry-run=server", "--filename=-", given=probe)
            except KubectlError as error:
                if words in str(error):
                    return
            await asyncio.sleep(0.3)


@scene("service-crashes", Seen.SERVICE_FAILED, "the data folder is damaged")
async def service_crashes(at: Stage) -> Ended:
    return await at.play(
        redis_runs("echo the data folder is damaged; exit 7"),
        task=at.task("do it", services=("redis",)),
        patience=_FOR_SERVICES,
    )


@scene("service-out-of-memory", Seen.SERVICE_OUT_OF_MEMORY, "OOMKilled")
async def service_out_of_memory(at: Stage) -> Ended:
    return await at.play(
        redis_runs("tail /dev/zero"),
        ("limits: {memory: 512Mi, cpu: 1000m}", "limits: {memory: 64Mi, cpu: 1000m}"),
        task=at.task("do it", services=("redis",)),
        patience=_FOR_SERVICES,
    )


@scene("service-never-ready", Seen.SERVICE_NOT_READY, "127.0.0.1:6379): Connection refused")
async def service_never_ready(at: Stage) -> Ended:
    task = at.task("do it", services=("redis",))
    return await at.play(redis_runs("sleep 600"), task=task, patience=_FOR_SERVICES)


@scene("service-never-lets-begin", Seen.SERVICE_NOT_READY, "Startup probe failed")
async def service_never_lets_begin(at: Stage) -> Ended:
    """Beside a program that doesn't wait itself."""
    image = at.world.images.foreign
    task = at.task("do it", services=("redis",), image=image)
    return await at.play(
        redis_runs("sleep 600"), task=task, entrypoints=(image,), patience=_FOR_SERVICES
    )


@scene("broker-fails", Seen.BROKER_FAILED, "no keys today")
async def broker_fails(at: Stage) -> Ended:
    command = "command: [python3, -I, -m, sandbox.broker]"
    fails = 'command: [sh, -c, "echo no keys today; exit 9"]'
    return await at.play((command, fails), patience=_FOR_SERVICES)
