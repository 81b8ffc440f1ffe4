from datetime import UTC, datetime, timedelta

import pytest

from planner.cli.keys import expiry
from planner.recorder.api_keys import ApiKeyInvalidError
from support.records import NOON


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("P1D", NOON + timedelta(days=1)),
        ("P30D", NOON + timedelta(days=30)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31T10:00:00Z", datetime(2026, 12, 31, 10, tzinfo=UTC)),
        ("2026-12-31T10:00:00+02:00", datetime(2026, 12, 31, 8, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_number_of_days_a_whole_day_or_an_instant(text: str, moment: datetime) -> None:
    assert expiry(text, now=NOON) == moment


@pytest.mark.parametrize("text", ["", "P0D", "P1M", "30", "2026-13-01", "2026-12-31T10:00:00", "tomorrow", "9999-12-31"])
def test_an_expiry_that_says_something_else_is_refused(text: str) -> None:
    with pytest.raises(ApiKeyInvalidError):
        expiry(text, now=NOON)


def test_an_expiry_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ApiKeyInvalidError):
        expiry("P99999D", now=datetime(9990, 1, 1, tzinfo=UTC))
