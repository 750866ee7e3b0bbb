"""Ask each service for something by a real client, at the address that the environment gives. Prints a line for each."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit


def say(*command: str) -> str:
    """Run a client; return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise SystemExit(f"{command[0]}: exit code {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def postgres() -> str:
    """Make a table, and read from it."""
    sql = (
        "CREATE TABLE asked (word text); INSERT INTO asked VALUES ('kept'); SELECT word FROM asked"
    )
    say("pg_isready", "--dbname", os.environ["DATABASE_URL"])
    return say("psql", os.environ["DATABASE_URL"], "-qAtc", sql)


def redis() -> str:
    """Set a key, and get it."""
    client = ("redis-cli", "-u", os.environ["REDIS_URL"])
    say(*client, "SET", "asked", "kept")
    return say(*client, "GET", "asked")


def mariadb() -> str:
    """Make a table, and read from it."""
    url = urlsplit(os.environ["MYSQL_URL"])
    where = (f"--host={url.hostname}", f"--port={url.port}", f"--user={url.username}")
    sql = (
        "CREATE TABLE asked (word text); INSERT INTO asked VALUES ('kept'); SELECT word FROM asked"
    )
    return say("mariadb", *where, "--batch", "--skip-column-names", "-e", sql, url.path[1:])


def rabbitmq() -> str:
    """Put a message into a queue, and take it."""
    url = ("--url", os.environ["RABBITMQ_URL"])
    say("amqp-declare-queue", *url, "--queue", "asked")
    say("amqp-publish", *url, "--routing-key", "asked", "--body", "kept")
    return say("amqp-get", *url, "--queue", "asked")


def minio() -> str:
    """Make a bucket, put a file into it, and get that."""
    keys = f"{os.environ['AWS_ACCESS_KEY_ID']}:{os.environ['AWS_SECRET_ACCESS_KEY']}"
    signed = f"aws:amz:{os.environ['AWS_REGION']}:s3"
    payload = "x-amz-content-sha256: UNSIGNED-PAYLOAD"  # this curl signs it without saying so
    client = ("curl", "-sSf", "--user", keys, "--aws-sigv4", signed, "--header", payload)
    bucket = f"{os.environ['AWS_ENDPOINT_URL_S3']}/asked"
    say(*client, "--request", "PUT", bucket)
    say(*client, "--request", "PUT", "--data", "kept", f"{bucket}/word")
    return say(*client, f"{bucket}/word")


def memcached() -> str:
    """Store a file under its name, and get it."""
    where = f"--servers={os.environ['MEMCACHED_URL']}"
    path = Path("/tmp/asked")
    path.write_text("kept")
    say("memccp", where, str(path))
    return say("memccat", where, "asked")


for ask in (postgres, redis, mariadb, rabbitmq, minio, memcached):
    print(f"{ask.__name__}: {ask()}", flush=True)
