"""Reads the requests to stop a run: each control topic from shortly before the oldest of its action's runs that this worker was handed."""

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Never

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from planner.runtime.failures import Backoff
from planner.runtime.kafka_close import stop_consumer
from planner.runtime.log import get_logger

# So far apart the clocks of two brokers may be that stamp an action and the request to stop its run.
CLOCKS_APART_MS: Final = 300_000
REACHED_WITHIN_S: Final = 10.0
POLL_MS: Final = 200
ANSWER_TIMEOUT_S: Final = 10.0

_NEVER: Final = sys.maxsize

_LOG: Final = get_logger("planner.worker")


@dataclass(frozen=True, slots=True)
class _Wish:
    """A topic's partitions that are to be read from a time on. `reached` is set when they were read to where they had ended."""

    partitions: tuple[TopicPartition, ...]
    since_ms: int
    reached: asyncio.Event


class ControlReader:
    """A request is never older than its run's action, so those for the oldest action that is handed to a worker, and for all later ones,
    lie behind that action's time. `make` makes a consumer that is not started and assigned nothing.

    Not FastStream's consumer: it would begin each partition anew, from a fixed end of it, whenever another topic is made.
    """

    def __init__(self, make: Callable[[], AIOKafkaConsumer], take: Callable[["ConsumerRecord[bytes, bytes]"], None]) -> None:
        self._make = make
        self._take = take
        self._since_ms: dict[str, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._wishes: dict[str, _Wish] = {}
        self._reaching: list[tuple[_Wish, Mapping[TopicPartition, int]]] = []
        self._wished = asyncio.Event()

    async def reach(self, topic: str, numbers: Collection[int], at_ms: int) -> None:
        """Returns when what had been asked of an action of this time, by now, was read; where Kafka is slow, when it still is to be.

        All partitions of the control topic: which of the action's this worker is handed changes with each rebalance.
        """
        if self._since_ms.get(topic, _NEVER) <= max(0, at_ms - CLOCKS_APART_MS):
            return
        # Twice as far: the next action may be stamped a little earlier, and is not worth another look.
        partitions = tuple(TopicPartition(topic, number) for number in numbers)
        wish = _Wish(partitions, max(0, at_ms - 2 * CLOCKS_APART_MS), asyncio.Event())
        self._since_ms[topic] = wish.since_ms
        self._wishes[topic] = wish
        self._wished.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(REACHED_WITHIN_S):
                await wish.reached.wait()

    async def run(self, backoff: Backoff) -> Never:
        """Read until cancelled."""
        while True:
            consumer = self._make()
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await consumer.start()
                    await self._find_positions(consumer)
                await self._read(consumer, backoff)
            except (KafkaError, OSError, TimeoutError) as error:
                _LOG.warning("worker.control.interrupted", reason=repr(error))
            finally:
                await stop_consumer(consumer)
            await asyncio.sleep(backoff.next_s())

    async def _read(self, consumer: AIOKafkaConsumer, backoff: Backoff) -> Never:
        while True:
            if self._wishes:
                await self._locate(consumer)
            if not self._positions:
                await self._wished.wait()
                self._wished.clear()
                continue
            polled = await consumer.getmany(timeout_ms=POLL_MS)
            backoff.reset()
            for partition, records in polled.items():
                for record in records:
                    self._take(record)
                self._positions[partition] = records[-1].offset + 1
            for wish, ends in list(self._reaching):
                if all([await consumer.position(partition) >= end for partition, end in ends.items()]):
                    wish.reached.set()
                    self._reaching.remove((wish, ends))

    async def _locate(self, consumer: AIOKafkaConsumer) -> None:
        wishes = dict(self._wishes)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            there = await consumer.topics()
            for topic, wish in wishes.items():
                if topic in there:
                    await self._go_back(consumer, wish)
                else:
                    # Nobody has asked anything where there is no topic; the next action looks again.
                    del self._since_ms[topic]
                    wish.reached.set()
                if self._wishes[topic] is wish:
                    del self._wishes[topic]
        self._assign(consumer)

    async def _go_back(self, consumer: AIOKafkaConsumer, wish: _Wish) -> None:
        # Before the times: what comes in between lies behind the end, and is read.
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(wish.partitions)
        found = await consumer.offsets_for_times(dict.fromkeys(wish.partitions, wish.since_ms))
        for partition, end in ends.items():
            first = found[partition]
            start = end if first is None else min(end, first.offset)
            self._positions[partition] = min(start, self._positions.get(partition, start))
        self._reaching.append((wish, ends))

    async def _find_positions(self, consumer: AIOKafkaConsumer) -> None:
        """Where the last consumer stopped; a partition that has lost the place, or was made anew, is read from its beginning."""
        if not self._positions:
            return
        begins = await consumer.beginning_offsets(list(self._positions))
        ends = await consumer.end_offsets(list(self._positions))
        for partition, position in self._positions.items():
            if not begins[partition] <= position <= ends[partition]:
                self._positions[partition] = begins[partition]
        self._assign(consumer)

    def _assign(self, consumer: AIOKafkaConsumer) -> None:
        if not self._positions:
            return
        consumer.assign(list(self._positions))
        for partition, position in self._positions.items():
            consumer.seek(partition, position)
