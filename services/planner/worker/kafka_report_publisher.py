"""Reports on Kafka: acknowledged by all replicas, through a producer that is replaced after any failure."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from aiokafka.errors import KafkaError

from planner.runtime.failures import UnavailableError
from planner.runtime.log import get_logger
from planner_contracts.envelope import HEADERS
from planner_contracts.partitioning import partition_for

PUBLISH_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 5.0

_LOG: Final = get_logger("planner.worker")


class ReportProducer(Protocol):
    """The part of an idempotent producer that is needed here."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Send what is buffered, and disconnect."""

    async def partitions_for(self, topic: str) -> set[int]:
        """The topic's partitions."""

    async def send_and_wait(self, topic: str, *, value: bytes, key: bytes, partition: int, headers: list[tuple[str, bytes]]) -> object:
        """Returns when the record is acknowledged."""


class KafkaReportPublisher:
    """`ReportPublisher` over a producer. `make` makes one that is not started."""

    def __init__(self, make: Callable[[], ReportProducer], *, topic: str) -> None:
        self._make = make
        self._topic = topic
        self._producer: ReportProducer | None = None
        self._replacing = asyncio.Lock()

    async def publish(self, plan_id: str, value: bytes) -> None:
        """See `ReportPublisher`."""
        producer: ReportProducer | None = None
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                producer = await self._started()
                key = plan_id.encode()
                partition = partition_for(key, len(await producer.partitions_for(self._topic)))
                await producer.send_and_wait(self._topic, value=value, key=key, partition=partition, headers=HEADERS)
        except (KafkaError, TimeoutError) as error:
            if producer is not None:
                await self._discard(producer)
            raise UnavailableError(f"{self._topic}: {error!r}") from error

    async def close(self) -> None:
        """Disconnect. A report that is under way may or may not be written."""
        if self._producer is not None:
            await self._discard(self._producer)

    async def _started(self) -> ReportProducer:
        async with self._replacing:
            if self._producer is None:
                producer = self._make()
                try:
                    await producer.start()
                except BaseException:
                    await _stop(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self, producer: ReportProducer) -> None:
        # After one refused batch an idempotent producer fails for ever in that partition (OutOfOrderSequenceNumber).
        async with self._replacing:
            if self._producer is not producer:
                return
            self._producer = None
        await _stop(producer)


async def _stop(producer: ReportProducer) -> None:
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await producer.stop()
    except (KafkaError, TimeoutError) as error:
        _LOG.warning("worker.producer.stop_failed", reason=repr(error))
