"""Waiting, at the start of a process, for what is away."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from planner.runtime.clock import jitter
from planner.runtime.failures import Backoff, UnavailableError

BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MOST_S: Final = 5.0

T = TypeVar("T")


async def patiently(attempt: Callable[[], Awaitable[T]], stop: asyncio.Event, *, delayed: Callable[[UnavailableError], None]) -> T | None:
    """The attempt's outcome, however often it takes; None if `stop` is set before. `delayed` is told of each UnavailableError."""
    backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MOST_S, jitter)
    while not stop.is_set():
        try:
            return await attempt()
        except UnavailableError as error:
            delayed(error)
        with suppress(TimeoutError):
            async with asyncio.timeout(backoff.next_s()):
                await stop.wait()
    return None
