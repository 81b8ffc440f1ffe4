"""Dates in the one form that a definition may have them in."""

from datetime import UTC, datetime, timedelta

import pytest

from planner.domain.dates import parse_instant, parse_moment
from planner.domain.errors import ScheduleError
from planner_contracts.errors import ErrorCode


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29T12:30:45Z", datetime(2024, 2, 29, 12, 30, 45, tzinfo=UTC)),
        ("2024-02-29T12:30:45.5Z", datetime(2024, 2, 29, 12, 30, 45, 500_000, tzinfo=UTC)),
        ("2024-02-29T12:30:45.000001Z", datetime(2024, 2, 29, 12, 30, 45, 1, tzinfo=UTC)),
        ("2024-01-01T00:00:00+05:30", datetime(2023, 12, 31, 18, 30, tzinfo=UTC)),
        ("2024-01-01T00:00:00-03:00", datetime(2024, 1, 1, 3, tzinfo=UTC)),
        ("2024-01-01T00:00:00-00:00", datetime(2024, 1, 1, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2200-12-31T23:59:59.999999Z", datetime(2200, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_an_instant_has_z_or_an_offset(text: str, expected: datetime) -> None:
    assert parse_instant(text) == expected


def test_a_label_has_neither_and_whole_seconds() -> None:
    moment = parse_moment("2024-03-31T02:30:00.000")

    assert moment.offset is None
    assert moment.label == datetime(2024, 3, 31, 2, 30)  # noqa: DTZ001 a label has no zone


@pytest.mark.parametrize(("text", "numeric"), [("2024-01-01T00:00:00Z", False), ("2024-01-01T00:00:00+00:00", True)])
def test_z_claims_no_local_offset(text: str, numeric: bool) -> None:
    moment = parse_moment(text)

    assert (moment.offset, moment.numeric) == (timedelta(0), numeric)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-01",
        "2024-01-01T00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01t00:00:00z",
        "2024-01-01T00:00:00z",
        "20240101T000000Z",
        "2024-W01-1T00:00:00Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.0000001Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+01:60",
        "2024-01-01T00:00:00+01",
        "2024-01-01T00:00:00Z ",
        "2024-01-01T00:00:00Z\n",
        "\uff12\uff10\uff12\uff14-01-01T00:00:00Z",
        "٢٠٢٤-01-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "0000-02-30T00:00:00Z",
        "2024-01-01T00:00:00.5",
        1_719_824_400,
        True,
        ["2024-01-01T00:00:00Z"],
    ],
)
def test_another_form_or_no_such_day_is_invalid(text: object) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_moment(text)

    assert refused.value.code is ErrorCode.DATETIME_INVALID


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2027-02-30T09:00:00Z", "there is no such day"),
        ("2027-02-20T24:00:00Z", "there is no such time of day or offset"),
        ("2027-02-20T09:00:00+24:00", "there is no such time of day or offset"),
        ("2027-02-20 09:00:00Z", "is no date of the form that is expected here"),
    ],
)
def test_a_date_of_the_right_form_is_told_apart_from_another_form(text: str, told: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_moment(text)

    assert refused.value.detail.endswith(told)


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59",
        "1970-01-01T00:00:00+00:01",
        "2200-12-31T23:59:59-00:01",
    ],
)
def test_years_are_1970_to_2200_as_written_and_in_utc(text: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_moment(text)

    assert refused.value.code is ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE


def test_a_label_is_no_instant() -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_instant("2024-01-01T00:00:00")

    assert refused.value.code is ErrorCode.DATETIME_INVALID
    assert refused.value.hint == "end it with Z or an offset"
