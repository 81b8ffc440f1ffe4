"""Bounded concurrency that keeps the order of each record key."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from planner.worker.delivery import Delivery

Lane = tuple[str, int, bytes]

BACKLOG_PER_SLOT: Final = 8


class Lanes:
    """Performs deliveries: one at a time for each key of a partition, in the order of `add`; at most `concurrency` at once.

    `concurrency` times BACKLOG_PER_SLOT may be under way or waiting; `room` holds the reader back beyond that, so that a key with many
    records does not starve the others and memory stays bounded.
    """

    def __init__(self, tasks: asyncio.TaskGroup, perform: Callable[[Delivery], Awaitable[None]], *, concurrency: int) -> None:
        self._tasks = tasks
        self._perform = perform
        self._slots = asyncio.Semaphore(concurrency)
        self._room = asyncio.Semaphore(concurrency * BACKLOG_PER_SLOT)
        self._travellers: set[asyncio.Task[None]] = set()
        self._waiting: dict[Lane, deque[Delivery]] = {}
        self._running = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def room(self) -> None:
        """Wait for room for one delivery; it is taken until `add` has performed one, or `give_back`."""
        await self._room.acquire()

    def give_back(self) -> None:
        """The room is not needed after all."""
        self._room.release()

    def add(self, delivery: Delivery) -> None:
        """Perform it after all earlier ones of its key. The caller has room."""
        lane = (delivery.topic, delivery.partition, delivery.key or b"")
        waiting = self._waiting.get(lane)
        if waiting is not None:
            waiting.append(delivery)
            return
        self._waiting[lane] = deque([delivery])
        traveller = self._tasks.create_task(self._travel(lane))
        self._travellers.add(traveller)
        traveller.add_done_callback(self._travellers.discard)

    def drop_waiting(self) -> list[Delivery]:
        """Take out what has not begun, and return it."""
        dropped = [delivery for waiting in self._waiting.values() for delivery in waiting]
        for waiting in self._waiting.values():
            waiting.clear()
        for _ in dropped:
            self._room.release()
        return dropped

    def abandon(self) -> None:
        """Cancel whatever is being performed."""
        for traveller in self._travellers:
            traveller.cancel()

    async def quiet(self) -> None:
        """Wait until nothing is being performed."""
        await self._quiet.wait()

    async def _travel(self, lane: Lane) -> None:
        waiting = self._waiting[lane]
        while waiting:
            async with self._slots:
                if waiting:
                    await self._one(waiting.popleft())
        del self._waiting[lane]

    async def _one(self, delivery: Delivery) -> None:
        self._running += 1
        self._quiet.clear()
        try:
            await self._perform(delivery)
        finally:
            self._running -= 1
            self._room.release()
            if not self._running:
                self._quiet.set()
