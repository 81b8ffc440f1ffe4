"""Which days of a year an RRULE means: one mask for each shape that a year can have (scheduling.md, R9).

Bit n of a mask stands for the year's day n, 1 January being 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final

from planner.domain.limits import YEAR_MAX, YEAR_MIN
from planner.domain.recurrence.label_search import is_leap

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
# A label may lie in the year before the first and in that after the last.
_YEARS: Final = range(YEAR_MIN - 2, YEAR_MAX + 3)
# The day, since the epoch, of each year's 1 January.
NEW_YEAR: Final = {year: date(year, 1, 1).toordinal() - EPOCH_ORDINAL for year in _YEARS}
LONGEST_YEAR: Final = 366
EVERY_DAY: Final = (1 << LONGEST_YEAR) - 1
_WEEK: Final = 7
_MONDAYS: Final = sum(1 << day for day in range(0, LONGEST_YEAR + _WEEK, _WEEK))
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY: Final = 1
_NTH_IN_MONTH_MAX: Final = 5
_FOURTH_JANUARY: Final = 3

# What matters to ISO weeks: whether the year before, the year itself or the one after it is a leap year.
_COMMON, _AFTER_LEAP, _LEAP, _BEFORE_LEAP = range(4)


@dataclass(frozen=True, slots=True)
class DayParts:
    """The day parts of a rule; an empty one lets every day pass. Ordinals count in the month or in the year."""

    months: tuple[int, ...]
    month_days: tuple[int, ...]
    year_days: tuple[int, ...]
    weeks: tuple[int, ...]
    weekdays: tuple[tuple[int, int], ...]
    ordinals_in_month: bool
    week_start: int


def _lengths(*, leap: bool) -> list[int]:
    return [days + (leap and month == _FEBRUARY) for month, days in enumerate(_MONTH_DAYS)]


# Where each month begins, with the year's length at the end; and each month's mask.
MONTH_STARTS: Final = {leap: tuple(accumulate(_lengths(leap=leap), initial=0)) for leap in (False, True)}
MONTHS: Final = {
    leap: tuple(((1 << days) - 1) << start for days, start in zip(_lengths(leap=leap), MONTH_STARTS[leap], strict=False))
    for leap in (False, True)
}


def shape_of(year: int) -> int:
    """The number of a year's shape: the leap years about it, and the weekday of its 1 January."""
    return _SHAPES[year]


@lru_cache(maxsize=4096)
def members(mask: int) -> tuple[int, ...]:
    """The numbers of a mask's bits that are set, rising."""
    return tuple(bit for bit, digit in enumerate(reversed(f"{mask:b}")) if digit == "1")


@lru_cache(maxsize=4096)
def days_by_year_shape(parts: DayParts) -> tuple[int, ...]:
    """For each shape its matching days."""
    return tuple(_days(parts, kind, first_weekday) for kind in range(_BEFORE_LEAP + 1) for first_weekday in range(_WEEK))


def _shape(year: int) -> int:
    if is_leap(year):
        kind = _LEAP
    elif is_leap(year - 1):
        kind = _AFTER_LEAP
    else:
        kind = _BEFORE_LEAP if is_leap(year + 1) else _COMMON
    return kind * _WEEK + date(year, 1, 1).weekday()


_SHAPES: Final = {year: _shape(year) for year in _YEARS}


def _days(parts: DayParts, kind: int, first_weekday: int) -> int:
    leap = kind == _LEAP
    length = LONGEST_YEAR if leap else LONGEST_YEAR - 1
    days = (1 << length) - 1
    if parts.months:
        days &= _union(MONTHS[leap][month - 1] for month in parts.months)
    if parts.month_days:
        days &= _union(_month_day(number, leap=leap) for number in parts.month_days)
    if parts.year_days:
        days &= _union(1 << at for number in parts.year_days if 0 <= (at := number - 1 if number > 0 else length + number) < length)
    if parts.weeks:
        days &= _union(_weeks(parts, kind, first_weekday))
    if parts.weekdays:
        days &= _union(
            _weekday(weekday, first_weekday) if not nth else _nth_weekday(parts, nth, weekday, first_weekday, leap=leap)
            for nth, weekday in parts.weekdays
        )
    return days


def _union(masks: Iterator[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def _month_day(number: int, *, leap: bool) -> int:
    starts = MONTH_STARTS[leap]
    mask = 0
    for month, days in enumerate(_lengths(leap=leap)):
        at = number - 1 if number > 0 else days + number
        if 0 <= at < days:
            mask |= 1 << (starts[month] + at)
    return mask


def _weekday(weekday: int, first_weekday: int) -> int:
    return _MONDAYS << ((weekday - first_weekday) % _WEEK)


def _nth_weekday(parts: DayParts, nth: int, weekday: int, first_weekday: int, *, leap: bool) -> int:
    if not parts.ordinals_in_month:
        return _nth_within(nth, _weekday(weekday, first_weekday), 0, MONTH_STARTS[leap][-1])
    if abs(nth) > _NTH_IN_MONTH_MAX:
        return 0
    starts = MONTH_STARTS[leap]
    every = _weekday(weekday, first_weekday)
    return _union(_nth_within(nth, every, start, end) for start, end in pairwise(starts))


def _nth_within(nth: int, every: int, start: int, end: int) -> int:
    """The one of `every` that is the nth of the days `start` <= day < `end`, which are those of its seventh but no others."""
    first = start + (nth - 1) * _WEEK if nth > 0 else end + nth * _WEEK
    seven = 0b111_1111 << first if first >= 0 else 0b111_1111 >> -first
    return every & seven & ((1 << end) - (1 << start))


def _weeks(parts: DayParts, kind: int, first_weekday: int) -> Iterator[int]:
    """The days of the numbered weeks: of the year's own week-year, and of its two neighbours where they reach into the year."""
    lengths = [LONGEST_YEAR if kind == leap else LONGEST_YEAR - 1 for leap in (_AFTER_LEAP, _LEAP, _BEFORE_LEAP)]
    new_years = [-lengths[0], 0, lengths[1], lengths[1] + lengths[2]]
    starts = []
    for new_year in new_years:
        fourth = new_year + _FOURTH_JANUARY
        starts.append(fourth - (first_weekday + fourth - parts.week_start) % _WEEK)
    for start, end in pairwise(starts):
        weeks = (end - start) // _WEEK
        for number in parts.weeks:
            at = number - 1 if number > 0 else weeks + number
            if 0 <= at < weeks:
                first = start + at * _WEEK
                yield 0b111_1111 << first if first >= 0 else 0b111_1111 >> -first
