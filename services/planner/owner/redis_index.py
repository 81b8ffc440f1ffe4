"""The index in Redis: scripts, each guarded by the position (lua/; owner/README.md has the key table)."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from planner.domain.plan import StateKind
from planner.owner.index import (
    OPEN_RUNS_ENOUGH,
    Change,
    Due,
    DueTimer,
    Found,
    IndexDamagedError,
    IndexMovedError,
    Page,
    Position,
    StateKey,
    instant_of,
    microseconds,
)
from planner.owner.keys import ShardKeys
from planner.runtime.failures import UnavailableError

CALL_TIMEOUT_S: Final = 3.0
READ_BYTES_MAX: Final = 1_000_000
READ_RECORDS_MAX: Final = 500
APPLY_CHANGES_MAX: Final = 1000
REPLAY_BYTES_MAX: Final = 2_000_000
"""Of one part of a replay, which may write a whole shard; what a tick writes is bounded before."""
SCAN_COUNT: Final = 500
SCAN_PLANS: Final = 100

_PACKER: Final = msgspec.msgpack.Encoder()
_KINDS: Final = tuple(StateKind)
_KIND_NAMED: Final = {kind.value.encode(): kind for kind in _KINDS}
_NUMBER: Final = {kind: number for number, kind in enumerate(_KINDS, start=1)}
_FIELDS: Final = ("at", "part", "appended", "inputs")


class RedisIndex:
    """One shard's index (port: index.Index)."""

    def __init__(self, redis: Redis, keys: ShardKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._all = [keys.position, keys.tenants, keys.open_runs, *(keys.records(kind) for kind in _KINDS)]
        self._due = redis.register_script(_script("due"))
        self._read = redis.register_script(_script("read"))
        self._open = redis.register_script(_script("open"))
        self._scan = redis.register_script(_script("scan"))
        self._apply = redis.register_script(_script("apply"))
        self._unlink = redis.register_script(_script("unlink"))

    async def found(self) -> Found | None:
        async with _deadline():
            position: list[Any] = await self._redis.hmget(self._keys.position, _FIELDS)
        at, part, appended, inputs = position
        if at is None:
            return None
        return Found(at.decode(), int(part or 0), instant_of(int(appended or 0)), inputs or b"")

    async def due(self, at: Position, *, now: datetime, limit: int, page: int = 0, first: int = 0) -> Due:
        arguments: list[Any] = [at.marker, microseconds(now), limit, page, READ_BYTES_MAX, self._keys.timers_prefix, first]
        async with _deadline():
            answer = await self._due(keys=self._all, args=arguments)
        _whole(answer)
        timers = zip(*(iter(answer[2:]),) * 4, strict=True)
        return Due(tuple(_timer(*timer) for timer in timers), _instant(answer[1]))

    async def read(self, at: Position, keys: Sequence[StateKey]) -> Mapping[StateKey, bytes]:
        records: dict[StateKey, bytes] = {}
        start = 0
        while start < len(keys):
            wanted = keys[start : start + READ_RECORDS_MAX]
            arguments: list[Any] = [at.marker, READ_BYTES_MAX]
            for key in wanted:
                arguments += (3 + _NUMBER[key.kind], f"{key.tenant_id}/{key.id}")
            async with _deadline():
                answer = await self._read(keys=self._all, args=arguments)
            _whole(answer)
            found = answer[1:]
            records.update({key: record for key, record in zip(wanted, found, strict=False) if record is not None})
            start += len(found)
        return records

    async def open_runs(self, at: Position, plans: Sequence[StateKey], *, limit: int) -> Mapping[StateKey, Sequence[str]]:
        arguments: list[Any] = [at.marker, limit, OPEN_RUNS_ENOUGH]
        arguments += (f"{plan.tenant_id}/{plan.id}" for plan in plans)
        async with _deadline():
            answer = await self._open(keys=self._all, args=arguments)
        _whole(answer)
        return {plan: sorted(run.decode() for run in runs) for plan, runs in zip(plans, answer[1:], strict=False)}

    async def scan(self, at: Position, *, start: int, lacking: Sequence[str]) -> Page:
        arguments: list[Any] = [at.marker, start, SCAN_PLANS, *lacking]
        async with _deadline():
            answer = await self._scan(keys=self._all, args=arguments)
        _whole(answer)
        cursors = {}
        for field, cursor in zip(*(iter(answer[2:]),) * 2, strict=True):
            tenant, _, plan = field.decode().partition("/")
            cursors[StateKey(StateKind.DEFINITION, tenant, plan)] = cursor
        definitions = await self.read(at, list(cursors))
        if len(definitions) < len(cursors):
            raise IndexDamagedError("a plan's definition was lost")
        timers = (DueTimer(key._replace(kind=StateKind.CURSOR), cursor, definitions[key]) for key, cursor in cursors.items())
        return Page(tuple(timers), int(answer[1]))

    async def apply(self, start: Position | Found, changes: Sequence[Change], to: Position) -> datetime | None:
        if isinstance(start, Found):
            return await self._apply_parts(start.marker, start.part, list(_small_slices(changes)), to)
        slices = [changes[first : first + APPLY_CHANGES_MAX] for first in range(0, len(changes), APPLY_CHANGES_MAX)]
        return await self._apply_parts(start.marker, 0, slices or [[]], to)

    async def build(self, found: Found | None, changes: Sequence[Change], to: Position) -> datetime | None:
        building = f"building:{to.marker}"
        marker, part = ("", 0) if found is None else (found.marker, found.part)
        await self._apply_part([], marker=marker, part=part, next_part=0, becomes=building, to=to)
        await self._remove_all(building)
        return await self._apply_parts(building, 0, list(_small_slices(changes)), to)

    async def _remove_all(self, building: str) -> None:
        cursor = 0
        while True:
            async with _deadline():
                cursor, names = await self._redis.scan(cursor, match=f"{self._keys.prefix}*", count=SCAN_COUNT)
            keys: list[Any] = [name for name in names if name != self._keys.position.encode()]
            for start in range(0, len(keys), READ_RECORDS_MAX):
                async with _deadline():
                    removed = await self._unlink(keys=[self._keys.position, *keys[start : start + READ_RECORDS_MAX]], args=[building])
                if not removed:
                    raise IndexMovedError("another owner writes this index")
            if cursor == 0:
                return

    async def _apply_parts(self, marker: str, part: int, slices: Sequence[Sequence[Change]], to: Position) -> datetime | None:
        head = None
        for number, portion in enumerate(slices, start=1):
            last = number == len(slices)
            head = await self._apply_part(portion, marker=marker, part=part, next_part=0 if last else part + 1, becomes=to.marker, to=to)
            part += 1
        return head

    async def _apply_part(
        self, changes: Sequence[Change], *, marker: str, part: int, next_part: int, becomes: str, to: Position
    ) -> datetime | None:
        tenants = {tenant: number for number, tenant in enumerate(dict.fromkeys(change.key.tenant_id for change in changes), start=1)}
        keys = [*self._all, *(self._keys.timers(tenant) for tenant in tenants)]
        guard = (marker, part, next_part, becomes, microseconds(to.appended_at), to.inputs)
        arguments: list[Any] = [*guard, len(_KINDS), len(tenants), *tenants]
        arguments.append(_PACKER.encode([_packed(change, tenants) for change in changes]))
        async with _deadline():
            answer = await self._apply(keys=keys, args=arguments)
        _whole(answer)
        return _instant(answer[1])


def _small_slices(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    start = size = 0
    for end, change in enumerate(changes):
        if end - start == APPLY_CHANGES_MAX or size >= REPLAY_BYTES_MAX:
            yield changes[start:end]
            start, size = end, 0
        size += len(change.value or b"")
    yield changes[start:]


def _packed(change: Change, tenants: Mapping[str, int]) -> tuple[int, int, str, str, str]:
    kind, tenant, record_id = change.key
    wake = "" if change.wake_at is None else str(microseconds(change.wake_at))
    # As text: the server's unpacker knows no MessagePack binary. Records are JSON, so nothing is lost but of one that nobody can read.
    value = "" if change.value is None else change.value.decode(errors="replace")
    return (_NUMBER[kind], tenants[tenant], record_id, value, wake)


def _script(name: str) -> str:
    return files("planner.owner").joinpath(f"lua/{name}.lua").read_text(encoding="utf-8")


def _whole(answer: list[Any]) -> None:
    if answer[1:] == [b"damaged"]:
        raise IndexDamagedError("something in the index was lost")
    if answer[0] != 1:
        raise IndexMovedError(" ".join(part.decode() for part in answer[1:]))


def _timer(tenant: bytes, member: bytes, record: bytes, definition: bytes) -> DueTimer:
    kind, _, record_id = member.partition(b"/")
    return DueTimer(StateKey(_KIND_NAMED[kind], tenant.decode(), record_id.decode()), record, definition or None)


def _instant(score: bytes | None) -> datetime | None:
    return None if score is None else instant_of(int(float(score)))


@asynccontextmanager
async def _deadline() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            yield
    except TimeoutError:
        raise UnavailableError("Redis did not answer in time") from None
    except (RedisError, OSError) as error:
        raise UnavailableError(f"Redis: {error}") from error
