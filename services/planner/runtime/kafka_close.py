"""Closing Kafka clients whose own stop() may hang, or leave half of them open."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import ProducerClosed

STOP_TIMEOUT_S: Final = 1.0


async def drop_producer(producer: AIOKafkaProducer, *, timeout_s: float) -> None:
    """Close a producer that failed. Its own stop() flushes first, and waits for a broker or a topic that is gone without limit.

    What was under way may still have been written. Returns within about `timeout_s`, whatever happens.
    """
    producer._closed = True  # noqa: SLF001  what stop() sets
    sender_task = producer._sender.sender_task  # noqa: SLF001  see above
    try:
        async with asyncio.timeout(timeout_s):
            await producer.client.close()  # fails what is under way, so that the sender can end
            if sender_task is not None:
                sender_task.cancel()
                await asyncio.wait({sender_task})
    except TimeoutError:
        pass
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001  see above


async def stop_consumer(consumer: AIOKafkaConsumer, *, timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop a consumer without waiting longer than `timeout_s` for brokers that are away; its connections are closed in any case."""
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(timeout_s):
            await consumer.stop()
            return
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        # Its fetcher waits for fetches that it has itself cancelled, and lets the first one's cancellation out.
        if task is None or task.cancelling():
            raise
    if consumer._fetcher is not None:  # noqa: SLF001  what stop() left
        for fetch in consumer._fetcher._pending_tasks:  # noqa: SLF001  see above
            fetch.cancel()
    try:
        async with asyncio.timeout(timeout_s):
            await consumer._client.close()  # noqa: SLF001  see above
    except TimeoutError:
        pass
