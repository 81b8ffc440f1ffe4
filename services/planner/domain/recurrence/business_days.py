"""Business days, and where a date that is none rolls to (scheduling.md, section 2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from planner.domain.limits import ROLL_DAYS_MAX

WORKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
WORKDAYS_DEFAULT: Final = 0b001_1111
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_THURSDAY: Final = 3
_WEEK: Final = 7


class Roll(StrEnum):
    """What happens on a date that is no business day. `nearest` takes fewest days, the later day of two; `skip` drops the label."""

    NONE = "none"
    NEXT = "next"
    PREVIOUS = "previous"
    NEAREST = "nearest"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class HolidayList:
    """A tenant's named list. `days` in days since the epoch; a later `version` replaces an earlier one."""

    version: int
    days: frozenset[int]


# A tenant's lists by name.
Calendars = Mapping[str, HolidayList]
NO_CALENDARS: Final[Calendars] = MappingProxyType({})


def days_of(dates: Iterable[date]) -> frozenset[int]:
    """Dates as days since the epoch."""
    return frozenset(day.toordinal() - _EPOCH_ORDINAL for day in dates)


def holiday_list(version: int, dates: Iterable[str]) -> HolidayList:
    """A list of dates as they are written, which are sound."""
    return HolidayList(version, days_of(map(date.fromisoformat, dates)))


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The workdays (bit 0 is Monday; at least one) that are no holidays. All days are counted from the epoch."""

    workdays: int
    holidays: frozenset[int]

    def has(self, day: int) -> bool:
        return self.is_workday(day) and day not in self.holidays

    def is_workday(self, day: int) -> bool:
        """Whether its day of the week is one, holiday or not."""
        return bool(self.workdays >> (day + _THURSDAY) % _WEEK & 1)

    def first_from(self, day: int) -> int:
        """The first business day not before the given one. There always is one: holidays are a finite list."""
        while not self.has(day):
            day += 1
        return day

    def last_until(self, day: int) -> int:
        """The last business day not after the given one."""
        while not self.has(day):
            day -= 1
        return day

    def rolling_to(self, day: int, roll: Roll) -> tuple[int, int]:
        """The first and the last date that rolls to a business day, itself included."""
        first = last = day
        if roll is not Roll.PREVIOUS:
            free = day - self.last_until(day - 1) - 1
            first = day - min(free if roll is Roll.NEXT else (free + 1) // 2, ROLL_DAYS_MAX)
        if roll is not Roll.NEXT:
            free = self.first_from(day + 1) - day - 1
            last = day + min(free if roll is Roll.PREVIOUS else free // 2, ROLL_DAYS_MAX)
        return first, last

    def rolled(self, day: int, roll: Roll) -> int | None:
        """The business day to which a date rolls; None where the roll drops it."""
        behind, ahead = self.last_until(day), self.first_from(day)
        match roll:
            case Roll.NONE:
                return day
            case Roll.NEXT:
                to = ahead
            case Roll.PREVIOUS:
                to = behind
            case Roll.NEAREST:
                to = ahead if ahead - day <= day - behind else behind
            case Roll.SKIP:
                return day if self.has(day) else None
        return to if abs(to - day) <= ROLL_DAYS_MAX else None
