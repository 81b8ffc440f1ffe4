"""Dead letters on their Kafka topic."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from planner.recorder.source import SourceRecord
from planner.runtime.failures import UnavailableError
from planner.runtime.kafka_close import drop_producer
from planner_contracts.topics import RECORD_BYTES_MAX

SEND_TIMEOUT_S: Final = 15
STOP_TIMEOUT_S: Final = 2
DROP_TIMEOUT_S: Final = 0.5
_DETAIL_BYTES_MAX: Final = 1000
_HEADER_OVERHEAD_BYTES: Final = 10

# Room for our own headers and the batch's own bytes.
CONTENT_BYTES_MAX: Final = RECORD_BYTES_MAX - 16 * 1024


class KafkaDeadLetters:
    """DeadLetters that makes its producer when first needed, and a new one after any failure: a failed one is finished.

    `make` makes one that is not started.
    """

    def __init__(self, topic: str, make: Callable[[], AIOKafkaProducer]) -> None:
        self._topic = topic
        self._make = make
        self._producer: AIOKafkaProducer | None = None

    async def keep(self, record: SourceRecord, *, reason: str, detail: str) -> None:
        value, given = record.value, list(record.headers)
        if (size := _size(record)) > CONTENT_BYTES_MAX:
            value, given, detail = None, [], f"the record has {size} bytes, value and headers are left out; {detail}"
        headers = [
            *given,
            ("reason", reason.encode()),
            ("detail", detail.encode(errors="replace")[:_DETAIL_BYTES_MAX]),
            ("source_topic", record.partition.topic.encode()),
            ("source_partition", str(record.partition.number).encode()),
            ("source_offset", str(record.offset).encode()),
            ("source_timestamp", str(round(record.timestamp.timestamp() * 1000)).encode()),
        ]
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                if self._producer is None:
                    self._producer = self._make()
                    await self._producer.start()
                await self._producer.send_and_wait(self._topic, value=value, key=record.key, headers=headers)
        except (KafkaError, TimeoutError) as error:
            await self._drop()
            raise UnavailableError(f"dead letters: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        if self._producer is None:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._producer.stop()
        except (KafkaError, TimeoutError):
            await self._drop()

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await drop_producer(producer, timeout_s=DROP_TIMEOUT_S)


def _size(record: SourceRecord) -> int:
    headers = sum(len(name.encode()) + len(content or b"") + _HEADER_OVERHEAD_BYTES for name, content in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
