"""Membership of the owners' consumer group, and its proof. The consumer serves nothing else: it is paused and reads nothing."""

import asyncio
from collections.abc import Collection
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from planner.owner.takeover import NotOursError
from planner.runtime.kafka_close import stop_consumer
from planner.runtime.log import get_logger

JOIN_TIMEOUT_S: Final = 30.0
PROOF_TIMEOUT_S: Final = 3.0

_log = get_logger("owner")


class Membership(ConsumerRebalanceListener):
    """Which partitions of the command topic the group gives to this process."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._assigned: frozenset[int] = frozenset()
        self._rejoining = True
        self.changed = asyncio.Event()

    @property
    def assigned(self) -> frozenset[int] | None:
        """Our partitions, None while the group rebalances: then nothing is known, and what runs goes on."""
        return None if self._rejoining else self._assigned

    async def join(self) -> None:
        """Enter the group."""
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            await self._consumer.start()
        self._consumer.subscribe([self._topic], listener=self)

    async def poll(self) -> None:
        """Show the group that we live, and learn of errors of the coordination. Raises what ended it."""
        await self._consumer.getmany(timeout_ms=0)

    async def leave(self) -> None:
        """Leave the group, so that others take over at once."""
        await stop_consumer(self._consumer)

    async def prove(self, partition: int) -> None:
        """Prove that the group still holds this partition for us: it accepts a commit. Raises NotOursError.

        Without it a zombie that wakes would fence the rightful owner. The offset committed is the one that stands there, or 0:
        nobody uses it.
        """
        place = TopicPartition(self._topic, partition)
        before = self._generation()
        if not self._holds(partition):
            raise NotOursError("the group does not give it to us")
        try:
            async with asyncio.timeout(PROOF_TIMEOUT_S):
                stands: object = await self._consumer.committed(place)
                await self._consumer.commit({place: OffsetAndMetadata(stands if isinstance(stands, int) else 0, "")})
        except Exception as error:  # anything but success means: not ours now
            raise NotOursError(f"the group did not accept the proof: {error!r}") from error
        if not self._holds(partition) or self._generation() != before:
            raise NotOursError("the group has moved on")

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002  the library's signature
        """Note only, and return: heartbeats wait for this. Eager rebalancing names everything, so it says just "rejoining"."""
        self._rejoining = True
        self.changed.set()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Pause, note, return."""
        self._consumer.pause(*assigned)
        self._assigned = frozenset(place.partition for place in assigned)
        self._rejoining = False
        self.changed.set()
        _log.info("owner.membership.assigned", partitions=sorted(self._assigned))

    def _holds(self, partition: int) -> bool:
        return not self._rejoining and partition in self._assigned

    def _generation(self) -> int:
        coordinator = self._consumer._coordinator  # noqa: SLF001  the library shows the generation nowhere else
        return -1 if coordinator is None else int(coordinator.generation)
