"""Brings a database to the newest schema, and says whether it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from planner.runtime.failures import StartupRefusedError, UnavailableError

CONNECT_TIMEOUT_S: Final = 10
MIGRATE_TIMEOUT_S: Final = 600

# Any number will do that nobody else locks; two processes that migrate at once go one after the other.
_ADVISORY_LOCK: Final = 7_151_200_501


@dataclass(frozen=True, slots=True)
class Migrated:
    """The schema's revision before (None: an empty database) and after."""

    before: str | None
    after: str


def newest_revision() -> str:
    """The revision that this code was written for."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def migrate(dsn: str) -> Migrated:
    """Apply what is missing, all in one transaction. Raises UnavailableError if the database cannot be reached, StartupRefusedError
    if it is at a revision that this code does not know.
    """
    engine = create_async_engine("postgresql+asyncpg://", async_creator=_creator(dsn), poolclass=NullPool)
    try:
        async with asyncio.timeout(MIGRATE_TIMEOUT_S), engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            return await connection.run_sync(_upgrade)
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError) as error:
        raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error
    except DBAPIError as error:
        raise StartupRefusedError(f"the run store's schema cannot be migrated: {error.orig}") from error
    finally:
        await engine.dispose()


async def refuse_other_schema(connection: "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy") -> None:
    """Raise StartupRefusedError unless the database is at this code's revision."""
    exists = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
    found = await connection.fetchval("SELECT version_num FROM alembic_version") if exists else None
    if found != newest_revision():
        state = "has no tables" if found is None else f"is at schema {found}"
        raise StartupRefusedError(f"the run store {state}, this version needs {newest_revision()}: run `planner db migrate`")


def _creator(dsn: str) -> Callable[[], Awaitable[Any]]:
    async def connect() -> object:
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)

    return connect


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _upgrade(connection: Connection) -> Migrated:
    before = MigrationContext.configure(connection).get_current_revision()
    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None and before not in known:
        raise StartupRefusedError(f"the run store is at schema {before}, which this version does not know: a newer one made it")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return Migrated(before, newest_revision())
