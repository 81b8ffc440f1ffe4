"""The plan's constant delay (scheduling.md, section 5.4)."""

from datetime import timedelta

import pytest

from planner.domain.jitter import delay
from support.schedules import PLAN_ID


@pytest.mark.parametrize(("jitter_seconds", "seconds"), [(600, 41.945), (3600, 251.673), (0, 0)])
def test_the_delay_is_the_specifications(jitter_seconds: int, seconds: float) -> None:
    assert delay(PLAN_ID, jitter_seconds) == timedelta(seconds=seconds)


def test_delays_spread_over_the_whole_range_and_stay_in_it() -> None:
    delays = [delay(f"00000000-0000-4000-8000-{number:012x}", 10) for number in range(500)]

    assert min(delays) < timedelta(seconds=0.5)
    assert timedelta(seconds=9.5) < max(delays) <= timedelta(seconds=10)
    assert all(found.microseconds % 1000 == 0 for found in delays)
