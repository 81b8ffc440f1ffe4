"""The run store in PostgreSQL: a batch is one transaction of one statement for each table it touches."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

import asyncpg

from planner.recorder.batch import Batch
from planner.recorder.rows import (
    CalendarRow,
    CommandRow,
    CompletionRow,
    HeldRow,
    PlanRow,
    ProgressRow,
    RevisionRow,
    Row,
    RunRow,
    SkipRow,
    TransitionRow,
)
from planner.recorder.run_store import BatchRefusedError, PositionMovedError
from planner.recorder.source import Move, Partition
from planner.runtime.failures import UnavailableError
from planner.runtime.sql import Queries

BATCH_TIMEOUT_S: Final = 30
POSITIONS_TIMEOUT_S: Final = 10

# What PostgreSQL says of content, whatever the state of the server: data exceptions, violated constraints, sizes beyond its limits.
_REFUSALS: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.UntranslatableCharacterError,
)

_FIELDS: Final = {
    row: attrgetter(*(column.name for column in fields(row)))
    for row in (PlanRow, CompletionRow, RevisionRow, RunRow, TransitionRow, ProgressRow, SkipRow, HeldRow, CommandRow, CalendarRow)
}


class PostgresRunStore:
    """RunStore on a pool of connections."""

    def __init__(self, pool: asyncpg.Pool, queries: Queries) -> None:
        self._pool = pool
        self._queries = queries

    async def positions(self, starts: Mapping[Partition, int]) -> dict[Partition, int]:
        topics = [partition.topic for partition in starts]
        numbers = [partition.number for partition in starts]
        async with self._connection(POSITIONS_TIMEOUT_S) as connection:
            await connection.execute(self._queries["begin_positions"], topics, numbers, list(starts.values()))
            rows = await connection.fetch(self._queries["read_positions"], topics, numbers)
        found = {Partition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        if found.keys() != starts.keys():
            raise UnavailableError("PostgreSQL: a rebuild forgot the positions while they were read")
        return found

    async def record(self, batch: Batch, moves: Sequence[Move]) -> None:
        ordered = sorted(moves, key=attrgetter("partition"))
        async with self._connection(BATCH_TIMEOUT_S) as connection, connection.transaction():
            # First, so that of two recorders with the same records one waits here and then finds the positions moved.
            moved = await connection.fetch(
                self._queries["move_positions"],
                [move.partition.topic for move in ordered],
                [move.partition.number for move in ordered],
                [move.begin for move in ordered],
                [move.end for move in ordered],
            )
            if len(moved) != len(ordered):
                raise PositionMovedError
            await self._write(connection, batch)

    async def _write(self, connection: "asyncpg.pool.PoolConnectionProxy", batch: Batch) -> None:
        revisions = [row for rows in batch.revisions.values() for row in rows]
        writes: tuple[tuple[str, Collection[Row]], ...] = (
            ("upsert_plans", batch.plans.values()),
            ("complete_plans", batch.completions.values()),
            ("insert_revisions", revisions),
            ("upsert_runs", batch.runs.values()),
            ("insert_transitions", batch.transitions.values()),
            ("insert_skips", batch.skips.values()),
            ("insert_held", batch.held.values()),
            ("upsert_progress", batch.progress.values()),
            ("upsert_commands", batch.commands.values()),
            ("upsert_calendars", batch.calendars.values()),
        )
        for query, rows in writes:
            if rows:
                await connection.execute(self._queries[query], *_columns(rows))
        if plans := batch.touched_plans():
            await connection.execute(self._queries["refresh_plans"], plans)

    @asynccontextmanager
    async def _connection(self, timeout_s: float) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy"]:
        try:
            async with asyncio.timeout(timeout_s), self._pool.acquire() as connection:
                yield connection
        except _REFUSALS as error:
            # Without PostgreSQL's detail, which quotes the row: a tenant's own, and this text gets into the log.
            raise BatchRefusedError(f"{type(error).__name__}: {error.args[0]}") from error
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(f"PostgreSQL: {type(error).__name__}: {error}") from error


def _columns(rows: Collection[Row]) -> list[tuple[Any, ...]]:
    first = next(iter(rows))
    return list(zip(*map(_FIELDS[type(first)], rows), strict=True))
