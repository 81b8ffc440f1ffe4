"""The run store's database, opened only if its schema is this version's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from planner.recorder.migrations.migrate import refuse_other_schema
from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.postgres import open_pool

QUESTION_TIMEOUT_S: Final = 10

# The server is there and will give the same answer next time.
_REFUSALS: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


async def open_run_store(dsn: str, *, size: int) -> asyncpg.Pool:
    """A pool. Raises UnavailableError, and StartupRefusedError if the server does not let us in or the schema is another one."""
    try:
        pool = await open_pool(dsn, size=size)
    except UnavailableError as error:
        if isinstance(error.__cause__, _REFUSALS):
            raise StartupRefusedError(f"PLANNER_POSTGRES: {error.__cause__}") from None
        raise
    try:
        async with asyncio.timeout(QUESTION_TIMEOUT_S), pool.acquire() as connection:
            await refuse_other_schema(connection)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        pool.terminate()
        raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error
    except BaseException:
        pool.terminate()
        raise
    return pool


@asynccontextmanager
async def run_store_connection(dsn: str) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy"]:
    """One connection, for a command that ends within ten seconds. Raises as `open_run_store` does, later too."""
    pool = await open_run_store(dsn, size=1)
    try:
        async with asyncio.timeout(QUESTION_TIMEOUT_S), pool.acquire() as connection:
            yield connection
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnavailableError(f"PostgreSQL: {type(error).__name__}: {error}") from error
    finally:
        pool.terminate()
