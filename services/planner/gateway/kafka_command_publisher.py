"""Commands on Kafka: acknowledged by all replicas, through a producer that is replaced after any failure."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from planner.gateway.command_publisher import PlanCommand, Trace
from planner.gateway.positions import Position
from planner.gateway.problems import ProblemError
from planner.runtime.failures import IndefiniteError, UnavailableError
from planner.runtime.kafka_close import drop_producer
from planner.runtime.log import get_logger
from planner_contracts.envelope import HEADERS, Envelope, encode
from planner_contracts.errors import ErrorCode
from planner_contracts.partitioning import partition_for
from planner_contracts.topics import COMMAND_BYTES_MAX

START_TIMEOUT_S: Final = 4.0
PUBLISH_TIMEOUT_S: Final = 5.0
STOP_TIMEOUT_S: Final = 2.0
DROP_TIMEOUT_S: Final = 0.5
SOURCE: Final = "/planner/gateway"
REQUEST_ID_HEADER: Final = "x-request-id"

# Key, headers and the batch's own frame count too, where the broker compares.
_VALUE_BYTES_MAX: Final = COMMAND_BYTES_MAX - 2048

_log = get_logger("gateway")


class KafkaCommandPublisher:
    """CommandPublisher over a producer. `make` makes one that is not started."""

    def __init__(self, make: Callable[[], AIOKafkaProducer], *, topic: str, partitions: int) -> None:
        self._make = make
        self._topic = topic
        self._partitions = partitions
        self._producer: AIOKafkaProducer | None = None
        self._replacing = asyncio.Lock()

    async def publish(self, command: PlanCommand, trace: Trace) -> Position:
        value = encode(_envelope(command, trace))
        if len(value) > _VALUE_BYTES_MAX:
            raise ProblemError(ErrorCode.BODY_TOO_LARGE, f"as a command it has {len(value)} bytes, at most {_VALUE_BYTES_MAX}")
        key = command.plan_id.encode()
        partition = partition_for(key, self._partitions)
        headers = [*HEADERS, (REQUEST_ID_HEADER, trace.request_id.encode())]
        producer = await self._started()
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                placed = await producer.send_and_wait(self._topic, value=value, key=key, partition=partition, headers=headers)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._discard(producer)
            raise IndefiniteError(f"{self._topic}: {error!r}") from error
        return Position(self._topic, partition, placed.offset)

    async def close(self) -> None:
        """Disconnect. A command that is under way may or may not be written."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await producer.stop()
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("gateway.producer.stop_failed", cause=repr(error))
            await drop_producer(producer, timeout_s=DROP_TIMEOUT_S)

    async def _started(self) -> AIOKafkaProducer:
        try:
            async with asyncio.timeout(START_TIMEOUT_S), self._replacing:
                if self._producer is None:
                    producer = self._make()
                    try:
                        await producer.start()
                    except BaseException:
                        await drop_producer(producer, timeout_s=DROP_TIMEOUT_S)
                        raise
                    self._producer = producer
                return self._producer
        except (KafkaError, OSError, TimeoutError) as error:
            raise UnavailableError(f"{self._topic}: {error!r}") from error

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        # After one refused batch an idempotent producer fails for ever in that partition (OutOfOrderSequenceNumber).
        if self._producer is producer:
            self._producer = None
            await drop_producer(producer, timeout_s=DROP_TIMEOUT_S)


def _envelope(command: PlanCommand, trace: Trace) -> Envelope:
    return Envelope(
        id=command.command_id,
        source=SOURCE,
        type=command.type,
        time=command.issued_at,
        subject=command.plan_id,
        tenant_id=command.tenant_id,
        organization_id=command.organization_id,
        data=command.data(),
        traceparent=trace.traceparent,
    )
