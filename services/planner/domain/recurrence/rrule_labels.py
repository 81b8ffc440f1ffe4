"""RRULEs of FREQ DAILY and coarser: periods, their days and times, and what BYSETPOS picks from them (scheduling.md, R9)."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from planner.domain.civil_time import Dst
from planner.domain.limits import YEAR_MAX
from planner.domain.recurrence.label_search import DAY_S, LAST_DAY, first_instant, first_time, is_from_gap, is_leap, lowest
from planner.domain.recurrence.rrule_text import Frequency
from planner.domain.recurrence.year_days import EPOCH_ORDINAL, EVERY_DAY, LONGEST_YEAR, MONTHS, NEW_YEAR, members, shape_of

_WEEK: Final = 7
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Times:
    """Times of day as three masks: each hour with each minute with each second."""

    hours: int
    minutes: int
    seconds: int

    @property
    def size(self) -> int:
        return self.hours.bit_count() * self.minutes.bit_count() * self.seconds.bit_count()

    def first(self, clock: int) -> int | None:
        """The first not before a time of day, in seconds."""
        return first_time(self.hours, self.minutes, self.seconds, clock)

    def nth(self, at: int) -> int:
        """The time at a place in the order, from 0 on."""
        at, second = divmod(at, self.seconds.bit_count())
        hour, minute = divmod(at, self.minutes.bit_count())
        return members(self.hours)[hour] * 3600 + members(self.minutes)[minute] * 60 + members(self.seconds)[second]

    def rank(self, clock: int) -> int:
        """How many are earlier than a time of day."""
        hour, rest = divmod(clock, 3600)
        minute, second = divmod(rest, 60)
        in_minute = _below(self.seconds, second) if self.minutes >> minute & 1 else 0
        in_hour = _below(self.minutes, minute) * self.seconds.bit_count() + in_minute if self.hours >> hour & 1 else 0
        return _below(self.hours, hour) * self.minutes.bit_count() * self.seconds.bit_count() + in_hour


@dataclass(frozen=True, slots=True)
class LabelRule:
    """Labels in seconds since the epoch, days in days since it.

    `phase` tells the period that holds DTSTART: its year, its month counted from year 0, or the first day of its week, or its day.
    `days` has a mask for each shape of a year. `first` is DTSTART; nothing lies after `last`.
    """

    frequency: Frequency
    interval: int
    phase: int
    week_start: int
    days: tuple[int, ...]
    times: Times
    positions: tuple[int, ...]
    first: int
    last: int | None

    def first_from(self, at: datetime, timezone: str, dst: Dst) -> datetime | None:
        """The first occurrence not before `at`, in the zone and under the policy."""
        return first_instant(self, at, timezone, dst)

    def is_from_gap(self, occurrence: datetime, timezone: str, dst: Dst) -> bool:
        """Whether a missing label came to the occurrence."""
        return is_from_gap(self, occurrence, timezone, dst)

    def first_label(self, label: int) -> int | None:
        """The first label not before the given one; None if there is none until the end of the last year."""
        label = max(label, self.first)
        found = self._first_picked(label) if self.positions else self._first_plain(label)
        return found if found is not None and (self.last is None or found <= self.last) else None

    def first_day(self, day: int) -> int | None:
        """The first matching day of a period that counts, not before the given one."""
        if day > LAST_DAY:
            return None
        year = date.fromordinal(day + EPOCH_ORDINAL).year
        left = self.days_of(year) >> (day - NEW_YEAR[year])
        while not left:
            year += 1
            if year > YEAR_MAX + 1:
                return None
            day = NEW_YEAR[year]
            left = self.days_of(year)
        return day + lowest(left)

    def days_of(self, year: int) -> int:
        """The matching days of a year's periods that count."""
        days = self.days[shape_of(year)]
        if self.interval == 1 or not days:
            return days
        match self.frequency:
            case Frequency.YEARLY:
                return 0 if (year - self.phase) % self.interval else days
            case Frequency.MONTHLY:
                return days & _every_month(self.interval, (self.phase - year * _MONTHS) % self.interval, leap=is_leap(year))
            case Frequency.WEEKLY:
                return days & _every(self.interval * _WEEK, _WEEK, (self.phase - NEW_YEAR[year]) % (self.interval * _WEEK))
            case _:
                return days & _every(self.interval, 1, (self.phase - NEW_YEAR[year]) % self.interval)

    def bounded(self, count: int | None) -> "LabelRule":
        """The rule with the `last` label that COUNT ends with."""
        return self if count is None else replace(self, last=self._nth_label(count))

    def _first_plain(self, label: int) -> int | None:
        day, clock = divmod(label, DAY_S)
        matching = self.first_day(day)
        if matching == day:
            time_of_day = self.times.first(clock)
            if time_of_day is not None:
                return day * DAY_S + time_of_day
            matching = self.first_day(day + 1)
        if matching is None:
            return None
        midnight_on = self.times.first(0)
        assert midnight_on is not None
        return matching * DAY_S + midnight_on

    def _first_picked(self, label: int) -> int | None:
        start, _ = self._period(label // DAY_S)
        while (day := self.first_day(start)) is not None:
            start, end = self._period(day)
            picked = self._picked(start, end)
            at = bisect_left(picked, label)
            if at < len(picked):
                return picked[at]
            start = end
        return None

    def _places(self, start: int, end: int) -> tuple[int, ...]:
        """The places in the set of the period of these days that BYSETPOS takes."""
        return _places(self.positions, self._days_between(start, end).bit_count() * self.times.size)

    def _picked(self, start: int, end: int) -> list[int]:
        """The labels that BYSETPOS takes from the period of these days, rising."""
        places = self._places(start, end)
        if not places:
            return []
        days, size = members(self._days_between(start, end)), self.times.size
        return [(start + days[at // size]) * DAY_S + self.times.nth(at % size) for at in places]

    def _days_between(self, start: int, end: int) -> int:
        """The matching days from one to before another, the first being bit 0."""
        year = date.fromordinal(start + EPOCH_ORDINAL).year
        days = self.days_of(year) >> (start - NEW_YEAR[year])
        if end > NEW_YEAR[year + 1]:
            days |= self.days_of(year + 1) << (NEW_YEAR[year + 1] - start)
        return days & ((1 << (end - start)) - 1)

    def _period(self, day: int) -> tuple[int, int]:
        """The first day of the period that holds the day, and that of the next one."""
        match self.frequency:
            case Frequency.WEEKLY:
                start = day - (day + EPOCH_ORDINAL - 1 - self.week_start) % _WEEK
                return start, start + _WEEK
            case Frequency.DAILY:
                return day, day + 1
            case _:
                of = date.fromordinal(day + EPOCH_ORDINAL)
        if self.frequency is Frequency.YEARLY:
            return NEW_YEAR[of.year], NEW_YEAR[of.year + 1]
        mask = MONTHS[is_leap(of.year)][of.month - 1]
        start = day - of.day + 1
        return start, start + mask.bit_count()

    def _nth_label(self, count: int) -> int | None:
        """The label that COUNT ends with; None where the last year ends before it."""
        if self.positions and self.frequency is not Frequency.DAILY:
            return self._nth_picked(count)
        places: Sequence[int] = _places(self.positions, self.times.size) if self.positions else range(self.times.size)
        if not places:
            return None
        day, clock = divmod(self.first, DAY_S)
        year = date.fromordinal(day + EPOCH_ORDINAL).year
        days = self.days_of(year)
        left = count + _below(days, day - NEW_YEAR[year]) * len(places)
        if days >> (day - NEW_YEAR[year]) & 1:
            left += bisect_left(places, self.times.rank(clock))
        while left > days.bit_count() * len(places):
            left -= days.bit_count() * len(places)
            year += 1
            if year > YEAR_MAX + 1:
                return None
            days = self.days_of(year)
        before, place = divmod(left - 1, len(places))
        return (NEW_YEAR[year] + members(days)[before]) * DAY_S + self.times.nth(places[place])

    def _nth_picked(self, count: int) -> int | None:
        label = self._first_picked(self.first)
        if label is None:
            return None
        start, end = self._period(label // DAY_S)
        left = count + bisect_left(self._picked(start, end), self.first)
        while left > (size := len(self._places(start, end))):
            left -= size
            day = self.first_day(end)
            if day is None:
                return None
            start, end = self._period(day)
        return self._picked(start, end)[left - 1]


@lru_cache(maxsize=4096)
def _places(positions: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The places that positions mean in a set of that size, from 0 on, rising."""
    return tuple(sorted({at for position in positions if 0 <= (at := position - 1 if position > 0 else size + position) < size}))


def _below(mask: int, bit: int) -> int:
    return (mask & ((1 << bit) - 1)).bit_count()


@lru_cache(maxsize=1024)
def _every(period: int, span: int, start: int) -> int:
    """The first `span` of every `period` days of a year, of which one begins on day `start`; `start` < `period`."""
    days = (1 << span) - 1
    mask = days >> (period - start)
    for at in range(start, LONGEST_YEAR, period):
        mask |= days << at
    return mask & EVERY_DAY


@lru_cache(maxsize=1024)
def _every_month(interval: int, start: int, *, leap: bool) -> int:
    return sum(MONTHS[leap][start::interval])
