"""How a shard begins: whatever became of the index, the log brings it back."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from planner.domain.plan import Receipt, StateKind
from planner.owner.changelog import BARRIER_KEY, drop, key_bytes, put
from planner.owner.index import Change, Found, Index, IndexDamagedError, IndexMovedError, Position, StateKey
from planner.owner.keys import ShardKeys
from planner.owner.outbox import Record
from planner.owner.takeover import INDEX_AGE_MAX, NotOursError, Taken
from planner.owner.transaction import FencedProducer
from planner.runtime.failures import IndefiniteError, StartupRefusedError, UnavailableError
from planner.runtime.redis import redis_client
from planner_contracts.ids import PlanId
from planner_contracts.plan_event import PlanEventType
from planner_contracts.topics import TopicRole
from support.indexes import OpenRedis
from support.plans import NOON, TENANT, command_id
from support.shard_topics import ShardTopics, shard_topics

INPUTS = '{"commands":7,"reports":3}'


@dataclass(frozen=True)
class World:
    """One shard's topics and index, both real."""

    topics: ShardTopics
    redis: OpenRedis

    @property
    def index(self) -> Index:
        return self.redis.client()

    async def committed(self, taken: Taken, *changes: Change) -> Position:
        """A tick's transaction, committed and not applied."""
        name, partition = self.topics.changelog("", "").topic, 0
        records = [Record(name, partition, key_bytes(change.key), change.value) for change in changes]
        done = await taken.producer.commit(records, last=self.topics.changelog("position", INPUTS))
        return Position(taken.position.incarnation, done.offset, done.appended_at, INPUTS.encode())

    async def held(self, taken: Taken) -> dict[str, bytes]:
        """Everything due by the end of time, as a tick would read it."""
        due = await self.index.due(taken.position, now=NOON + timedelta(days=999), limit=500)
        return {timer.key.id: timer.record for timer in due.timers}


@pytest.fixture
async def world(kafka: str, redis_url: str) -> AsyncIterator[World]:
    redis = redis_client(redis_url)
    async with shard_topics(kafka, partitions=1) as topics:
        yield World(topics, OpenRedis(redis, ShardKeys(topics.namespace, 0)))
    await redis.aclose()


def a_receipt(name: str, *, expires_at: datetime = NOON, tenant: str = TENANT) -> Change:
    plan = PlanId("00000000-0000-4000-8000-000000000001")
    receipt = Receipt(name, "f", command_id(name), plan, PlanEventType.CREATED, 1, None, expires_at)
    return put(tenant, receipt)


def without(name: str) -> Change:
    return drop(StateKind.RECEIPT, TENANT, name)


async def test_an_empty_shard_begins_with_an_empty_index_at_its_barrier(world: World) -> None:
    async with world.topics.taken(world.index) as taken:
        assert (taken.built_anew, taken.head, taken.position.inputs) == (True, None, b"")
        assert await world.held(taken) == {}
    first, barrier = await world.topics.committed(TopicRole.OWNER_CHANGELOG)
    assert (first.key, barrier.key, barrier.offset) == (b"incarnation", BARRIER_KEY, taken.position.offset)
    assert taken.position.incarnation == json.loads(first.value or b"")["uuid"]
    assert taken.position.appended_at.timestamp() * 1000 == barrier.timestamp


async def test_an_index_that_lags_is_followed_up_to_the_barrier(world: World) -> None:
    async with world.topics.taken(world.index) as first:
        known = await world.committed(first, a_receipt("kept"), a_receipt("gone"))
        await world.index.apply(first.position, [a_receipt("kept"), a_receipt("gone")], known)
        await world.committed(first, without("gone"), a_receipt("new", expires_at=NOON - timedelta(days=1)))
    async with world.topics.taken(world.index) as second:
        assert (second.built_anew, second.position.inputs, second.head) == (False, INPUTS.encode(), NOON - timedelta(days=1))
        assert (await world.held(second)).keys() == {"kept", "new"}


async def test_following_takes_the_inputs_of_the_index_where_the_log_has_no_newer(world: World) -> None:
    async with world.topics.taken(world.index) as first:
        await world.index.apply(first.position, [], await world.committed(first))
    async with world.topics.taken(world.index) as second:
        assert (second.built_anew, second.position.inputs) == (False, INPUTS.encode())


async def test_a_flushed_index_is_built_anew_from_the_whole_log(world: World) -> None:
    async with world.topics.taken(world.index) as first:
        changes = [a_receipt("kept"), a_receipt("gone"), without("gone")]
        await world.index.apply(first.position, changes, await world.committed(first, *changes))
    await world.redis.lose_everything()
    async with world.topics.taken(world.index) as second:
        assert (second.built_anew, second.position.inputs, second.head) == (True, INPUTS.encode(), NOON)
        assert await world.held(second) == {"kept": a_receipt("kept").value}


async def test_an_index_that_lost_a_record_is_never_followed_and_is_built_anew(world: World) -> None:
    # Following took the sizes it found for those that must be: a lost receipt stayed lost, and a lost cursor failed every tick for ever.
    changes = [a_receipt("kept"), a_receipt("lost")]
    async with world.topics.taken(world.index) as first:
        await world.index.apply(first.position, changes, await world.committed(first, *changes))
    await world.redis.lose_record(changes[1].key)
    with pytest.raises(IndexDamagedError):
        async with world.topics.taken(world.index):
            pass
    async with world.topics.taken(world.index, anew=True) as second:
        assert second.built_anew is True
        assert (await world.held(second)).keys() == {"kept", "lost"}


async def test_an_index_of_another_incarnation_is_thrown_away(world: World) -> None:
    foreign = Position("11111111-1111-4111-8111-111111111111", 0, NOON, b"")
    await world.index.build(None, [a_receipt("theirs")], foreign)
    async with world.topics.taken(world.index) as taken:
        assert (taken.built_anew, await world.held(taken)) == (True, {})


async def test_an_apply_that_was_cut_short_is_finished_by_following(world: World) -> None:
    many = [a_receipt(f"r{number:04}") for number in range(1500)]
    async with world.topics.taken(world.index) as first:
        position = await world.committed(first, *many)
        with pytest.raises(UnavailableError):
            await world.redis.client(parts_left=1).apply(first.position, many, position)
    found = await world.index.found()
    assert found is not None
    assert found.part == 1
    async with world.topics.taken(world.index) as second:
        assert second.built_anew is False
        assert (await world.redis.kinds())[StateKind.RECEIPT] == 1500


async def test_an_index_that_is_ahead_of_the_log_is_built_anew(world: World) -> None:
    async with world.topics.taken(world.index) as first:
        ahead = replace(first.position, offset=first.position.offset + 1000)
        await world.index.apply(first.position, [a_receipt("never")], ahead)
    async with world.topics.taken(world.index) as second:
        assert (second.built_anew, await world.held(second)) == (True, {})


@pytest.mark.parametrize("age", [INDEX_AGE_MAX - timedelta(hours=1), INDEX_AGE_MAX + timedelta(hours=1)])
async def test_an_index_older_than_half_the_life_of_tombstones_is_built_anew(world: World, age: timedelta) -> None:
    async with world.topics.taken(world.index) as first:
        old = replace(first.position, appended_at=first.position.appended_at - age)
        await world.index.apply(first.position, [], old)
    async with world.topics.taken(world.index) as second:
        assert second.built_anew is (age > INDEX_AGE_MAX)


async def test_who_cannot_prove_its_membership_fences_nobody(world: World) -> None:
    async def not_ours() -> None:
        raise NotOursError("the group does not give it to us")

    async with world.topics.taken(world.index) as owner:
        with pytest.raises(NotOursError):
            async with world.topics.taken(world.index, prove=not_ours):
                pass
        await world.committed(owner, a_receipt("still ours"))
    keys = [record.key for record in await world.topics.committed(TopicRole.OWNER_CHANGELOG)]
    assert keys == [b"incarnation", BARRIER_KEY, key_bytes(StateKey(StateKind.RECEIPT, TENANT, "still ours")), b"position"]


async def test_a_zombie_can_neither_publish_nor_write_the_index(world: World) -> None:
    async with world.topics.taken(world.index) as zombie, world.topics.taken(world.index) as owner:
        with pytest.raises(IndefiniteError):
            await world.committed(zombie, a_receipt("zombie"))
        with pytest.raises(IndexMovedError):
            await world.index.apply(zombie.position, [a_receipt("zombie")], replace(zombie.position, offset=99))
        with pytest.raises(IndexMovedError):
            await world.index.due(zombie.position, now=NOON, limit=1)
        await world.index.apply(owner.position, [a_receipt("owner")], await world.committed(owner, a_receipt("owner")))
    async with world.topics.taken(world.index) as successor:
        assert (await world.held(successor)).keys() == {"owner"}


async def test_what_a_zombie_left_uncommitted_is_not_replayed(world: World) -> None:
    raw = world.topics.raw_producer()
    await raw.start()
    await raw.begin_transaction()
    change = a_receipt("uncommitted")
    await (await raw.send(world.topics.changelog("", "").topic, change.value, key=key_bytes(change.key), partition=0))
    async with world.topics.taken(world.index) as taken:
        assert await world.held(taken) == {}
    await FencedProducer(raw).close()


async def test_a_log_that_was_made_for_another_number_of_partitions_is_refused(world: World) -> None:
    with pytest.raises(StartupRefusedError, match="made for 1 partitions, not 2"):
        async with world.topics.taken(world.index, name=world.topics.shard(partitions=2)):
            pass


async def test_an_outage_of_redis_leaves_no_barriers_on_the_log(world: World) -> None:
    unreachable = redis_client("redis://127.0.0.1:1/0")
    index = OpenRedis(unreachable, ShardKeys(world.topics.namespace, 0)).client()
    with pytest.raises(UnavailableError):
        async with world.topics.taken(index):
            pass
    await unreachable.aclose()
    assert len(await world.topics.committed(TopicRole.OWNER_CHANGELOG)) == 1


async def test_an_abandoned_building_is_built_anew(world: World) -> None:
    many = [a_receipt(f"r{number:04}") for number in range(1500)]
    async with world.topics.taken(world.index) as first:
        await world.committed(first, *many)
        with pytest.raises(UnavailableError):
            await world.redis.client(parts_left=2).build(await world.index.found(), many, first.position)
    found: Found | None = await world.index.found()
    assert found is not None
    assert found.marker.startswith("building:")
    async with world.topics.taken(world.index) as second:
        assert second.built_anew is True
        assert (await world.redis.kinds())[StateKind.RECEIPT] == 1500


async def test_every_key_of_a_shard_lies_in_one_slot_of_a_cluster(world: World) -> None:
    async with world.topics.taken(world.index) as taken:
        changes = [a_receipt("a"), a_receipt("b", tenant="other-tenant")]
        await world.index.apply(taken.position, changes, await world.committed(taken, *changes))
    names = [name.decode() async for name in world.redis.redis.scan_iter(match=f"*{world.topics.namespace}*")]
    tag = f"{{{world.topics.namespace}:0}}:"
    assert {name.removeprefix(tag) for name in names} == {"position", "tenants", "receipt", f"timers:{TENANT}", "timers:other-tenant"}
