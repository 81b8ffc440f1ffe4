"""What the gateway asks of a run store often is found by an index, however many runs and skips there are."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from planner.runtime.sql import queries
from support.databases import migrated_database
from support.records import NOON, an_id

PLAN = an_id("plan")
BEGIN, END = NOON, NOON + timedelta(days=1)
# A hundred of one plan, and many of others.
OUTCOMES = """
INSERT INTO outcomes
SELECT CASE WHEN other = 0 THEN $1::uuid ELSE gen_random_uuid() END, minute, $2::timestamptz + minute * interval '1 minute'
FROM generate_series(0, 199) other, generate_series(1, 100) minute
"""
ROWS = """
INSERT INTO runs (id, plan_id, plan_revision, tenant_id, organization_id, action, trigger, attempt, scheduled_for, due_at, published_at,
    lateness_ms, state, sequence)
SELECT gen_random_uuid(), plan, 1, 'acme', 'eu', 'a', 'schedule', 1, at, at, at, 0, 'pending', 1 FROM outcomes;
INSERT INTO skipped_occurrences (plan_id, event_offset, tenant_id, organization_id, plan_revision, reason, first_scheduled_for,
    last_scheduled_for, count)
SELECT plan, number, 'acme', 'eu', 1, 'missed', at, at, 1 FROM outcomes;
INSERT INTO held_occurrences (plan_id, scheduled_for, plan_revision, event_offset) SELECT plan, at, 1, number FROM outcomes;
INSERT INTO plan_revisions (plan_id, event_offset, revision, tenant_id, organization_id, kind, command_id, actor, at, changes, plan)
SELECT plan, number, number, 'acme', 'eu', 'updated', gen_random_uuid(), 'a', at, '[]', '{}' FROM outcomes;
"""
GROWING = ("runs", "skipped_occurrences", "held_occurrences", "plan_revisions")
ASKED: dict[str, list[Any]] = {
    "count_fired": [PLAN, 50],
    "read_fired": [PLAN, BEGIN, END, BEGIN, 51],
    "read_skipped": [PLAN, BEGIN, END, None, 51],
    "read_held": [PLAN, BEGIN, END, None, 51],
    "read_outcome_before": [PLAN, END, BEGIN, None, False],
    "read_turn": [PLAN, END, END, END, BEGIN],
    "read_revision_at": [PLAN, END],
    "read_revisions": [PLAN, [1, 2]],
}


@pytest.fixture
async def connection(postgres_dsn: str, tenant: str) -> AsyncIterator[asyncpg.Connection]:
    async with migrated_database(postgres_dsn, tenant) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("CREATE TEMPORARY TABLE outcomes (plan uuid, number integer, at timestamptz)")
            await connection.execute(OUTCOMES, PLAN, NOON)
            await connection.execute(ROWS)
            await connection.execute("ANALYZE")
            yield connection
        finally:
            await connection.close()


async def test_no_table_of_outcomes_is_read_from_end_to_end(connection: asyncpg.Connection) -> None:
    named = queries("planner.gateway", "sql/queries.sql")
    for name, arguments in ASKED.items():
        lines = await connection.fetch(f"EXPLAIN {named[name]}", *arguments)
        plan = "\n".join(line[0] for line in lines)
        assert "Index" in plan, name
        assert [table for table in GROWING if f"Seq Scan on {table}" in plan] == [], f"{name}:\n{plan}"
