"""Cron rules against croniter and cronsim, on labels, where the dialects agree."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.recurrence.cron_text import DAY_OF_MONTH, DAY_OF_WEEK, parse_cron, parse_field
from planner.domain.recurrence.window import occurrences
from support.recurrences import HOURS, MINUTES, MONTH_FIELDS, MONTHS, SPECIAL_DAYS, WEEKDAYS, listed, plain_members
from support.schedules import a_cron

LABELS = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2150, 1, 1)).map(lambda label: label.replace(microsecond=0))  # noqa: DTZ001 labels
HOW_MANY = 4
# Ten to twenty seconds of CPU; `make differential` tries 100,000 of each.
OFTEN = max(3000, settings().max_examples)
pytestmark = pytest.mark.timeout(300 if OFTEN < 100_000 else 0)


def ours(expression: str, after: datetime) -> list[datetime]:
    window = occurrences(a_cron(expression), after=after.replace(tzinfo=UTC), until=None, limit=HOW_MANY)
    return [found.replace(tzinfo=None) for found in window.instants]


def can_fire(expression: str) -> bool:
    return parse_cron(expression).can_match


def _has_range_of_one(expression: str) -> bool:
    # croniter reads a-a as the whole field, cronsim a-a/n as a/n.
    ranges = (member.partition("/")[0].split("-") for field in expression.split() for member in field.split(",") if "-" in member)
    return any(low == high for low, high in ranges)


def _has_open_step(expression: str) -> bool:
    # What a/n means near the field's end has changed between releases of croniter.
    return any(member.partition("/")[0].isdigit() and "/" in member for field in expression.split() for member in field.split(","))


def _names_every_day(expression: str) -> bool:
    # A field that names as many members as it has values is a star to croniter, and changes how the two day fields are joined;
    # `L` is one of them beside the numbers: `L,2-31` is every day to it.
    _, days, _, weekdays = expression.rsplit(maxsplit=3)
    fields = (parse_field(DAY_OF_MONTH, days, 0), parse_field(DAY_OF_WEEK, weekdays, 0))
    return any(
        field.values.bit_count() + bool(field.special) >= size and field.text != "*" for field, size in zip(fields, (31, 7), strict=True)
    )


def _reaches_the_second_sunday(expression: str) -> bool:
    # cronsim steps to 7, a Sunday; here the last day of the week is 6. `* * * * 1/1` was once Mondays to Saturdays here, all days there.
    steps = (member.split("/") for member in expression.rsplit(maxsplit=1)[-1].split(",") if member[0].isdigit() and "/" in member)
    return any((7 - int(first)) % int(step) == 0 for first, step in steps if first.isdigit())


PLAIN_WEEKDAYS = st.one_of(st.just("*"), listed(st.one_of(plain_members(0, 6), st.sampled_from(WEEKDAYS), st.just("MON-FRI"))))
PLAIN_DAYS = listed(st.one_of(plain_members(1, 31), st.just("L")))
PLAIN_MONTHS = listed(st.one_of(plain_members(1, 12), st.sampled_from(MONTHS)))


def written(*fields: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Five fields, and one in four times a field of seconds before them."""
    five = st.tuples(*fields).map(" ".join)
    return st.one_of(five, five, five, st.tuples(MINUTES, five).map(" ".join))


CRONITER_TEXTS = written(MINUTES, HOURS, PLAIN_DAYS, PLAIN_MONTHS, PLAIN_WEEKDAYS).filter(
    lambda text: (
        len(text) <= 256 and not _has_range_of_one(text) and not _has_open_step(text) and not _names_every_day(text) and can_fire(text)
    )
)


@settings(max_examples=OFTEN)
@given(CRONITER_TEXTS, LABELS)
def test_croniter_names_the_same_labels(expression: str, after: datetime) -> None:
    _, days, _, weekdays = expression.rsplit(maxsplit=3)
    either = not (days.startswith("*") or weekdays.startswith("*"))
    theirs = croniter(expression, after, day_or=either, max_years_between_matches=50, second_at_beginning=True)

    found = ours(expression, after)

    assert found == [theirs.get_next(datetime) for _ in found]


CRONSIM_WEEKDAYS = st.one_of(
    st.just("*"),
    listed(
        st.one_of(
            plain_members(0, 6),
            st.sampled_from(WEEKDAYS),
            st.builds(lambda day, nth: f"{day}#{nth}", st.integers(0, 6), st.integers(1, 5)),
            st.integers(0, 6).map(lambda day: f"{day}L"),
        )
    ),
)
CRONSIM_DAYS = st.one_of(st.just("*"), listed(st.one_of(plain_members(1, 31), st.sampled_from(["L", "LW"]))))
CRONSIM_TEXTS = written(MINUTES, HOURS, CRONSIM_DAYS, MONTH_FIELDS, CRONSIM_WEEKDAYS).filter(
    lambda text: len(text) <= 256 and not _has_range_of_one(text) and not _reaches_the_second_sunday(text) and can_fire(text)
)


@settings(max_examples=OFTEN)
@given(CRONSIM_TEXTS, LABELS)
def test_cronsim_names_the_same_labels(expression: str, after: datetime) -> None:
    found = ours(expression, after)

    assert found == list(islice(CronSim(expression, after), len(found)))


def nearest_weekdays(day: int, year: int, month: int) -> datetime | None:
    """The weekday nearest to a day within its month, looked for outwards from it."""
    for distance in (0, -1, 1, -2, 2):
        try:
            asked, candidate = datetime(year, month, day), datetime(year, month, day + distance)  # noqa: DTZ001 labels
        except ValueError:
            if distance == 0:
                return None
            continue
        assert asked.month == candidate.month
        if candidate.weekday() < 5:
            return candidate
    raise AssertionError


@given(st.integers(1, 31), st.integers(1971, 2199))
def test_the_nearest_weekday_is_the_nearest(day: int, year: int) -> None:
    expected = [nearest for month in range(1, 13) if (nearest := nearest_weekdays(day, year, month)) is not None]
    end = datetime(year, 12, 31, 23, tzinfo=UTC)

    window = occurrences(a_cron(f"0 0 {day}W * *"), after=datetime(year - 1, 12, 31, 23, tzinfo=UTC), until=end, limit=20)

    assert [found.replace(tzinfo=None) for found in window.instants] == expected


@given(st.lists(SPECIAL_DAYS, min_size=1, max_size=3), LABELS)
def test_a_list_of_special_days_is_the_union_of_its_members(members: list[str], after: datetime) -> None:
    together = ours(f"0 0 {','.join(members)} * *", after)
    apart = sorted({label for member in members for label in ours(f"0 0 {member} * *", after)})

    assert together == apart[:HOW_MANY]
