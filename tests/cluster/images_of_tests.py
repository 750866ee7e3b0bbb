"""The names of the images that the tests run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Images:
    """Names behind one prefix, such as `localhost/` or `registry.example.com/team/`."""

    prefix: str

    @property
    def sandbox(self) -> str:
        """Ours, with the real Claude Code CLI."""
        return f"{self.prefix}claude-sandbox:test"

    @property
    def bot(self) -> str:
        """Ours, with the bot."""
        return f"{self.prefix}claude-sandbox-bot:test"

    @property
    def foreign(self) -> str:
        """One with an entrypoint of its own, which knows the names of the contract."""
        return f"{self.prefix}foreign:test"

    @property
    def plain(self) -> str:
        """A Debian with python3 and git."""
        return f"{self.prefix}plain:test"

    @property
    def postgres(self) -> str:
        """PostgreSQL, which takes the variables of the official image."""
        return f"{self.prefix}postgres:test"

    @property
    def redis(self) -> str:
        """Redis."""
        return f"{self.prefix}redis:test"

    @property
    def services(self) -> dict[str, str]:
        """All that stand beside an agent, by flavour: an operator's `serviceImages`."""
        names = ("postgres", "redis", "mariadb", "rabbitmq", "memcached", "minio")
        return {name: f"{self.prefix}{name}:test" for name in names}
