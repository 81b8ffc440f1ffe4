"""Whole shards on real Kafka and Valkey: what is done to their index while they run, they notice and mend, or refuse."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.plan import StateKind
from planner.owner.action_topics import ActionTopics
from planner.owner.changelog import POSITION_KEY
from planner.owner.index import StateKey
from planner.owner.inputs import ShardInputs
from planner.owner.kafka_action_admin import KafkaActionAdmin
from planner.owner.keys import ShardKeys
from planner.owner.metrics import OwnerMetrics, ShardMetrics
from planner.owner.outbox import Outbox
from planner.owner.schedules import Schedules
from planner.owner.shard import Shard, ShardParts
from planner.owner.takeover import Takeover
from planner.owner.tenure import TickParts
from planner.runtime.clock import Clock, SystemClock
from planner.runtime.failures import Backoff, StartupRefusedError
from planner.runtime.redis import redis_client
from planner_contracts.instants import format_instant
from planner_contracts.topics import TopicRole
from support.incoming import TOKENS, command_data, event, plan_made_by
from support.indexes import OpenRedis
from support.plans import ACTION, TENANT
from support.shard_topics import ShardTopics, events, shard_topics
from support.until import until

Read = TypeVar("Read")
SYSTEM_CLOCK = SystemClock()


@dataclass
class SteppedClock(SystemClock):
    """The machine's clocks, the wall clock so much ahead."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass(frozen=True)
class World:
    """One shard's topics and index."""

    topics: ShardTopics
    redis: OpenRedis

    def shard(self, clock: Clock = SYSTEM_CLOCK) -> Shard:
        name, connection, index = self.topics.shard(), self.topics.connection, self.redis.client()
        tick = TickParts(
            clock=clock,
            index=index,
            outbox=Outbox(namespace=name.namespace, partition=0, partitions=1, tokens=TOKENS),
            tokens=TOKENS,
            schedules=Schedules(),
            action_topics=ActionTopics(KafkaActionAdmin(connection, namespace=name.namespace, partitions=1), open_to_new=False),
            metrics=ShardMetrics(OwnerMetrics(CollectorRegistry()), 0),
        )
        takeover = Takeover(name, connection=connection, index=index, clock=clock, prove=_ours)
        backoff = Backoff(0.05, 0.2, lambda: 0.5)
        return Shard(name, ShardParts(takeover=takeover, inputs=ShardInputs(name, connection), tick=tick, backoff=backoff))

    async def create(self, name: str, *, in_s: float) -> None:
        await self.ask(name, {"execute_at": format_instant(SystemClock().now() + timedelta(seconds=in_s))})

    async def ask(self, name: str, when: dict[str, Any]) -> None:
        data = command_data(name, plan={"action": ACTION} | when)
        await self.topics.send(TopicRole.PLAN_COMMANDS, json.dumps(event("plan.create", data)).encode(), key=plan_made_by(name))

    async def until_fired(self, *names: str) -> None:
        plans = sorted(plan_made_by(name) for name in names)

        async def fired() -> bool:
            records = await self.topics.committed(TopicRole.ACTION, ACTION)
            return sorted(json.loads(record.value or b"{}")["data"]["plan_id"] for record in records) == plans

        await until(fired, what=f"the actions of {names}", within_s=30)


async def _ours() -> None:
    """The group holds the partition for us."""


@pytest.fixture
async def world(kafka: str, redis_url: str) -> AsyncIterator[World]:
    redis = redis_client(redis_url)
    async with shard_topics(kafka, partitions=1, actions=[ACTION]) as topics:
        yield World(topics, OpenRedis(redis, ShardKeys(topics.namespace, 0)))
    await redis.aclose()


@asynccontextmanager
async def running(shard: Shard) -> AsyncIterator[asyncio.Task[None]]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(shard.run())
        yield task
        shard.stop()


async def test_what_an_index_loses_while_its_shard_runs_is_fired_all_the_same(world: World) -> None:
    async with running(world.shard()):
        await world.create("early", in_s=0)
        await world.create("late", in_s=4)
        await world.until_fired("early")
        await world.redis.lose_record(StateKey(StateKind.CURSOR, TENANT, plan_made_by("late")))
        await world.until_fired("early", "late")


async def test_a_record_in_the_index_that_cannot_be_read_stops_no_other_plan(world: World) -> None:
    async with running(world.shard()):
        await world.create("bad", in_s=3)
        await world.create("good", in_s=3)

        async def known() -> bool:
            return (await world.redis.kinds())[StateKind.CURSOR] == 2

        await until(known, what="both plans are known")
        where = world.redis.keys.records(StateKind.CURSOR)
        await world.redis.redis.hset(where, f"{TENANT}/{plan_made_by('bad')}", "{")
        await world.until_fired("good")
    (letter,) = await world.topics.committed(TopicRole.DEAD_LETTERS)
    assert (letter.value, dict(letter.headers)["reason"]) == (b"{", b"STATE_UNUSABLE")


async def test_nothing_fires_while_the_wall_clock_is_ahead_of_the_brokers(world: World) -> None:
    """A wall clock that was set an hour ahead made everything of the next hour fire at once."""
    clock = SteppedClock()
    with capture_logs() as logged:

        def refused() -> int:
            return sum("ClockAheadError" in line.get("error", "") for line in logged)

        async with running(world.shard(clock)):
            await world.create("in half an hour", in_s=1800)
            await world.create("early", in_s=0)
            await world.until_fired("early")
            clock.ahead = timedelta(hours=1)
            await until(lambda: refused() > 1, what="a tick and a takeover were refused", within_s=30)
            await world.create("meanwhile", in_s=0)
            refusals = refused()
            await until(lambda: refused() > refusals, what="another takeover was refused", within_s=30)
            await world.until_fired("early")
            clock.ahead = timedelta(0)
            await world.until_fired("early", "meanwhile")


async def test_what_becomes_a_dead_letter_is_logged_with_its_reason(world: World) -> None:
    # Somebody whose reports were refused found nothing in the owner's log: only a metric and the topic knew of them.
    with capture_logs() as logged:
        async with running(world.shard()):
            await world.topics.send(TopicRole.PLAN_COMMANDS, b"not an event", key="anything")
            await until(
                lambda: [line for line in logged if line["event"] == "owner.dead_letters.written"], what="it is logged", within_s=30
            )
    (line,) = (line for line in logged if line["event"] == "owner.dead_letters.written")
    assert (line["log_level"], line["partition"], line["reason"], line["count"]) == ("warning", 0, "NOT_AN_EVENT", 1)


async def test_an_occurrence_that_cancels_its_predecessor_finds_the_run_in_redis(world: World) -> None:
    async with running(world.shard()):
        await world.ask("c1", {"recurrence": {"type": "interval", "every_seconds": 1}, "overlap": "cancel_previous"})

        async def cancelled() -> list[dict[str, Any]]:
            return events(await world.topics.committed(TopicRole.CONTROL, ACTION), "run.cancel_requested")

        asked = await until(lambda: _at_least(2, cancelled), what="two runs were cancelled", within_s=30)
    actions = events(await world.topics.committed(TopicRole.ACTION, ACTION), f"action.{ACTION}")
    assert [run["run_id"] for run in asked] == [action["run_id"] for action in actions[: len(asked)]]
    ended = events(await world.topics.committed(TopicRole.RUN_EVENTS), "run.failed")
    assert [(run["id"], run["reason"]) for run in ended][: len(asked)] == [(run["run_id"], "CANCELLED") for run in asked]


async def test_plans_that_another_zone_database_computed_are_computed_anew_at_the_takeover(world: World) -> None:
    """Also those of which nothing is due: their next occurrence may have moved to an earlier instant than their timer's."""
    async with running(world.shard()):
        for number in range(150):
            await world.ask(f"c{number}", {"recurrence": {"type": "cron", "expression": "0 9 * * *"}, "timezone": "Europe/Amsterdam"})

        async def known() -> bool:
            return (await world.redis.kinds())[StateKind.CURSOR] == 150

        await until(known, what="all plans are known", within_s=30)
    await age(world)

    async def refreshed() -> list[str]:
        found = events(await world.topics.committed(TopicRole.PLAN_EVENTS), "plan.rescheduled")
        return [data["plan_id"] for data in found]

    async with running(world.shard()):
        found = await until(lambda: _at_least(150, refreshed), what="all plans were computed anew", within_s=30)
    assert sorted(found) == sorted(plan_made_by(f"c{number}") for number in range(150))
    async with running(world.shard()):
        await world.create("last", in_s=0)
        await world.until_fired("last")
    assert sorted(await refreshed()) == sorted(found)


async def test_a_changed_holiday_list_is_looked_for_in_every_plan_even_by_the_next_owner(world: World) -> None:
    on_business_days = {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"}
    async with running(world.shard()):
        data = command_data("p1", name="nl", dates=["2026-12-25"])
        await world.topics.send(TopicRole.PLAN_COMMANDS, json.dumps(event("calendar.put", data)).encode(), key="anything")
        for number in range(150):
            await world.ask(f"c{number}", {"recurrence": on_business_days})
        await until(lambda: _at_least(150, lambda: calendars(world)), what="all plans are known", within_s=30)
    redis: Any = world.redis.redis
    keys = world.redis.keys
    changelog = await world.topics.committed(TopicRole.OWNER_CHANGELOG)
    noted = [json.loads(record.value or b"{}")["replans"] for record in changelog if record.key == POSITION_KEY]
    assert (True in noted, noted[-1]) == (True, False)
    # As an owner leaves it that dies when it has taken in a change and not yet looked at any plan.
    for plan, record in (await redis.hgetall(keys.records(StateKind.CURSOR))).items():
        await redis.hset(keys.records(StateKind.CURSOR), plan, record.replace(b'"calendar":1', b'"calendar":0'))
    inputs = await redis.hget(keys.position, "inputs")
    await redis.hset(keys.position, "inputs", inputs.replace(b'"replans":false', b'"replans":true'))
    async with running(world.shard()):

        async def looked_at() -> bool:
            return b'"replans":false' in await redis.hget(keys.position, "inputs")

        await until(looked_at, what="every plan was looked at", within_s=30)
    assert await calendars(world) == [1] * 150


async def calendars(world: World) -> list[int]:
    """The version of the holiday list that each cursor in the index was computed with."""
    redis: Any = world.redis.redis
    return [json.loads(record)["calendar"] for record in (await redis.hgetall(world.redis.keys.records(StateKind.CURSOR))).values()]


async def age(world: World) -> None:
    """The index as an owner with an older zone database would have left it."""
    redis: Any = world.redis.redis
    keys = world.redis.keys
    for plan, record in (await redis.hgetall(keys.records(StateKind.CURSOR))).items():
        await redis.hset(keys.records(StateKind.CURSOR), plan, record.replace(TZDATA_VERSION.encode(), b"1999a"))
    inputs = await redis.hget(keys.position, "inputs")
    await redis.hset(keys.position, "inputs", inputs.replace(TZDATA_VERSION.encode(), b"1999a"))


async def _at_least(count: int, read: Callable[[], Awaitable[list[Read]]]) -> list[Read] | None:
    found = await read()
    return found if len(found) >= count else None


async def test_two_deployments_that_share_an_index_do_not_go_on_for_ever(world: World, kafka: str) -> None:
    async with shard_topics(kafka, partitions=1, actions=[ACTION]) as topics:
        other = World(topics, world.redis)
        for deployment in (world, other):
            await deployment.ask("c1", {"recurrence": {"type": "interval", "every_seconds": 1}})
        with pytest.raises(ExceptionGroup) as stopped:
            await both(world.shard(), other.shard())
    assert stopped.group_contains(StartupRefusedError, match="two deployments share the namespace")


async def both(one: Shard, other: Shard) -> None:
    async with asyncio.timeout(45), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.run())
        tasks.create_task(other.run())
