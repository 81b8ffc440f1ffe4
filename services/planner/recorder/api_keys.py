"""API keys `pk_<id>_<secret>`: born here, in the only database that nothing else can rebuild."""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from planner.runtime.sql import Queries

ID_BYTES: Final = 6
SECRET_BYTES: Final = 32

SCOPES: Final = ("plans:read", "plans:write", "runs:read", "calendars:read", "calendars:write", "webhooks:read", "webhooks:write")

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}\Z", re.ASCII)


class ApiKeyInvalidError(ValueError):
    """Such a key cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key without its secret. `organizations` and `scopes`: None = all."""

    id: str
    tenant_id: str
    organizations: tuple[str, ...] | None
    scopes: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key with its token, which is shown once and stored nowhere."""

    key: ApiKey
    token: str
    secret_sha256: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows. None = all of the tenant's organizations, all scopes."""

    tenant_id: str
    organizations: Sequence[str] | None = None
    scopes: Sequence[str] | None = None
    expires_at: datetime | None = None


def make_key(grant: Grant, *, now: datetime, randomness: Callable[[int], bytes]) -> NewApiKey:
    """A key that is not stored yet. `randomness(n)`: n unpredictable bytes. Raises ApiKeyInvalidError."""
    for name in (grant.tenant_id, *(grant.organizations or ())):
        if _NAME.match(name) is None:
            raise ApiKeyInvalidError(f"{name!r}: a tenant or organization is 1 to 100 letters, digits, dots, hyphens, underscores")
    if unknown := [scope for scope in grant.scopes or () if scope not in SCOPES]:
        raise ApiKeyInvalidError(f"unknown scope {unknown[0]!r}; there are {', '.join(SCOPES)}")
    if grant.expires_at is not None and grant.expires_at <= now:
        raise ApiKeyInvalidError("the key would have expired already")
    secret = base64.urlsafe_b64encode(randomness(SECRET_BYTES)).rstrip(b"=")
    key = ApiKey(
        id=randomness(ID_BYTES).hex(),
        tenant_id=grant.tenant_id,
        organizations=tuple(grant.organizations) if grant.organizations else None,
        scopes=tuple(grant.scopes) if grant.scopes else None,
        created_at=now,
        expires_at=grant.expires_at,
    )
    return NewApiKey(key, f"pk_{key.id}_{secret.decode()}", hashlib.sha256(secret).digest())


class ApiKeys:
    """The keys in PostgreSQL, as the command line administers them."""

    def __init__(self, connection: "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy", queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def insert(self, new: NewApiKey) -> None:
        key = new.key
        await self._connection.execute(
            self._queries["insert_api_key"],
            key.id,
            key.tenant_id,
            key.organizations,
            key.scopes,
            new.secret_sha256,
            key.created_at,
            key.expires_at,
        )

    async def list(self, tenant_id: str | None) -> list[ApiKey]:
        """One tenant's keys, or all, the oldest first."""
        rows = await self._connection.fetch(self._queries["list_api_keys"], tenant_id)
        return [_key(row) for row in rows]

    async def revoke(self, key_id: str, *, now: datetime) -> bool:
        """Whether there is such a key. Repeating changes nothing."""
        return await self._connection.fetchval(self._queries["revoke_api_key"], key_id, now) is not None


def _key(row: asyncpg.Record) -> ApiKey:
    organizations, scopes = row["organizations"], row["scopes"]
    return ApiKey(
        id=row["id"],
        tenant_id=row["tenant_id"],
        organizations=None if organizations is None else tuple(organizations),
        scopes=None if scopes is None else tuple(scopes),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
