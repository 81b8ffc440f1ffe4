"""What planner.recorder.run_store.RunStore promises, against PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from planner.recorder.batch import gather
from planner.recorder.projection import project
from planner.recorder.run_store import BatchRefusedError, PositionMovedError
from planner.recorder.source import Move, Partition
from planner.runtime.failures import UnavailableError
from planner_contracts.instants import format_instant
from support.databases import migrated_database
from support.records import NOON, TENANT, Story, an_id, without
from support.run_stores import OpenRunStore, laid_out, opened

STORY = Story()
EVENTS = Partition("planner.plan.events", 0)
RUNS = Partition("planner.run.events", 0)


@pytest.fixture
async def run_store(postgres_dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[OpenRunStore]:
    async with migrated_database(postgres_dsn, request.node.nodeid) as dsn, opened(dsn) as store:
        yield store


async def test_a_partition_that_was_never_recorded_begins_at_its_start_and_then_keeps_its_position(run_store: OpenRunStore) -> None:
    assert await run_store.store.positions({EVENTS: 40, RUNS: 0}) == {EVENTS: 40, RUNS: 0}
    await run_store.store.record(gather(()), [Move(EVENTS, 40, 50)])
    assert await run_store.store.positions({EVENTS: 45, RUNS: 0}) == {EVENTS: 50, RUNS: 0}


async def test_a_batch_and_its_positions_are_written_together(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.changed("created", "c1").at(4), STORY.run(1).at(9))
    assert await run_store.store.positions({EVENTS: 0, RUNS: 0}) == {EVENTS: 5, RUNS: 10}
    assert (await run_store.plan(STORY.plan_id))["event_offset"] == 4


async def test_a_batch_that_begins_elsewhere_writes_nothing(run_store: OpenRunStore) -> None:
    await run_store.store.positions({EVENTS: 0, RUNS: 7})
    rows = gather(project(STORY.changed("created", "c1").at(0)))
    with pytest.raises(PositionMovedError):
        await run_store.store.record(rows, [Move(EVENTS, 0, 1), Move(RUNS, 6, 8)])
    assert await run_store.rows("SELECT * FROM plans") == []
    assert await run_store.store.positions({EVENTS: 0, RUNS: 0}) == {EVENTS: 0, RUNS: 7}


async def test_of_two_recorders_with_the_same_records_one_writes(run_store: OpenRunStore) -> None:
    await run_store.store.positions({EVENTS: 0, RUNS: 0})
    moves = [Move(RUNS, 0, 1), Move(EVENTS, 0, 1)]
    rows = gather(project(STORY.run(1).at(0)))
    ends = await asyncio.gather(*(run_store.store.record(rows, order) for order in (moves, moves[::-1])), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [PositionMovedError]


async def test_content_that_can_never_be_stored_is_refused_whole(run_store: OpenRunStore) -> None:
    await run_store.store.positions({RUNS: 0})
    refused = gather(project(without(STORY.run(1, worker="?"), b'"?"', b'"\\u0000"').at(0)))
    with pytest.raises(BatchRefusedError, match="0x00"):
        await run_store.store.record(refused, [Move(RUNS, 0, 1)])
    assert await run_store.store.positions({RUNS: 0}) == {RUNS: 0}


async def test_a_store_that_cannot_be_reached_is_unavailable(run_store: OpenRunStore) -> None:
    run_store.pool.terminate()
    with pytest.raises(UnavailableError):
        await run_store.store.positions({EVENTS: 0})


async def test_whichever_state_of_a_run_comes_first_makes_its_row(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.run(1, "executing", 2, worker="w").at(0))
    await run_store.record(STORY.run(1, "completed", 3, worker="w", result={"n": 1}).at(1))
    (run,) = await run_store.rows("SELECT state, sequence, worker, result FROM runs")
    assert run == {"state": "completed", "sequence": 3, "worker": "w", "result": '{"n":1}'}
    assert [row["sequence"] for row in await run_store.rows("SELECT sequence FROM run_history ORDER BY sequence")] == [2, 3]


async def test_a_later_version_of_a_calendar_stays_whatever_comes_after_it(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.calendar("c2", 2, ["2026-12-26"]).at(0))
    await run_store.record(STORY.calendar("c1", 1, ["2026-12-25"]).at(1))
    await run_store.record(STORY.calendar("c3", 3, ["2026-12-26"], kind="deleted").at(2), STORY.calendar("c2", 2, ["2026-12-26"]).at(3))
    assert await run_store.rows("SELECT version, dates, deleted FROM calendars") == [
        {"version": 3, "dates": '["2026-12-26"]', "deleted": True}
    ]


async def test_recording_everything_again_changes_nothing(run_store: OpenRunStore) -> None:
    later = format_instant(NOON + timedelta(minutes=3))
    records = laid_out(
        [
            STORY.command("create", "c1", plan={}),
            STORY.changed("created", "c1"),
            STORY.run(1, next_run_at=format_instant(NOON + timedelta(minutes=2))),
            STORY.run(1, "completed", 2),
            STORY.changed("updated", "c2", revision=2, name="b"),
            STORY.replayed("c3", original="c2"),
            STORY.rejected("c4"),
            STORY.calendar("c5", 1, ["2026-12-25"]),
            STORY.calendar("c6", 2, [], kind="deleted"),
            STORY.skipped(scheduled_for=format_instant(NOON + timedelta(minutes=2)), next_run_at=later),
            STORY.run(3, plan_revision=2, next_run_at=later),
        ]
    )
    await run_store.record(*records)
    before = await run_store.contents()
    await run_store.pool.execute("DELETE FROM positions")
    for record in records:
        await run_store.record(record)
    assert await run_store.contents() == before


async def test_one_record_at_a_time_or_all_at_once_makes_the_same_rows(postgres_dsn: str) -> None:
    other = Story(an_id("other"))
    messages = [
        STORY.changed("created", "c1"),
        other.changed("created", "c9"),
        *(STORY.run(minute, next_run_at=format_instant(NOON + timedelta(minutes=minute + 1))) for minute in range(1, 5)),
        *(STORY.run(minute, "executing", 2, worker="w") for minute in (2, 1, 3)),
        STORY.changed("updated", "c2", revision=2, next_run_at=format_instant(NOON + timedelta(minutes=5))),
        STORY.changed("updated", "c3", revision=2, next_run_at=format_instant(NOON + timedelta(minutes=5))),
        *(STORY.run(minute, "failed", 3, error={"code": "X", "message": ""}) for minute in (3, 1)),
        other.completed(),
    ]
    records = laid_out(messages)
    async with (
        migrated_database(postgres_dsn, "at once") as at_once,
        migrated_database(postgres_dsn, "one by one") as one_by_one,
        opened(at_once) as first,
        opened(one_by_one) as second,
    ):
        await first.record(*records)
        for record in records:
            await second.record(record)
        assert await first.contents() == await second.contents()


async def test_a_fire_moves_the_next_due_time_and_a_completed_plan_has_none(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.changed("created", "c1").at(0))
    await run_store.record(STORY.run(1, next_run_at=format_instant(NOON + timedelta(minutes=2))).at(0))
    assert (await run_store.plan(STORY.plan_id))["next_run_at"] == NOON + timedelta(minutes=2)
    await run_store.record(STORY.completed().at(1))
    plan = await run_store.plan(STORY.plan_id)
    assert (plan["status"], plan["next_run_at"]) == ("completed", None)


async def test_a_fire_of_an_older_revision_does_not_move_the_next_due_time(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.changed("created", "c1").at(0))
    await run_store.record(STORY.changed("updated", "c2", revision=2, next_run_at=format_instant(NOON + timedelta(days=1))).at(1))
    await run_store.record(STORY.run(1, next_run_at=format_instant(NOON + timedelta(days=2))).at(0))
    assert (await run_store.plan(STORY.plan_id))["next_run_at"] == NOON + timedelta(days=1)


async def test_a_run_that_comes_before_its_plan_is_found_by_it(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.run(1, next_run_at=format_instant(NOON + timedelta(minutes=2))).at(0))
    await run_store.record(STORY.changed("created", "c1").at(0))
    plan = await run_store.plan(STORY.plan_id)
    assert plan["next_run_at"] == NOON + timedelta(minutes=2)
    assert (str(plan["last_run_id"]), plan["last_run_state"]) == (STORY.run_id(1), "pending")


async def test_the_last_run_is_the_newest_occurrences_and_follows_its_state(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.changed("created", "c1").at(0))
    await run_store.record(STORY.run(2).at(0), STORY.run(1).at(1))
    finished = format_instant(NOON + timedelta(minutes=3))
    await run_store.record(STORY.run(1, "failed", 2).at(2), STORY.run(2, "completed", 2, finished_at=finished).at(3))
    plan = await run_store.plan(STORY.plan_id)
    assert (str(plan["last_run_id"]), plan["last_run_state"]) == (STORY.run_id(2), "completed")
    assert plan["last_run_finished_at"] == NOON + timedelta(minutes=3)


async def test_a_successor_replaces_a_final_plan_and_its_revisions_stand_beside_the_old_ones(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.changed("created", "c1").at(0), STORY.changed("cancelled", "c2", revision=2, status="cancelled").at(1))
    await run_store.record(STORY.changed("created", "c3").at(2))
    plan = await run_store.plan(STORY.plan_id)
    assert (plan["status"], plan["revision"]) == ("active", 1)
    revisions = await run_store.rows("SELECT event_offset, revision FROM plan_revisions ORDER BY event_offset")
    assert [tuple(row.values()) for row in revisions] == [(0, 1), (1, 2), (2, 1)]


async def test_a_change_that_changed_nothing_makes_no_revision(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.changed("created", "c1").at(0))
    await run_store.record(STORY.changed("updated", "c2").at(1))
    assert len(await run_store.rows("SELECT * FROM plan_revisions")) == 1
    assert (await run_store.rows("SELECT state, revision FROM commands")) == [{"state": "accepted", "revision": 1}] * 2


async def test_a_waiting_command_gives_way_to_its_first_outcome(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.command("update", "c1", plan_id=STORY.plan_id, patch={}).at(0))
    assert (await run_store.rows("SELECT state FROM commands")) == [{"state": "pending"}]
    await run_store.record(STORY.rejected("c1").at(0))
    await run_store.record(STORY.replayed("c1").at(1))
    await run_store.record(STORY.command("update", "c1", plan_id=STORY.plan_id, patch={}).at(1))
    (command,) = await run_store.rows("SELECT tenant_id, state, event_offset FROM commands")
    assert command == {"tenant_id": TENANT, "state": "rejected", "event_offset": 0}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET state = 'failed'",
        "UPDATE runs SET worker = 'me'",
        "DELETE FROM runs",
        "TRUNCATE runs",
        "UPDATE run_history SET by = 'me'",
        "DELETE FROM run_history",
        "TRUNCATE run_history",
    ],
)
async def test_final_runs_and_history_are_immutable_in_the_database(run_store: OpenRunStore, statement: str) -> None:
    await run_store.record(STORY.run(1).at(0), STORY.run(1, "completed", 2).at(1))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="immutable"):
        await run_store.pool.execute(statement)


async def test_retention_and_nothing_else_may_delete_final_runs(run_store: OpenRunStore) -> None:
    await run_store.record(STORY.run(1).at(0), STORY.run(1, "completed", 2).at(1))
    async with run_store.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL planner.retention = 'on'")
        await connection.execute("DELETE FROM run_history")
        await connection.execute("DELETE FROM runs")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with connection.transaction():
                await connection.execute("TRUNCATE runs")
    assert await run_store.rows("SELECT * FROM runs") == []


async def test_an_occurrence_that_waits_is_known_once_and_moves_the_plans_next_due_time(run_store: OpenRunStore) -> None:
    later = NOON + timedelta(minutes=2)
    await run_store.record(STORY.changed("created", "c1").at(0), STORY.held(1, format_instant(later)).at(0), STORY.held(2).at(1))
    await run_store.record(STORY.held(1, format_instant(later)).at(2))
    held = await run_store.rows("SELECT scheduled_for, plan_revision FROM held_occurrences ORDER BY scheduled_for")
    assert held == [{"scheduled_for": NOON + timedelta(minutes=minute), "plan_revision": 1} for minute in (1, 2)]
    assert (await run_store.plan(STORY.plan_id))["next_run_at"] == later
