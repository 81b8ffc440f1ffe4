"""A migrated run store of one's own, written through the adapter and read with plain SQL."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from planner.recorder.batch import gather
from planner.recorder.postgres_run_store import PostgresRunStore
from planner.recorder.projection import project
from planner.recorder.source import Move, Partition, SourceRecord
from planner.runtime.sql import queries


@dataclass(frozen=True, slots=True)
class OpenRunStore:
    store: PostgresRunStore
    pool: asyncpg.Pool
    dsn: str

    async def record(self, *records: SourceRecord) -> None:
        """As the recorder does: from where the store stands in each partition to behind the last of its records."""
        ends: dict[Partition, int] = {record.partition: record.offset + 1 for record in records}
        begins = await self.store.positions(dict.fromkeys(ends, 0))
        batch = gather(row for record in records for row in project(record))
        await self.store.record(batch, [Move(partition, begins[partition], end) for partition, end in ends.items()])

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(query, *arguments)]

    async def plan(self, plan_id: str) -> dict[str, Any]:
        (row,) = await self.rows("SELECT * FROM plans WHERE id = $1", plan_id)
        return row | {"plan": json.loads(row["plan"]), "labels": json.loads(row["labels"])}

    async def contents(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that can be rebuilt."""
        tables = (
            "plans",
            "plan_revisions",
            "plan_progress",
            "runs",
            "run_history",
            "skipped_occurrences",
            "held_occurrences",
            "commands",
            "calendars",
            "positions",
        )
        return {table: await self.rows(f"SELECT * FROM {table} t ORDER BY t::text") for table in tables}  # noqa: S608 (names are above)


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[OpenRunStore]:
    async with asyncio.timeout(10):
        pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
    try:
        yield OpenRunStore(PostgresRunStore(pool, queries("planner.recorder", "sql/queries.sql")), pool, dsn)
    finally:
        pool.terminate()


def laid_out(messages: Iterable[Any], *, first: int = 0) -> Sequence[SourceRecord]:
    """The messages as records of partition 0 of their topics, from this offset on."""
    offsets: dict[str, int] = {}
    records = []
    for message in messages:
        offset = offsets.get(message.role, first)
        offsets[message.role] = offset + 1
        records.append(message.at(offset))
    return records
