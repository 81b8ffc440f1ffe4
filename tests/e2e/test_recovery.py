"""Faults made for real, each ending in the ledger: complete, single, never early, in order, rows as actions (I1-I3, I6, I12)."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path

import pytest
from redis.asyncio import Redis

from planner.embedded.kafka import start_kafka
from planner.embedded.postgres import start_postgres
from planner.embedded.valkey import start_valkey
from planner.ledger.postgres_history import read_run_store
from planner.runtime.clock import SystemClock
from planner.runtime.redis import redis_client
from planner_contracts.topics import TopicRole
from support.databases import migrated_database
from support.owners import OwnedNamespace, OwnerProcess, owned_namespace, soon, stopped_server
from support.recorders import Stage, readiness
from support.servers import served
from support.until import until

pytestmark = pytest.mark.timeout(240)

OUTAGE_S = 10
KILLS = 10
BURST = 300
ZOMBIES_MAX = 4


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[str]:
    """Not the one of the other tests: it is stopped."""
    with served(start_kafka) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
def own_redis() -> Iterator[str]:
    """Not the one of the other tests: it is flushed."""
    with served(start_valkey) as url:
        yield url


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[str]:
    """Not the one of the other tests: it is stopped."""
    with served(start_postgres) as dsn:
        yield dsn


@pytest.fixture
async def owned(own_kafka: str, own_redis: str, tmp_path: Path) -> AsyncIterator[OwnedNamespace]:
    async with owned_namespace(own_kafka, own_redis, tmp_path) as namespace:
        yield namespace


async def test_ten_kills_in_the_middle_of_bursts_lose_and_double_nothing(owned: OwnedNamespace) -> None:
    owner = owned.start_owner()
    await owner.until_owning(owned.partitions)
    await owned.create_interval(first=soon(3), every=timedelta(seconds=1), fires=60)
    for kill in range(KILLS):
        before = await owned.fired_count()
        await owned.create_one_shots(BURST, first=soon(1), over=timedelta(seconds=1))
        # At another place of each burst, from its first fires to its last.
        await owned.until_fired(before + 1 + kill * BURST // KILLS)
        owner.kill()
        owner = owned.start_owner()
        await owner.until_owning(owned.partitions)
    await owned.until_fired()
    await expect_complete(owned)


async def test_a_survivor_takes_over_from_a_killed_owner_within_eight_seconds(owned: OwnedNamespace) -> None:
    first, second = await two_owners(owned)
    await owned.create_one_shots(600, first=soon(2), over=timedelta(seconds=15))
    await owned.until_fired(20)
    lost = held(first)
    first.kill()
    await until(lambda: lost <= held(second), what="the survivor owns everything", within_s=8)
    await owned.until_fired()
    await expect_complete(owned)


async def test_an_owner_that_is_told_to_stop_hands_over_within_a_second(owned: OwnedNamespace) -> None:
    first, second = await two_owners(owned)
    await owned.create_one_shots(600, first=soon(2), over=timedelta(seconds=10))
    await owned.until_fired(20)
    lost = held(first)
    first.signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.process.wait, 10) == 0
    ended = SystemClock().now()
    await until(lambda: lost <= held(second), what="the other owns everything", within_s=5)
    taken = [datetime.fromisoformat(line["timestamp"]) for line in second.logs("owner.takeover.finished") if line["partition"] in lost]
    assert max(taken) - ended < timedelta(seconds=1)
    await owned.until_fired()
    await expect_complete(owned)


async def test_a_zombie_that_wakes_among_timers_damages_nothing(owned: OwnedNamespace) -> None:
    zombie = owned.start_owner()
    await zombie.until_owning(owned.partitions)
    await owned.create_interval(first=soon(2), every=timedelta(seconds=1), fires=25)
    await owned.create_one_shots(1000, first=soon(3), over=timedelta(seconds=20))
    await owned.until_fired(100)
    zombie.signal(signal.SIGSTOP)
    rightful = owned.start_owner()
    await rightful.until_owning(owned.partitions)
    zombie.signal(signal.SIGCONT)
    await until(partial(noticed, zombie), what="the zombie has noticed")
    await owned.until_fired()
    await expect_complete(owned)


async def test_a_zombie_that_tries_to_commit_is_fenced(owned: OwnedNamespace) -> None:
    zombie = owned.start_owner()
    await zombie.until_owning(owned.partitions)
    for _ in range(ZOMBIES_MAX):
        zombie.signal(signal.SIGSTOP)
        # What is no event at all needs no look into the index, and the answer to the zombie's last fetch brings it these at once.
        # So nothing but the fence stands between it and a second dead letter, unless it is quicker to ask the group.
        for partition in range(owned.partitions):
            await owned.send(TopicRole.PLAN_COMMANDS, b"not an event", key="anything", partition=partition)
        rightful = owned.start_owner()
        await rightful.until_owning(owned.partitions)
        zombie.signal(signal.SIGCONT)
        await until(partial(noticed, zombie), what="the zombie has noticed")
        if fenced(zombie):
            return
        zombie.kill()
        zombie = rightful
    pytest.fail("no zombie has tried to commit")


async def test_a_flushed_redis_is_built_anew_while_timers_fire(owned: OwnedNamespace, own_redis: str) -> None:
    owner = owned.start_owner()
    await owner.until_owning(owned.partitions)
    await owned.create_one_shots(2000, first=soon(3), over=timedelta(seconds=12))
    await owned.create_interval(first=soon(3), every=timedelta(seconds=1), fires=14)
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
    await owned.create_one_shots(1000, first=soon(2), over=timedelta(seconds=20))
    await owned.create_interval(first=soon(3), every=timedelta(seconds=1), fires=20)
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
            await owned.create_one_shots(1000, first=soon(2), over=timedelta(seconds=15))
            await owned.create_interval(first=soon(3), every=timedelta(seconds=1), fires=15)
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


async def expect_complete(owned: OwnedNamespace, *, postgres: str | None = None) -> None:
    """Nothing is lost, doubled, early or out of order, and the runs are those of the actions."""
    report = await owned.audit(postgres=postgres)
    assert report.ok, report.differences[:5]


async def two_owners(owned: OwnedNamespace) -> tuple[OwnerProcess, OwnerProcess]:
    """Two that share the partitions."""
    first = owned.start_owner()
    await first.until_owning(owned.partitions)
    second = owned.start_owner()
    await second.until_owning(1)
    await until(lambda: not held(first) & held(second), what="no partition is held twice", within_s=20)
    return first, second


def held(owner: OwnerProcess) -> set[int]:
    """The partitions that the group gave to it last."""
    return set(owner.logs("owner.membership.assigned")[-1]["partitions"])


def noticed(zombie: OwnerProcess) -> bool:
    """It has found its producer fenced, the index moved on, or itself expelled from the group, whichever it met first."""
    return bool(zombie.logs("owner.shard.failed")) or len(zombie.logs("owner.membership.assigned")) > 1


def fenced(owner: OwnerProcess) -> bool:
    return any("Fenced" in line["error"] for line in owner.logs("owner.shard.failed"))
