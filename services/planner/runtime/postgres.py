"""The PostgreSQL pool, with every dangerous option in sight."""

import asyncio
from typing import Final

import asyncpg

from planner.runtime.failures import UnavailableError

CONNECT_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 30.0


async def open_pool(dsn: str, *, size: int) -> asyncpg.Pool:
    """A pool of at most `size` connections; the first is made at once. Raises UnavailableError if there is no server."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S * 2):
            return await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=COMMAND_TIMEOUT_S,
                max_inactive_connection_lifetime=300.0,
                server_settings={"application_name": "planner", "timezone": "UTC"},
            )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error
