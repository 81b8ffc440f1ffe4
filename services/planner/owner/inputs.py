"""What waits for a shard: its commands and reports, read from the positions in the state; and its naps, which input or a stop ends."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from planner.owner.changelog import Inputs
from planner.owner.changelog_reader import GapError
from planner.owner.inbox import Incoming
from planner.owner.shard_name import ShardName
from planner.runtime.kafka import KafkaConnection, assigned_consumer
from planner.runtime.kafka_close import stop_consumer
from planner_contracts.topics import TopicRole

COMMANDS_PER_TICK_MAX: Final = 500
REPORTS_PER_TICK_MAX: Final = 1000
CALL_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Gathered:
    """A tick's share of the input, and the positions after it."""

    commands: Sequence[Incoming]
    reports: Sequence[Incoming]
    after: Inputs


class ShardInputs:
    """The input partitions of one shard. They are assigned, not subscribed: where to read is in the shard's own state."""

    def __init__(self, name: ShardName, connection: KafkaConnection) -> None:
        self._name = name
        self._connection = connection
        self._commands = TopicPartition(name.topic(TopicRole.PLAN_COMMANDS), name.partition)
        self._reports = TopicPartition(name.topic(TopicRole.RUN_REPORTS), name.partition)
        self._consumer: AIOKafkaConsumer | None = None
        self._after = Inputs()
        self._woken = asyncio.Event()
        self._nap: asyncio.Timeout | None = None

    async def open(self, inputs: Inputs) -> None:
        """Begin reading at these positions. Raises GapError where records before them are gone, or the topics end before them."""
        consumer = assigned_consumer(self._connection, client_id=f"{self._name.namespace}-inputs-{self._name.partition}")
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await consumer.start()
                consumer.assign([self._commands, self._reports])
                first = await consumer.beginning_offsets([self._commands, self._reports])
                end = await consumer.end_offsets([self._commands, self._reports])
            for place, offset in ((self._commands, inputs.commands), (self._reports, inputs.reports)):
                # The end is that of what is committed: a position is never beyond it.
                _refuse_gap(place, offset, first[place], end[place])
                consumer.seek(place, offset)
        except BaseException:
            await stop_consumer(consumer)
            raise
        self._consumer, self._after = consumer, inputs

    async def gather(self, wait_s: float) -> Gathered:
        """What waits, each kind with its own bounded share; if nothing does, wait so long for the first of it.

        The positions in `after` are those of a tick that takes in all of it, past what readers never see (markers, aborted records).
        """
        consumer = self._consumer
        assert consumer is not None
        fetched: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = {}
        try:
            async with asyncio.timeout(wait_s if wait_s > 0 and not self._woken.is_set() else 0) as self._nap:
                fetched = await consumer.getmany(timeout_ms=wait_s * 1000, max_records=COMMANDS_PER_TICK_MAX)
        except TimeoutError:
            pass  # nothing came, or somebody woke us
        finally:
            self._nap = None
        for place, most in ((self._commands, COMMANDS_PER_TICK_MAX), (self._reports, REPORTS_PER_TICK_MAX)):
            room = most - len(fetched.get(place, ()))
            if room > 0:
                more = await consumer.getmany(place, timeout_ms=0, max_records=room)
                fetched.setdefault(place, []).extend(more.get(place, ()))
        commands, reports = fetched[self._commands], fetched[self._reports]
        self._after = Inputs(_next(commands, self._after.commands), _next(reports, self._after.reports))
        return Gathered([_incoming(record) for record in commands], [_incoming(record) for record in reports], self._after)

    def go_on_after(self, taken: Inputs) -> None:
        """What was gathered beyond these positions has not been taken in: gather it again."""
        assert self._consumer is not None
        if taken.commands < self._after.commands:
            self._consumer.seek(self._commands, taken.commands)
            self._after = replace(self._after, commands=taken.commands)

    async def reached(self) -> Inputs:
        """The positions of the consumer, past markers at the end that no record follows."""
        assert self._consumer is not None
        async with asyncio.timeout(CALL_TIMEOUT_S):
            commands, reports = await self._consumer.position(self._commands), await self._consumer.position(self._reports)
        return Inputs(max(commands, self._after.commands), max(reports, self._after.reports))

    def lag(self) -> Inputs:
        """How many offsets of each kind are still to be taken in, markers included, by what the last fetch told of the ends."""
        return Inputs(self._behind(self._commands, self._after.commands), self._behind(self._reports, self._after.reports))

    def _behind(self, place: TopicPartition, after: int) -> int:
        assert self._consumer is not None
        end: int | None = self._consumer.last_stable_offset(place)
        return 0 if end is None else max(0, end - after)

    async def close(self) -> None:
        """Stop reading."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer)

    def wake(self) -> None:
        """End the nap under way, and every later one at once."""
        self._woken.set()
        if self._nap is not None:
            self._nap.reschedule(asyncio.get_running_loop().time())

    async def nap(self, seconds: float) -> None:
        """Wait so long, or until woken."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass


def _refuse_gap(place: TopicPartition, offset: int, first: int, end: int) -> None:
    if not first <= offset <= end:
        raise GapError(f"{place.topic}[{place.partition}] holds offsets {first} to {end}, the shard stands at {offset}")


def _next(records: Sequence[ConsumerRecord[bytes, bytes]], otherwise: int) -> int:
    return records[-1].offset + 1 if records else otherwise


def _incoming(record: ConsumerRecord[bytes, bytes]) -> Incoming:
    return Incoming(record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)
