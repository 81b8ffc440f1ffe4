"""Which days of a month a rule means, against the calendar."""

from calendar import monthrange
from datetime import date

import pytest

from planner.domain.recurrence.cron_days import month_shape
from planner.domain.recurrence.cron_text import parse_cron


def days(text: str, year: int, month: int) -> list[int]:
    first_weekday, length = monthrange(year, month)
    mask = parse_cron(text).days[month_shape(length, first_weekday)]
    return [day for day in range(mask.bit_length()) if mask >> day & 1]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("L * *", [30]),
        ("LW * *", [30]),
        ("1W * *", [2]),
        ("15W * *", [16]),
        ("21W * *", [20]),
        ("28W * *", [27]),
        ("29W * *", [30]),
        ("31W * 7", [1, 8, 15, 22, 29]),
        ("* * MON#1", [2]),
        ("* * SUN#5", [29]),
        ("* * MON#5", [30]),
        ("* * TUE#5", []),
        ("* * FRIL", [27]),
        ("* * 1L", [30]),
        ("* * 0L", [29]),
        ("1,L * *", [1, 30]),
        ("* * MON,WED#2", [2, 9, 11, 16, 23, 30]),
        ("13 * FRI", [6, 13, 20, 27]),
        ("*/10 * SUN", [1]),
        ("1-7 * */7", [1]),
    ],
)
def test_the_days_of_november_2026(fields: str, expected: list[int]) -> None:
    assert date(2026, 11, 1).strftime("%a") == "Sun"
    assert days(f"0 0 {fields}", 2026, 11) == expected


@pytest.mark.parametrize(
    ("day", "year", "month", "expected"),
    [
        (1, 2026, 8, 3),  # a Saturday, and the month's first: never back into July
        (31, 2027, 1, 29),  # a Sunday, and the month's last: never on into February
        (31, 2026, 10, 30),
        (29, 2026, 2, None),
        (29, 2032, 2, 27),
    ],
)
def test_the_nearest_weekday_stays_in_its_month(day: int, year: int, month: int, expected: int | None) -> None:
    assert days(f"0 0 {day}W * *", year, month) == ([] if expected is None else [expected])


@pytest.mark.parametrize("year", [1999, 2000, 2024, 2026, 2100])
def test_each_weekday_of_each_month_is_the_calendars(year: int) -> None:
    for month in range(1, 13):
        _, length = monthrange(year, month)
        for weekday in range(7):
            expected = [day for day in range(1, length + 1) if date(year, month, day).isoweekday() % 7 == weekday]
            assert days(f"0 0 * * {weekday}", year, month) == expected
            assert days(f"0 0 * * {weekday}L", year, month) == expected[-1:]
            for nth in range(1, 6):
                assert days(f"0 0 * * {weekday}#{nth}", year, month) == expected[nth - 1 : nth]
