"""The same records by a bare aiokafka loop: what a program that only sends could reach here."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition

from planner.bench.cpu_time import used_here_s
from planner.bench.plans import acknowledged, started_producer
from planner.bench.written import Written
from planner.runtime.clock import Clock
from planner.runtime.kafka import BATCH_BYTES_MAX, KafkaConnection

IN_FLIGHT_MAX: Final = 4000
BATCH_RECORDS_MAX: Final = 1000
METADATA_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class RawRun:
    """One loop over all records: `begun` before the first send, `ended_ms` the broker's time stamp of the last append.

    `used_s`: CPU seconds of this process, which builds and sends.
    """

    records: int
    begun: datetime
    ended_ms: int
    used_s: float

    @property
    def took_s(self) -> float:
        """From the first send to the last append."""
        return max(self.ended_ms / 1000 - self.begun.timestamp(), 0.001)


Progress = Callable[[int], None]


class Loop(Protocol):
    """Sends records in its own way. `progress` hears how many more are acknowledged."""

    async def __call__(self, connection: KafkaConnection, records: Sequence[Written], *, clock: Clock, progress: Progress) -> RawRun: ...


async def send_each(connection: KafkaConnection, records: Sequence[Written], *, clock: Clock, progress: Progress) -> RawRun:
    """`send()` for each record, from partition to partition in turn; half a window is under way while the other half is awaited."""
    async with started_producer(connection, batch_bytes_max=BATCH_BYTES_MAX) as producer:
        await _learn_topics(producer, records)
        begun, ended_ms, used_before_s = clock.now(), 0, used_here_s()
        window: list[asyncio.Future[Any]] = []
        for record in _in_turn(records):
            headers = list(record.headers)
            future = await producer.send(record.topic, value=record.value, key=record.key, partition=record.partition, headers=headers)
            window.append(future)
            if len(window) == IN_FLIGHT_MAX:
                half, window = window[: IN_FLIGHT_MAX // 2], window[IN_FLIGHT_MAX // 2 :]
                ended_ms = max(ended_ms, await _last_append_ms(half))
                progress(len(half))
        ended_ms = max(ended_ms, await _last_append_ms(window))
        progress(len(window))
        return RawRun(len(records), begun, ended_ms, used_here_s() - used_before_s)


async def send_batches(connection: KafkaConnection, records: Sequence[Written], *, clock: Clock, progress: Progress) -> RawRun:
    """`send_batch()` of at most BATCH_RECORDS_MAX records, each partition once a round; a round is under way while the next is built."""
    async with started_producer(connection, batch_bytes_max=BATCH_BYTES_MAX) as producer:
        await _learn_topics(producer, records)
        begun, ended_ms, used_before_s = clock.now(), 0, used_here_s()
        earlier: list[asyncio.Future[Any]] = []
        for round_ in _rounds(records):
            sent = [future for partition, batch in round_ for future in await _send_batch(producer, partition, batch)]
            ended_ms = max(ended_ms, await _last_append_ms(earlier))
            progress(sum(len(batch) for _, batch in round_))
            earlier = sent
        ended_ms = max(ended_ms, await _last_append_ms(earlier))
        return RawRun(len(records), begun, ended_ms, used_here_s() - used_before_s)


async def _learn_topics(producer: AIOKafkaProducer, records: Sequence[Written]) -> None:
    """So that no question for metadata is measured."""
    for name in {record.topic for record in records}:
        async with asyncio.timeout(METADATA_TIMEOUT_S):
            await producer.partitions_for(name)


async def _send_batch(producer: AIOKafkaProducer, at: TopicPartition, records: Sequence[Written]) -> "list[asyncio.Future[Any]]":
    futures = []
    batch = producer.create_batch()
    for record in records:
        if batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers)) is None:
            futures.append(await producer.send_batch(batch, at.topic, partition=at.partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
    futures.append(await producer.send_batch(batch, at.topic, partition=at.partition))
    return futures


def _by_partition(records: Sequence[Written]) -> dict[TopicPartition, list[Written]]:
    partitions: defaultdict[TopicPartition, list[Written]] = defaultdict(list)
    for record in records:
        partitions[TopicPartition(record.topic, record.partition)].append(record)
    return partitions


def _in_turn(records: Sequence[Written]) -> list[Written]:
    placed = [(number / len(log), record) for log in _by_partition(records).values() for number, record in enumerate(log)]
    return [record for _, record in sorted(placed, key=lambda place: place[0])]


def _rounds(records: Sequence[Written]) -> list[list[tuple[TopicPartition, list[Written]]]]:
    partitions = _by_partition(records)
    longest = max(map(len, partitions.values()))
    count = -(-longest // BATCH_RECORDS_MAX)
    return [
        [(at, part) for at, log in partitions.items() if (part := log[len(log) * number // count : len(log) * (number + 1) // count])]
        for number in range(count)
    ]


async def _last_append_ms(futures: "list[asyncio.Future[Any]]") -> int:
    return max((metadata.timestamp for metadata in await acknowledged(futures)), default=0)
