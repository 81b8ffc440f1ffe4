"""What is in topics between two marks, and where a topic ends."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from planner.runtime.kafka import KafkaConnection, assigned_consumer
from planner.runtime.kafka_close import stop_consumer

ANSWER_TIMEOUT_S: Final = 20.0
POLL_MS: Final = 200
RECORDS_MAX: Final = 10_000

Marks = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Written:
    """One committed record. `appended_ms`: the broker's time stamp."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    appended_ms: int


class TopicReader:
    """Reads committed records of some topics from marks on."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._partitions = partitions

    async def ends(self) -> dict[TopicPartition, int]:
        """Where each partition ends now, for readers of what is committed. Offsets are not dense: markers take some."""
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            ends: dict[TopicPartition, int] = await self._consumer.end_offsets(self._partitions)
        return ends

    def go_to(self, marks: Marks) -> None:
        """The next record is the first at or behind its partition's mark."""
        for partition in self._partitions:
            self._consumer.seek(partition, marks[partition])

    async def some(self) -> list[Written]:
        """The next records, or none if none came for a moment."""
        return [_written(record) for records in (await self._fetched()).values() for record in records]

    async def between(self, begin: Marks, end: Marks) -> list[Written]:
        """Everything from one mark to the other, each partition's in order."""
        self.go_to(begin)
        found: list[Written] = []
        while any([await self._consumer.position(partition) < end[partition] for partition in self._partitions]):
            for partition, records in (await self._fetched()).items():
                found += [_written(record) for record in records if record.offset < end[partition]]
        return found

    async def _fetched(self) -> dict[TopicPartition, list[Any]]:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            batches: dict[TopicPartition, list[Any]] = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_MAX)
        return batches


def _written(record: Any) -> Written:  # noqa: ANN401  the library is untyped
    return Written(record.topic, record.partition, record.key, record.value, record.headers, record.timestamp)


@asynccontextmanager
async def topic_reader(connection: KafkaConnection, topics: Iterable[str], *, partitions: int) -> AsyncIterator[TopicReader]:
    """A reader of all partitions of these topics, standing at their ends."""
    assigned = [TopicPartition(name, number) for name in topics for number in range(partitions)]
    consumer = assigned_consumer(connection, client_id="planner-bench")
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await consumer.start()
            consumer.assign(assigned)
            await consumer.seek_to_end(*assigned)
        yield TopicReader(consumer, assigned)
    finally:
        await stop_consumer(consumer)
