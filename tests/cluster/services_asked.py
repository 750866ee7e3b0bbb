"""What an agent runs to see whether PostgreSQL and Redis answer, and what has to come of it."""

from __future__ import annotations

from tests.parts.git_server import OriginRepo

ASK_THE_SERVICES = """\
psql "$DATABASE_URL" -Atc 'SELECT version()' > services.txt && redis-cli -u "$REDIS_URL" PING >> services.txt"""


def check_answers(repo: OriginRepo, branch: str) -> None:
    """Fail unless both answered, by what the agent left on its branch."""
    version, pong = repo.read(branch, "services.txt").splitlines()
    assert version.startswith("PostgreSQL ")
    assert pong == "PONG"
