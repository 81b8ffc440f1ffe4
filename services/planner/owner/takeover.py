"""How a shard begins, and begins again after any failure: prove, fence, barrier, replay (docs/architecture.md, "Takeover")."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiokafka.errors import OffsetOutOfRangeError

from planner.owner.changelog import BARRIER_KEY
from planner.owner.changelog_reader import ChangelogReader, changelog_reader
from planner.owner.index import Found, Index, Position
from planner.owner.outbox import FORWARDED_BYTES_MAX, Record
from planner.owner.shard_name import ShardName
from planner.owner.transaction import Committed, FencedProducer
from planner.runtime.clock import Clock
from planner.runtime.kafka import KafkaConnection, transactional_producer
from planner.runtime.log import get_logger
from planner_contracts.topics import TopicRole

INDEX_AGE_MAX: Final = timedelta(days=7) / 2
"""Half of the changelog's `delete.retention.ms`: an older index may have missed tombstones that are compacted away."""

_log = get_logger("owner")


class NotOursError(Exception):
    """The group does not hold the partition for this process now: the shard ends quietly, the reconcile tries again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A shard at its beginning: the producer that has fenced, where log and index stand, the earliest timer.

    `foreign`: the index was that of another incarnation of the namespace.
    """

    producer: FencedProducer
    position: Position
    head: datetime | None
    built_anew: bool
    foreign: bool = False


class Takeover:
    """Makes one shard ours. `prove` raises NotOursError unless the group still holds its partition for this process."""

    def __init__(
        self, name: ShardName, *, connection: KafkaConnection, index: Index, clock: Clock, prove: Callable[[], Awaitable[None]]
    ) -> None:
        self._name = name
        self._connection = connection
        self._index = index
        self._clock = clock
        self._prove = prove

    async def run(self, *, anew: bool = False) -> Taken:
        """Fence first, then write the barrier, then read up to it: read first, and a zombie may still commit behind our back.

        `anew`: the index was found damaged, so it is built anew wherever it stands. Raises ClockAheadError, each time anew, while our
        clock is ahead of the broker's: until then nothing is taken in and nothing fires.
        """
        # Redis answers first, so that an outage of it does not fill the changelog with barriers.
        await self._index.found()
        await self._prove()
        name = self._name
        producer = FencedProducer(
            transactional_producer(
                self._connection,
                transactional_id=f"{name.namespace}.shard.{name.partition}",
                client_id=f"{name.namespace}-owner-{name.partition}",
            ),
            {name.topic(role): bytes_max for role, bytes_max in FORWARDED_BYTES_MAX.items()},
        )
        try:
            await producer.start()
            mark = Record(name.topic(TopicRole.OWNER_CHANGELOG), name.partition, BARRIER_KEY, b"{}")
            barrier = await producer.commit([], last=mark, decided_at=self._clock.now())
            return await self._replay(producer, barrier, anew=anew)
        except BaseException:
            await producer.close()
            raise

    async def _replay(self, producer: FencedProducer, barrier: Committed, *, anew: bool) -> Taken:
        name = self._name
        changelog_topic = name.topic(TopicRole.OWNER_CHANGELOG)
        client_id = f"{name.namespace}-replay-{name.partition}"
        async with changelog_reader(self._connection, topic=changelog_topic, partition=name.partition, client_id=client_id) as reader:
            incarnation = await reader.incarnation(partitions=name.partitions)
            found = await self._index.found()
            start = None if anew else _start(found, incarnation, barrier)
            if found is not None and start is not None:
                try:
                    return await self._follow(reader, producer, (incarnation, found, start, barrier))
                except OffsetOutOfRangeError:
                    _log.warning("owner.replay.gap", partition=name.partition, offset=start)
            return await self._build(reader, producer, incarnation, barrier)

    async def _follow(self, reader: ChangelogReader, producer: FencedProducer, where: tuple[str, Found, int, Committed]) -> Taken:
        incarnation, found, start, barrier = where
        collapsed = await reader.collapse(start=start, barrier=barrier.offset)
        position = Position(incarnation, barrier.offset, barrier.appended_at, collapsed.inputs or found.inputs)
        head = await self._index.apply(found, collapsed.changes(tombstones=True), position)
        return Taken(producer, position, head, built_anew=False)

    async def _build(self, reader: ChangelogReader, producer: FencedProducer, incarnation: str, barrier: Committed) -> Taken:
        collapsed = await reader.collapse(start=None, barrier=barrier.offset)
        position = Position(incarnation, barrier.offset, barrier.appended_at, collapsed.inputs or b"")
        found = await self._index.found()
        head = await self._index.build(found, collapsed.changes(tombstones=False), position)
        foreign = found is not None and f"{incarnation}/" not in found.marker
        return Taken(producer, position, head, built_anew=True, foreign=foreign)


def _start(found: Found | None, incarnation: str, barrier: Committed) -> int | None:
    """The offset to replay from; None where the index must be built anew."""
    offset = None if found is None else found.offset_of(incarnation)
    if found is None or offset is None or offset >= barrier.offset or barrier.appended_at - found.appended_at > INDEX_AGE_MAX:
        return None
    return offset + 1
