"""Redis flushed, Kafka and PostgreSQL away while timers fire, each test ending in the ledger."""

import asyncio
import signal
from datetime import timedelta
from http import HTTPStatus

import pytest
from redis.asyncio import Redis

from planner.ledger.postgres_history import read_run_store
from planner.runtime.redis import redis_client
from support.databases import migrated_database
from support.owners import OwnedNamespace, expect_complete, soon, stopped_server
from support.recorders import Stage, readiness
from support.until import until

pytestmark = pytest.mark.timeout(240)

OUTAGE_S = 10


async def test_a_flushed_redis_is_built_anew_while_timers_fire(owned: OwnedNamespace, own_redis: str) -> None:
    owner = owned.start_owner()
    await owner.until_owning(owned.partitions)
    await owned.create_interval(first=soon(5), every=timedelta(seconds=1), fires=14)
    await owned.create_one_shots(2000, first=soon(3), over=timedelta(seconds=12))
    redis: Redis = redis_client(own_redis)
    for fired in (200, 700, 1200):
        await owned.until_fired(fired)
        await redis.flushall()
    await redis.aclose()
    await owned.until_fired()
    assert [line for line in owner.logs("owner.takeover.finished") if line["built_anew"] and line["offset"] > 1]
    await expect_complete(owned)


async def test_timers_go_on_after_kafka_was_away_for_ten_seconds(owned: OwnedNamespace) -> None:
    owner = owned.start_owner()
    await owner.until_owning(owned.partitions)
    await owned.create_interval(first=soon(5), every=timedelta(seconds=1), fires=18)
    await owned.create_one_shots(1000, first=soon(2), over=timedelta(seconds=20))
    await owned.until_fired(100)
    with stopped_server(owned.kafka):
        await outage()
    await owned.until_fired()
    await expect_complete(owned)


async def test_timers_go_on_while_postgres_is_away_and_the_run_store_catches_up(owned: OwnedNamespace, own_postgres: str) -> None:
    async with migrated_database(own_postgres, owned.namespace) as dsn:
        stage = Stage(owned.kafka, owned.namespace, dsn)
        owner = owned.start_owner()
        await owner.until_owning(owned.partitions)
        async with stage.recorder() as recorder:
            await readiness(recorder, HTTPStatus.OK)
            await owned.create_interval(first=soon(5), every=timedelta(seconds=1), fires=13)
            await owned.create_one_shots(1000, first=soon(2), over=timedelta(seconds=15))
            await owned.until_fired(50)
            with stopped_server(own_postgres):
                before = await owned.fired_count()
                await outage()
                during = await owned.fired_count() - before
            await owned.until_fired()

            async def recorded() -> bool:
                rows, _ = await read_run_store(dsn)
                return len(rows) >= owned.expected_count

            await until(recorded, what="every run is in the store", within_s=30)
        assert during > 300
        await expect_complete(owned, postgres=dsn)


async def outage() -> None:
    """As long as a server is away: the length is what is tested."""
    await asyncio.to_thread(signal.sigtimedwait, [], OUTAGE_S)
