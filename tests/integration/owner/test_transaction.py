"""Fencing, and one transaction as the broker sees it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiokafka
import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer import sender

from planner.owner import aiokafka_patches
from planner.owner.inbox import Incoming
from planner.owner.outbox import Outbox, Record
from planner.owner.transaction import CLOCK_AHEAD_MAX, ClockAheadError, FencedProducer
from planner.runtime.clock import SystemClock
from planner.runtime.failures import IndefiniteError
from planner_contracts.topics import REPORT_BYTES_MAX, TopicRole, topic
from support.incoming import TOKENS
from support.shard_topics import ShardTopics, Written, shard_topics


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[ShardTopics]:
    async with shard_topics(kafka, partitions=2) as opened:
        yield opened


def event(topics: ShardTopics, value: str, partition: int = 0) -> Record:
    return Record(topic(topics.namespace, TopicRole.RUN_EVENTS), partition, b"plan", value.encode(), [("content-type", b"x")])


def values(records: list[Written]) -> list[str]:
    return [(record.value or b"").decode() for record in records]


async def test_the_offset_that_comes_back_is_that_of_the_last_record(topics: ShardTopics) -> None:
    async with topics.fenced() as producer:
        for number in range(3):
            records = [topics.changelog(f"k{change}", f"v{number}") for change in range(number)]
            committed = await producer.commit([event(topics, "e"), *records, event(topics, "f", 1)], last=topics.changelog("position", "p"))
            newest = await topics.committed(TopicRole.OWNER_CHANGELOG)
            last = [record for record in newest if record.partition == 0][-1]
            assert (last.key, last.offset, last.timestamp) == (b"position", committed.offset, committed.appended_at.timestamp() * 1000)


async def test_what_was_decided_by_a_clock_ahead_of_the_brokers_is_not_committed(topics: ShardTopics) -> None:
    now = SystemClock().now
    async with topics.fenced() as producer:
        await producer.commit([event(topics, "a little")], last=topics.changelog("p", "1"), decided_at=now() + CLOCK_AHEAD_MAX / 2)
        with pytest.raises(ClockAheadError):
            await producer.commit([event(topics, "far")], last=topics.changelog("p", "2"), decided_at=now() + timedelta(minutes=1))
    async with topics.fenced() as producer:
        await producer.commit([event(topics, "behind")], last=topics.changelog("p", "3"), decided_at=now() - timedelta(days=1))
    assert values(await topics.committed(TopicRole.RUN_EVENTS)) == ["a little", "behind"]


async def test_records_keep_their_order_over_several_batches(topics: ShardTopics) -> None:
    records = [topics.changelog(f"k{number:03}", "x" * 10_000) for number in range(250)]
    async with topics.fenced() as producer:
        committed = await producer.commit(records, last=topics.changelog("position", "p"))
    written = [record for record in await topics.committed(TopicRole.OWNER_CHANGELOG) if record.partition == 0][1:]
    assert [record.key for record in written] == [*(record.key for record in records), b"position"]
    assert written[-1].offset == committed.offset


async def test_headers_keys_and_tombstones_arrive_as_they_were_given(topics: ShardTopics) -> None:
    async with topics.fenced() as producer:
        await producer.commit([event(topics, "e"), topics.changelog("gone", None)], last=topics.changelog("position", "p"))
    (record,) = await topics.committed(TopicRole.RUN_EVENTS)
    assert (record.key, record.value, list(record.headers)) == (b"plan", b"e", [("content-type", b"x")])
    tombstone = next(record for record in await topics.committed(TopicRole.OWNER_CHANGELOG) if record.key == b"gone")
    assert tombstone.value is None


async def test_a_second_start_fences_the_first_and_nothing_of_the_fenced_is_seen(topics: ShardTopics) -> None:
    async with topics.fenced() as zombie:
        await zombie.commit([event(topics, "before")], last=topics.changelog("position", "1"))
        async with topics.fenced() as successor:
            with pytest.raises(IndefiniteError):
                await zombie.commit([event(topics, "zombie")], last=topics.changelog("position", "2"))
            await successor.commit([event(topics, "after")], last=topics.changelog("position", "3"))
    assert values(await topics.committed(TopicRole.RUN_EVENTS)) == ["before", "after"]


async def test_shards_of_one_namespace_do_not_fence_each_other(topics: ShardTopics) -> None:
    async with topics.fenced(0) as one, topics.fenced(1) as other:
        await one.commit([event(topics, "one")], last=topics.changelog("position", "1"))
        await other.commit([event(topics, "other", 1)], last=topics.changelog("position", "1", 1))
    assert values(await topics.committed(TopicRole.RUN_EVENTS)) == ["one", "other"]


async def test_a_transaction_that_its_owner_left_open_is_aborted_by_the_next(topics: ShardTopics) -> None:
    dead = topics.raw_producer()
    await dead.start()
    await dead.begin_transaction()
    await (await dead.send(topic(topics.namespace, TopicRole.RUN_EVENTS), b"lost", partition=0))
    await FencedProducer(dead).close()
    async with topics.fenced() as successor:
        await successor.commit([event(topics, "after")], last=topics.changelog("position", "1"))
    assert values(await topics.committed(TopicRole.RUN_EVENTS)) == ["after"]


async def test_one_refused_batch_fails_the_whole_transaction(topics: ShardTopics) -> None:
    small = await topics.small_topic(bytes_max=2000)
    async with topics.fenced() as producer:
        with pytest.raises(IndefiniteError, match="MessageSizeTooLarge"):
            await producer.commit([event(topics, "lost"), Record(small, 0, b"k", b"x" * 5000)], last=topics.changelog("position", "1"))
    async with topics.fenced() as successor:
        await successor.commit([Record(small, 0, b"k", b"fits")], last=topics.changelog("position", "2"))
    assert values(await topics.committed(TopicRole.RUN_EVENTS)) == []
    assert values(await topics.read(small)) == ["fits"]
    assert [record.value for record in await topics.committed(TopicRole.OWNER_CHANGELOG) if record.key == b"position"] == [b"2"]


async def test_a_topic_that_is_not_there_fails_the_transaction_within_its_deadline(topics: ShardTopics) -> None:
    async with topics.fenced() as producer:
        with pytest.raises(IndefiniteError):
            await producer.commit([Record(f"{topics.namespace}.none", 0, b"k", b"v")], last=topics.changelog("position", "1"))


async def test_a_commit_whose_answer_is_lost_is_sent_once_and_is_a_failure(topics: ShardTopics) -> None:
    raw: Any = topics.raw_producer()
    sent: list[str] = []
    answer = raw.client.send

    async def losing(node_id: int, request: Any, **where: Any) -> Any:  # noqa: ANN401 the library's own call, passed on
        kind = type(request).__name__
        result = await answer(node_id, request, **where)
        if kind.startswith("EndTxn"):
            sent.append(kind)
            raise KafkaConnectionError("the answer was lost")
        return result

    producer = FencedProducer(raw)
    try:
        await producer.start()
        raw.client.send = losing
        with pytest.raises(IndefiniteError):
            await producer.commit([event(topics, "e")], last=topics.changelog("position", "1"))
    finally:
        await producer.close()
    assert len(sent) == 1
    async with topics.fenced() as successor:
        await successor.commit([], last=topics.changelog("position", "2"))
    assert values(await topics.committed(TopicRole.RUN_EVENTS)) == ["e"]


def test_what_is_patched_is_there_in_the_release_that_was_looked_at() -> None:
    assert aiokafka.__version__.startswith("0.14.")
    assert {"do", "create_request", "handle_response"} <= set(dir(sender.EndTxnHandler))
    assert isinstance(sender.BACKOFF_OVERRIDE, float)
    aiokafka_patches.apply()
    aiokafka_patches.apply()
    assert sender.BACKOFF_OVERRIDE == aiokafka_patches.NEXT_TRANSACTION_BACKOFF_S
    assert sender.EndTxnHandler.do.__module__ == "planner.owner.aiokafka_patches"
    assert sender.AddPartitionsToTxnHandler.do.__module__ != "planner.owner.aiokafka_patches"


async def test_a_producer_that_never_reached_a_broker_is_dropped_in_a_moment(topics: ShardTopics) -> None:
    producer = topics.raw_producer()
    async with asyncio.timeout(5):
        await FencedProducer(producer).close()
    assert {"_closed", "_message_accumulator", "_sender", "client"} <= set(dir(producer))


async def test_forwarded_records_fill_batches_that_their_topic_takes(topics: ShardTopics) -> None:
    name = topic(topics.namespace, TopicRole.RUN_REPORTS)
    records = [Record(name, 1, b"plan", f"{number:03}".encode() + b"x" * 10_000) for number in range(60)]
    producer = FencedProducer(topics.raw_producer(), {name: REPORT_BYTES_MAX})
    try:
        await producer.start()
        await producer.commit(records, last=topics.changelog("position", "p"))
    finally:
        await producer.close()
    assert [record.value for record in await topics.committed(TopicRole.RUN_REPORTS)] == [record.value for record in records]


async def test_the_largest_record_that_is_forwarded_is_one_that_its_topic_takes(topics: ShardTopics) -> None:
    name = topic(topics.namespace, TopicRole.RUN_REPORTS)
    outbox = Outbox(namespace=topics.namespace, partition=0, partitions=2, tokens=TOKENS)
    key, headers = b"p" * 36, [("content-type", b"application/cloudevents+json"), ("a", b"")]

    def forwarded(size: int) -> Record | None:
        return outbox.forwarded(Incoming(name, 0, 0, 0, None, b"x" * size, headers), key=key, partition=1)

    largest = next(record for size in range(REPORT_BYTES_MAX, 0, -1) if (record := forwarded(size)) is not None)
    async with topics.fenced() as producer:
        await producer.commit([largest], last=topics.changelog("position", "p"))
    assert [record.value for record in await topics.committed(TopicRole.RUN_REPORTS)] == [largest.value]
