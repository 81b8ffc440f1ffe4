"""Closing a Kafka producer that may hang."""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed


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
