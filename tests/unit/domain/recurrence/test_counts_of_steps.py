"""COUNT of an RRULE finer than DAILY, found by sums over days: it ends what the rule without it names (scheduling.md, R9 and 4.3)."""

import pytest

from planner.domain.recurrence.window import occurrences
from planner.domain.schedule import Schedule
from support.schedules import a_rrule, fires

# Starts some hours before the clock changes, by an hour or by half an hour; and where it never does.
STARTS = {
    "Europe/Amsterdam": ["2026-03-28T22:10:05", "2026-10-24T22:10:05"],
    "America/New_York": ["2026-03-07T22:00:00", "2026-11-01T00:59:59"],
    "Australia/Lord_Howe": ["2026-10-03T23:40:00", "2026-04-04T23:40:00"],
    # Until 2011 at a minute past midnight: the hour before the change lacks nearly all of its times.
    "America/St_Johns": ["2010-03-13T21:00:30", "2010-11-06T21:00:30"],
    "Asia/Kolkata": ["2026-12-31T21:30:00"],
}
PLACES = [(zone, start) for zone, starts in STARTS.items() for start in starts]
RULES = [
    "FREQ=HOURLY",
    "FREQ=HOURLY;BYMINUTE=0,30",
    "FREQ=HOURLY;INTERVAL=5;BYMINUTE=10,50;BYSECOND=0,59",
    "FREQ=HOURLY;BYHOUR=0,1,2,3;BYMINUTE=15,45",
    "FREQ=MINUTELY;INTERVAL=25",
    "FREQ=MINUTELY;INTERVAL=47;BYSECOND=0,20,40",
    "FREQ=MINUTELY;BYHOUR=1,2;BYMINUTE=0,29,30,59;BYSECOND=1,2",
    "FREQ=SECONDLY;INTERVAL=1801",
    "FREQ=SECONDLY;BYHOUR=2,3;BYMINUTE=0,30;BYSECOND=0,30",
]


def counted(rule: str, count: int, start: str, zone: str) -> Schedule:
    return a_rrule(f"{rule};COUNT={count}", start, zone)


@pytest.mark.parametrize(("zone", "start"), PLACES)
@pytest.mark.parametrize("rule", RULES)
def test_a_count_ends_with_the_occurrence_of_that_number_before_at_and_after_a_change(rule: str, zone: str, start: str) -> None:
    whole = occurrences(a_rrule(rule, start, zone), after=None, until=None, limit=20)
    for count in range(1, 21):
        found = occurrences(counted(rule, count, start, zone), after=None, until=None, limit=21)
        assert (found.instants, found.complete) == (whole.instants[:count], True)


@pytest.mark.parametrize("rule", RULES)
def test_a_count_of_thousands_ends_with_the_occurrence_of_that_number_too(rule: str) -> None:
    zone, start = "Europe/Amsterdam", "2026-02-27T22:10:05"
    whole = occurrences(a_rrule(rule, start, zone), after=None, until=None, limit=3000).instants
    for count in (1000, 2999):
        assert occurrences(counted(rule, count, start, zone), after=whole[count - 2], until=None, limit=2).instants == (whole[count - 1],)


def test_a_count_of_all_the_hours_of_two_years_ends_within_the_last_ones() -> None:
    schedule = counted("FREQ=HOURLY", 20_000, "2198-01-01T00:00:00", "UTC")
    assert fires(schedule, "2200-04-14T05:00:00Z") == ["2200-04-14T06:00:00Z", "2200-04-14T07:00:00Z"]


def test_a_count_that_the_years_do_not_reach_ends_nothing_before_their_end() -> None:
    yearly = "FREQ=HOURLY;BYMONTH=12;BYMONTHDAY=31;BYHOUR=23"
    assert fires(a_rrule(f"{yearly};COUNT=3", "2198-01-01T00:00:00"), None) == [f"{year}-12-31T23:00:00Z" for year in (2198, 2199, 2200)]
    for count in (3, 4, 100_000):
        assert len(fires(a_rrule(f"{yearly};COUNT={count}", "2198-01-01T00:00:00"), None)) == 3
