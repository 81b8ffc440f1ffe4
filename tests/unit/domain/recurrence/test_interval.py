"""Intervals: elapsed time from an anchor, and the two ways to write one."""

from datetime import timedelta

import pytest

from planner.domain.errors import ScheduleError
from planner.domain.recurrence.interval import Interval, parse_duration, parse_seconds
from planner_contracts.errors import ErrorCode
from support.schedules import an_interval, fires, instant

ANCHOR = instant("2024-01-01T00:00:00Z")
MINUTELY = Interval(ANCHOR, timedelta(minutes=1))


def test_the_anchor_is_the_first_occurrence() -> None:
    assert MINUTELY.first_from(instant("1970-01-01T00:00:00Z")) == ANCHOR
    assert MINUTELY.first_from(ANCHOR) == ANCHOR


def test_an_occurrence_is_its_own_first_and_a_microsecond_later_the_next_is() -> None:
    assert MINUTELY.first_from(instant("2024-01-01T00:05:00Z")) == instant("2024-01-01T00:05:00Z")
    assert MINUTELY.first_from(instant("2024-01-01T00:05:00.000001Z")) == instant("2024-01-01T00:06:00Z")


def test_an_anchor_keeps_its_microseconds() -> None:
    interval = Interval(instant("2024-01-01T00:00:00.25Z"), timedelta(seconds=10))

    assert interval.first_from(instant("2024-01-01T00:00:10Z")) == instant("2024-01-01T00:00:10.25Z")


def test_a_day_is_86400_seconds_whatever_the_clocks_do() -> None:
    daily = an_interval(86_400, anchor="2024-03-30T02:30:00Z", timezone="Europe/Amsterdam")

    assert fires(daily, "2024-03-30T03:00:00Z", limit=2) == ["2024-03-31T02:30:00Z", "2024-04-01T02:30:00Z"]


def test_occurrences_are_counted_by_arithmetic() -> None:
    assert MINUTELY.count(ANCHOR, ANCHOR) == 1
    assert MINUTELY.count(ANCHOR, instant("2025-01-01T00:00:00Z")) == 366 * 1440 + 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1S", 1),
        ("PT90S", 90),
        ("P1D", 86_400),
        ("P2W", 1_209_600),
        ("P1DT2H3M4S", 93_784),
        ("PT1H1S", 3601),
        ("PT0000000000000000060S", 60),
        ("P0DT1M", 60),
        ("P3650D", 315_360_000),
    ],
)
def test_a_duration_is_weeks_or_days_and_a_time(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "1D",
        "P1Y",
        "P1M",
        "P1W1D",
        "PT1.5S",
        "PT-1S",
        "-PT1S",
        "pt1s",
        "PT1S ",
        "P1D1H",
        "PT1M1H",
        "PT\uff11S",
        "P1D\n",
    ],
)
def test_another_form_of_duration_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_duration(text)

    assert refused.value.code is ErrorCode.INTERVAL_SYNTAX


@pytest.mark.parametrize(
    ("text", "meant"),
    [("90m", "PT90M"), (" 1h30m", "PT1H30M"), ("1d", "P1D"), ("2w", "P2W"), ("pt15m", "PT15M"), ("90", None), ("1" * 50 + "m", None)],
)
def test_a_duration_in_another_s_spelling_is_hinted_in_ours(text: str, meant: str | None) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_duration(text)

    assert refused.value.hint == f"write {meant or 'PT15M, P1DT12H or P2W'}"


@pytest.mark.parametrize("text", ["PT0S", "P0D", "P0W", "PT315360001S", "P3651D", "PT" + "9" * 5000 + "S", "PT99999999999S"])
def test_a_duration_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_duration(text)

    assert refused.value.code is ErrorCode.INTERVAL_OUT_OF_RANGE


@pytest.mark.parametrize("given", [0, -60, 315_360_001, 10**400])
def test_seconds_out_of_range_are_refused(given: int) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_seconds(given)

    assert refused.value.code is ErrorCode.INTERVAL_OUT_OF_RANGE


@pytest.mark.parametrize("given", [True, 60.0, "60", 1e-9, [60]])
def test_seconds_are_a_json_integer(given: object) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_seconds(given)

    assert refused.value.code is ErrorCode.INTERVAL_BAD_TYPE


def test_a_duration_is_a_string() -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_duration(60)

    assert refused.value.code is ErrorCode.INTERVAL_BAD_TYPE


@pytest.mark.parametrize("seconds", [1, 315_360_000])
def test_the_shortest_and_the_longest_period_are_accepted(seconds: int) -> None:
    assert parse_seconds(seconds) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["P1M", "P1Y", "p1y2m"])
def test_months_and_years_are_pointed_to_rules_that_know_dates(text: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_duration(text)

    assert refused.value.hint == "months and years have no fixed length: take a recurrence of type cron, rrule or calendar"
