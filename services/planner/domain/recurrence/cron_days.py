"""Which days of a month a cron rule means: one mask for each shape that a month can have (scheduling.md, R7)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_WEEK: Final = 7
_WEEK_MASK: Final = 0b111_1111
_FRIDAY: Final = 4
_SHORTEST: Final = 28
_LONGEST: Final = 31
# A week's pattern, times this, is the pattern of five weeks.
_EVERY_WEEK: Final = sum(1 << _WEEK * week for week in range(5))

# How many days a month has and the weekday of its first (0 is Monday) in, its matching days out: bit n of the mask for day n.
DaysOfMonth = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class DayField:
    """A day field: a mask of plain members, members that depend on the month, and whether it begins with `*`."""

    values: int
    special: tuple[DaysOfMonth, ...]
    starred: bool


def month_shape(days: int, first_weekday: int) -> int:
    """The number of a month's shape: how many days it has, and the weekday of its first (0 is Monday)."""
    return (days - _SHORTEST) * _WEEK + first_weekday


def days_by_shape(day_of_month: DayField, day_of_week: DayField, *, both: bool = False) -> tuple[int, ...]:
    """For each shape its matching days: of both fields if asked to or if one begins with `*`, else of either."""
    both = both or day_of_month.starred or day_of_week.starred
    masks: list[int] = []
    for days in range(_SHORTEST, _LONGEST + 1):
        all_days = (1 << (days + 1)) - 2
        for first_weekday in range(_WEEK):
            by_date = day_of_month.values & all_days
            for special in day_of_month.special:
                by_date |= special(days, first_weekday)
            by_weekday = _weekdays(day_of_week.values, first_weekday) & all_days
            for special in day_of_week.special:
                by_weekday |= special(days, first_weekday)
            assert len(masks) == month_shape(days, first_weekday)
            masks.append(by_date & by_weekday if both else by_date | by_weekday)
    return tuple(masks)


def day_from_end(back: int) -> DaysOfMonth:
    """`-n` in a calendar's list: 1 is the last day; nothing where the month is shorter."""
    return lambda days, _: 1 << (days + 1 - back) if back <= days else 0


def last_day(days: int, _: int) -> int:
    """`L`."""
    return 1 << days


def last_workday(days: int, first_weekday: int) -> int:
    """`LW`: the last Monday to Friday."""
    return _nearest_workday(days, days, first_weekday)


def nearest_workday(day: int) -> DaysOfMonth:
    """`nW`: the Monday to Friday nearest to the day within its month; nothing where the month lacks the day."""
    return lambda days, first_weekday: _nearest_workday(day, days, first_weekday)


def nth_weekday(weekday: int, nth: int) -> DaysOfMonth:
    """`d#n`, Sunday being 0."""

    def days_of_month(days: int, first_weekday: int) -> int:
        day = 1 + (_from_monday(weekday) - first_weekday) % _WEEK + (nth - 1) * _WEEK
        return 1 << day if day <= days else 0

    return days_of_month


def last_weekday(weekday: int) -> DaysOfMonth:
    """`dL`, Sunday being 0."""
    return lambda days, first_weekday: 1 << (days - (first_weekday + days - 1 - _from_monday(weekday)) % _WEEK)


def weekday_masks(workdays: int) -> tuple[int, ...]:
    """For each shape the days on which the given weekdays lie; bit 0 is Monday."""
    weekdays = (workdays << 1 | workdays >> (_WEEK - 1)) & _WEEK_MASK
    return days_by_shape(DayField(0, (), starred=False), DayField(weekdays, (), starred=False))


def _nearest_workday(day: int, days: int, first_weekday: int) -> int:
    if day > days:
        return 0
    beyond = (first_weekday + day - 1) % _WEEK - _FRIDAY
    if beyond <= 0:
        return 1 << day
    if beyond == 1:
        return 1 << (day - 1 if day > 1 else day + 2)
    return 1 << (day + 1 if day < days else day - 2)


def _weekdays(values: int, first_weekday: int) -> int:
    """The days that a mask of weekdays (Sunday is bit 0) names, from day 0 on: the mask, turned to begin with that day's weekday."""
    turned = (values >> first_weekday | values << (_WEEK - first_weekday)) & _WEEK_MASK
    return turned * _EVERY_WEEK


def _from_monday(weekday: int) -> int:
    return (weekday - 1) % _WEEK
