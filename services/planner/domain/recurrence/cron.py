"""Cron rules as bit masks over labels. cron_text.py reads them, label_search.py turns labels into instants."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from planner.domain.civil_time import Dst, Fold, Gap
from planner.domain.limits import YEAR_MAX
from planner.domain.recurrence.cron_days import month_shape
from planner.domain.recurrence.label_search import DAY_S, LAST_DAY, first_instant, first_time, is_from_gap, is_leap, lowest

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MONTH_DAYS: Final = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Bit n for month n, February in both of its lengths.
_MONTHS_OF_LENGTH: Final = {31: 0b1010110101010, 30: 0b0101001010000, 29: 0b0000000000100, 28: 0b0000000000100}
_THURSDAY: Final = 3
_WEEK: Final = 7
_LEAP_MONTH: Final = 2

# What R5 says of wildcard rules, said as a policy: every real instant whose label matches, in both passes, never in a gap.
WILDCARD_DST: Final = Dst(Gap.SKIP, Fold.BOTH)


@dataclass(frozen=True, slots=True)
class Cron:
    """Bit n of a mask stands for the value n. `days` has one mask of days for each shape of a month: see `month_shape`.

    `canonical` is the rule's text in its one form. A *wildcard* rule fires by elapsed time, any other once a label (R3-R5).
    """

    canonical: str
    seconds: int
    minutes: int
    hours: int
    months: int
    days: tuple[int, ...]
    wildcard: bool

    @property
    def can_match(self) -> bool:
        """Whether a day of the 14 shapes of a year matches. Among them every length of a month has every first weekday."""
        return any(
            self.months & months and any(self.days[month_shape(days, weekday)] for weekday in range(_WEEK))
            for days, months in _MONTHS_OF_LENGTH.items()
        )

    def first_label(self, label: int) -> int | None:
        """The first matching label not before the given one; None if there is none until the end of the last year."""
        day, clock = divmod(label, DAY_S)
        matching = self.first_day(day)
        if matching == day:
            time_of_day = first_time(self.hours, self.minutes, self.seconds, clock)
            if time_of_day is not None:
                return day * DAY_S + time_of_day
            matching = self.first_day(day + 1)
        if matching is None:
            return None
        midnight_on = first_time(self.hours, self.minutes, self.seconds, 0)
        assert midnight_on is not None
        return matching * DAY_S + midnight_on

    def first_day(self, day: int) -> int | None:
        """The first matching day, in days since the epoch, not before the given one; None if there is none until the last year's end."""
        if day > LAST_DAY:
            return None
        start = date.fromordinal(day + _EPOCH_ORDINAL)
        year, month, of_month = start.year, start.month, start.day
        first = day - of_month + 1
        while year <= YEAR_MAX + 1:
            months = self.months >> month
            if months & 1:
                days = _MONTH_DAYS[month] + (month == _LEAP_MONTH and is_leap(year))
                left = self.days[month_shape(days, (first + _THURSDAY) % _WEEK)] >> of_month
                if left:
                    return first + of_month - 1 + lowest(left)
            months >>= 1
            year, month = (year, month + 1 + lowest(months)) if months else (year + 1, lowest(self.months))
            first = date(year, month, 1).toordinal() - _EPOCH_ORDINAL
            of_month = 1
        return None

    def first_from(self, at: datetime, timezone: str, dst: Dst) -> datetime | None:
        """The first occurrence not before `at`, in the zone and under the policy; `dst` of a wildcard rule is WILDCARD_DST."""
        return first_instant(self, at, timezone, dst)

    def is_from_gap(self, occurrence: datetime, timezone: str, dst: Dst) -> bool:
        """Whether a missing label came to the occurrence."""
        return is_from_gap(self, occurrence, timezone, dst)
