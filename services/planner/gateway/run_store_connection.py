"""The run store's connections: made when first needed, each call with its deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from planner.runtime.failures import UnavailableError

QUERY_TIMEOUT_S: Final = 3.0
RELEASE_TIMEOUT_S: Final = 1.0
CLOSE_TIMEOUT_S: Final = 2.0

# PostgreSQL may be away when the gateway starts; `open_pool` itself waits longer than a request should.
_OPEN_TIMEOUT_S: Final = 3.0


class RunStoreConnection:
    """A pool that may not be there yet. `open_pool` makes one, or raises UnavailableError."""

    def __init__(self, open_pool: Callable[[], Awaitable[asyncpg.Pool]]) -> None:
        self._open_pool = open_pool
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows. Raises UnavailableError."""
        try:
            pool = await self._opened()
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                connection = await pool.acquire()
                try:
                    return await connection.fetch(statement, *arguments)
                finally:
                    # Without a limit this waits for a server that does not answer, whatever the deadline round it.
                    await pool.release(connection, timeout=RELEASE_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(f"PostgreSQL: {type(error).__name__}: {error}") from error

    async def fetchrow(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        """The first row. Raises UnavailableError."""
        rows = await self.fetch(statement, *arguments)
        return rows[0] if rows else None

    async def close(self) -> None:
        """Let go of every connection."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is not None:
            return self._pool
        async with asyncio.timeout(_OPEN_TIMEOUT_S), self._opening:
            if self._pool is None:
                self._pool = await self._open_pool()
            return self._pool
