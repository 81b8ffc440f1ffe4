from typing import Any

import pytest

from planner.domain.preview import preview_definition
from planner.domain.schedule_warnings import WarningCode

AMSTERDAM = "Europe/Amsterdam"
MAY = "2024-05-01T00:00:00Z"


def warned(recurrence: dict[str, Any], *, after: str | None = MAY, **fields: object) -> list[str]:
    """Code and pointer of each warning."""
    found = preview_definition({"recurrence": recurrence, **fields}, after=after, limit=1, plan_id=None)
    assert all(warning.detail for warning in found.warnings)
    return [f"{warning.code} {warning.pointer}" for warning in found.warnings]


def cron(expression: str, *, after: str | None = MAY, **fields: object) -> list[str]:
    return warned({"type": "cron", "expression": expression}, after=after, **fields)


def rrule(rule: str, dtstart: str) -> list[str]:
    return warned({"type": "rrule", "rule": rule, "dtstart": dtstart})


def test_the_codes_are_the_published_ones() -> None:
    assert set(WarningCode) == {"DAY_FIELDS_BOTH", "DAY_FIELDS_EITHER", "WILDCARD_AT_CHANGE", "SHORT_MONTHS", "SPARSE"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 */2 * 1", ["DAY_FIELDS_BOTH"]),
        ("0 0 1 * */2", ["DAY_FIELDS_BOTH"]),
        ("0 0 1 * 1", ["DAY_FIELDS_EITHER"]),
        ("5 0 0 1 * 1", ["DAY_FIELDS_EITHER"]),
        ("0 0 1-7 * MON-FRI", ["DAY_FIELDS_EITHER"]),
        ("0 0 1 * *", []),
        ("0 0 ? * 1", []),
        ("0 0 * * 1", []),
    ],
)
def test_two_restricted_day_fields_are_warned_about(expression: str, expected: list[str]) -> None:
    assert cron(expression) == [f"{code} /recurrence/expression" for code in expected]


@pytest.mark.parametrize(
    ("expression", "timezone", "expected"),
    [
        ("*/15 2 * * *", AMSTERDAM, True),
        ("0 */5 * * *", AMSTERDAM, True),
        ("*/15 * * * *", AMSTERDAM, False),
        ("*/15 0-23 * * *", AMSTERDAM, False),
        ("0 2 * * *", AMSTERDAM, False),
        ("*/15 2 * * *", "UTC", False),
        ("*/15 2 * * *", "Asia/Tokyo", False),
    ],
)
def test_a_wildcard_rule_that_leaves_hours_out_is_warned_about_where_the_clock_changes(
    expression: str, timezone: str, expected: bool
) -> None:
    assert cron(expression, timezone=timezone) == ["WILDCARD_AT_CHANGE /recurrence/expression"] * expected


@pytest.mark.parametrize(
    ("expression", "way_out"),
    [
        ("*/15 2 * * *", "with minute 0,15,30,45 `dst` decides"),
        ("* 2 * * *", "with minute 0-59 `dst` decides"),
        ("0 */5 * * *", "with hour 0,5,10,15,20 `dst` decides"),
        ("7 */30 */12 * * *", "with minute 0,30 and hour 0,12 `dst` decides"),
    ],
)
def test_a_wildcard_rule_is_told_how_to_be_one_of_labels(expression: str, way_out: str) -> None:
    given = {"recurrence": {"type": "cron", "expression": expression}, "timezone": AMSTERDAM}
    [warning] = preview_definition(given, after=MAY, limit=1, plan_id=None).warnings

    assert warning.detail.endswith(f"; {way_out}")


def test_a_zone_that_stopped_changing_long_ago_is_not_warned_about() -> None:
    assert cron("*/15 2 * * *", timezone="America/Sao_Paulo", after="2017-05-01T00:00:00Z") != []
    assert cron("*/15 2 * * *", timezone="America/Sao_Paulo", after="2020-05-01T00:00:00Z") == []


@pytest.mark.parametrize(("after", "warned_about"), [("2016-05-03T00:00:00Z", False), ("2016-05-05T00:00:00Z", True)])
def test_a_change_is_looked_for_in_the_next_two_years(after: str, *, warned_about: bool) -> None:
    # Pyongyang changed in August 2015, and on May 4, 2018, at 15:00 in UTC.
    assert bool(cron("*/15 2 * * *", timezone="Asia/Pyongyang", after=after)) is warned_about


def test_without_a_beginning_the_years_after_the_first_bound_decide() -> None:
    assert cron("*/15 2 * * *", timezone=AMSTERDAM, after=None) == []
    assert cron("*/15 2 * * *", timezone=AMSTERDAM, after=None, starts_at="2024-01-01T00:00:00Z") != []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 31 * *", True),
        ("0 0 29 * *", True),
        ("0 0 1,30 * *", True),
        ("0 0 31W * *", True),
        ("0 0 29-31 * *", True),
        ("0 0 * * 1#5", True),
        ("0 0 31 1,3,12 *", False),
        ("0 0 30 4,6 *", False),
        ("0 0 28 * *", False),
        ("0 0 15-31 * *", False),
        ("0 0 */30 * *", False),
        ("0 0 L * *", False),
        ("0 0 * * 1#4,5L", False),
    ],
)
def test_a_day_that_not_every_month_has_is_warned_about(expression: str, expected: bool) -> None:
    assert cron(expression) == ["SHORT_MONTHS /recurrence/expression"] * expected


@pytest.mark.parametrize(
    ("rule", "dtstart", "expected"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2024-05-01T09:00:00", True),
        ("FREQ=MONTHLY;BYMONTHDAY=-31", "2024-05-01T09:00:00", True),
        ("FREQ=DAILY;BYMONTHDAY=30", "2024-05-01T09:00:00", True),
        ("FREQ=YEARLY;BYMONTHDAY=30", "2024-05-01T09:00:00", True),
        ("FREQ=MINUTELY;INTERVAL=60;BYMONTHDAY=31", "2024-05-01T09:00:00", True),
        ("FREQ=MONTHLY", "2024-05-31T09:00:00", True),
        ("FREQ=MONTHLY;BYDAY=5MO", "2024-05-01T09:00:00", True),
        ("FREQ=MONTHLY;BYDAY=-5MO", "2024-05-01T09:00:00", True),
        ("FREQ=YEARLY;BYMONTH=5,6,7,8;BYDAY=5MO", "2024-05-01T09:00:00", True),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5", "2024-05-01T09:00:00", True),
        ("FREQ=MONTHLY;BYMONTHDAY=29,30;BYSETPOS=1", "2024-05-01T09:00:00", True),
        ("FREQ=MONTHLY;BYMONTH=1,3;BYMONTHDAY=31", "2024-05-01T09:00:00", False),
        ("FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1", "2024-05-01T09:00:00", False),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2024-05-01T09:00:00", False),
        ("FREQ=MONTHLY", "2024-05-28T09:00:00", False),
        ("FREQ=YEARLY", "2024-05-31T09:00:00", False),
        ("FREQ=WEEKLY", "2024-05-31T09:00:00", False),
        ("FREQ=HOURLY;INTERVAL=5", "2024-05-31T09:00:00", False),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=4", "2024-05-01T09:00:00", False),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2024-05-31T09:00:00", False),
        ("FREQ=MONTHLY;BYDAY=MO;BYHOUR=9,10;BYSETPOS=5", "2024-05-01T09:00:00", False),
        ("FREQ=YEARLY;BYDAY=5MO", "2024-05-01T09:00:00", False),
    ],
)
def test_a_rule_for_days_that_not_every_month_has_is_warned_about(rule: str, dtstart: str, expected: bool) -> None:
    assert rrule(rule, dtstart) == ["SHORT_MONTHS /recurrence/rule"] * expected


def test_a_leap_day_is_short_and_sparse() -> None:
    assert rrule("FREQ=YEARLY", "2024-02-29T09:00:00") == ["SHORT_MONTHS /recurrence/rule", "SPARSE /recurrence"]


@pytest.mark.parametrize(
    ("every", "anchor", "expected"),
    [
        ("P366D", "2024-06-01T00:00:00Z", False),
        ("P367D", "2024-06-01T00:00:00Z", True),
        ("P1D", "2025-05-02T00:00:00Z", False),
        ("P1D", "2025-05-02T00:00:01Z", True),
    ],
)
def test_more_than_366_days_without_an_occurrence_are_warned_about(every: str, anchor: str, expected: bool) -> None:
    assert warned({"type": "interval", "every": every, "anchor": anchor}) == ["SPARSE /recurrence"] * expected


def test_the_way_to_the_first_occurrence_does_not_count_from_the_beginning_of_time() -> None:
    assert warned({"type": "interval", "every": "P1D", "anchor": "2025-05-02T00:00:01Z"}, after=None) == []
    assert warned({"type": "interval", "every": "P367D", "anchor": "2025-05-02T00:00:01Z"}, after=None) == ["SPARSE /recurrence"]


def test_the_only_occurrence_may_be_far_away() -> None:
    assert rrule("FREQ=YEARLY;COUNT=1", "2030-05-01T09:00:00") == ["SPARSE /recurrence"]
    assert rrule("FREQ=YEARLY;COUNT=1", "2020-05-01T09:00:00") == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"day_of_month": "31"}, ["SHORT_MONTHS /recurrence/day_of_month"]),
        ({"day_of_month": [1, -30]}, ["SHORT_MONTHS /recurrence/day_of_month"]),
        ({"day_of_week": "MON#5"}, ["SHORT_MONTHS /recurrence/day_of_week"]),
        ({"minute": "*/15", "hour": "2"}, ["WILDCARD_AT_CHANGE /recurrence/hour"]),
        ({"minute": "*/15", "hour": "*"}, []),
        ({"day_of_month": [15, -1], "day_of_week": "MON-FRI"}, []),
        ({"day_of_month": "29", "month": "2"}, ["SHORT_MONTHS /recurrence/day_of_month", "SPARSE /recurrence"]),
    ],
    ids=str,
)
def test_a_calendar_rule_is_warned_about_at_its_fields(fields: dict[str, Any], expected: list[str]) -> None:
    assert warned({"type": "calendar", **fields}, timezone=AMSTERDAM) == expected


def test_a_single_moment_is_never_warned_about() -> None:
    found = preview_definition({"execute_at": "2099-01-01T00:00:00Z"}, after="2024-05-01T00:00:00Z", limit=1, plan_id=None)
    assert found.warnings == ()
