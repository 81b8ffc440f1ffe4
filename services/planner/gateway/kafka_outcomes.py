"""Plan events from Kafka: every partition, from its end at the start, from where we were after a failure."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Never

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from planner.gateway.metrics import GatewayMetrics
from planner.gateway.outcomes import Outcomes
from planner.gateway.positions import Position
from planner.runtime.failures import Backoff
from planner.runtime.health import Health
from planner.runtime.kafka_close import stop_consumer
from planner.runtime.log import get_logger
from planner_contracts.envelope import EnvelopeInvalidError, decode

CHECK: Final = "plan events"
START_TIMEOUT_S: Final = 10.0
POLL_MS: Final = 1_000
LOOK_EVERY_S: Final = 2.0
LOOK_TIMEOUT_S: Final = 3.0
_POLL_TIMEOUT_S: Final = 30.0
_RECORDS_MAX: Final = 1_000

_log = get_logger("gateway")


class KafkaOutcomes:
    """Reads until it is cancelled. `make` makes a consumer that is not started and assigned nothing."""

    def __init__(
        self,
        make: Callable[[], AIOKafkaConsumer],
        partitions: Sequence[TopicPartition],
        *,
        outcomes: Outcomes,
        health: Health,
        metrics: GatewayMetrics,
    ) -> None:
        self._make = make
        self._partitions = tuple(partitions)
        self._outcomes = outcomes
        self._health = health
        self._metrics = metrics
        # The one that is reading, if one is.
        self._consumer: AIOKafkaConsumer | None = None
        # Empty until the ends are known; nothing that we publish after that can lie before them.
        self._positions: dict[TopicPartition, int] = {}

    async def run(self, backoff: Backoff) -> Never:
        """Tell of every event."""
        while True:
            try:
                await self._read(backoff)
            except OffsetOutOfRangeError as error:
                # The topic was made anew, or cut: what lay between is in the run store, which each wait asks at its end.
                self._positions = {}
                cause = f"Kafka: {error!r}"
            except (KafkaError, OSError, TimeoutError) as error:
                cause = f"Kafka: {error!r}"
            self._health.set(CHECK, ready=False, reason=cause)
            _log.warning("gateway.outcomes.interrupted", cause=cause)
            await asyncio.sleep(backoff.next_s())

    async def keep_watch(self) -> Never:
        """Say whether Kafka answers: a consumer reports nothing of brokers that went away, and finds them again by itself."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            consumer = self._consumer
            if consumer is None:
                continue
            missing = await _missing(consumer, self._partitions)
            # `run` speaks for one that has stopped meanwhile.
            if consumer is self._consumer:
                self._health.set(CHECK, ready=missing is None, reason=missing or "")

    async def _read(self, backoff: Backoff) -> Never:
        consumer = self._make()
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await consumer.start()
                consumer.assign(self._partitions)
                if not self._positions:
                    self._positions = dict(await consumer.end_offsets(self._partitions))
            for partition, offset in self._positions.items():
                consumer.seek(partition, offset)
            self._health.set(CHECK, ready=True)
            _log.info("gateway.outcomes.located", positions={p.partition: offset for p, offset in self._positions.items()})
            self._consumer = consumer
            while True:
                async with asyncio.timeout(_POLL_TIMEOUT_S):
                    polled: Mapping[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = await consumer.getmany(
                        timeout_ms=POLL_MS, max_records=_RECORDS_MAX
                    )
                backoff.reset()
                for partition, records in polled.items():
                    self._tell(partition, records)
        finally:
            self._consumer = None
            await stop_consumer(consumer)

    def _tell(self, partition: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        for record in records:
            if self._outcomes.count:
                try:
                    event = decode(record.value, record.headers)
                except EnvelopeInvalidError as error:
                    _log.warning("gateway.outcomes.unreadable", partition=partition.partition, offset=record.offset, cause=str(error))
                    continue
                self._outcomes.tell(event, Position(partition.topic, partition.partition, record.offset))
            self._positions[partition] = record.offset + 1
        self._metrics.events.inc(len(records))


async def _missing(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> str | None:
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            await consumer.end_offsets(partitions)
    except (KafkaError, OSError, TimeoutError) as error:
        return f"Kafka: {error!r}"
    return None
