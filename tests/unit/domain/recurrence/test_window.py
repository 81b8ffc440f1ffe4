"""The window function: strictly after, up to and with, bounded, and honest about being cut short."""

from datetime import timedelta

import pytest

from planner.domain.recurrence.window import contains, newest, next_after, occurrences, rising
from support.schedules import a_cron, a_rrule, a_schedule, an_interval, fires, instant

HOURLY = an_interval(3600)


def test_after_is_excluded_and_until_is_included() -> None:
    assert fires(HOURLY, "2026-01-01T01:00:00Z", until="2026-01-01T03:00:00Z") == ["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"]


def test_a_fraction_of_a_second_counts() -> None:
    assert fires(HOURLY, "2026-01-01T00:59:59.999999Z", limit=1) == ["2026-01-01T01:00:00Z"]
    assert fires(HOURLY, "2026-01-01T01:00:00.000001Z", limit=1) == ["2026-01-01T02:00:00Z"]


@pytest.mark.parametrize(("limit", "complete"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_window_says_if_it_was_cut_short(limit: int, complete: bool) -> None:
    window = occurrences(HOURLY, after=instant("2026-01-01T00:00:00Z"), until=instant("2026-01-01T03:00:00Z"), limit=limit)

    assert (len(window.instants), window.complete) == (min(limit, 3), complete)


def test_bounds_are_both_inclusive() -> None:
    bounded = a_cron("0 * * * *", starts_at="2026-01-01T02:00:00Z", ends_at="2026-01-01T04:00:00Z")

    assert fires(bounded, None) == ["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z"]
    assert fires(bounded, "2026-01-01T04:00:00Z") == []


def test_a_bound_a_microsecond_off_leaves_the_occurrence_out() -> None:
    bounded = a_cron("0 * * * *", starts_at="2026-01-01T02:00:00.000001Z", ends_at="2026-01-01T03:59:59.999999Z")

    assert fires(bounded, None) == ["2026-01-01T03:00:00Z"]


def test_next_after_is_the_first_of_the_window() -> None:
    assert next_after(HOURLY, instant("2026-01-01T01:00:00Z")) == instant("2026-01-01T02:00:00Z")
    assert next_after(a_schedule(execute_at="2026-01-01T00:00:00Z"), instant("2026-01-01T00:00:00Z")) is None


def test_an_occurrence_is_contained_and_its_neighbours_are_not() -> None:
    assert contains(HOURLY, instant("2026-01-01T01:00:00Z"))
    assert not contains(HOURLY, instant("2026-01-01T01:00:00.000001Z"))
    assert not contains(a_schedule(execute_at="2026-01-01T00:00:00Z"), instant("2026-01-02T00:00:00Z"))


def test_occurrences_are_found_when_they_are_asked_for() -> None:
    endless = rising(a_cron("* * * * * *"), instant("2026-01-01T00:00:00Z"), instant("2199-01-01T00:00:00Z"))

    assert [next(endless), next(endless)] == [instant("2026-01-01T00:00:00Z"), instant("2026-01-01T00:00:01Z")]


@pytest.mark.parametrize("count", [1, 2, 7, 100])
@pytest.mark.parametrize("expression", ["* * * * * *", "0 * * * *", "* * 0 * * *", "0 0 * * 1", "0 0 1 1 *", "0-9 0 0 1 * *"])
def test_the_newest_are_the_last_of_all(expression: str, count: int) -> None:
    schedule = a_cron(expression)
    start, end = instant("2026-01-01T00:00:00Z"), instant("2026-01-08T23:11:07Z")
    every = list(rising(schedule, start, end)) if expression.split(maxsplit=1)[0] != "*" else None

    found = newest(schedule, start, end, count)

    if every is not None:
        assert found == every[-count:]
    else:
        assert found == list(rising(schedule, found[0], end))
        assert len(found) == count


def test_the_newest_of_an_empty_range_are_none() -> None:
    assert newest(HOURLY, instant("2026-01-01T00:00:01Z"), instant("2026-01-01T00:59:59Z"), 5) == []
    assert newest(HOURLY, instant("2026-01-02T00:00:00Z"), instant("2026-01-01T00:00:00Z"), 5) == []


def test_occurrences_a_second_apart_off_the_second_are_all_found() -> None:
    fast = an_interval(1, anchor="2026-01-01T00:00:00.75Z")
    end = instant("2026-01-01T01:00:00Z")

    assert newest(fast, end - timedelta(hours=1), end, 50) == list(rising(fast, end - timedelta(seconds=50), end))


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_the_newest_are_found_where_several_lie_within_a_second(count: int) -> None:
    dates = [f"2026-01-05T09:00:{second}Z" for second in ("00.000001", "00.000002", "00.25", "00.5", "00.999999")]
    dense = a_rrule("FREQ=DAILY;COUNT=4", "2026-01-02T09:00:00", rdates=dates)
    start, end = instant("2026-01-01T00:00:00Z"), instant("2026-03-01T00:00:00Z")

    assert newest(dense, start, end, count) == list(rising(dense, start, end))[-count:]
