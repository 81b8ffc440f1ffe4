"""The incarnation record: the first of each changelog partition. It tells this life of a namespace from any earlier one of its name."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from planner.runtime.clock import IdSource
from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.kafka import KafkaConnection, assigned_consumer, transactional_producer
from planner.runtime.kafka_close import STOP_TIMEOUT_S, drop_producer, stop_consumer
from planner_contracts.topics import TopicRole, topic

CALL_TIMEOUT_S: Final = 20.0
STATE_FORMAT: Final = 1
INCARNATION_KEY: Final = b"incarnation"
_OTHER_APPLY_WAIT_S: Final = 0.2
_POLL_MS: Final = 200


async def write_incarnation(connection: KafkaConnection, *, namespace: str, partitions: int, ids: IdSource) -> str:
    """The namespace's incarnation, written into each changelog partition that is empty.

    An apply that was cut off is completed with the incarnation that it began with; of several at once, one writes. Raises
    StartupRefusedError where a partition that is not empty begins with anything else: its state belongs to nobody who could be named.
    """
    async with _reachable(connection):
        while None in (found := await _first_records(connection, namespace, partitions)).values():
            try:
                await _write_missing(connection, namespace=namespace, partitions=partitions, ids=ids)
            except (ProducerFenced, InvalidProducerEpoch):
                # Another apply has begun after us; fenced in turn at once, neither would get through.
                await asyncio.sleep(_OTHER_APPLY_WAIT_S)
        uuid = _agreed(found, namespace, partitions)
    assert uuid is not None  # every partition has a record
    return uuid


async def _write_missing(connection: KafkaConnection, *, namespace: str, partitions: int, ids: IdSource) -> None:
    """All in one transaction, of which there is one at a time: two applies at once would leave parts of two incarnations."""
    name = f"{namespace}.topics"
    producer = transactional_producer(connection, transactional_id=name, client_id=name)
    try:
        await producer.start()
        # Earlier applies are fenced off now: what they have not committed will never be.
        found = await _first_records(connection, namespace, partitions)
        uuid = _agreed(found, namespace, partitions) or str(UUID(ids.uuid()))
        record = json.dumps({"uuid": uuid, "partitions": partitions, "format": STATE_FORMAT}).encode()
        empty = [place for place, value in found.items() if value is None]
        if not empty:
            return
        async with producer.transaction():
            sent = [await producer.send(place.topic, record, key=INCARNATION_KEY, partition=place.partition) for place in empty]
            await asyncio.gather(*sent)
    finally:
        await drop_producer(producer, timeout_s=STOP_TIMEOUT_S)


async def read_incarnation(connection: KafkaConnection, *, namespace: str, partitions: int) -> str:
    """The namespace's incarnation. Raises StartupRefusedError unless every changelog partition begins with it.

    An owner asks before its first write: a barrier in an empty partition would take the incarnation's place.
    """
    async with _reachable(connection):
        found = await _first_records(connection, namespace, partitions)
    uuid = _agreed(found, namespace, partitions)
    bare = [place.partition for place, value in found.items() if value is None]
    if uuid is None or bare:
        raise StartupRefusedError(
            f"the changelog of {namespace} has no incarnation record in partitions {bare}: run `planner topics apply`"
        )
    return uuid


def _agreed(found: dict[TopicPartition, bytes | None], namespace: str, partitions: int) -> str | None:
    """The one incarnation of all partitions that have a record; None if none has."""
    written = {_uuid(place, value, partitions) for place, value in found.items() if value is not None}
    if len(written) > 1:
        raise StartupRefusedError(f"the changelog of {namespace} was put together of several: {', '.join(sorted(written))}")
    return next(iter(written), None)


def _uuid(place: TopicPartition, value: bytes, partitions: int) -> str:
    try:
        record: dict[str, Any] = json.loads(value)
        uuid, made_for, state_format = str(UUID(record["uuid"])), int(record["partitions"]), int(record["format"])
    except (ValueError, KeyError, TypeError):
        raise StartupRefusedError(f"{place.topic}: partition {place.partition} does not begin with an incarnation record") from None
    if made_for != partitions:
        raise StartupRefusedError(f"{place.topic} was made for {made_for} partitions, not {partitions}")
    if state_format > STATE_FORMAT:
        raise StartupRefusedError(f"{place.topic} has format {state_format}; this version reads up to {STATE_FORMAT}")
    return uuid


async def _first_records(connection: KafkaConnection, namespace: str, partitions: int) -> dict[TopicPartition, bytes | None]:
    """The value of each partition's first record: None where there is no record, empty where it is no incarnation."""
    places = [TopicPartition(topic(namespace, TopicRole.OWNER_CHANGELOG), partition) for partition in range(partitions)]
    first: dict[TopicPartition, bytes | None] = dict.fromkeys(places)
    consumer = assigned_consumer(connection, client_id=f"{namespace}-topics")
    try:
        await consumer.start()
        begin, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        unread = [place for place in places if end[place] > 0]
        consumer.assign(unread)
        for place in unread:
            consumer.seek(place, begin[place])
        while unread:
            batches = await consumer.getmany(*unread, timeout_ms=_POLL_MS)
            for place, (record, *_) in batches.items():
                first[place] = (record.value or b"") if record.key == INCARNATION_KEY else b""
            # What was aborted gives no record, but moves the position.
            unread = [place for place in unread if first[place] is None and await consumer.position(place) < end[place]]
    finally:
        await stop_consumer(consumer)
    return first


@asynccontextmanager
async def _reachable(connection: KafkaConnection) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise UnavailableError(f"Kafka at {connection.bootstrap} did not answer: {error!r}") from error
