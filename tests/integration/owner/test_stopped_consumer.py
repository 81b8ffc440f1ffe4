"""Consumers that are stopped while something of theirs is under way."""

import asyncio

from aiokafka import TopicPartition

from planner.runtime.clock import SystemIds
from planner.runtime.kafka import KafkaConnection, assigned_consumer
from planner.runtime.kafka_close import stop_consumer
from planner.runtime.topic_admin import apply_topics
from planner_contracts.topics import TopicRole, topic


async def test_a_consumer_whose_fetches_are_under_way_is_stopped_whole(kafka: str) -> None:
    # An owner that had slept for eight seconds failed its tick, and stopping its consumer cancelled its shard: the library cancels its
    # fetches, waits for them and lets the first one's cancellation out. The shard ended without a word, its producer stayed open.
    connection, namespace = KafkaConnection(kafka), f"s{SystemIds().uuid()[:8]}"
    await apply_topics(connection, namespace=namespace, partitions=1, actions=[], replication=1)
    consumer = assigned_consumer(connection, client_id="tests")
    await consumer.start()
    place = TopicPartition(topic(namespace, TopicRole.PLAN_COMMANDS), 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    await consumer.getmany(timeout_ms=100)
    async with asyncio.TaskGroup() as tasks:
        fetches = [tasks.create_task(asyncio.Event().wait()) for _ in range(2)]
        assert consumer._fetcher is not None
        consumer._fetcher._pending_tasks.update(fetches)

        await stop_consumer(consumer)

    assert all(fetch.cancelled() for fetch in fetches)
    assert not any(connection.connected() for connection in consumer._client._conns.values())
