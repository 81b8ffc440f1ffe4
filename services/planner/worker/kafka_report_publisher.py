"""Reports on Kafka: acknowledged by all replicas, through a producer that is replaced after any failure."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from planner.runtime.failures import UnavailableError
from planner.runtime.kafka_close import drop_producer
from planner.runtime.log import get_logger
from planner_contracts.envelope import HEADERS
from planner_contracts.partitioning import partition_for

PUBLISH_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 5.0
DROP_TIMEOUT_S: Final = 0.5

_LOG: Final = get_logger("planner.worker")


class KafkaReportPublisher:
    """`ReportPublisher` over a producer. `make` makes one that is not started."""

    def __init__(self, make: Callable[[], AIOKafkaProducer], *, topic: str) -> None:
        self._make = make
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._replacing = asyncio.Lock()

    async def publish(self, plan_id: str, value: bytes) -> None:
        """See `ReportPublisher`."""
        producer: AIOKafkaProducer | None = None
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
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await producer.stop()
        except (KafkaError, TimeoutError) as error:
            _LOG.warning("worker.producer.stop_failed", reason=repr(error))
            await drop_producer(producer, timeout_s=DROP_TIMEOUT_S)

    async def _started(self) -> AIOKafkaProducer:
        async with self._replacing:
            if self._producer is None:
                producer = self._make()
                try:
                    await producer.start()
                except BaseException:
                    await drop_producer(producer, timeout_s=DROP_TIMEOUT_S)
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        # After one refused batch an idempotent producer fails for ever in that partition (OutOfOrderSequenceNumber).
        if self._producer is producer:
            self._producer = None
            await drop_producer(producer, timeout_s=DROP_TIMEOUT_S)
