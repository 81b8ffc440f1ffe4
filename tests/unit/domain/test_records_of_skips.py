"""What is written of occurrences that a decision names one by one: a record each, or a range that names nothing else.

scheduling.md, section 5.6. Held occurrences need not be neighbours: a queue, or an update, leaves others between them.
"""

from datetime import datetime, timedelta

import pytest

from planner.domain.limits import SKIP_RECORDS_MAX
from planner.domain.missed import Skip, skips_at
from planner.domain.recurrence.window import rising
from planner_contracts.run_event import SkipReason
from support.schedules import a_cron, a_rrule, an_interval, instant

MINUTELY = a_cron("* * * * *")
TEN = instant("2026-03-01T10:00:00Z")
NOON = instant("2026-03-01T12:00:00Z")
MINUTE = timedelta(minutes=1)


def minutes(count: int, *, every: int = 1) -> list[datetime]:
    return [TEN + number * every * MINUTE for number in range(count)]


def one_each(nominal_times: list[datetime], into: datetime | None = None) -> tuple[Skip, ...]:
    return tuple(Skip(SkipReason.OVERLAP, nominal, nominal, 1, into) for nominal in nominal_times)


@pytest.mark.parametrize("count", [0, 1, 2, SKIP_RECORDS_MAX])
def test_up_to_a_hundred_have_a_record_of_one_occurrence_each(count: int) -> None:
    assert skips_at(MINUTELY, SkipReason.OVERLAP, minutes(count)) == one_each(minutes(count))


@pytest.mark.parametrize("count", [SKIP_RECORDS_MAX + 1, 250])
def test_more_that_follow_one_another_have_one_record_from_the_first_to_the_last(count: int) -> None:
    (skip,) = skips_at(MINUTELY, SkipReason.OVERLAP, minutes(count))
    assert skip == Skip(SkipReason.OVERLAP, TEN, TEN + (count - 1) * MINUTE, count, None)


@pytest.mark.parametrize("left_out", [1, 60, 100])
def test_no_range_reaches_over_an_occurrence_that_is_not_among_them(left_out: int) -> None:
    named = minutes(102)
    del named[left_out]
    assert skips_at(MINUTELY, SkipReason.OVERLAP, named) == one_each(named)


def test_every_other_minute_is_no_range_of_minutes_but_is_one_of_every_two_minutes() -> None:
    named = minutes(120, every=2)
    assert skips_at(MINUTELY, SkipReason.OVERLAP, named) == one_each(named)
    (skip,) = skips_at(an_interval(120), SkipReason.OVERLAP, named)
    assert (skip.first, skip.last, skip.count) == (named[0], named[-1], 120)


def test_a_long_list_that_the_schedule_does_not_name_as_it_stands_is_recorded_one_by_one() -> None:
    # A new zone database may have moved what is held: the rule names other instants by now.
    named = [nominal + timedelta(seconds=30) for nominal in minutes(101)]
    assert skips_at(MINUTELY, SkipReason.OVERLAP, named) == one_each(named)


@pytest.mark.parametrize("count", [3, 101])
def test_what_stands_for_them_is_named_in_each_record(count: int) -> None:
    skips = skips_at(MINUTELY, SkipReason.COALESCED, minutes(count), into=NOON)
    assert {skip.into for skip in skips} == {NOON}
    assert sum(skip.count or 0 for skip in skips) == count


def test_the_records_name_what_was_given_and_nothing_else() -> None:
    daily = a_rrule("FREQ=DAILY", "2026-01-01T09:00:00", exdates=["2026-02-01T09:00:00"])
    named = list(rising(daily, instant("2026-01-01T00:00:00Z"), instant("2026-06-30T23:00:00Z")))
    for some in (named[:40], named[:150], named[10:], named[::2], named[:60] + named[61:]):
        skips = skips_at(daily, SkipReason.SUPERSEDED, some)
        assert [nominal for skip in skips for nominal in rising(daily, skip.first, skip.last)] == some
        assert sum(skip.count or 0 for skip in skips) == len(some)
