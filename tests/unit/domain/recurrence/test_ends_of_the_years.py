"""The first and the last occurrence that any schedule can have (scheduling.md, sections 2 and 4.3, R1 and R12)."""

from datetime import timedelta

import pytest

from planner.domain.recurrence.window import newest, occurrences
from planner.domain.schedule import Schedule
from support.schedules import a_calendar, a_cron, a_rrule, a_schedule, an_interval, fires, instant

LAST = "2200-12-31T23:59:59Z"
FIRST = "1970-01-01T00:00:00Z"
TOKYO, NEW_YORK = "Asia/Tokyo", "America/New_York"
MICROSECOND = timedelta(microseconds=1)

ENDING = {
    "cron of a label": a_cron("59 59 23 31 12 *"),
    "cron of every second": a_cron("* * * * * *"),
    "cron east of UTC, in its own year 2201": a_cron("59 59 8 1 1 *", TOKYO),
    "cron west of UTC": a_cron("59 59 18 31 12 *", NEW_YORK),
    "calendar": a_calendar(hour="23", minute="59", second="59"),
    "calendar east of UTC": a_calendar(TOKYO, hour="8", minute="59", second="59"),
    "rrule of days": a_rrule("FREQ=DAILY", "2000-01-01T23:59:59"),
    "rrule of days east of UTC": a_rrule("FREQ=DAILY", "2000-01-01T08:59:59", TOKYO),
    "rrule of years": a_rrule("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=-1", "2000-01-01T23:59:59"),
    "rrule of weeks": a_rrule("FREQ=WEEKLY;BYDAY=WE", "2000-01-01T23:59:59"),
    "rrule of seconds": a_rrule("FREQ=SECONDLY", "2200-12-31T00:00:00"),
    "rrule of minutes, each with its last second": a_rrule("FREQ=MINUTELY;BYSECOND=59", "2200-12-30T00:00:00"),
    "rrule of hours, each with its last minute": a_rrule("FREQ=HOURLY;BYMINUTE=59;BYSECOND=59", "2200-12-30T00:00:00"),
    "interval": an_interval(1, LAST.replace("23:59:59", "00:00:00")),
    "date of an rrule": a_rrule("FREQ=DAILY;COUNT=1", "2000-01-01T00:00:00", rdates=[LAST]),
    "one moment": a_schedule(execute_at=LAST),
}


@pytest.mark.parametrize("schedule", ENDING.values(), ids=ENDING)
def test_the_last_second_of_the_last_year_is_an_occurrence_and_nothing_comes_after_it(schedule: Schedule) -> None:
    last = instant(LAST)
    found = occurrences(schedule, after=last - MICROSECOND, until=None, limit=10)
    assert (found.instants, found.complete) == ((last,), True)
    assert occurrences(schedule, after=last, until=None, limit=10).instants == ()
    assert newest(schedule, last - timedelta(days=1), last + timedelta(days=1), 1) == [last]


BEGINNING = {
    "cron of a label": a_cron("0 0 * * *"),
    "cron of every second": a_cron("* * * * * *"),
    "cron east of UTC": a_cron("0 9 * * *", TOKYO),
    "cron west of UTC, in its own year 1969": a_cron("0 19 31 12 *", NEW_YORK),
    "calendar": a_calendar(hour="0"),
    "rrule of days": a_rrule("FREQ=DAILY", "1970-01-01T00:00:00"),
    "rrule of hours": a_rrule("FREQ=HOURLY", "1970-01-01T00:00:00"),
    "interval": an_interval(60, FIRST),
    "one moment": a_schedule(execute_at=FIRST),
}


@pytest.mark.parametrize("schedule", BEGINNING.values(), ids=BEGINNING)
def test_the_first_instant_of_the_first_year_is_an_occurrence_and_nothing_comes_before_it(schedule: Schedule) -> None:
    assert fires(schedule, None, limit=1) == [FIRST]
    assert fires(schedule, None, until="1969-12-31T23:59:59Z") == []
    assert newest(schedule, instant(FIRST) - timedelta(days=1), instant(FIRST), 3) == [instant(FIRST)]


@pytest.mark.parametrize("fraction", [MICROSECOND, timedelta(milliseconds=500), timedelta(seconds=1) - MICROSECOND])
def test_the_next_is_strictly_after_a_fraction_of_a_second_too(fraction: timedelta) -> None:
    schedule, at = a_cron("* * * * * *"), instant("2026-03-01T12:00:00Z")
    assert occurrences(schedule, after=at - fraction, until=None, limit=1).instants == (at,)
    assert occurrences(schedule, after=at, until=None, limit=1).instants == (at + timedelta(seconds=1),)
    assert occurrences(schedule, after=at + fraction, until=None, limit=1).instants == (at + timedelta(seconds=1),)


def test_an_interval_fires_at_its_anchor_and_never_before_it() -> None:
    schedule = an_interval(7, "2026-03-01T12:00:00.5Z")
    assert fires(schedule, None, limit=2) == ["2026-03-01T12:00:00.500000Z", "2026-03-01T12:00:07.500000Z"]
    assert fires(schedule, "2026-03-01T12:00:00.5Z", limit=1) == ["2026-03-01T12:00:07.500000Z"]


@pytest.mark.parametrize("count", range(1, 8))
def test_the_newest_of_dates_a_microsecond_apart_are_the_last_of_them(count: int) -> None:
    at = instant("2026-03-01T12:00:00Z")
    dates = [at + number * MICROSECOND for number in (0, 1, 2, 3)] + [at + timedelta(days=40)]
    schedule = a_rrule("FREQ=DAILY;COUNT=1", "2026-01-01T00:00:00", rdates=[date.isoformat() for date in dates])
    whole = [instant("2026-01-01T00:00:00Z"), *dates]
    for end in (at + timedelta(days=60), at + 3 * MICROSECOND, at + 2 * MICROSECOND):
        expected = [date for date in whole if date <= end][-count:]
        assert newest(schedule, instant(FIRST), end, count) == expected


@pytest.mark.parametrize("count", range(1, 12))
def test_a_count_of_steps_ends_at_the_step_of_that_number_through_a_change_of_the_clock(count: int) -> None:
    # 01:00 comes twice on October 25th: as steps of elapsed time both passes count.
    zone, steps = "Europe/London", a_rrule("FREQ=HOURLY;BYHOUR=0,1,2", "2026-10-24T00:00:00", "Europe/London")
    counted = a_rrule(f"FREQ=HOURLY;BYHOUR=0,1,2;COUNT={count}", "2026-10-24T00:00:00", zone)
    assert fires(counted, None, limit=20) == fires(steps, None, limit=count)
    assert len(fires(steps, "2026-10-24T22:00:00Z", until="2026-10-25T12:00:00Z")) == 4
