"""Dead letters on their Kafka topic."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from planner.recorder.source import SourceRecord
from planner.runtime.failures import UnavailableError
from planner_contracts.topics import RECORD_BYTES_MAX

SEND_TIMEOUT_S: Final = 15
_DETAIL_BYTES_MAX: Final = 1000

# Room for the headers and the batch's own bytes.
_VALUE_BYTES_MAX: Final = RECORD_BYTES_MAX - 16 * 1024


class KafkaDeadLetters:
    """DeadLetters that makes its producer when first needed, and a new one after any failure: a failed one is finished."""

    def __init__(self, topic: str, producer: Callable[[], Awaitable[AIOKafkaProducer]]) -> None:
        self._topic = topic
        self._open = producer
        self._producer: AIOKafkaProducer | None = None

    async def keep(self, record: SourceRecord, *, reason: str, detail: str) -> None:
        value = record.value
        size = len(value or b"") + len(record.key or b"")
        if size > _VALUE_BYTES_MAX:
            value, detail = None, f"key and value have {size} bytes, the value is left out; {detail}"
        headers = [
            *record.headers,
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
                    self._producer = await self._open()
                await self._producer.send_and_wait(self._topic, value=value, key=record.key, headers=headers)
        except (KafkaError, TimeoutError) as error:
            await self.close()
            raise UnavailableError(f"dead letters: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await producer.stop()
            except (KafkaError, TimeoutError):
                return
