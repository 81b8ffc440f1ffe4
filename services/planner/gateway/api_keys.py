"""API keys as the gateway reads them: the port."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as it is kept. `organizations`, `scopes`: None = all."""

    id: str
    tenant_id: str
    organizations: tuple[str, ...] | None
    scopes: tuple[str, ...] | None
    secret_sha256: bytes
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ApiKeys(Protocol):
    """Where keys are kept. Both raise UnavailableError."""

    async def find(self, key_id: str) -> StoredKey | None:
        """The key, whether it still holds or not."""

    async def note_use(self, key_id: str, *, at: datetime) -> None:
        """Keep when the key was last used; a later moment stays."""
