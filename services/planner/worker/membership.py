"""A member of the consumer group: which records are taken in, and which offsets are committed when."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final, NoReturn, Protocol

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from planner.runtime.log import get_logger
from planner.worker.delivery import Delivery
from planner.worker.lanes import Lanes
from planner.worker.progress import PartitionProgress

COMMIT_TIMEOUT_S: Final = 5.0
COMMIT_PAUSE_S: Final = 0.1
REVOCATION_WAIT_S: Final = 5.0
REDELIVERED_MAX: Final = 10_000

_LOG: Final = get_logger("planner.worker")


class GroupConsumer(Protocol):
    """The part of the consumer that is needed here."""

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit these offsets and no others."""


class Membership(ConsumerRebalanceListener):
    """Takes records in, has them performed, and commits the offsets of what is finished, partition by partition.

    FastStream commits nothing here (AckPolicy.MANUAL): its own `ack()` would commit whatever the consumer has fetched of every partition.
    """

    def __init__(self, tasks: asyncio.TaskGroup, perform: Callable[[Delivery], Awaitable[None]], *, concurrency: int) -> None:
        self._perform = perform
        self._lanes = Lanes(tasks, self._performed, concurrency=concurrency)
        self._partitions: defaultdict[TopicPartition, PartitionProgress] = defaultdict(PartitionProgress)
        self._consumer: GroupConsumer | None = None
        self._assignment = 0
        self._takes = False
        self._draining = False
        self._dirty = asyncio.Event()
        self._shrunk = asyncio.Event()
        self._commits = asyncio.Lock()

    def use(self, consumer: GroupConsumer) -> None:
        """Commit through this consumer from now on."""
        self._consumer = consumer
        self._dirty.set()

    @property
    def assignment(self) -> int:
        """A number for what this member has been given; it rises with each rebalance."""
        return self._assignment

    async def take(self, delivery: Delivery, assignment: int) -> None:
        """Have it performed if it still belongs to the assignment in which it came; returns when that is under way, not when it is done.
        Waits for room.
        """
        progress = self._partitions[_partition(delivery)]
        await self._lanes.room()
        while progress.span() >= REDELIVERED_MAX:
            self._shrunk.clear()
            await self._shrunk.wait()
        if not self._takes or assignment != self._assignment:
            # It is of an assignment that has ended, and comes again in the next one: here or with another member.
            self._lanes.give_back()
        elif progress.admit(delivery.offset):
            self._lanes.add(delivery)
        else:
            self._lanes.give_back()
            self._dirty.set()

    async def commit_what_is_finished(self) -> NoReturn:
        """Commit as records are finished, until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if self._takes and not await self._commit():
                self._dirty.set()
            await asyncio.sleep(COMMIT_PAUSE_S)

    async def drain(self, *, within_s: float) -> None:
        """Take nothing more, let what has begun end, commit. What has not ended by then is cancelled, and will be delivered again."""
        self._draining = True
        await self._pause(within_s)
        self._lanes.abandon()
        await self._commit()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The group rebalances: eagerly, so all partitions go and some come back."""
        _LOG.info("worker.partitions.revoked", partitions=len(revoked))
        self._assignment += 1
        await self._pause(REVOCATION_WAIT_S)
        await self._commit()
        for progress in self._partitions.values():
            progress.start_over()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Each partition starts at the group's committed offset. A member that drains gets some too, when another one comes or goes."""
        self._takes = not self._draining
        _LOG.info("worker.partitions.assigned", partitions=len(assigned))

    async def _pause(self, within_s: float) -> None:
        self._takes = False
        for delivery in self._lanes.drop_waiting():
            self._partitions[_partition(delivery)].forget(delivery.offset)
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._lanes.quiet()

    async def _performed(self, delivery: Delivery) -> None:
        await self._perform(delivery)
        self._partitions[_partition(delivery)].finish(delivery.offset)
        self._dirty.set()

    async def _commit(self) -> bool:
        async with self._commits:
            offsets = {
                partition: offset for partition, progress in self._partitions.items() if (offset := progress.committable()) is not None
            }
            if not offsets or self._consumer is None:
                return True
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await self._consumer.commit(offsets)
            except (KafkaError, TimeoutError) as error:
                # Nothing is lost: what is not committed is delivered again, and is not performed twice by this process.
                _LOG.warning("worker.commit.failed", reason=repr(error))
                return False
            for partition, offset in offsets.items():
                self._partitions[partition].commit(offset)
            self._shrunk.set()
            return True


def _partition(delivery: Delivery) -> TopicPartition:
    return TopicPartition(delivery.topic, delivery.partition)
