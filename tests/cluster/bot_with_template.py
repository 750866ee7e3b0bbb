"""The bot with a Job's template of the operator's own: `python -m tests.cluster.bot_with_template FILE`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import cli.bot
from bot.config import Config
from bot.settings import Settings
from k8s.place import KubernetesPlace
from runs.stacks import remote


def main(template: Path) -> int:
    """Run the bot; in an image, the file would be mounted over ours. It looks at repos for as long as that takes."""
    remote.LIMIT_SECONDS = 120.0
    usual = cli.bot.make_place

    def with_template(
        settings: Settings, config: Config, environment: dict[str, str]
    ) -> KubernetesPlace:
        return replace(usual(settings, config, environment), template=template)

    cli.bot.make_place = with_template  # type: ignore[assignment]  # a narrower environment
    return cli.bot.run_bot(os.environ)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
