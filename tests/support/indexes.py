"""Both indexes behind one handle, with the damage that a test may do to them."""

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

from redis.asyncio import Redis

from planner.domain.plan import StateKind
from planner.owner.index import Index, StateKey
from planner.owner.keys import ShardKeys
from planner.owner.redis_index import RedisIndex
from planner.runtime.failures import UnavailableError
from support.memory_index import MemoryIndex, MemoryStore


class OpenIndex(Protocol):
    """One shard's index that a test owns."""

    def client(self, *, parts_left: float = math.inf) -> Index:
        """A client; after so many written parts it does not get through any more."""

    async def lose_record(self, key: StateKey) -> None: ...

    async def lose_timers(self, tenant_id: str) -> None: ...

    async def lose_heads(self) -> None: ...

    async def lose_everything(self) -> None: ...


@dataclass
class OpenMemory:
    """The index in memory."""

    store: MemoryStore = field(default_factory=MemoryStore)

    def client(self, *, parts_left: float = math.inf) -> Index:
        return MemoryIndex(self.store, parts_left=parts_left)

    async def lose_record(self, key: StateKey) -> None:
        del self.store.records[key]

    async def lose_timers(self, tenant_id: str) -> None:
        del self.store.timers[tenant_id]

    async def lose_heads(self) -> None:
        self.store.heads.clear()

    async def lose_everything(self) -> None:
        fresh = MemoryStore()
        self.store.__dict__.update(fresh.__dict__)


@dataclass
class OpenRedis:
    """The index in Redis."""

    redis: Redis
    keys: ShardKeys

    def client(self, *, parts_left: float = math.inf) -> Index:
        return CutOffIndex(self.redis, self.keys, parts_left=parts_left)

    async def lose_record(self, key: StateKey) -> None:
        assert await self.redis.hdel(self.keys.records(key.kind), f"{key.tenant_id}/{key.id}") == 1

    async def lose_timers(self, tenant_id: str) -> None:
        assert await self.redis.delete(self.keys.timers(tenant_id)) == 1

    async def lose_heads(self) -> None:
        assert await self.redis.delete(self.keys.tenants) == 1

    async def lose_everything(self) -> None:
        names = [name async for name in self.redis.scan_iter(match=f"{self.keys.prefix}*")]
        assert await self.redis.delete(*names) == len(names)

    async def kinds(self) -> dict[StateKind, int]:
        """How many records of each kind there are."""
        return {kind: int(await self.redis.hlen(self.keys.records(kind))) for kind in StateKind}


class CutOffIndex(RedisIndex):
    """A client whose connection is gone after so many parts."""

    def __init__(self, redis: Redis, keys: ShardKeys, *, parts_left: float) -> None:
        super().__init__(redis, keys)
        self._parts_left = parts_left

    async def _apply_part(self, changes: Any, **where: Any) -> Any:  # noqa: ANN401 passed on as it comes
        if self._parts_left <= 0:
            raise UnavailableError("no answer")
        self._parts_left -= 1
        return await super()._apply_part(changes, **where)
