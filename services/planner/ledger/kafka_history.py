"""Reads a namespace's committed actions, and run events, from Kafka: whole topics, up to where they ended when the reading began."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from planner.ledger.history import Fired, RunRow, Skipped
from planner.runtime.failures import UnavailableError
from planner.runtime.kafka import KafkaConnection, admin, assigned_consumer, ends_consumer
from planner.runtime.kafka_close import stop_consumer
from planner_contracts.action import Action
from planner_contracts.envelope import Envelope, EnvelopeInvalidError, decode
from planner_contracts.run_event import OccurrenceSkipped, RunChanged, RunEventType
from planner_contracts.topics import TopicRole, topic

ANSWER_TIMEOUT_S: Final = 10.0
SILENCE_MAX_S: Final = 30.0
"""An open transaction of a dead owner holds readers back for its time-out, 12 s; silence beyond this is a fault."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_POLL_MS: Final = 500
_RECORDS_MAX: Final = 5000


async def read_actions(connection: KafkaConnection, namespace: str) -> tuple[list[Fired], list[str]]:
    """All committed actions of the namespace, and a line for each record that holds none. Raises UnavailableError."""
    fired: list[Fired] = []
    unreadable: list[str] = []
    prefix = f"{namespace}.{TopicRole.ACTION}."
    async for record in _records(connection, lambda name: name.startswith(prefix)):
        try:
            fired.append(_fired(record))
        except (EnvelopeInvalidError, ValidationError) as error:
            unreadable.append(_unreadable(record, error))
    return fired, unreadable


async def read_run_events(connection: KafkaConnection, namespace: str) -> tuple[list[RunRow], list[Skipped], list[str]]:
    """The runs and the skips that the run events tell of, each run once, from the first of its events; and a line for each record that
    is none. Types that this version does not know are passed over. Raises UnavailableError.
    """
    rows: dict[str, RunRow] = {}
    skips: list[Skipped] = []
    unreadable: list[str] = []
    events = topic(namespace, TopicRole.RUN_EVENTS)
    async for record in _records(connection, lambda name: name == events):
        try:
            envelope = decode(record.value, record.headers)
            if envelope.type == RunEventType.OCCURRENCE_SKIPPED:
                skips.append(_skipped(envelope))
            elif envelope.type in set(RunEventType):
                run = RunChanged.model_validate(envelope.data)
                rows.setdefault(run.id, RunRow(run.id, run.plan_id, run.scheduled_for, run.attempt, run.published_at))
        except (EnvelopeInvalidError, ValidationError) as error:
            unreadable.append(_unreadable(record, error))
    return list(rows.values()), skips, unreadable


async def _records(connection: KafkaConnection, wanted: Callable[[str], bool]) -> AsyncIterator["ConsumerRecord[bytes, bytes]"]:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            partitions = await _partitions(connection, wanted)
            ends = await _ends(connection, partitions) if partitions else {}
        if ends:
            async for record in _up_to(connection, ends):
                yield record
    except (KafkaError, TimeoutError) as error:
        raise UnavailableError(f"Kafka did not give its records: {error!r}") from error


async def _up_to(connection: KafkaConnection, ends: dict[TopicPartition, int]) -> AsyncIterator["ConsumerRecord[bytes, bytes]"]:
    consumer = assigned_consumer(connection, client_id="planner-ledger")
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await consumer.start()
            consumer.assign(list(ends))
            await consumer.seek_to_beginning(*ends)
        while behind := [at for at, end in ends.items() if await consumer.position(at) < end]:
            async with asyncio.timeout(SILENCE_MAX_S):
                batches = await _next(consumer, behind, ends)
            for at, records in batches.items():
                for record in records:
                    if record.offset < ends[at]:
                        yield record
    finally:
        await stop_consumer(consumer)


async def _next(consumer: AIOKafkaConsumer, behind: list[TopicPartition], ends: dict[TopicPartition, int]) -> dict[TopicPartition, Any]:
    # Markers and aborted records move the position and give nothing, so an empty answer is an end only where the position says so.
    while True:
        batches: dict[TopicPartition, Any] = await consumer.getmany(*behind, timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)
        if batches or any([await consumer.position(at) >= ends[at] for at in behind]):
            return batches


async def _partitions(connection: KafkaConnection, wanted: Callable[[str], bool]) -> list[TopicPartition]:
    client = admin(connection, client_id="planner-ledger")
    try:
        await client.start()
        described = await client.describe_topics()
    finally:
        await client.close()
    named = [one for one in described if wanted(one["topic"])]
    return [TopicPartition(one["topic"], partition["partition"]) for one in named for partition in one["partitions"]]


async def _ends(connection: KafkaConnection, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    # Uncommitted: the last stable offset stops at an open transaction and would hide what others committed behind it.
    consumer = ends_consumer(connection, client_id="planner-ledger-ends")
    try:
        await consumer.start()
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        return ends
    finally:
        await stop_consumer(consumer)


def _unreadable(record: "ConsumerRecord[bytes, bytes]", error: EnvelopeInvalidError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        cause = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False))
    else:
        cause = str(error)
    return f"{record.topic}-{record.partition}@{record.offset}: {cause}"


def _fired(record: "ConsumerRecord[bytes, bytes]") -> Fired:
    action = Action.model_validate(decode(record.value, record.headers).data)
    return Fired(
        run_id=action.run_id,
        plan_id=action.plan_id,
        scheduled_for=action.scheduled_for,
        due_at=action.due_at,
        published_at=action.published_at,
        attempt=action.attempt,
        trigger=action.trigger,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        appended_at=_EPOCH + timedelta(milliseconds=record.timestamp),
    )


def _skipped(envelope: Envelope) -> Skipped:
    skip = OccurrenceSkipped.model_validate(envelope.data)
    first, last = skip.first or skip.scheduled_for, skip.last or skip.scheduled_for
    if first is None or last is None:
        raise EnvelopeInvalidError("neither scheduled_for nor from and to")
    return Skipped(skip.plan_id, first, last, skip.reason)
