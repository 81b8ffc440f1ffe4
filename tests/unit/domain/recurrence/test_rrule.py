from datetime import timedelta

import pytest

from planner.domain.recurrence.window import next_after
from support.schedules import a_rrule, codes_of, fires, instant

TWO_AM = "2024-03-30T02:30:00"
AMSTERDAM = "Europe/Amsterdam"


@pytest.mark.parametrize(
    ("gap", "sunday"),
    [(None, ["2024-03-31T01:30:00Z"]), ("shift", ["2024-03-31T01:30:00Z"]), ("next_valid", ["2024-03-31T01:00:00Z"]), ("skip", [])],
)
def test_a_missing_label_becomes_what_the_policy_says_and_counts_in_any_case(gap: str | None, sunday: list[str]) -> None:
    schedule = a_rrule("FREQ=DAILY;COUNT=3", TWO_AM, AMSTERDAM, dst=None if gap is None else {"gap": gap})

    assert fires(schedule, None) == ["2024-03-30T01:30:00Z", *sunday, "2024-04-01T00:30:00Z"]


def test_both_passes_of_a_repeated_label_count_as_one_of_count() -> None:
    schedule = a_rrule("FREQ=DAILY;COUNT=2", "2024-11-03T01:30:00", "America/New_York", dst={"fold": "both"})

    assert fires(schedule, None) == ["2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z", "2024-11-04T06:30:00Z"]


def test_hours_are_elapsed_time_across_a_change() -> None:
    schedule = a_rrule("FREQ=HOURLY;COUNT=4", "2024-03-31T00:30:00", AMSTERDAM)

    assert fires(schedule, None) == ["2024-03-30T23:30:00Z", "2024-03-31T00:30:00Z", "2024-03-31T01:30:00Z", "2024-03-31T02:30:00Z"]


def test_a_start_that_is_missing_is_shifted_for_steps() -> None:
    schedule = a_rrule("FREQ=MINUTELY;INTERVAL=15;COUNT=2", "2024-03-31T02:30:00", AMSTERDAM)

    assert fires(schedule, None) == ["2024-03-31T01:30:00Z", "2024-03-31T01:45:00Z"]


def test_the_second_pass_of_a_fold_has_the_minutes_that_exist_there() -> None:
    # Lord Howe goes from 02:00 back to 01:30: the hour of the second pass has no minutes before 30.
    schedule = a_rrule("FREQ=HOURLY;BYMINUTE=0,45", "2024-04-07T00:00:00", "Australia/Lord_Howe")

    assert fires(schedule, None, limit=6) == [
        "2024-04-06T13:00:00Z",
        "2024-04-06T13:45:00Z",
        "2024-04-06T14:00:00Z",
        "2024-04-06T14:45:00Z",
        "2024-04-06T15:15:00Z",
        "2024-04-06T15:30:00Z",
    ]


@pytest.mark.parametrize(
    ("rule", "dtstart", "expected"),
    [
        ("FREQ=YEARLY", "2024-02-29T09:00:00", ["2024-02-29T09:00:00Z", "2028-02-29T09:00:00Z"]),
        ("FREQ=YEARLY;BYMONTH=1,3", "2024-01-31T09:00:00", ["2024-01-31T09:00:00Z", "2024-03-31T09:00:00Z"]),
        ("FREQ=MONTHLY", "2024-01-31T09:00:00", ["2024-01-31T09:00:00Z", "2024-03-31T09:00:00Z"]),
        ("FREQ=WEEKLY;BYHOUR=8", "2024-01-01T09:00:00", ["2024-01-08T08:00:00Z", "2024-01-15T08:00:00Z"]),
        # BYWEEKNO alone takes DTSTART's weekday.
        ("FREQ=YEARLY;BYWEEKNO=20", "2024-01-03T09:00:00", ["2024-05-15T09:00:00Z", "2025-05-14T09:00:00Z"]),
        # Plain and ordinal members are alternatives.
        ("FREQ=MONTHLY;BYDAY=MO,1FR", "2024-01-01T09:00:00", ["2024-01-01T09:00:00Z", "2024-01-05T09:00:00Z"]),
        # The first week is whole where BYSETPOS picks from it, though DTSTART lies in its middle.
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1", "2024-01-03T09:00:00", ["2024-01-08T09:00:00Z", "2024-01-15T09:00:00Z"]),
        ("FREQ=DAILY;BYHOUR=8,9,10;BYSETPOS=-1,2", "2024-01-01T09:30:00", ["2024-01-01T09:30:00Z", "2024-01-01T10:30:00Z"]),
        ("FREQ=YEARLY;BYWEEKNO=53;INTERVAL=6;BYDAY=TH", "2027-01-03T00:00:00", ["2093-12-31T00:00:00Z", "2099-12-31T00:00:00Z"]),
    ],
)
def test_a_period_has_the_days_that_pass_all_parts(rule: str, dtstart: str, expected: list[str]) -> None:
    assert fires(a_rrule(rule, dtstart), None, limit=2) == expected


@pytest.mark.parametrize(
    ("until", "count"),
    [("20240103", 3), ("20240103T085959", 2), ("20240103T090000", 3), ("20240103T080000Z", 3), ("20240103T075959Z", 2)],
)
def test_the_end_is_inclusive_and_an_instant(until: str, count: int) -> None:
    assert len(fires(a_rrule(f"FREQ=DAILY;UNTIL={until}", "2024-01-01T09:00:00", AMSTERDAM), None)) == count


def test_an_end_in_a_gap_or_fold_is_generous() -> None:
    in_gap = a_rrule("FREQ=DAILY;UNTIL=20240331T023000;BYHOUR=3", TWO_AM, AMSTERDAM, dst={"gap": "skip"})
    in_fold = a_rrule("FREQ=DAILY;UNTIL=20241103T013000", "2024-11-03T01:30:00", "America/New_York", dst={"fold": "both"})

    assert fires(in_gap, None) == ["2024-03-30T02:30:00Z", "2024-03-31T01:30:00Z"]
    assert fires(in_fold, None) == ["2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z"]


def test_dates_are_added_and_then_taken_away_as_instants() -> None:
    schedule = a_rrule(
        "FREQ=DAILY;COUNT=3",
        "2024-01-02T09:00:00",
        AMSTERDAM,
        rdates=["2023-12-31T12:00:00", "2024-01-03T08:00:00Z", "2025-01-01T00:00:00.25Z", "2024-06-01T10:00:00"],
        exdates=["2024-01-02T09:00:00", "2024-06-01T10:00:00+02:00"],
    )

    assert fires(schedule, None) == ["2023-12-31T11:00:00Z", "2024-01-03T08:00:00Z", "2024-01-04T08:00:00Z", "2025-01-01T00:00:00.250000Z"]


def test_an_excluded_label_that_is_repeated_excludes_what_the_policy_fires() -> None:
    both = {"fold": "both"}
    daily = ("FREQ=DAILY;COUNT=2", "2024-11-03T01:30:00", "America/New_York")

    assert fires(a_rrule(*daily, exdates=["2024-11-03T01:30:00"], dst=both), None) == ["2024-11-04T06:30:00Z"]
    assert fires(a_rrule(*daily, exdates=["2024-11-03T06:30:00Z"], dst=both), None) == ["2024-11-03T05:30:00Z", "2024-11-04T06:30:00Z"]


def test_a_missing_date_is_none_where_gaps_are_skipped() -> None:
    schedule = a_rrule("FREQ=DAILY;COUNT=1", TWO_AM, AMSTERDAM, rdates=["2024-03-31T02:30:00"], dst={"gap": "skip"})

    assert fires(schedule, None) == ["2024-03-30T01:30:00Z"]


@pytest.mark.parametrize(
    ("rule", "last"),
    [
        ("FREQ=DAILY;COUNT=80000", "2189-01-11T09:30:00Z"),
        ("FREQ=DAILY;BYHOUR=0,12;COUNT=3", "1970-01-02T12:30:00Z"),
        ("FREQ=SECONDLY;COUNT=100000", "1970-01-02T13:16:39Z"),
        ("FREQ=HOURLY;BYMINUTE=0,30;COUNT=100000", "1975-09-15T17:00:00Z"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=1000", "2053-04-30T09:30:00Z"),
        ("FREQ=SECONDLY;INTERVAL=86399;BYHOUR=9;COUNT=1800", "1974-12-05T09:00:01Z"),
    ],
)
def test_a_long_count_ends_where_it_ends(rule: str, last: str) -> None:
    schedule = a_rrule(rule, "1970-01-01T09:30:00")

    assert next_after(schedule, instant(last)) is None
    assert next_after(schedule, instant(last) - timedelta(seconds=1)) == instant(last)


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", {}),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=5", {}),
        ("FREQ=MONTHLY;BYDAY=6MO", {}),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", {}),
        ("FREQ=DAILY;UNTIL=20231231", {}),
        ("FREQ=DAILY;COUNT=1", {"exdates": ["2024-01-01T00:00:00"]}),
    ],
)
def test_what_never_fires_is_refused(rule: str, more: dict[str, list[str]]) -> None:
    recurrence = {"type": "rrule", "rule": rule, "dtstart": "2024-01-01T00:00:00", **more}

    assert codes_of({"action": "a", "recurrence": recurrence}) == [("/recurrence", "SCHEDULE_NEVER_FIRES")]
