from datetime import datetime, timedelta

import pytest

from planner.bench.burst import BenchFailedError, Burst, run_burst
from planner.embedded.folders import temporary_folder
from planner.runtime.clock import SystemClock, SystemIds

pytestmark = pytest.mark.timeout(120)


class HastyClock(SystemClock):
    """An hour later whenever it is asked."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        self._ahead += timedelta(hours=1)
        return super().now() + self._ahead


class Silent:
    def phase(self, what: str, total: int) -> None: ...

    def advance(self, steps: int) -> None: ...


async def test_plans_that_are_due_before_they_are_taken_in_are_refused_with_advice() -> None:
    """On a busy machine users saw a traceback of an exception group: the refusal came from within a task group, which wraps it, so
    that nobody recognised it. No test had ever been late.
    """
    burst = Burst(plans=1, partitions=1, warm_up_plans=0, lead_s_per_plan=0.001, raw_fires_max=1)
    with temporary_folder() as folder, pytest.raises(BenchFailedError, match="give a lower --intake"):
        await run_burst(burst, folder, clock=HastyClock(), ids=SystemIds(), progress=Silent())
