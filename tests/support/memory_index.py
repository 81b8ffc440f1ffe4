"""The index in memory: the port's promises in a few lines, the same suite as Redis proves them (tests/conformance/test_index.py)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

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
)
from planner.runtime.failures import UnavailableError

PART_CHANGES_MAX: Final = 1000
PAGE_PLANS: Final = 100
READ_BYTES_MAX: Final = 1_000_000
NOWHERE: Final = Found("", 0, datetime(1970, 1, 1, tzinfo=UTC), b"")


@dataclass
class MemoryStore:
    """What stands in one shard's index; several clients may share it."""

    found: Found = NOWHERE
    sizes: tuple[int, ...] = ()
    records: dict[StateKey, bytes] = field(default_factory=dict)
    timers: dict[str, dict[StateKey, datetime]] = field(default_factory=dict)
    heads: dict[str, datetime] = field(default_factory=dict)

    def counted(self) -> tuple[int, ...]:
        kinds = [key.kind for key in self.records]
        return (len(self.heads), *(kinds.count(kind) for kind in StateKind))

    @property
    def head(self) -> datetime | None:
        return min(self.heads.values(), default=None)


class MemoryIndex:
    """One client of a store (port: index.Index). After `parts_left` written parts it does not answer any more."""

    def __init__(self, store: MemoryStore, *, parts_left: float = math.inf) -> None:
        self._store = store
        self._parts_left = parts_left

    async def found(self) -> Found | None:
        return self._store.found if self._store.found.marker else None

    async def due(self, at: Position, *, now: datetime, limit: int, page: int = 0, first: int = 0) -> Due:
        self._refuse_elsewhere(at)
        store = self._store
        tenants = [tenant for _, tenant in sorted((head, tenant) for tenant, head in store.heads.items() if head <= now)]
        queues = [self._queue(tenant, now) for tenant in tenants]
        due: list[DueTimer] = []
        bytes_left = READ_BYTES_MAX
        for number in range(page * limit, (page + 1) * limit if queues else 0):
            queue, rank = queues[(first + number) % len(queues)], number // len(queues)
            if rank < len(queue):
                due.append(self._timer(queue[rank]))
                bytes_left -= len(due[-1].record) + len(due[-1].definition or b"")
                if bytes_left <= 0:
                    break
        return Due(tuple(due), store.head)

    async def read(self, at: Position, keys: Sequence[StateKey]) -> Mapping[StateKey, bytes]:
        self._refuse_elsewhere(at)
        return {key: self._store.records[key] for key in keys if key in self._store.records}

    async def open_runs(self, at: Position, plans: Sequence[StateKey], *, limit: int) -> Mapping[StateKey, Sequence[str]]:
        self._refuse_elsewhere(at)
        found: dict[StateKey, list[str]] = {plan: [] for plan in plans}
        for key, record in self._store.records.items():
            if key.kind is StateKind.RUN and (run := json.loads(record)).get("open", True):
                plan = StateKey(StateKind.CURSOR, key.tenant_id, run["plan_id"])
                if plan in found:
                    found[plan].append(key.id)
        answer: dict[StateKey, list[str]] = {}
        for plan, runs in found.items():
            if sum(map(len, answer.values())) >= OPEN_RUNS_ENOUGH:
                break
            answer[plan] = sorted(runs)[:limit]
        return answer

    async def scan(self, at: Position, *, start: int, lacking: Sequence[str]) -> Page:
        self._refuse_elsewhere(at)
        cursors = [key for key in sorted(self._store.records) if key.kind is StateKind.CURSOR]
        page = [
            key for key in cursors[start : start + PAGE_PLANS] if any(text.encode() not in self._store.records[key] for text in lacking)
        ]
        following = start + PAGE_PLANS
        return Page(tuple(map(self._timer, page)), following if following < len(cursors) else 0)

    async def apply(self, start: Position | Found, changes: Sequence[Change], to: Position) -> datetime | None:
        part = start.part if isinstance(start, Found) else 0
        return self._apply(start.marker, part, changes, to)

    async def build(self, found: Found | None, changes: Sequence[Change], to: Position) -> datetime | None:
        building = f"building:{to.marker}"
        self._part([], found or NOWHERE, Found(building, 0, to.appended_at, to.inputs))
        self._store.records.clear()
        self._store.timers.clear()
        self._store.heads.clear()
        return self._apply(building, 0, changes, to)

    def _apply(self, marker: str, part: int, changes: Sequence[Change], to: Position) -> datetime | None:
        slices = [changes[start : start + PART_CHANGES_MAX] for start in range(0, len(changes), PART_CHANGES_MAX)] or [[]]
        for number, portion in enumerate(slices, start=1):
            expected = Found(marker, part + number - 1, to.appended_at, to.inputs)
            last = Found(to.marker, 0, to.appended_at, to.inputs)
            standing = self._store.found
            self._part(
                portion, expected, last if number == len(slices) else Found(marker, part + number, standing.appended_at, standing.inputs)
            )
        return self._store.head

    def _part(self, changes: Sequence[Change], expected: Found, becomes: Found) -> None:
        if self._parts_left <= 0:
            raise UnavailableError("no answer")
        store = self._store
        if (store.found.marker, store.found.part) != (expected.marker, expected.part):
            raise IndexMovedError(f"{store.found.marker} {store.found.part}")
        claims = becomes.marker.startswith("building:") and becomes.part == 0
        if not claims:
            self._refuse_damaged()
        self._parts_left -= 1
        for change in changes:
            self._write(change)
        store.found = becomes
        store.sizes = (0,) * (1 + len(StateKind)) if claims else store.counted()

    def _write(self, change: Change) -> None:
        store, tenant = self._store, change.key.tenant_id
        timers = store.timers.setdefault(tenant, {})
        store.records.pop(change.key, None)
        timers.pop(change.key, None)
        if change.value is not None:
            store.records[change.key] = change.value
        if change.wake_at is not None:
            timers[change.key] = change.wake_at
        store.heads.pop(tenant, None)
        if timers:
            store.heads[tenant] = min(timers.values())

    def _queue(self, tenant: str, now: datetime) -> list[StateKey]:
        timers = sorted((wake, str(key.kind), key.id, key) for key, wake in self._store.timers.get(tenant, {}).items() if wake <= now)
        if not timers:
            raise IndexDamagedError("damaged")
        return [key for *_, key in timers]

    def _timer(self, key: StateKey) -> DueTimer:
        record = self._store.records.get(key)
        definition = self._store.records.get(key._replace(kind=StateKind.DEFINITION)) if key.kind is StateKind.CURSOR else b""
        if record is None or definition is None:
            raise IndexDamagedError("damaged")
        return DueTimer(key, record, definition or None)

    def _refuse_elsewhere(self, at: Position) -> None:
        if (self._store.found.marker, self._store.found.part) != (at.marker, 0):
            raise IndexMovedError("moved")
        self._refuse_damaged()

    def _refuse_damaged(self) -> None:
        if self._store.counted() != self._store.sizes:
            raise IndexDamagedError("damaged")
