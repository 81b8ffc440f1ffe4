"""The formula of jitter: scheduling.md, section 5.4, worked by hand in exact numbers."""

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise

import pytest

from planner.domain.jitter import delay
from planner.domain.limits import JITTER_SECONDS_MAX
from planner.domain.missed import settle
from planner.domain.reschedule import next_after
from planner_contracts.ids import PlanId
from planner_contracts.run_event import SkipReason
from support.schedules import an_interval, instant

MILLISECOND = timedelta(milliseconds=1)
PLANS = [f"00000000-0000-4000-8000-{number:012x}" for number in range(4000)]


def by_the_book(plan_id: str, jitter_seconds: int) -> timedelta:
    """The formula in rational numbers: the share of the plan times the number of choices, rounded down."""
    h = int(sha256(plan_id.encode("ascii")).hexdigest()[:16], 16)
    return int(Fraction(h, 2**64) * (1000 * jitter_seconds + 1)) * MILLISECOND


@pytest.mark.parametrize("jitter_seconds", [1, 2, 59, 600, JITTER_SECONDS_MAX])
def test_each_plans_delay_is_the_formulas(jitter_seconds: int) -> None:
    for plan_id in PLANS[:200]:
        assert delay(plan_id, jitter_seconds) == by_the_book(plan_id, jitter_seconds)


def test_both_ends_of_the_range_are_taken_by_some_plan() -> None:
    delays = Counter(delay(plan_id, 1) for plan_id in PLANS)
    assert (min(delays), max(delays)) == (timedelta(0), timedelta(seconds=1))
    assert len(delays) > 950


def test_no_delay_is_taken_much_more_often_than_another() -> None:
    quarters = Counter(min(3, int(delay(plan_id, 100) / timedelta(seconds=25))) for plan_id in PLANS)
    assert all(900 < quarters[quarter] < 1100 for quarter in range(4))


def test_more_jitter_never_brings_a_plan_forward() -> None:
    for plan_id in PLANS[:50]:
        delays = [delay(plan_id, jitter_seconds) for jitter_seconds in range(120)]
        assert delays[0] == timedelta(0)
        assert all(less <= more for less, more in pairwise(delays))


def test_spacing_and_order_of_a_plan_stay_under_its_jitter() -> None:
    schedule = an_interval(60, jitter_seconds=600)
    plan_id, after, due = PlanId(PLANS[7]), instant("2026-03-01T00:00:00Z"), []
    for _ in range(20):
        following = next_after(schedule, plan_id=plan_id, after=after)
        assert following is not None
        due.append(following.due_at)
        after = following.scheduled_for
    assert {later - earlier for earlier, later in pairwise(due)} == {timedelta(seconds=60)}
    assert due[0] == instant("2026-03-01T00:01:00Z") + delay(plan_id, 600)


@pytest.mark.parametrize("late_s", [0, 1, 59, 60, 3000])
def test_a_backlog_under_jitter_is_that_without_it_later_by_the_delay(late_s: int) -> None:
    plan_id, now = PLANS[7], instant("2026-03-01T10:30:00Z") + timedelta(seconds=late_s)
    misfire = {"coalesce": "none", "max_lateness_seconds": 900, "max_catchup": 5}
    plain, jittered = (an_interval(60, misfire=misfire, jitter_seconds=seconds) for seconds in (0, 600))
    lag, after = delay(plan_id, 600), instant("2026-03-01T10:00:00Z")
    early = settle(plain, plan_id=plan_id, after=after, now=now, limit=1000)
    late = settle(jittered, plan_id=plan_id, after=after, now=now + lag, limit=1000)
    assert (late.skips, late.cursor) == (early.skips, early.cursor)
    assert [(found.scheduled_for, found.due_at - lag) for found in late.fire] == [
        (found.scheduled_for, found.due_at) for found in early.fire
    ]


@pytest.mark.parametrize("jitter_seconds", [0, 600])
def test_of_a_backlog_that_is_too_late_the_one_that_is_due_at_this_moment_fires(jitter_seconds: int) -> None:
    plan_id = PLANS[7]
    schedule = an_interval(60, misfire={"max_lateness_seconds": 30}, jitter_seconds=jitter_seconds)
    now = instant("2026-03-01T10:05:00Z") + delay(plan_id, jitter_seconds)
    backlog = settle(schedule, plan_id=plan_id, after=instant("2026-03-01T10:00:00Z"), now=now, limit=1000)
    assert [(found.scheduled_for, found.due_at) for found in backlog.fire] == [(instant("2026-03-01T10:05:00Z"), now)]
    assert [skip.reason for skip in backlog.skips] == [SkipReason.MISSED] * 4
