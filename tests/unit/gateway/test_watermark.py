import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import pytest

from planner.gateway.positions import Position
from planner.gateway.watermark import Watermark
from planner.runtime.failures import Backoff, UnavailableError
from support.until import until


class Recorded:
    """Where a recorder is; `away`: for how many questions more it cannot be asked."""

    def __init__(self) -> None:
        self.marks: dict[tuple[str, int], int] = {}
        self.questions: list[set[str]] = []
        self.away = 0

    async def watermarks(self, topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        self.questions.append(set(topics))
        if self.away:
            self.away -= 1
            raise UnavailableError("away")
        return self.marks


@asynccontextmanager
async def asking(recorded: Recorded) -> AsyncIterator[Watermark]:
    watermark = Watermark(recorded)
    keeper = asyncio.create_task(watermark.run(Backoff(0.001, 0.01, lambda: 0.5)))
    try:
        yield watermark
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def test_a_wait_ends_when_the_next_offset_to_record_lies_behind_the_record() -> None:
    recorded = Recorded()
    async with asyncio.timeout(5), asking(recorded) as watermark:
        waits = [asyncio.create_task(watermark.passed(Position("t", 0, offset))) for offset in (6, 7)]
        await until(lambda: recorded.questions, what="it was asked")
        recorded.marks = {("t", 0): 7, ("t", 1): 99}
        await waits[0]
        assert not waits[1].done()
        recorded.marks = {("t", 0): 8}
        await waits[1]


async def test_it_asks_for_all_that_wait_together_and_rests_when_nobody_does() -> None:
    recorded = Recorded()
    recorded.marks = {("a", 0): 1, ("b", 2): 1}
    async with asyncio.timeout(5), asking(recorded) as watermark:
        assert recorded.questions == []
        await asyncio.gather(watermark.passed(Position("a", 0, 0)), watermark.passed(Position("b", 2, 0)))
        assert recorded.questions == [{"a", "b"}]


async def test_a_run_store_that_is_away_is_asked_again() -> None:
    recorded = Recorded()
    recorded.away = 3
    recorded.marks = {("t", 0): 1}
    async with asyncio.timeout(5), asking(recorded) as watermark:
        await watermark.passed(Position("t", 0, 0))
    assert len(recorded.questions) == 4


async def test_who_gives_up_is_not_asked_for_any_more() -> None:
    recorded = Recorded()
    async with asyncio.timeout(5), asking(recorded) as watermark:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await watermark.passed(Position("gone", 0, 0))
        recorded.marks = {("t", 0): 1}
        await watermark.passed(Position("t", 0, 0))
        assert recorded.questions[-1] == {"t"}
