"""The JSON Schema of `.claude-sandbox.yaml`, for editors; what the bot reads is decided in `bot.repo_file`."""

from __future__ import annotations

from typing import Any

from bot.repo_file import LONGEST_VALUE, MOST_VARIABLES
from runs.stacks.languages import TITLES
from runs.stacks.table import services_table


def schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12)."""
    names = "|".join(services_table().flavours)
    version = {"type": ["string", "number"], "description": 'In quotes: "3.3".'}
    command = {"type": "string", "maxLength": LONGEST_VALUE}
    properties = {
        "services": {
            "description": "What runs beside the agent, instead of what is detected; [] for nothing.",
            "type": ["array", "null"],
            "items": {"type": "string", "pattern": f"^(?:{names})(?::[A-Za-z0-9._-]{{1,60}})?$"},
            "uniqueItems": True,
        },
        "versions": _object(dict.fromkeys(TITLES, version)),
        "setup": {
            "description": "What prepares a fresh clone: a command, or several.",
            "anyOf": [command, {"type": "array", "items": command}],
        },
        "env": {
            "type": "object",
            "maxProperties": MOST_VARIABLES,
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,99}$"},
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
        "image": {"type": "string", "description": "One that the operator allows by images:."},
        "resources": _object(
            {
                "memory": {"type": "string", "pattern": "^[0-9]+[MmGg]"},
                "cpu": {"type": ["string", "number"]},
            }
        ),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": ".claude-sandbox.yaml",
        **_object(properties),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}
