"""Wait for something to become true, instead of sleeping and hoping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, overload

PAUSE_S: Final = 0.02

T = TypeVar("T")


@overload
async def until(predicate: Callable[[], Awaitable[T | None]], *, what: str, within_s: float = 10) -> T: ...


@overload
async def until(predicate: Callable[[], T | None], *, what: str, within_s: float = 10) -> T: ...


async def until(predicate: Callable[[], Any], *, what: str, within_s: float = 10) -> Any:
    """The predicate's first true value. Raises AssertionError naming `what` if there is none in time."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                value = predicate()
                if inspect.isawaitable(value):
                    value = await value
                if value:
                    return value
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise AssertionError(f"not within {within_s} s: {what}") from None
