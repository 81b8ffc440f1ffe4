"""API keys in PostgreSQL."""

from datetime import datetime

from planner.gateway.api_keys import StoredKey
from planner.gateway.run_store_connection import RunStoreConnection
from planner.runtime.sql import Queries


class PostgresApiKeys:
    """ApiKeys on the run store's table."""

    def __init__(self, connection: RunStoreConnection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def find(self, key_id: str) -> StoredKey | None:
        row = await self._connection.fetchrow(self._queries["read_api_key"], key_id)
        if row is None:
            return None
        organizations, scopes = row["organizations"], row["scopes"]
        return StoredKey(
            id=row["id"],
            tenant_id=row["tenant_id"],
            organizations=None if organizations is None else tuple(organizations),
            scopes=None if scopes is None else tuple(scopes),
            secret_sha256=row["secret_sha256"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
            last_used_at=row["last_used_at"],
        )

    async def note_use(self, key_id: str, *, at: datetime) -> None:
        await self._connection.fetch(self._queries["note_api_key_use"], key_id, at)
