"""An owner that is killed between a change of a holiday list and what follows from it in every partition."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from planner.domain.plan import StateKind
from planner.owner.keys import ShardKeys
from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.kafka import assigned_consumer
from planner.runtime.redis import redis_client
from planner_contracts import ids
from planner_contracts.envelope import Envelope, encode
from planner_contracts.plan_command import CommandType
from planner_contracts.topics import TopicRole, topic
from support.owners import FIRED_WITHIN_S, TENANTS, OwnedNamespace
from support.until import until

pytestmark = pytest.mark.timeout(240)

LIST = "nl"
PLANS = 600


@dataclass(frozen=True)
class Told:
    """A plan event, where it lies and when it was decided."""

    partition: int
    type: str
    at: datetime
    data: dict[str, Any]


@dataclass
class PlanEvents:
    """The plan events of a namespace, read as they are committed."""

    consumer: AIOKafkaConsumer
    read: list[Told] = field(default_factory=list)

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(FIRED_WITHIN_S):
            while not enough():
                for place, records in (await self.consumer.getmany(timeout_ms=1000)).items():
                    events = (json.loads(record.value or b"{}") for record in records)
                    self.read += (_told(place.partition, event) for event in events)

    def lists(self) -> Counter[tuple[int, int]]:
        """How often each partition has told of each version of the list."""
        return Counter((told.partition, told.data["version"]) for told in self.read if told.type == "planner.calendar.changed")

    def moved(self, revision: int) -> list[Told]:
        """The plans that were computed anew and became this revision."""
        return [told for told in self.read if told.type == "planner.plan.rescheduled" and told.data["revision"] == revision]

    def created(self) -> int:
        return sum(told.type == "planner.plan.created" for told in self.read)


def _told(partition: int, event: dict[str, Any]) -> Told:
    return Told(partition, event["type"], datetime.fromisoformat(event["time"]), event["data"])


@asynccontextmanager
async def plan_events(owned: OwnedNamespace) -> AsyncIterator[PlanEvents]:
    places = [TopicPartition(topic(owned.namespace, TopicRole.PLAN_EVENTS), partition) for partition in range(owned.partitions)]
    consumer = assigned_consumer(owned.connection, client_id="tests")
    await consumer.start()
    try:
        consumer.assign(places)
        for place in places:
            consumer.seek(place, 0)
        yield PlanEvents(consumer)
    finally:
        await consumer.stop()


async def test_a_holiday_list_reaches_every_partition_and_moves_every_plan_once_though_the_owner_is_killed(
    owned: OwnedNamespace, own_redis: str
) -> None:
    owner = owned.start_owner()
    await owner.until_owning(owned.partitions)
    async with plan_events(owned) as events:
        await put(owned, weeks=0)
        await events.until(lambda: len(events.lists()) == owned.partitions)
        rule = {"type": "calendar", "hour": str((SystemClock().now().hour + 12) % 24), "roll": "skip", "holiday_calendar": LIST}
        plans = await asyncio.gather(*(owned.create({"recurrence": rule}) for _ in range(PLANS)))
        await events.until(lambda: events.created() == PLANS)

        await put(owned, weeks=1)
        await events.until(lambda: len(events.lists()) > owned.partitions)  # one at least has committed it
        owner.kill()
        owner = owned.start_owner()
        await events.until(lambda: len(events.moved(2)) >= PLANS)

        await put(owned, weeks=2)
        await events.until(lambda: bool(events.moved(3)))
        owner.kill()
        killed = SystemClock().now()
        owner = owned.start_owner()
        await events.until(lambda: len(events.moved(3)) >= PLANS)
        lists = await until(lambda: looked_at(own_redis, owned), what="every plan was looked at", within_s=FIRED_WITHIN_S)
        await events.until(lambda: len(events.lists()) == 3 * owned.partitions)

    moved = events.moved(3)
    assert min(told.at for told in moved) < killed < max(told.at for told in moved)
    assert [found["version"] for found in lists] == [3] * owned.partitions
    assert set(events.lists().values()) == {1}
    for revision in (2, 3):
        assert Counter(told.data["plan_id"] for told in events.moved(revision)) == Counter(plans)
    assert not events.moved(4)


async def put(owned: OwnedNamespace, *, weeks: int) -> None:
    """Ask for a list with every day of so many weeks from today on."""
    today = SystemClock().now().date()
    command_id = SystemIds().uuid()
    data = {
        "command_id": command_id,
        "tenant_id": TENANTS[0],
        "organization_id": "main",
        "actor": "test",
        "name": LIST,
        "dates": [(today + timedelta(days=day)).isoformat() for day in range(7 * weeks)],
    }
    key = ids.calendar_id(TENANTS[0], LIST)
    value = encode(Envelope(command_id, "/tests", CommandType.CALENDAR_PUT, None, key, TENANTS[0], "main", data))
    await owned.send(TopicRole.PLAN_COMMANDS, value, key=key)


async def looked_at(redis_url: str, owned: OwnedNamespace) -> Sequence[dict[str, Any]] | None:
    """The list as each partition holds it, once every partition has looked at all its plans."""
    redis: Redis = redis_client(redis_url)
    keys = [ShardKeys(owned.namespace, partition) for partition in range(owned.partitions)]
    try:
        inputs = [await redis.hget(shard.position, "inputs") or b"{}" for shard in keys]
        if any(json.loads(position).get("replans", True) for position in inputs):
            return None
        return [json.loads(await redis.hget(shard.records(StateKind.CALENDAR), f"{TENANTS[0]}/{LIST}") or b"{}") for shard in keys]
    finally:
        await redis.aclose()
