"""RRULEs of days against a look at each day by itself: weeks, negative numbers, leap years, INTERVAL (scheduling.md, R9)."""

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta

import pytest

from planner.domain.recurrence.window import occurrences
from support.schedules import a_cron, a_rrule, instant

DAY = timedelta(days=1)
MO, TU, WE, TH, FR, SA, SU = range(7)
# Leap and common years that begin on every weekday, the century that is no leap year, and the last years of all.
YEARS = [(1970, 1998), (2096, 2104), (2193, 2200)]
BEGIN = date(1970, 1, 1)


def days(first_year: int, last_year: int) -> Iterator[date]:
    day = date(first_year, 1, 1)
    while day.year <= last_year:
        yield day
        day += DAY


def length(day: date) -> int:
    return ((day.replace(day=1) + 32 * DAY).replace(day=1) - day.replace(day=1)).days


def year_day(day: date, *, from_end: bool = False) -> int:
    return (day - date(day.year + 1, 1, 1)).days if from_end else (day - date(day.year, 1, 1)).days + 1


def week_of(day: date, start: int) -> date:
    """The first day of its week."""
    return day - (day.weekday() - start) % 7 * DAY


def week_number(day: date, start: int = MO) -> int:
    """Week 1 is the first with four days in its year: the year of a week is that of its fourth day."""
    return (year_day(week_of(day, start) + 3 * DAY) - 1) // 7 + 1


def is_last_week(day: date, start: int = MO) -> bool:
    fourth = week_of(day, start) + 3 * DAY
    return (fourth + 7 * DAY).year != fourth.year


def weeks_since(day: date, start: int) -> int:
    return (week_of(day, start) - week_of(BEGIN, start)).days // 7


def months_since(day: date) -> int:
    return 12 * (day.year - BEGIN.year) + day.month - 1


RULES: dict[str, Callable[[date], bool]] = {
    "FREQ=YEARLY;BYYEARDAY=1,-1": lambda day: (day.month, day.day) in ((1, 1), (12, 31)),
    "FREQ=YEARLY;BYYEARDAY=366": lambda day: year_day(day) == 366,
    "FREQ=YEARLY;BYYEARDAY=-366": lambda day: year_day(day, from_end=True) == -366,
    "FREQ=YEARLY;BYYEARDAY=60,-307": lambda day: year_day(day) == 60 or year_day(day, from_end=True) == -307,
    "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,SU": lambda day: week_number(day) == 1 and day.weekday() in (MO, SU),
    "FREQ=YEARLY;BYWEEKNO=52,53;BYDAY=TH": lambda day: week_number(day) in (52, 53) and day.weekday() == TH,
    "FREQ=YEARLY;BYWEEKNO=-1": lambda day: is_last_week(day) and day.weekday() == TH,
    "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU;WKST=SU": lambda day: is_last_week(day, SU) and day.weekday() == SU,
    "FREQ=YEARLY;BYWEEKNO=1;BYDAY=SA,SU,MO;WKST=SU": lambda day: week_number(day, SU) == 1 and day.weekday() in (SA, SU, MO),
    "FREQ=YEARLY;BYWEEKNO=53;BYDAY=WE;WKST=WE": lambda day: week_number(day, WE) == 53 and day.weekday() == WE,
    "FREQ=MONTHLY;BYMONTHDAY=31": lambda day: day.day == 31,
    "FREQ=MONTHLY;BYMONTHDAY=-31": lambda day: day.day == 1 and length(day) == 31,
    "FREQ=MONTHLY;BYMONTHDAY=-1,29": lambda day: day.day in (length(day), 29),
    "FREQ=MONTHLY;BYDAY=5FR": lambda day: day.weekday() == FR and day.day > 28,
    "FREQ=MONTHLY;BYDAY=-5FR": lambda day: day.weekday() == FR and length(day) - day.day >= 28,
    "FREQ=MONTHLY;BYDAY=-1MO,2TU": lambda day: (
        (day.weekday() == MO and length(day) - day.day < 7) or (day.weekday() == TU and 7 < day.day <= 14)
    ),
    "FREQ=YEARLY;BYDAY=53MO": lambda day: day.weekday() == MO and year_day(day) > 364,
    "FREQ=YEARLY;BYDAY=-53TU": lambda day: day.weekday() == TU and year_day(day, from_end=True) < -364,
    "FREQ=YEARLY;BYMONTH=2,3;BYDAY=-1SU": lambda day: day.month in (2, 3) and day.weekday() == SU and length(day) - day.day < 7,
    "FREQ=YEARLY;INTERVAL=6;BYMONTH=2;BYMONTHDAY=29": lambda day: (day.month, day.day) == (2, 29) and (day.year - 1970) % 6 == 0,
    "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=-1": lambda day: (day.month, day.day) == (12, 31) and (day.year - 1970) % 3 == 0,
    "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=30": lambda day: day.day == 30 and months_since(day) % 5 == 0,
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO": lambda day: day.weekday() in (SU, MO) and weeks_since(day, MO) % 2 == 0,
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU": lambda day: day.weekday() in (SU, MO) and weeks_since(day, SU) % 2 == 0,
    "FREQ=WEEKLY;INTERVAL=3;WKST=FR": lambda day: day.weekday() == TH and weeks_since(day, FR) % 3 == 0,
    "FREQ=WEEKLY;BYDAY=MO,WE,SA;BYSETPOS=-1;WKST=TU": lambda day: day.weekday() == MO,
    "FREQ=DAILY;INTERVAL=10": lambda day: (day - BEGIN).days % 10 == 0,
    "FREQ=DAILY;INTERVAL=7;BYMONTH=1,12": lambda day: (day - BEGIN).days % 7 == 0 and day.month in (1, 12),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_names_the_days_that_a_look_at_each_of_them_names(rule: str) -> None:
    schedule = a_rrule(rule, "1970-01-01T09:00:00")
    for first, last in YEARS:
        begin, end = instant(f"{first}-01-01T00:00:00Z"), instant(f"{last}-12-31T23:59:59Z")
        found = occurrences(schedule, after=begin, until=end, limit=20_000)
        assert [at.date() for at in found.instants] == [day for day in days(first, last) if RULES[rule](day)]
        assert {at.time() for at in found.instants} <= {time(9)}


# With INTERVAL the start decides which periods there are, and BYWEEKNO alone takes its weekday.
OF_THE_CALENDAR_ALONE = [rule for rule in RULES if "INTERVAL" not in rule and rule != "FREQ=YEARLY;BYWEEKNO=-1"]


@pytest.mark.parametrize("rule", OF_THE_CALENDAR_ALONE)
@pytest.mark.parametrize("start", ["1984-02-29T09:00:00", "1992-12-31T09:00:00"])
def test_a_start_drops_the_labels_before_it_and_none_after_it(rule: str, start: str) -> None:
    whole = occurrences(a_rrule(rule, "1970-01-01T09:00:00"), after=instant(start + "Z") - DAY, until=None, limit=30).instants
    begun = occurrences(a_rrule(rule, start), after=None, until=None, limit=30).instants
    assert begun == whole


CRONS: dict[str, Callable[[date], bool]] = {
    "0 9 L * *": lambda day: day.day == length(day),
    "0 9 29 2 *": lambda day: (day.month, day.day) == (2, 29),
    "0 9 * * MON#5": lambda day: day.weekday() == MO and day.day > 28,
    "0 9 * 2 FRI#5": lambda day: day.month == 2 and day.weekday() == FR and day.day > 28,
    "0 9 * * SUNL": lambda day: day.weekday() == SU and length(day) - day.day < 7,
    "0 9 31 * 5": lambda day: day.day == 31 or day.weekday() == FR,
    "0 9 */10 * 5": lambda day: day.day in (1, 11, 21, 31) and day.weekday() == FR,
    "0 9 1 JAN,DEC 7": lambda day: day.month in (1, 12) and (day.day == 1 or day.weekday() == SU),
}


@pytest.mark.parametrize("expression", CRONS)
def test_a_cron_rule_names_the_days_that_a_look_at_each_of_them_names(expression: str) -> None:
    for first, last in YEARS:
        begin, end = instant(f"{first}-01-01T00:00:00Z"), instant(f"{last}-12-31T23:59:59Z")
        found = occurrences(a_cron(expression), after=begin, until=end, limit=20_000).instants
        assert [at.date() for at in found] == [day for day in days(first, last) if CRONS[expression](day)]


@pytest.mark.parametrize("day_field", ["1W", "15W", "31W", "LW"])
def test_the_nearest_weekday_is_the_one_within_the_month(day_field: str) -> None:
    def nearest(day: date) -> bool:
        number = length(day) if day_field == "LW" else int(day_field[:-1])
        if number > length(day):
            return False
        asked = day.replace(day=number)
        near = [other for other in (asked - DAY, asked, asked + DAY, asked + 2 * DAY, asked - 2 * DAY) if other.month == day.month]
        weekdays = [other for other in near if other.weekday() < SA and (day_field != "LW" or other <= asked)]
        return day == min(weekdays, key=lambda other: abs(other - asked))

    found = occurrences(
        a_cron(f"0 9 {day_field} * *"), after=instant("1970-01-01T00:00:00Z"), until=instant("1998-12-31T23:00:00Z"), limit=999
    )
    assert [at.date() for at in found.instants] == [day for day in days(1970, 1998) if nearest(day)]
