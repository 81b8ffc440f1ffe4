"""Reads runs and skips from the run store."""

import asyncio
from typing import Final

import asyncpg

from planner.ledger.history import RunRow, Skipped
from planner.runtime.failures import UnavailableError
from planner.runtime.postgres import open_pool
from planner.runtime.sql import queries

READ_TIMEOUT_S: Final = 120.0
_SQL: Final = queries("planner.ledger", "sql/queries.sql")


async def read_run_store(dsn: str) -> tuple[list[RunRow], list[Skipped]]:
    """All runs and skips that the store shows, of one moment. Raises UnavailableError."""
    pool = await open_pool(dsn, size=1)
    try:
        async with (
            asyncio.timeout(READ_TIMEOUT_S),
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await connection.fetch(_SQL["run_rows"], timeout=READ_TIMEOUT_S)
            skips = await connection.fetch(_SQL["skipped_occurrences"], timeout=READ_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnavailableError(f"the run store did not answer: {error!r}") from error
    finally:
        pool.terminate()
    return (
        [RunRow(row["run_id"], row["plan_id"], row["scheduled_for"], row["attempt"], row["published_at"]) for row in rows],
        [Skipped(row["plan_id"], row["first_scheduled_for"], row["last_scheduled_for"], row["reason"]) for row in skips],
    )
