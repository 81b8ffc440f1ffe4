"""The PostgreSQL pool, with every dangerous option in sight."""

import asyncio
from typing import Final

import asyncpg

from planner.runtime.failures import StartupRefusedError, UnavailableError

CONNECT_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 30.0


async def open_pool(dsn: str, *, size: int) -> asyncpg.Pool:
    """A pool of at most `size` connections; the first is made at once. Raises UnavailableError if there is no server,
    and StartupRefusedError if the DSN has what no client understands.
    """
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
    except asyncpg.ClientConfigurationError as error:
        raise StartupRefusedError(f"PLANNER_POSTGRES: {error}") from None
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error
