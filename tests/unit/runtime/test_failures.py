import asyncio

import pytest

from planner.runtime.failures import Backoff, UnavailableError
from planner.runtime.patience import patiently


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(0.2, 1.0, lambda: 1.0)
    assert [backoff.next_s() for _ in range(4)] == [0.2, 0.4, 0.8, 1.0]
    backoff.reset()
    assert backoff.next_s() == 0.2


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0.5), (0.5, 0.75)])
def test_a_wait_is_spread_over_its_upper_half(chance: float, expected: float) -> None:
    assert Backoff(1.0, 1.0, lambda: chance).next_s() == expected


async def test_what_is_away_is_asked_again_until_it_answers() -> None:
    answers = iter([UnavailableError("away"), "there"])
    told: list[str] = []

    async def ask() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await patiently(ask, asyncio.Event(), delayed=lambda error: told.append(str(error))) == "there"
    assert told == ["away"]


async def test_waiting_ends_when_the_process_is_to_stop() -> None:
    stop = asyncio.Event()

    async def ask() -> str:
        stop.set()
        raise UnavailableError("away")

    assert await patiently(ask, stop, delayed=lambda _: None) is None


async def test_a_failure_of_another_kind_is_not_waited_out() -> None:
    async def ask() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await patiently(ask, asyncio.Event(), delayed=lambda _: None)
