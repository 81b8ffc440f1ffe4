"""What the tests beside this one stand on: their stacks' clocks are both shifted, and go on at the system's pace."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.shifted_clock import ShiftedClock

BOTH_CLOCKS = "import time; print(time.time(), time.clock_gettime(time.CLOCK_MONOTONIC))"


@pytest.mark.parametrize("instant", [datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2199, 10, 26, tzinfo=UTC)], ids=["past", "future"])
def test_the_wall_clock_and_the_monotonic_clock_of_a_process_are_shifted(tmp_path: Path, instant: datetime) -> None:
    shifted, system = (
        [float(seconds) for seconds in subprocess.check_output([sys.executable, "-c", BOTH_CLOCKS], env=env, text=True).split()]
        for env in (ShiftedClock.standing_at(instant).environment(tmp_path), {})
    )
    assert abs(datetime.fromtimestamp(shifted[0], UTC) - instant) < timedelta(minutes=1)
    assert abs(shifted[1] - system[1]) > timedelta(days=1).total_seconds()
