"""A namespace's topics on real Kafka, as its owners use them, and everything that can be read there."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import NewTopic

from planner.owner import aiokafka_patches
from planner.owner.index import Index
from planner.owner.outbox import Record
from planner.owner.shard_name import ShardName
from planner.owner.takeover import Taken, Takeover
from planner.owner.transaction import FencedProducer
from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.kafka import KafkaConnection, admin, assigned_consumer, ends_consumer, idempotent_producer, transactional_producer
from planner.runtime.topic_admin import apply_topics
from planner_contracts.topics import TopicRole, topic

READ_TIMEOUT_S = 20.0
Written = ConsumerRecord[bytes, bytes]


@dataclass(frozen=True)
class ShardTopics:
    """Every topic of a namespace that no other test has."""

    connection: KafkaConnection
    namespace: str
    partitions: int

    def shard(self, partition: int = 0, *, partitions: int | None = None) -> ShardName:
        return ShardName(self.namespace, partition, partitions or self.partitions)

    def changelog(self, key: str, value: str | None, partition: int = 0) -> Record:
        name = topic(self.namespace, TopicRole.OWNER_CHANGELOG)
        return Record(name, partition, key.encode(), None if value is None else value.encode())

    def raw_producer(self, partition: int = 0) -> AIOKafkaProducer:
        name = f"{self.namespace}.shard.{partition}"
        return transactional_producer(self.connection, transactional_id=name, client_id=name)

    @asynccontextmanager
    async def fenced(self, partition: int = 0) -> AsyncIterator[FencedProducer]:
        """A producer that has fenced those before it."""
        producer = FencedProducer(self.raw_producer(partition))
        try:
            await producer.start()
            yield producer
        finally:
            await producer.close()

    @asynccontextmanager
    async def taken(
        self, index: Index, *, prove: Callable[[], Awaitable[None]] | None = None, name: ShardName | None = None, anew: bool = False
    ) -> AsyncIterator[Taken]:
        """The shard, taken over."""
        takeover = Takeover(name or self.shard(), connection=self.connection, index=index, clock=SystemClock(), prove=prove or _ours)
        taken = await takeover.run(anew=anew)
        try:
            yield taken
        finally:
            await taken.producer.close()

    async def small_topic(self, *, bytes_max: int) -> str:
        """A topic that refuses larger batches."""
        name = f"{self.namespace}.small"
        client = admin(self.connection)
        await client.start()
        try:
            await client.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": str(bytes_max)})])
        finally:
            await client.close()
        return name

    async def send(self, role: TopicRole, value: bytes | None, *, key: str = "k", partition: int = 0) -> int:
        """Write one record; its offset."""
        producer = idempotent_producer(self.connection, client_id="tests")
        await producer.start()
        try:
            sent = await producer.send_and_wait(topic(self.namespace, role), value, key=key.encode(), partition=partition)
        finally:
            await producer.stop()
        return int(sent.offset)

    async def committed(self, role: TopicRole, action: str | None = None) -> list[Written]:
        """Every committed record of a topic, partition by partition; an open transaction's records are awaited."""
        return await self.read(topic(self.namespace, role, action), 1 if role is TopicRole.DEAD_LETTERS else self.partitions)

    async def read(self, name: str, partitions: int = 1) -> list[Written]:
        """Every record written so far that a `read_committed` reader sees.

        A transaction's markers reach its partitions one after the other: what a test has seen of it in one topic
        may still be open in another. So the reader goes on to the end of everything written, not to the last stable offset.
        """
        places = [TopicPartition(name, partition) for partition in range(partitions)]
        consumer, ends = assigned_consumer(self.connection, client_id="tests"), ends_consumer(self.connection, client_id="tests")
        found: list[Written] = []
        await consumer.start()
        await ends.start()
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                consumer.assign(places)
                first, end = await consumer.beginning_offsets(places), await ends.end_offsets(places)
                for place in places:
                    consumer.seek(place, first[place])
                while any([await consumer.position(place) < end[place] for place in places]):
                    fetched = await consumer.getmany(*places, timeout_ms=100)
                    found += [record for records in fetched.values() for record in records]
        finally:
            await ends.stop()
            await consumer.stop()
        return sorted(found, key=lambda record: (record.partition, record.offset))


@asynccontextmanager
async def shard_topics(kafka: str, *, partitions: int = 1, actions: Sequence[str] = ()) -> AsyncIterator[ShardTopics]:
    aiokafka_patches.apply()
    namespace, connection = f"o{SystemIds().uuid()[:8]}", KafkaConnection(bootstrap=kafka)
    await apply_topics(connection, namespace=namespace, partitions=partitions, actions=actions, replication=1)
    yield ShardTopics(connection, namespace, partitions)


def events(records: Sequence[Written], *types: str) -> list[dict[str, Any]]:
    """The data of the events of these types, all without types."""
    documents = [json.loads(record.value or b"{}") for record in records]
    return [document["data"] for document in documents if not types or document["type"].removeprefix("planner.") in types]


async def _ours() -> None:
    """The group holds the partition for us."""
