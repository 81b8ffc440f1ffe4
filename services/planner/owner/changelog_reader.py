"""Reads one changelog partition as it is committed: its incarnation, and everything from an offset to a barrier."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from planner.owner.changelog import POSITION_KEY, replayed
from planner.owner.index import Change
from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.incarnation import INCARNATION_KEY, STATE_FORMAT
from planner.runtime.kafka import KafkaConnection, assigned_consumer
from planner.runtime.kafka_close import stop_consumer

STALLED_TIMEOUT_S: Final = 10.0
CALL_TIMEOUT_S: Final = 5.0
_POLL_MS: Final = 500


@dataclass(slots=True)
class Collapsed:
    """A stretch of the changelog, the latest value a key. `inputs` is the newest position record's value, None without one."""

    values: dict[bytes, bytes | None] = field(default_factory=dict)
    inputs: bytes | None = None

    def changes(self, *, tombstones: bool) -> list[Change]:
        """The changes for the index; a building anew needs no tombstones."""
        changes = (replayed(key, value) for key, value in self.values.items())
        return [change for change in changes if change is not None and (tombstones or change.value is not None)]


class GapError(StartupRefusedError):
    """What a shard must read is no longer there, or not yet: going on would lose or repeat something silently."""


class ChangelogReader:
    """Reads partition `partition` of a changelog, `read_committed`."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, partition: int) -> None:
        self._consumer = consumer
        self._place = TopicPartition(topic, partition)

    async def incarnation(self, *, partitions: int) -> str:
        """The incarnation of the namespace. Raises StartupRefusedError if it was made with another N or by a newer format."""
        start = await self._beginning()
        self._consumer.seek(self._place, start)
        async with asyncio.timeout(STALLED_TIMEOUT_S):
            first = await self._consumer.getone(self._place)
        if first.key != INCARNATION_KEY or first.value is None:
            raise StartupRefusedError(f"{self._place.topic}: partition {self._place.partition} has no incarnation record")
        record = json.loads(first.value)
        if record["partitions"] != partitions:
            raise StartupRefusedError(f"{self._place.topic} was made for {record['partitions']} partitions, not {partitions}")
        if record["format"] > STATE_FORMAT:
            raise StartupRefusedError(f"{self._place.topic} has format {record['format']}; this version reads up to {STATE_FORMAT}")
        return str(record["uuid"])

    async def collapse(self, *, start: int | None, barrier: int) -> Collapsed:
        """Everything from offset `start` (None: the beginning) up to the barrier. Raises UnavailableError if it does not get there."""
        self._consumer.seek(self._place, await self._beginning() if start is None else start)
        collapsed = Collapsed()
        loop = asyncio.get_running_loop()
        progress = loop.time()
        while True:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                fetched = await self._consumer.getmany(self._place, timeout_ms=_POLL_MS)
            for record in fetched.get(self._place, ()):
                progress = loop.time()
                assert record.key is not None  # the broker refuses records without a key in a compacted topic
                if record.key == POSITION_KEY:
                    collapsed.inputs = record.value
                else:
                    collapsed.values[record.key] = record.value
                # Not an empty poll: an open transaction, or a slow broker, looks just like the end.
                if record.offset >= barrier:
                    return collapsed
            if loop.time() - progress > STALLED_TIMEOUT_S:
                raise UnavailableError("the changelog cannot be read up to the barrier")

    async def _beginning(self) -> int:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            offsets = await self._consumer.beginning_offsets([self._place])
        return int(offsets[self._place])


@asynccontextmanager
async def changelog_reader(connection: KafkaConnection, *, topic: str, partition: int, client_id: str) -> AsyncIterator[ChangelogReader]:
    """A reader of one changelog partition, for as long as a takeover lasts."""
    consumer = assigned_consumer(connection, client_id=client_id)
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await consumer.start()
        consumer.assign([TopicPartition(topic, partition)])
        yield ChangelogReader(consumer, topic, partition)
    finally:
        await stop_consumer(consumer)
