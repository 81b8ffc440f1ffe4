"""Waiting until the run store shows what lies at a position."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final, Never, Protocol

from planner.gateway.positions import Position
from planner.runtime.failures import Backoff, UnavailableError
from planner.runtime.log import get_logger

POLL_S: Final = 0.02

_log = get_logger("gateway")


class Watermarks(Protocol):
    """Where the recorder is."""

    async def watermarks(self, topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        """The next offset to record of each partition of these topics that was recorded from at all. Raises UnavailableError."""


class Watermark:
    """Asks the run store while somebody waits, once for all of them; else it rests."""

    def __init__(self, watermarks: Watermarks) -> None:
        self._watermarks = watermarks
        self._waiting: dict[asyncio.Future[None], Position] = {}
        self._wanted = asyncio.Event()

    async def passed(self, position: Position) -> None:
        """Returns when the run store shows the record. The caller sets the deadline."""
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[passed] = position
        self._wanted.set()
        try:
            await passed
        finally:
            del self._waiting[passed]

    async def run(self, backoff: Backoff) -> Never:
        """Ask on behalf of those that wait, until cancelled."""
        while True:
            await self._wanted.wait()
            pause_s = POLL_S
            try:
                await self._ask()
                backoff.reset()
            except UnavailableError as error:
                _log.warning("gateway.watermark.unknown", cause=str(error))
                pause_s = backoff.next_s()
            if not self._waiting:
                self._wanted.clear()
            else:
                await asyncio.sleep(pause_s)

    async def _ask(self) -> None:
        asked = dict(self._waiting)
        if not asked:
            return
        marks = await self._watermarks.watermarks({position.topic for position in asked.values()})
        for passed, position in asked.items():
            if not passed.done() and marks.get((position.topic, position.partition), 0) > position.offset:
                passed.set_result(None)
