"""The worst texts on the real cluster: each reaches the program as it was written."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace

from k8s.backend import KubernetesBackend
from k8s.place import TEMPLATE
from tests.cluster.backend_place import ClusterPlace
from tests.runs.contract import HOSTILE, ended, start

# Not as it is: the container's log takes line ends of its own.
PRINTER = [
    "python3",
    "-c",
    "import base64, os; print(base64.b64encode(os.environb[b'TASK']).decode())",
]
WORST = [
    *(text for text in HOSTILE if any(sign in text for sign in "${}`\n:\x85\u2028\ufeff\u202e😀"))
][:16]
OURS = ["cost $5, $$6, $é, $(TASK) $$(TASK) $", "😀" * 2000, "{{ name }}\n---\nkind: Pod", " \n "]


async def test_the_worst_texts_reach_the_program_as_they_were_fault_40(place: ClusterPlace) -> None:
    template = place.folder / "job.yaml.j2"
    text = TEMPLATE.read_text(encoding="utf-8")
    command = f"image: {{{{ image }}}}\n          command: {json.dumps(PRINTER)}"
    template.write_text(text.replace("image: {{ image }}", command), encoding="utf-8")
    backend = place.make(template=template)

    async def printed(number: int, prompt: str) -> str:
        task = replace(place.task("quick"), prompt=prompt)
        run = await ended(backend, await start(backend, task, number))
        return await log_of(backend, run.id)

    async with asyncio.timeout(120):
        found = await asyncio.gather(*map(printed, range(20), [*WORST, *OURS]))
    assert found == [*WORST, *OURS]


async def log_of(backend: KubernetesBackend, run_id: str) -> str:
    return base64.b64decode(await backend.read_log(run_id)).decode("utf-8")
