import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus

import httpx
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from prometheus_client.parser import text_string_to_metric_families

from planner.recorder.app import serve
from planner.recorder.source import ROLES
from planner.recorder.watermark import LogBrokenError
from planner.runtime.failures import StartupRefusedError
from planner.runtime.kafka import admin
from planner_contracts.instants import format_instant
from planner_contracts.topics import TopicRole
from support.databases import database, migrated_database
from support.recorders import PARTITIONS, Stage, readiness, recorded
from support.records import NOON, Message, Story, an_id, without
from support.run_stores import OpenRunStore, opened
from support.until import until

STORIES = [Story(an_id(f"plan {number}")) for number in range(20)]


@pytest.fixture
async def stage(kafka: str, postgres_dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    name = request.node.nodeid
    async with migrated_database(postgres_dsn, name) as dsn:
        stage = Stage(kafka, f"t-{an_id(name)}", dsn)
        await stage.make_topics()
        yield stage


@pytest.fixture
async def run_store(stage: Stage) -> AsyncIterator[OpenRunStore]:
    async with opened(stage.dsn) as store:
        yield store


def lives(minutes: int = 3) -> list[Message]:
    """Each plan is made, and has some runs."""
    created = [story.changed("created", f"c {story.plan_id}") for story in STORIES]
    runs = [
        story.run(minute, state, sequence, worker="w")
        for minute in range(1, minutes + 1)
        for sequence, state in enumerate(("pending", "executing", "completed"), start=1)
        for story in STORIES
    ]
    return [*created, *runs]


async def test_what_is_published_is_recorded_and_the_watermark_passes_it(stage: Stage, run_store: OpenRunStore) -> None:
    story = STORIES[0]
    async with stage.recorder():
        ends = await stage.publish([story.command("create", "c1", plan={})], transactional=False)
        await recorded(run_store, ends)
        assert [row["state"] for row in await run_store.rows("SELECT state FROM commands")] == ["pending"]
        ends = await stage.publish([story.changed("created", "c1"), story.run(1), story.run(1, "completed", 2)])
        await recorded(run_store, ends)
    plan = await run_store.plan(story.plan_id)
    assert (plan["status"], plan["last_run_state"]) == ("active", "completed")
    assert [row["state"] for row in await run_store.rows("SELECT state FROM commands")] == ["accepted"]


async def test_an_aborted_transaction_is_not_recorded(stage: Stage, run_store: OpenRunStore) -> None:
    await stage.abort([STORIES[0].changed("created", "c1")])
    async with stage.recorder():
        await recorded(run_store, await stage.publish([STORIES[0].changed("created", "c2", name="kept")]))
    assert (await run_store.plan(STORIES[0].plan_id))["name"] == "kept"
    assert len(await run_store.rows("SELECT * FROM commands")) == 1


async def test_a_recorder_goes_on_where_the_one_before_it_ended(stage: Stage, run_store: OpenRunStore) -> None:
    messages = lives()
    async with stage.recorder():
        await recorded(run_store, await stage.publish(messages[:50]))
    ends = await stage.publish(messages[50:])
    async with stage.recorder():
        await recorded(run_store, ends)
    assert len(await run_store.rows("SELECT * FROM run_history")) == len(STORIES) * 9
    assert await stage.dead_letters() == []


async def test_two_recorders_share_the_partitions_and_record_everything_once(stage: Stage, run_store: OpenRunStore) -> None:
    messages = lives()
    async with stage.recorder():
        first = await stage.publish(messages[:100])
        async with stage.recorder():
            ends = await stage.publish(messages[100:])
            await recorded(run_store, first | ends)
        last = await stage.publish([STORIES[0].rejected("late")])
        await recorded(run_store, last)
    assert len(await run_store.rows("SELECT * FROM run_history")) == len(STORIES) * 9


async def test_a_plans_events_and_its_runs_events_have_the_same_recorder(stage: Stage) -> None:
    """Two that wrote one plan at the same time did not see each other's rows: it kept the due time or the last run of before."""

    async def shared(*urls: str) -> list[Counter[str]] | None:
        numbers = [await _recorded_numbers(url) for url in urls]
        return numbers if sum(numbers, Counter()).total() == PARTITIONS * len(ROLES) and all(numbers) else None

    async with stage.recorder() as first, stage.recorder() as second:
        await readiness(first, HTTPStatus.OK)
        await readiness(second, HTTPStatus.OK)
        numbers = await until(lambda: shared(first, second), what="both have partitions", within_s=30)
    assert all(set(of_one.values()) == {len(ROLES)} for of_one in numbers)


async def _recorded_numbers(url: str) -> Counter[str]:
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        metrics = (await client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    return Counter(sample.labels["partition"] for sample in families["planner_recorder_position"].samples)


async def test_what_the_store_refuses_goes_to_the_dead_letters_and_the_rest_is_recorded(stage: Stage, run_store: OpenRunStore) -> None:
    messages = lives()
    refused = without(STORIES[3].run(7, worker="?"), b'"?"', b'"\\u0000"')
    messages.insert(70, refused)
    messages.insert(90, Message(TopicRole.RUN_EVENTS, STORIES[5].plan_id, b"{"))
    ends = await stage.publish(messages)
    async with stage.recorder():
        await recorded(run_store, ends)
    assert len(await run_store.rows("SELECT * FROM run_history")) == len(STORIES) * 9
    letters = {dict(letter.headers)["reason"]: letter for letter in await stage.dead_letters()}
    assert letters.keys() == {b"refused_by_store", b"invalid"}
    letter = letters[b"refused_by_store"]
    assert (letter.key, letter.value) == (refused.key.encode(), refused.value)
    headers = dict(letter.headers)
    assert headers["source_topic"] == f"{stage.namespace}.run.events".encode()
    assert b"0x00" in headers["detail"]


async def test_a_recorder_killed_again_and_again_loses_and_doubles_nothing(stage: Stage, run_store: OpenRunStore) -> None:
    ends: dict[tuple[str, int], int] = {}
    messages = lives(minutes=6)
    for first in range(0, len(messages), 130):
        process = await stage.recorder_process()
        ends |= await stage.publish(messages[first : first + 90])
        await recorded(run_store, ends)
        ends |= await stage.publish(messages[first + 90 : first + 130])
        process.kill()
        await process.wait()
    async with stage.recorder():
        await recorded(run_store, ends)
    assert len(await run_store.rows("SELECT * FROM run_history")) == len(STORIES) * 18
    assert len(await run_store.rows("SELECT * FROM runs WHERE state = 'completed'")) == len(STORIES) * 6
    assert await stage.dead_letters() == []


async def test_a_rebuild_of_an_empty_or_a_damaged_store_makes_the_same_rows(
    stage: Stage, run_store: OpenRunStore, postgres_dsn: str
) -> None:
    skip = STORIES[1].skipped(scheduled_for=format_instant(NOON))
    ends = await stage.publish([*lives(), skip, STORIES[0].completed(), STORIES[2].rejected("r1")])
    async with stage.recorder():
        await recorded(run_store, ends)
        before = await run_store.contents()
        await run_store.pool.execute("DELETE FROM plans")
        await run_store.pool.execute("DELETE FROM positions")
        await recorded(run_store, ends)
        assert [row["id"] for row in (await run_store.contents())["plans"]] == [row["id"] for row in before["plans"]]
        damaged = await run_store.contents()
    async with migrated_database(postgres_dsn, f"{stage.namespace} again") as dsn, opened(dsn) as again:
        async with Stage(stage.kafka, stage.namespace, dsn).recorder():
            await recorded(again, ends)
        rebuilt = await again.contents()
    assert _without_positions(rebuilt) == _without_positions(damaged)


def _without_positions(contents: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    return {table: rows for table, rows in contents.items() if table != "positions"}


async def test_a_store_that_is_away_for_a_while_is_waited_for(stage: Stage, run_store: OpenRunStore, postgres_dsn: str) -> None:
    messages = lives()
    async with stage.recorder() as url:
        await recorded(run_store, await stage.publish(messages[:50]))
        await readiness(url, HTTPStatus.OK)
        name = stage.dsn.rpartition("/")[2]
        async with opened(postgres_dsn) as server:
            await server.pool.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await server.pool.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            ends = await stage.publish(messages[50:])
            await readiness(url, HTTPStatus.SERVICE_UNAVAILABLE)
            await server.pool.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        async with opened(stage.dsn) as store:
            await recorded(store, ends)
            await readiness(url, HTTPStatus.OK)
            assert len(await store.rows("SELECT * FROM run_history")) == len(STORIES) * 9


async def test_a_recorder_that_was_asleep_while_another_went_on_writes_nothing_of_its_own(stage: Stage, run_store: OpenRunStore) -> None:
    messages = lives()
    sleeper = await stage.recorder_process()
    try:
        await recorded(run_store, await stage.publish(messages[:40]))
        sleeper.send_signal(signal.SIGSTOP)
        ends = await stage.publish(messages[40:120])
        async with stage.recorder():
            await recorded(run_store, ends)
            sleeper.send_signal(signal.SIGCONT)
            ends = await stage.publish(messages[120:])
            await recorded(run_store, ends)
    finally:
        sleeper.kill()
        await sleeper.wait()
    assert len(await run_store.rows("SELECT * FROM run_history")) == len(STORIES) * 9
    assert await stage.dead_letters() == []


async def test_records_that_were_deleted_before_they_were_recorded_stop_the_recorder(stage: Stage, run_store: OpenRunStore) -> None:
    await stage.publish(lives())
    (topic, partition), end = next(iter((await stage.publish([STORIES[0].run(9)])).items()))
    client = admin(stage.connection)
    await client.start()
    try:
        await client.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=end)})
    finally:
        await client.close()
    await run_store.pool.execute("INSERT INTO positions VALUES ($1, $2, $3)", topic, partition, end - 2)
    with pytest.raises(ExceptionGroup) as stopped:
        await serve(stage.settings(), asyncio.Event())
    assert stopped.group_contains(LogBrokenError, match=f"gap: {topic} partition {partition} begins at {end}")


async def test_a_topic_that_is_shorter_than_what_was_recorded_stops_the_recorder(stage: Stage, run_store: OpenRunStore) -> None:
    await run_store.pool.execute("INSERT INTO positions VALUES ($1, 0, 5)", f"{stage.namespace}.plan.events")
    with pytest.raises(ExceptionGroup) as stopped:
        await serve(stage.settings(), asyncio.Event())
    assert stopped.group_contains(LogBrokenError, match="truncated")


async def test_a_recorder_without_tables_or_topics_does_not_start(stage: Stage, postgres_dsn: str) -> None:
    async with database(postgres_dsn, "no tables for a recorder") as dsn:
        with pytest.raises(StartupRefusedError, match="planner db migrate"):
            await serve(Stage(stage.kafka, stage.namespace, dsn).settings(), asyncio.Event())
    with pytest.raises(StartupRefusedError, match="planner topics apply"):
        await serve(Stage(stage.kafka, "t-no-topics", stage.dsn).settings(), asyncio.Event())
