from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from planner_contracts.instants import Instant, format_instant

READER: Final = TypeAdapter[datetime](Instant)
NINE: Final = datetime(2027, 2, 1, 9, tzinfo=UTC)


def test_a_whole_second_has_no_fraction_and_any_other_instant_six_digits() -> None:
    assert format_instant(NINE) == "2027-02-01T09:00:00Z"
    assert format_instant(NINE + timedelta(milliseconds=120)) == "2027-02-01T09:00:00.120000Z"


def test_every_zone_is_written_as_utc() -> None:
    assert format_instant(NINE.astimezone(timezone(timedelta(hours=-5)))) == "2027-02-01T09:00:00Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_again(instant: datetime) -> None:
    assert READER.validate_python(format_instant(instant)) == instant


@pytest.mark.parametrize("text", ["2027-02-01T09:00:00Z", "2027-02-01t09:00:00z", "2027-02-01T09:00:00.000Z", "2027-02-01T10:30:00+01:30"])
def test_every_form_of_rfc_3339_is_read(text: str) -> None:
    assert READER.validate_python(text) == NINE


@pytest.mark.parametrize(
    "value",
    [1764072000, 1.5, "1764072000", "2027-02-01", "2027-02-01T09:00Z", "2027-02-01 09:00:00Z", "2027-02-01T09:00:00", "", None, True],
)
def test_what_merely_could_be_an_instant_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        READER.validate_python(value)
