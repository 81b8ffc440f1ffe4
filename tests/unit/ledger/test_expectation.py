from datetime import UTC, datetime, timedelta

import pytest

from planner.ledger.expectation import EveryPeriod, OneShot, UnreadableExpectationError, parse_line

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
EVERY = '{"plan_id":"p","anchor":"2026-03-01T09:00:00Z","every_seconds":0.5,"first":"2026-03-01T09:00:00Z","last":"2026-03-01T09:00:01Z"%s}'


def test_a_line_with_an_instant_is_a_one_shot() -> None:
    assert parse_line('{"plan_id":"p","at":"2026-03-01T10:00:00+01:00"}', number=1) == OneShot("p", NINE)


@pytest.mark.parametrize(
    ("more", "open_until"),
    [
        ("", NINE + timedelta(seconds=1)),
        (',"open_until":"open"', None),
        (',"open_until":"2026-03-01T09:00:05Z"', NINE + timedelta(seconds=5)),
    ],
)
def test_a_line_with_a_period_is_an_interval_that_ends_with_its_last_occurrence_or_later(more: str, open_until: datetime | None) -> None:
    expected = EveryPeriod("p", NINE, timedelta(seconds=0.5), NINE, NINE + timedelta(seconds=1), open_until)
    assert parse_line(EVERY % more, number=1) == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nothing",
        "{}",
        '{"plan_id":"p"}',
        '{"plan_id":"p","at":"2026-03-01T10:00:00"}',
        '{"plan_id":"p","at":"2026-03-01T10:00:00Z","x":1}',
    ]
    + [EVERY.replace("0.5", period) % "" for period in ("0", "-1")],
)
def test_what_is_no_expectation_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(UnreadableExpectationError, match=r"^line 7: "):
        parse_line(line, number=7)
