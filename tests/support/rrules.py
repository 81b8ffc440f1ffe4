"""Random RRULEs, and what the book says of them, label by label and step by step (scheduling.md, R9)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby, product
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from support.recurrences import TRYING_DAYS

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY: Final = timedelta(days=1)
STEPS: Final = {"HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1), "SECONDLY": timedelta(seconds=1)}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a rule by name: numbers, or for BYDAY (ordinal or 0, weekday)."""

    frequency: str
    dtstart: datetime
    interval: int = 1
    count: int | None = None
    week_start: int = 0
    by: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        parts = [f"FREQ={self.frequency}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.week_start:
            parts.append(f"WKST={WEEKDAYS[self.week_start]}")
        for name, values in self.by.items():
            written = [f"{value[0] or ''}{WEEKDAYS[value[1]]}" if name == "BYDAY" else str(value) for value in values]
            parts.append(f"{name}={','.join(written)}")
        return ";".join(parts)

    @property
    def recurrence(self) -> dict[str, str]:
        return {"type": "rrule", "rule": self.text, "dtstart": self.dtstart.isoformat()}

    def passes(self, name: str, *values: int) -> bool:
        """Whether one of the values is among those of the part, or the part is not given."""
        return name not in self.by or any(value in self.by[name] for value in values)


LABELS: Final = st.one_of(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2120, 1, 1)),  # noqa: DTZ001 labels
    st.builds(
        lambda day, seconds: day.replace(tzinfo=None) + timedelta(seconds=seconds),
        st.sampled_from([day for day in TRYING_DAYS if day.year < 2090]),
        st.integers(-86_400, 86_400),
    ),
).map(lambda label: label.replace(microsecond=0))


def numbers(low: int, high: int, *, both: bool = False, most: int = 3) -> st.SearchStrategy[list[int]]:
    one = st.integers(low, high)
    signed = st.one_of(one, st.integers(-high, -low), st.integers(-min(high, 5), -low)) if both else one
    return st.lists(signed, min_size=1, max_size=most, unique=True)


def weekdays(ordinals: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(ordinals, st.integers(0, 6)), min_size=1, max_size=5, unique=True)


_PLAIN: Final = st.just(0)


def _ordinals(most: int) -> st.SearchStrategy[int]:
    return st.one_of(_PLAIN, _PLAIN, st.integers(1, most), st.integers(-most, -1))


# A strategy that is made anew at each draw costs more than what is drawn: so they stand here, each with how seldom its part is given.
_ONE_IN: Final = {most: st.integers(1, most) for most in (2, 3, 4, 5, 6, 8, 10, 12)}
_PLAIN_WEEKDAYS: Final = weekdays(_PLAIN)
_IN_MONTH_OR_YEAR: Final = {most: weekdays(_ordinals(most)) for most in (5, 53)}
_LABEL_DAYS: Final = (
    ("BYMONTH", numbers(1, 12, most=5), 4),
    ("BYMONTHDAY", numbers(1, 31, both=True, most=6), 4),
    ("BYYEARDAY", numbers(1, 366, both=True, most=20), 10),
    ("BYWEEKNO", numbers(1, 53, both=True, most=10), 8),
)
_LABEL_TIMES: Final = (("BYHOUR", numbers(0, 23), 5), ("BYMINUTE", numbers(0, 59), 5), ("BYSECOND", numbers(0, 59), 8))
_POSITIONS: Final = numbers(1, 5, both=True)
_STEP_PARTS: Final[tuple[tuple[str, st.SearchStrategy[list[Any]], int], ...]] = (
    ("BYMONTH", numbers(1, 12, most=8), 8),
    ("BYMONTHDAY", numbers(1, 31, both=True, most=20), 6),
    ("BYYEARDAY", numbers(1, 366, both=True, most=40), 12),
    ("BYDAY", _PLAIN_WEEKDAYS, 5),
    ("BYHOUR", numbers(0, 23, most=6), 3),
    ("BYMINUTE", numbers(0, 59, most=4), 3),
    ("BYSECOND", numbers(0, 59, most=4), 4),
)
_COARSE: Final = st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"])
_FINE: Final = st.sampled_from(list(STEPS))
_INTERVALS: Final = st.one_of(st.just(1), st.integers(1, 5), st.integers(1, 40))
_STEP_INTERVALS: Final = {
    frequency: st.one_of(st.integers(1, 3), st.integers(1, most))
    for frequency, most in (("HOURLY", 40), ("MINUTELY", 400), ("SECONDLY", 10_000))
}
_COUNTS: Final = st.one_of(st.none(), st.integers(1, 30))
_STEP_COUNTS: Final = st.one_of(st.none(), st.integers(1, 300))
_WEEK_STARTS: Final = st.one_of(_PLAIN, st.integers(0, 6))


@st.composite
def label_rules(draw: st.DrawFn) -> Parts:
    """Rules of FREQ DAILY and coarser, most of which fire."""
    frequency = draw(_COARSE)
    by: dict[str, list[Any]] = {}

    def maybe(name: str, values: st.SearchStrategy[list[Any]], one_in: int) -> None:
        if draw(_ONE_IN[one_in]) == 1:
            by[name] = draw(values)

    for name, values, one_in in _LABEL_DAYS:
        maybe(name, values, one_in)
    if frequency in ("YEARLY", "MONTHLY") and "BYWEEKNO" not in by:
        maybe("BYDAY", _IN_MONTH_OR_YEAR[53 if frequency == "YEARLY" and "BYMONTH" not in by else 5], 2)
    else:
        maybe("BYDAY", _PLAIN_WEEKDAYS, 2)
    for name, values, one_in in _LABEL_TIMES:
        maybe(name, values, one_in)
    if by:
        maybe("BYSETPOS", _POSITIONS, 4)
    return Parts(
        frequency=frequency,
        dtstart=draw(LABELS),
        interval=draw(_INTERVALS),
        count=draw(_COUNTS),
        week_start=draw(_WEEK_STARTS),
        by=by,
    )


@st.composite
def step_rules(draw: st.DrawFn) -> Parts:
    """Rules of FREQ HOURLY and finer, near changes of offset."""
    frequency = draw(_FINE)
    by = {name: draw(values) for name, values, one_in in _STEP_PARTS if draw(_ONE_IN[one_in]) == 1}
    return Parts(
        frequency=frequency,
        dtstart=draw(LABELS),
        interval=draw(_STEP_INTERVALS[frequency]),
        count=draw(_STEP_COUNTS),
        by=by,
    )


def labels_by_the_book(parts: Parts, until: datetime) -> Iterator[datetime]:
    """The labels of a rule of FREQ DAILY or coarser: every day is looked at, period by period."""
    by, dtstart = _with_defaults(parts), parts.dtstart
    times = sorted(
        timedelta(hours=hour, minutes=minute, seconds=second)
        for hour, minute, second in product(
            by.get("BYHOUR", [dtstart.hour]), by.get("BYMINUTE", [dtstart.minute]), by.get("BYSECOND", [dtstart.second])
        )
    )
    full = Parts(parts.frequency, dtstart, week_start=parts.week_start, by=by)
    begin = date(dtstart.year, 1, 1) - 7 * DAY
    # The last period is whole too.
    days = (begin + at * DAY for at in range((until.date() - begin).days + 374))
    origin = _period_of(parts, dtstart.date())
    left = parts.count
    for period, members in groupby(days, key=lambda day: _period_of(parts, day)):
        if period < origin or (period - origin) % parts.interval:
            continue
        whole = [datetime(day.year, day.month, day.day) + time for day in members if _day_passes(full, day) for time in times]  # noqa: DTZ001 labels
        for label in _picked(whole, by.get("BYSETPOS")):
            if label < dtstart:
                continue
            if left is not None:
                if not left:
                    return
                left -= 1
            if label <= until:
                yield label


def steps_by_the_book(parts: Parts, timezone: str, until: datetime) -> Iterator[datetime]:
    """The instants of a rule of FREQ HOURLY or finer: every step is looked at."""
    zone = ZoneInfo(timezone)
    # Read with the first offset, a missing label is shifted and a repeated one is in its first pass.
    start = step = parts.dtstart.replace(tzinfo=zone, fold=0).astimezone(UTC)
    left = parts.count
    while step <= until and (left is None or left > 0):
        label = step.astimezone(zone).replace(tzinfo=None, fold=0)
        if _step_passes(parts, label):
            for found in _expanded(parts, step, label):
                its_own = found.astimezone(zone).replace(tzinfo=None, fold=0)
                if found >= start and its_own - label == found - step and (left is None or left > 0):
                    left = None if left is None else left - 1
                    yield found
        step += parts.interval * STEPS[parts.frequency]


def _expanded(parts: Parts, step: datetime, label: datetime) -> list[datetime]:
    minutes = parts.by.get("BYMINUTE", [label.minute]) if parts.frequency == "HOURLY" else [label.minute]
    seconds = parts.by.get("BYSECOND", [label.second]) if parts.frequency != "SECONDLY" else [label.second]
    return sorted(step + (label.replace(minute=minute, second=second) - label) for minute in minutes for second in seconds)


def _step_passes(parts: Parts, label: datetime) -> bool:
    return (
        _day_passes(parts, label.date())
        and parts.passes("BYHOUR", label.hour)
        and (parts.frequency == "HOURLY" or parts.passes("BYMINUTE", label.minute))
        and (parts.frequency != "SECONDLY" or parts.passes("BYSECOND", label.second))
    )


def _with_defaults(parts: Parts) -> dict[str, list[Any]]:
    by, dtstart = dict(parts.by), parts.dtstart
    if not {"BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"} & by.keys():
        if parts.frequency == "YEARLY":
            by.setdefault("BYMONTH", [dtstart.month])
        if parts.frequency in ("YEARLY", "MONTHLY"):
            by["BYMONTHDAY"] = [dtstart.day]
        if parts.frequency == "WEEKLY":
            by["BYDAY"] = [(0, dtstart.weekday())]
    elif not {"BYYEARDAY", "BYMONTHDAY", "BYDAY"} & by.keys():
        by["BYDAY"] = [(0, dtstart.weekday())]
    return by


def _picked(labels: list[datetime], positions: list[int] | None) -> list[datetime]:
    if positions is None:
        return labels
    return sorted({labels[at] for position in positions if -len(labels) <= (at := position - (position > 0)) < len(labels)})


def _period_of(parts: Parts, day: date) -> int:
    match parts.frequency:
        case "YEARLY":
            return day.year
        case "MONTHLY":
            return day.year * 12 + day.month
        case "WEEKLY":
            return (day.toordinal() - 1 - parts.week_start) // 7
        case _:
            return day.toordinal()


def _day_passes(parts: Parts, day: date) -> bool:
    month_end = (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY
    year_end = date(day.year, 12, 31)
    of_year = day.timetuple().tm_yday
    return (
        parts.passes("BYMONTH", day.month)
        and parts.passes("BYMONTHDAY", day.day, day.day - month_end.day - 1)
        and parts.passes("BYYEARDAY", of_year, of_year - year_end.timetuple().tm_yday - 1)
        and ("BYWEEKNO" not in parts.by or parts.passes("BYWEEKNO", *_week_numbers(day, parts.week_start)))
        and ("BYDAY" not in parts.by or any(_is_nth(parts, day, *member) for member in parts.by["BYDAY"]))
    )


@cache
def _week_numbers(day: date, week_start: int) -> tuple[int, int]:
    """The number of the day's week from the beginning and from the end of its week-year."""
    first = day - (day.weekday() - week_start) % 7 * DAY
    # A week belongs to the year of its fourth day.
    week_year = (first + 3 * DAY).year
    weeks = [start for at in range(-6, 372) if _begins_week(start := date(week_year, 1, 1) + at * DAY, week_start, week_year)]
    at = weeks.index(first)
    return at + 1, at - len(weeks)


def _begins_week(day: date, week_start: int, week_year: int) -> bool:
    return day.weekday() == week_start and (day + 3 * DAY).year == week_year


def _is_nth(parts: Parts, day: date, nth: int, weekday: int) -> bool:
    if day.weekday() != weekday:
        return False
    if not nth:
        return True
    in_month = parts.frequency == "MONTHLY" or "BYMONTH" in parts.by
    same = [
        other for at in range(-371, 372, 7) if (other := day + at * DAY).year == day.year and (not in_month or other.month == day.month)
    ]
    return day in (same[nth - 1 : nth] if nth > 0 else same[nth : nth + 1 or None])
