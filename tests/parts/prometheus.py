"""A real Prometheus on loopback, and its promtool."""

from __future__ import annotations

import json
import math
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.parts.ports import free_port

SERVICE_UNAVAILABLE = 503
"""What it says while it starts."""

ANSWER_SECONDS = 30
END_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A server that runs."""

    url: str
    log: Path

    def ask(self, expression: str) -> list[float]:
        """Return the values of an expression now, without those that are no number; none while it doesn't answer yet."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            found = self.read(f"query?{query}")["result"]
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) and error.code != SERVICE_UNAVAILABLE:
                raise AssertionError(f"{expression}: {error.read().decode()}") from None
            return []
        values = [float(sample["value"][1]) for sample in found]
        return [value for value in values if not math.isnan(value)]

    def read(self, path: str) -> dict[str, Any]:
        """Return what the HTTP API says."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=ANSWER_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)["data"]
        return found


@contextmanager
def scraping(target: str, rules: Mapping[str, Any], folder: Path) -> Iterator[Prometheus]:
    """Run a server meanwhile that reads the page of `target`, an address and port, each second."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(dict(rules)), encoding="utf-8")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "bot", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    log, listen = folder / "prometheus.log", f"127.0.0.1:{free_port()}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={listen}",
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Prometheus(f"http://{listen}", log)
    finally:
        process.terminate()
        process.wait(END_SECONDS)


def promtool(*arguments: str, given: str = "") -> None:
    """Run promtool, and show what it says where it isn't content."""
    done = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, text=True, timeout=END_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
