"""Calendar rules: all fields must match, and dates roll to business days (scheduling.md, section 2)."""

from datetime import date, timedelta
from time import perf_counter
from typing import Any

import pytest

from planner.domain.recurrence.business_days import HolidayList, days_of
from planner.domain.recurrence.calendar import Calendar
from planner.domain.schedule import Schedule
from support.schedules import a_calendar, a_definition, codes_of, fires, instant

AMSTERDAM = "Europe/Amsterdam"
# Friday 2026-12-25 and Saturday 2026-12-26.
CHRISTMAS = ["2026-12-25", "2026-12-26"]


def days(schedule: Schedule, after: str, *, limit: int = 4) -> list[str]:
    return [found[5:10] for found in fires(schedule, after, limit=limit)]


def is_rolled(schedule: Schedule, at: str) -> bool:
    assert isinstance(schedule.rule, Calendar)
    return schedule.rule.is_rolled(instant(at), schedule.timezone, schedule.dst)


def test_both_day_fields_must_match_whatever_they_begin_with() -> None:
    assert days(a_calendar(day_of_month="13", day_of_week="FRI"), "2026-01-01T00:00:00Z") == ["02-13", "03-13", "11-13", "08-13"]


def test_what_is_not_given_is_midnight_on_every_day() -> None:
    assert fires(a_calendar(month="2"), "2026-01-15T12:00:00Z", limit=2) == ["2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"]
    assert fires(a_calendar(day_of_week="MON"), "2026-01-01T00:00:00Z", limit=1) == ["2026-01-05T00:00:00Z"]
    assert fires(a_calendar(second="30"), "2026-01-01T00:00:00Z", limit=2) == ["2026-01-01T00:00:30Z", "2026-01-02T00:00:30Z"]


def test_a_list_means_its_members_joined_and_negative_days_count_from_the_end() -> None:
    assert days(a_calendar(day_of_month=[1, "15", -1]), "2026-01-20T00:00:00Z", limit=5) == ["01-31", "02-01", "02-15", "02-28", "03-01"]
    assert days(a_calendar(day_of_month=[-29]), "2024-01-10T00:00:00Z", limit=3) == ["02-01", "03-03", "04-02"]
    assert days(a_calendar(day_of_month=[-31]), "2026-01-10T00:00:00Z", limit=3) == ["03-01", "05-01", "07-01"]


@pytest.mark.parametrize(
    ("roll", "expected"),
    [
        ("none", ["12-24", "12-25", "12-26", "12-27", "12-28"]),
        ("next", ["12-24", "12-28", "12-29"]),
        ("previous", ["12-24", "12-28", "12-29"]),
        ("nearest", ["12-24", "12-28", "12-29"]),
        ("skip", ["12-24", "12-28", "12-29"]),
    ],
)
def test_a_daily_rule_fires_once_on_the_day_that_holidays_roll_to(roll: str, expected: list[str]) -> None:
    companions: dict[str, Any] = {} if roll == "none" else {"holidays": CHRISTMAS}

    assert days(a_calendar(hour="9", roll=roll, **companions), "2026-12-23T12:00:00Z", limit=len(expected)) == expected


@pytest.mark.parametrize(
    ("roll", "date_of_26th"),
    [("none", "12-26"), ("next", "12-28"), ("previous", "12-24"), ("nearest", "12-28"), ("skip", "01-26")],
)
def test_a_holiday_goes_where_the_roll_sends_it(roll: str, date_of_26th: str) -> None:
    companions: dict[str, Any] = {} if roll == "none" else {"holidays": CHRISTMAS}
    schedule = a_calendar(hour="17", day_of_month="26", roll=roll, **companions)

    assert days(schedule, "2026-12-01T00:00:00Z", limit=1) == [date_of_26th]


@pytest.mark.parametrize(
    ("day", "expected"),
    # A week without Wednesday to Friday: Tuesday the 12th, then Saturday the 16th.
    [("13", "05-12"), ("14", "05-16"), ("15", "05-16")],
)
def test_the_nearest_day_wins_and_a_tie_goes_to_the_later(day: str, expected: str) -> None:
    workdays = ["TUE", "SAT"]

    assert days(a_calendar(day_of_month=day, month="5", roll="nearest", workdays=workdays), "2026-01-01T00:00:00Z", limit=1) == [expected]


def test_the_tenants_list_and_the_plans_own_dates_both_count() -> None:
    calendars = {"nl": HolidayList(3, days_of([date(2026, 12, 25)]))}
    both = a_calendar(day_of_month="25", month="12", roll="next", holidays=["2026-12-28"], holiday_calendar="nl", calendars=calendars)
    listed = a_calendar(day_of_month="25", month="12", roll="next", holiday_calendar="nl", calendars=calendars)

    assert days(both, "2026-01-01T00:00:00Z", limit=1) == ["12-29"]
    assert days(listed, "2026-01-01T00:00:00Z", limit=1) == ["12-28"]


@pytest.mark.parametrize(
    ("free", "expected"),
    [(31, {"next": "2026-04-01", "previous": "2026-02-28"}), (32, {"next": "2027-03-01", "previous": "2027-04-01"})],
)
def test_a_date_rolls_at_most_31_days(free: int, expected: dict[str, str]) -> None:
    holidays = [(date(2026, 3, 1) + timedelta(days=ahead)).isoformat() for ahead in range(free)]
    week = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
    first: dict[str, Any] = {"day_of_month": "1", "month": "3"}
    last: dict[str, Any] = {"day_of_month": holidays[-1][-2:], "month": holidays[-1][5:7]}

    for roll, dates in (("next", first), ("previous", last)):
        schedule = a_calendar(**dates, roll=roll, workdays=week, holidays=holidays)
        assert fires(schedule, "2026-02-01T00:00:00Z", limit=1) == [f"{expected[roll]}T00:00:00Z"]


def test_a_date_rolls_out_of_the_months_that_the_rule_names_and_of_its_year() -> None:
    assert days(a_calendar(day_of_month="31", month="1", roll="next"), "2026-01-01T00:00:00Z", limit=1) == ["02-02"]
    assert fires(a_calendar(day_of_month="1", month="1", roll="previous", workdays=["MON"]), "2026-12-01T00:00:00Z", limit=1) == [
        "2026-12-28T00:00:00Z"
    ]


def test_dates_roll_into_the_first_and_the_last_year_from_outside() -> None:
    # A Wednesday ends 1969, and one ends 2200.
    first = a_calendar(day_of_month=[-1], month="12", roll="next", workdays=["THU"])
    last = a_calendar(day_of_month="6", month="1", roll="previous", workdays=["WED"])

    assert fires(first, None, limit=1) == ["1970-01-01T00:00:00Z"]
    assert fires(last, "2200-12-01T00:00:00Z") == ["2200-12-31T00:00:00Z"]
    assert is_rolled(last, "2200-12-31T00:00:00Z")


def test_an_occurrence_tells_whether_a_label_came_to_it_by_the_roll() -> None:
    schedule = a_calendar(hour="9", day_of_month="25-31", roll="next", holidays=CHRISTMAS)

    assert fires(schedule, "2026-12-20T00:00:00Z", limit=3) == ["2026-12-28T09:00:00Z", "2026-12-29T09:00:00Z", "2026-12-30T09:00:00Z"]
    assert [is_rolled(schedule, f"2026-12-{day}T09:00:00Z") for day in (28, 29, 30)] == [True, False, False]
    assert not is_rolled(a_calendar(hour="9", roll="skip", holidays=CHRISTMAS), "2026-12-28T09:00:00Z")
    assert not is_rolled(a_calendar(hour="9"), "2026-12-28T09:00:00Z")


def test_a_rolled_label_that_is_missing_goes_by_the_gap_policy_and_tells_both() -> None:
    # Saturday the 30th of March 2024 rolls to Sunday the 31st, on which 02:30 is missing.
    schedule = a_calendar(AMSTERDAM, hour="2", minute="30", day_of_month="30", month="3", roll="next", workdays=["SUN"])

    assert fires(schedule, "2024-01-01T00:00:00Z", limit=1) == ["2024-03-31T01:00:00Z"]
    assert is_rolled(schedule, "2024-03-31T01:00:00Z")
    assert isinstance(schedule.rule, Calendar)
    assert schedule.rule.is_from_gap(instant("2024-03-31T01:00:00Z"), AMSTERDAM, schedule.dst)


def test_a_wildcard_calendar_fires_by_elapsed_time_and_skips_what_is_no_business_day() -> None:
    schedule = a_calendar(AMSTERDAM, minute="*/30", hour="2", month="10", roll="skip", workdays=["SAT", "SUN"], holidays=["2024-10-26"])

    assert fires(schedule, "2024-10-21T00:00:00Z", limit=4) == [
        "2024-10-27T00:00:00Z",
        "2024-10-27T00:30:00Z",
        "2024-10-27T01:00:00Z",
        "2024-10-27T01:30:00Z",
    ]


def hostile_holidays(weekday: int, first: int = 1970) -> list[str]:
    """A thousand such weekdays in a row."""
    start = date(first, 1, 1) + timedelta(days=(weekday - date(first, 1, 1).weekday()) % 7)
    return [(start + timedelta(weeks=week)).isoformat() for week in range(1000)]


@pytest.mark.parametrize(
    "members",
    [
        {"day_of_week": "MON", "roll": "skip", "workdays": ["MON"], "holidays": hostile_holidays(0)},
        {"hour": "9", "roll": "next", "workdays": ["MON"], "holidays": hostile_holidays(0)},
        {"hour": "9", "roll": "nearest", "workdays": ["MON"], "holidays": hostile_holidays(0)},
        {"hour": "9", "roll": "previous", "workdays": ["MON"], "holidays": hostile_holidays(0, 2181)},
        {
            "day_of_month": "29",
            "month": "2",
            "day_of_week": "SUN",
            "roll": "previous",
            "workdays": ["SAT"],
            "holidays": hostile_holidays(5),
        },
        {"day_of_month": "29", "month": "2", "day_of_week": "SUN", "roll": "skip", "workdays": ["SUN"], "holidays": ["2032-02-29"]},
        {"minute": "*", "hour": "*", "second": "*", "roll": "skip", "workdays": ["MON"], "holidays": hostile_holidays(0)},
        {"minute": ["0-59/1"] * 100, "hour": ["0-23/1"] * 100, "day_of_month": ["1-31/1"] * 100, "roll": "next"},
    ],
)
def test_the_worst_lists_of_holidays_are_answered_at_once(members: dict[str, object]) -> None:
    calendars = {"nl": HolidayList(1, days_of(date(1989, 3, 6) + timedelta(weeks=week) for week in range(1000)))}
    given = a_definition(recurrence={"type": "calendar", **members, "holiday_calendar": "nl"})
    began = perf_counter()

    refused = codes_of(given, now="1970-01-02T00:00:00Z", calendars=calendars)

    # A busy machine may take a multiple of the time; a walk through labels would take a thousandfold.
    assert perf_counter() - began < 1
    assert refused == []


def test_a_rule_whose_every_date_is_a_holiday_is_refused() -> None:
    every = [date(year, 2, 29).isoformat() for year in range(1970, 2201) if year % 4 == 0 and year not in {2100, 2200}]
    given = a_definition(recurrence={"type": "calendar", "day_of_month": "29", "month": "2", "roll": "skip", "workdays": ["MON"]})
    given["recurrence"]["holidays"] = every

    assert codes_of(given) == [("/recurrence", "SCHEDULE_NEVER_FIRES")]
    given["recurrence"]["holidays"] = [day for day in every if not day.startswith("2016")]
    assert codes_of(given) == []
