"""RRULEs of FREQ HOURLY and finer: steps of elapsed time that count where their labels pass (scheduling.md, R9)."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import islice, pairwise
from math import gcd
from typing import Final

from planner.domain.civil_time import Segment, instant_of, segment_at
from planner.domain.limits import YEAR_MAX
from planner.domain.recurrence.label_search import DAY_S, LAST_DAY, LAST_SECOND, REACH_S, lowest, second_from
from planner.domain.recurrence.year_days import EPOCH_ORDINAL, NEW_YEAR, shape_of

_HOUR_S: Final = 3600
_MINUTE_S: Final = 60
# More than all folds of a zone until the last year repeat together.
_DAYS_REPEATED_BY_FOLDS: Final = 1000
# Up to so many days a ring is cut out of repeated days, which is quicker.
_DAYS_REPEATED_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class StepRule:
    """Instants in seconds since the epoch, labels as if they were UTC. A step is `interval` units of `unit` seconds from `start`.

    `clock` has a byte for each unit of a day, 1 where the times let a step count, `days` a mask for each shape of a year.
    `minutes` and `seconds` are those to which a step that counts expands, if any. Nothing lies after `last`.
    """

    unit: int
    interval: int
    start: int
    days: tuple[int, ...]
    clock: bytes
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    last: int | None

    def first_from(self, at: datetime, timezone: str) -> datetime | None:
        """The first occurrence not before `at`."""
        second = second_from(at)
        found = next(self._rising(second, timezone), None)
        return instant_of(found) if found is not None and (self.last is None or found <= self.last) else None

    def bounded(self, count: int | None, timezone: str) -> "StepRule":
        """The rule with the `last` instant that COUNT ends with."""
        return self if count is None else replace(self, last=self._nth(count, timezone))

    def _rising(self, second: int, timezone: str) -> Iterator[int]:
        """The occurrences not before the second."""
        ahead = self.unit - 1 if self._expands else 0
        for step, segment in self._steps(max(second - ahead, self.start), timezone):
            for found in self._expanded(step, segment, timezone):
                if found >= second:
                    yield found

    def _steps(self, at: int, timezone: str) -> Iterator[tuple[int, Segment]]:
        """The steps that count and are not before the instant, each with the segment that holds it."""
        while at <= LAST_SECOND:
            segment = segment_at(timezone, at)
            resume = segment.stop
            grid = _Grid(self, segment)
            number = grid.from_instant(at)
            end = grid.number_of(segment.stop)
            while number < end:
                day = number // len(self.clock)
                matching = self._first_day(day, matches=True)
                if matching is None:
                    return
                if matching != day:
                    # With another offset the day may begin earlier, and a fold brings back labels from before this one.
                    if number * self.unit <= segment.first_pass_from:
                        resume = matching * DAY_S - segment.offset - REACH_S
                    number = grid.aligned(matching * len(self.clock))
                    continue
                passing = grid.first_passing(number)
                if passing is None:
                    break
                if passing // len(self.clock) == day and passing < end:
                    yield grid.instant(passing), segment
                    passing += self.interval
                number = passing
            at = max(segment.stop, resume)

    def _expanded(self, step: int, segment: Segment, timezone: str) -> list[int]:
        """What a step gives: itself, or the times of its hour or minute that have its own offset and do not lie before the start."""
        if not self._expands:
            return [step]
        label = step + segment.offset
        base = label - label % self.unit
        minutes = self.minutes or (label // _MINUTE_S % _MINUTE_S,) if self.unit == _HOUR_S else (0,)
        seconds = self.seconds or (label % _MINUTE_S,)
        found = (base + minute * _MINUTE_S + second - segment.offset for minute in minutes for second in seconds)
        return [
            at
            for at in found
            if at >= self.start and (segment.start <= at < segment.stop or segment_at(timezone, at).offset == segment.offset)
        ]

    @property
    def _expands(self) -> bool:
        return bool(self.minutes or self.seconds)

    def _first_day(self, day: int, *, matches: bool) -> int | None:
        """The first day, not before the given one, that matches, or that does not."""
        if day > LAST_DAY:
            return None
        year = date.fromordinal(day + EPOCH_ORDINAL).year
        left = self._days_of(year, matches=matches) >> (day - NEW_YEAR[year])
        while not left:
            year += 1
            if year > YEAR_MAX + 1:
                return None
            day = NEW_YEAR[year]
            left = self._days_of(year, matches=matches)
        return day + lowest(left)

    def _days_of(self, year: int, *, matches: bool) -> int:
        days = self.days[shape_of(year)]
        return days if matches else ~days & ((1 << (NEW_YEAR[year + 1] - NEW_YEAR[year])) - 1)

    def _nth(self, count: int, timezone: str) -> int | None:
        """The occurrence that COUNT ends with; None where the last year ends before it. Runs of days are counted, not walked."""
        if count > self._most():
            return None
        left, at = count, self.start
        while at <= LAST_SECOND:
            segment = segment_at(timezone, at)
            grid = _Grid(self, segment)
            for begin, end in self._runs(segment, at):
                after = left - self._count(grid, begin, end, timezone)
                if after <= 0:
                    return self._nth_of_run(left, grid, begin, end, timezone)
                left = after
            at = segment.stop
        return None

    def _most(self) -> int:
        """More occurrences than there are until the end of the last year."""
        first = instant_of(self.start).year
        days = sum(self.days[shape_of(year)].bit_count() for year in range(first - 1, YEAR_MAX + 2)) + _DAYS_REPEATED_BY_FOLDS
        steps_a_day = min(self.clock.count(1), -(-len(self.clock) // self.interval))
        return days * steps_a_day * max(1, len(self.minutes)) * max(1, len(self.seconds))

    def _runs(self, segment: Segment, at: int) -> Iterator[tuple[int, int]]:
        """The instants of matching days that follow each other, from an instant to the segment's end.

        A step may expand to times before it, or lose some, only near the ends of a segment: those hours stand for themselves.
        """
        edge = self.unit if self._expands else 0
        inner, outer = max(segment.start, self.start) + edge, segment.stop - edge
        day = self._first_day((at + segment.offset) // DAY_S, matches=True)
        while day is not None and (begin := max(at, day * DAY_S - segment.offset)) < segment.stop:
            following = self._first_day(day, matches=False)
            end = segment.stop if following is None else min(segment.stop, following * DAY_S - segment.offset)
            cuts = sorted({begin, *(cut for cut in (inner, outer) if begin < cut < end), end})
            yield from pairwise(cuts)
            day = None if following is None else self._first_day(following, matches=True)

    def _count(self, grid: "_Grid", begin: int, end: int, timezone: str) -> int:
        """How many occurrences the steps of a run give."""
        if self._is_whole(grid.segment, begin, end):
            return grid.count(begin, end) * max(1, len(self.minutes)) * max(1, len(self.seconds))
        return sum(len(self._expanded(step, grid.segment, timezone)) for step in grid.passing(begin, end))

    def _nth_of_run(self, left: int, grid: "_Grid", begin: int, end: int, timezone: str) -> int:
        if self._is_whole(grid.segment, begin, end):
            times = max(1, len(self.minutes)) * max(1, len(self.seconds))
            step, place = divmod(left - 1, times)
            before = bisect_right(range(begin, end), step, key=lambda at: grid.count(begin, at))
            return self._expanded(begin + before - 1, grid.segment, timezone)[place]
        found = (at for step in grid.passing(begin, end) for at in self._expanded(step, grid.segment, timezone))
        return next(islice(found, left - 1, None))

    def _is_whole(self, segment: Segment, begin: int, end: int) -> bool:
        """Whether every step of the run has all of its times."""
        return not self._expands or (begin - self.unit >= max(segment.start, self.start) and end + self.unit <= segment.stop)


@dataclass(frozen=True, slots=True)
class _Ring:
    """The times of day that steps come to, one after the other, until they begin anew: a byte each, 1 where a step counts."""

    passed: bytes
    hits: int
    common: int
    inverse: int

    def place(self, clock: int) -> int:
        return clock // self.common * self.inverse % len(self.passed)


class _Grid:
    """The steps' labels in a segment, counted in units since the epoch: number `base` plus every multiple of the interval."""

    def __init__(self, rule: StepRule, segment: Segment) -> None:
        self.segment = segment
        self._rule = rule
        self._base, rest = divmod(rule.start + segment.offset, rule.unit)
        self._shift = rest - segment.offset

    def aligned(self, number: int) -> int:
        """The first step's number that is not below the given one."""
        return number + (self._base - number) % self._rule.interval

    def number_of(self, instant: int) -> int:
        """The first number whose instant is not before the given one."""
        return -((self._shift - instant) // self._rule.unit)

    def from_instant(self, instant: int) -> int:
        return self.aligned(self.number_of(max(instant, self._rule.start)))

    def instant(self, number: int) -> int:
        return number * self._rule.unit + self._shift

    def first_passing(self, number: int) -> int | None:
        """The first step from one on whose time of day passes; None where none ever does with this offset."""
        clock = self._rule.clock
        if clock[number % len(clock)]:
            return number
        ring = self._ring()
        at = ring.place(number % len(clock))
        found = ring.passed.find(1, at)
        if found < 0:
            found = ring.passed.find(1)
        return None if found < 0 else number + (found - at) % len(ring.passed) * self._rule.interval

    def count(self, begin: int, end: int) -> int:
        """How many steps from an instant to before another pass by their time of day."""
        first, stop = self.from_instant(begin), self.number_of(end)
        if first >= stop:
            return 0
        ring = self._ring()
        at = ring.place(first % len(self._rule.clock))
        rounds, rest = divmod(-((first - stop) // self._rule.interval), len(ring.passed))
        beyond = max(0, at + rest - len(ring.passed))
        return rounds * ring.hits + ring.passed.count(1, at, at + rest) + ring.passed.count(1, 0, beyond)

    def passing(self, begin: int, end: int) -> Iterator[int]:
        """The instants of those steps."""
        stop = self.number_of(end)
        number = self.first_passing(self.from_instant(begin))
        while number is not None and number < stop:
            yield self.instant(number)
            number = self.first_passing(number + self._rule.interval)

    def _ring(self) -> _Ring:
        rule = self._rule
        return _ring(rule.clock, rule.interval, self._base % gcd(rule.interval, len(rule.clock)))


@lru_cache(maxsize=256)
def _ring(clock: bytes, interval: int, first: int) -> _Ring:
    common = gcd(interval, len(clock))
    size, days = len(clock) // common, interval // common
    if days <= _DAYS_REPEATED_MAX:
        passed = (clock * days)[first::interval]
    else:
        passed = bytes(clock[number % len(clock)] for number in range(first, first + size * interval, interval))
    return _Ring(passed, passed.count(1), common, pow(days, -1, size))


@lru_cache(maxsize=4096)
def clock_table(hours: int, minutes: int, seconds: int, unit: int) -> bytes:
    """A byte for each unit of a day: 1 where the masks let it pass. What is finer than the unit does not matter."""
    by_unit = {_HOUR_S: (24, 1, 1), _MINUTE_S: (24, 60, 1), 1: (24, 60, 60)}[unit]
    of_minute = bytes(seconds >> second & 1 for second in range(by_unit[2])) if unit == 1 else b"\1"
    of_hour = (
        b"".join(of_minute if minutes >> minute & 1 else bytes(len(of_minute)) for minute in range(by_unit[1])) if unit < _HOUR_S else b"\1"
    )
    return b"".join(of_hour if hours >> hour & 1 else bytes(len(of_hour)) for hour in range(by_unit[0]))
