"""Cron rules in zones: gaps, folds, and long waits (scheduling.md, R3 to R7)."""

import pytest

from planner.domain.civil_time import EPOCH
from planner.domain.recurrence.cron_text import parse_cron
from support.schedules import a_cron, fires, instant

AMSTERDAM = "Europe/Amsterdam"
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("expression", "dst", "expected"),
    [
        ("30 2 * * *", {}, ["2024-03-31T01:00:00Z"]),
        ("30 2 * * *", {"gap": "next_valid"}, ["2024-03-31T01:00:00Z"]),
        ("30 2 * * *", {"gap": "shift"}, ["2024-03-31T01:30:00Z"]),
        ("30 2 * * *", {"gap": "skip"}, []),
        ("0,30 2,3 * * *", {}, ["2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"]),
        ("0,30 2,3 * * *", {"gap": "shift"}, ["2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"]),
        ("15,30 2,3 * * *", {"gap": "shift"}, ["2024-03-31T01:15:00Z", "2024-03-31T01:30:00Z"]),
        ("45 2 * * *", {"gap": "shift"}, ["2024-03-31T01:45:00Z"]),
        ("30 0-3 * * *", {}, ["2024-03-30T23:30:00Z", "2024-03-31T00:30:00Z", "2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"]),
    ],
)
def test_a_missing_label_of_a_fixed_rule_goes_by_the_gap_policy(expression: str, dst: dict[str, str], expected: list[str]) -> None:
    schedule = a_cron(expression, AMSTERDAM, dst=dst or None)

    assert fires(schedule, "2024-03-30T22:59:59Z", until="2024-03-31T21:59:59Z") == expected


def test_a_wildcard_rule_never_fires_in_a_gap() -> None:
    assert fires(a_cron("*/30 * * * *", AMSTERDAM), "2024-03-31T00:00:00Z", limit=4) == [
        "2024-03-31T00:30:00Z",
        "2024-03-31T01:00:00Z",
        "2024-03-31T01:30:00Z",
        "2024-03-31T02:00:00Z",
    ]
    assert fires(a_cron("*/15 2 * * *", AMSTERDAM), "2024-03-30T22:59:59Z", until="2024-03-31T21:59:59Z") == []


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        (None, ["2024-11-03T05:30:00Z"]),
        ("first", ["2024-11-03T05:30:00Z"]),
        ("last", ["2024-11-03T06:30:00Z"]),
        ("both", ["2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z"]),
    ],
)
def test_a_repeated_label_of_a_fixed_rule_goes_by_the_fold_policy(fold: str | None, expected: list[str]) -> None:
    schedule = a_cron("30 1 * * *", NEW_YORK, dst=None if fold is None else {"fold": fold})

    assert fires(schedule, "2024-11-03T04:00:00Z", until="2024-11-04T04:59:59Z") == expected


def test_a_wildcard_rule_fires_in_both_passes() -> None:
    assert fires(a_cron("30 * * * *", NEW_YORK), "2024-11-03T05:00:00Z", limit=3) == [
        "2024-11-03T05:30:00Z",
        "2024-11-03T06:30:00Z",
        "2024-11-03T07:30:00Z",
    ]
    assert len(fires(a_cron("*/15 1 * * *", NEW_YORK), "2024-11-03T04:00:00Z", until="2024-11-04T04:59:59Z")) == 8


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2024-11-03T05:29:59.999999Z", "2024-11-03T05:30:00Z"),
        ("2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z"),
        ("2024-11-03T05:59:59Z", "2024-11-03T06:30:00Z"),
        ("2024-11-03T06:00:00.000001Z", "2024-11-03T06:30:00Z"),
        ("2024-11-03T06:30:00Z", "2024-11-04T06:30:00Z"),
    ],
)
def test_a_search_may_begin_inside_either_pass(after: str, expected: str) -> None:
    assert fires(a_cron("30 1 * * *", NEW_YORK, dst={"fold": "both"}), after, limit=1) == [expected]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2024-03-31T01:44:59Z", "2024-03-31T01:45:00Z"),
        ("2024-03-31T01:45:00Z", "2024-04-01T00:45:00Z"),
        ("2024-03-31T02:00:00Z", "2024-04-01T00:45:00Z"),
        ("2024-03-31T12:00:00Z", "2024-04-01T00:45:00Z"),
    ],
)
def test_a_search_may_begin_after_the_change_that_shifted_a_label(after: str, expected: str) -> None:
    assert fires(a_cron("45 2 * * *", AMSTERDAM, dst={"gap": "shift"}), after, limit=1) == [expected]


def test_the_last_pass_is_found_from_within_the_first() -> None:
    # The label is behind the clock already, and comes again.
    assert fires(a_cron("30 1 3 11 *", NEW_YORK, dst={"fold": "last"}), "2024-11-03T05:45:00Z", limit=1) == ["2024-11-03T06:30:00Z"]


@pytest.mark.parametrize(
    ("timezone", "expression", "after", "expected"),
    [
        ("Australia/Lord_Howe", "15 2 * * *", "2024-10-05T12:00:00Z", "2024-10-05T15:30:00Z"),
        ("Australia/Lord_Howe", "45 1 * * *", "2024-04-06T12:00:00Z", "2024-04-06T14:45:00Z"),
        ("Antarctica/Troll", "30 2 * * *", "2024-03-30T12:00:00Z", "2024-03-31T01:00:00Z"),
        ("Africa/Cairo", "30 0 * * *", "2024-04-25T12:00:00Z", "2024-04-25T22:00:00Z"),
        ("America/Havana", "0 0 * * *", "2024-03-09T12:00:00Z", "2024-03-10T05:00:00Z"),
        ("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"),
        ("Asia/Tehran", "0 0 * * *", "2022-03-21T12:00:00Z", "2022-03-21T20:30:00Z"),
        ("Europe/Dublin", "30 1 * * *", "2024-03-30T12:00:00Z", "2024-03-31T01:00:00Z"),
        ("Africa/Casablanca", "30 2 * * *", "2024-03-09T12:00:00Z", "2024-03-10T01:30:00Z"),
        ("Pacific/Apia", "0 12 30 12 *", "2011-12-29T00:00:00Z", "2011-12-30T10:00:00Z"),
    ],
)
def test_unusual_changes_are_changes_like_any_other(timezone: str, expression: str, after: str, expected: str) -> None:
    assert fires(a_cron(expression, timezone), after, limit=1) == [expected]


def test_a_missing_day_costs_no_walk_through_its_seconds() -> None:
    assert fires(a_cron("* * * * * *", "Pacific/Apia"), "2011-12-30T09:59:58Z", limit=2) == [
        "2011-12-30T09:59:59Z",
        "2011-12-30T10:00:00Z",
    ]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("0 0 29 2 */7", "2064-03-01T00:00:00Z", "2088-02-29T00:00:00Z"),
        ("0 0 * 2 1#5", "2024-05-01T12:00:00Z", "2044-02-29T00:00:00Z"),
        ("59 59 23 31 12 *", "2200-01-01T00:00:00Z", "2200-12-31T23:59:59Z"),
    ],
)
def test_the_longest_waits_are_found(expression: str, after: str, expected: str) -> None:
    assert fires(a_cron(expression), after, limit=1) == [expected]


def test_nothing_comes_after_the_last_year() -> None:
    assert fires(a_cron("0 0 1 1 *"), "2200-01-01T00:00:00Z") == []
    assert fires(a_cron("0 0 1 1 *", "Pacific/Kiritimati"), "2200-01-01T00:00:00Z") == ["2200-12-31T10:00:00Z"]
    assert fires(a_cron("0 20 31 12 *", "America/New_York"), "2199-12-31T23:59:59Z") == ["2200-01-01T01:00:00Z"]


def test_the_first_second_of_1970_is_an_occurrence() -> None:
    assert fires(a_cron("0 0 1 1 *"), None, limit=1) == ["1970-01-01T00:00:00Z"]


def test_a_label_after_the_last_year_is_none() -> None:
    beyond = (instant("2201-01-03T00:00:00Z") - EPOCH).days * 86_400

    assert parse_cron("* * * * *").first_label(beyond) is None
    assert parse_cron("0 0 1 1 *").first_label(beyond - 86_400) is None
