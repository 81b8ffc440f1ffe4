"""A database of one's own on the tests' server, and what its schema looks like."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid5

import asyncpg

from planner.embedded.binaries import postgres_installation
from planner.recorder.migrations.migrate import migrate
from planner_contracts.ids import PLAN_ID_NAMESPACE

SCHEMA_FILE = Path(__file__).parents[2] / "services/planner/recorder/sql/schema.sql"

_NOISE = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")


@asynccontextmanager
async def database(server: str, name: str) -> AsyncIterator[str]:
    """The DSN of a new, empty database; it is dropped at the end. `name`: anything that no other test of this run uses."""
    unique = f"t_{uuid5(PLAN_ID_NAMESPACE, name).hex}"
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{unique}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{unique}"')
        yield urlunsplit(urlsplit(server)._replace(path=f"/{unique}"))
        await admin.execute(f'DROP DATABASE "{unique}" WITH (FORCE)')
    finally:
        await admin.close()


@asynccontextmanager
async def migrated_database(server: str, name: str) -> AsyncIterator[str]:
    async with database(server, name) as dsn:
        await migrate(dsn)
        yield dsn


def schema_of(dsn: str) -> str:
    """The schema as `sql/schema.sql` shows it: a dump without what depends on server, owner and moment."""
    arguments = ("--schema-only", "--no-owner", "--no-privileges", "--exclude-table=alembic_version", "--restrict-key=planner")
    program = postgres_installation() / "bin" / "pg_dump"
    dump = subprocess.run([program, *arguments, dsn], check=True, capture_output=True, text=True, timeout=60).stdout
    kept = (line.rstrip() for line in dump.splitlines() if not line.startswith(_NOISE))
    paragraphs = (paragraph.strip("\n") for paragraph in "\n".join(kept).split("\n\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


async def _write(server: str) -> None:
    async with migrated_database(server, "schema file") as dsn:
        SCHEMA_FILE.write_text(schema_of(dsn))


if __name__ == "__main__":
    asyncio.run(_write(sys.argv[1]))
