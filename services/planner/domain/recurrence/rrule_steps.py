"""RRULEs of FREQ HOURLY and finer: steps of elapsed time that count where their labels pass (scheduling.md, R9)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import islice, pairwise, zip_longest
from math import gcd
from typing import Final

from planner.domain.civil_time import Segment, instant_of, segment_at
from planner.domain.limits import YEAR_MAX
from planner.domain.recurrence.label_search import DAY_S, LAST_DAY, LAST_SECOND, REACH_S, lowest, second_from
from planner.domain.recurrence.year_days import EPOCH_ORDINAL, NEW_YEAR, members, shape_of

_HOUR_S: Final = 3600
_MINUTE_S: Final = 60
# More than all folds of a zone until the last year repeat together.
_DAYS_REPEATED_BY_FOLDS: Final = 1000
# Up to so many days a ring is cut out of repeated days, which is quicker.
_DAYS_REPEATED_MAX: Final = 64
# Up to this interval a day's steps are quicker counted place by place than lap by lap.
_INTERVAL_BY_PLACE_MAX: Final = 300


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
                matching = self._first_day(day)
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

    @property
    def _times(self) -> int:
        """To how many times a step expands."""
        return max(1, len(self.minutes)) * max(1, len(self.seconds))

    def _first_day(self, day: int) -> int | None:
        """The first day that matches, not before the given one."""
        if day > LAST_DAY:
            return None
        year = date.fromordinal(day + EPOCH_ORDINAL).year
        left = self.days[shape_of(year)] >> (day - NEW_YEAR[year])
        while not left:
            year += 1
            if year > YEAR_MAX + 1:
                return None
            day = NEW_YEAR[year]
            left = self.days[shape_of(year)]
        return day + lowest(left)

    def _nth(self, count: int, timezone: str) -> int | None:
        """The occurrence that COUNT ends with; None where the last year ends before it."""
        if count > self._most():
            return None
        left = count
        for grid, begin, end, size in self._spans(timezone):
            if left <= size:
                return self._nth_of_span(left, grid, begin, end, timezone)
            left -= size
        return None

    def _most(self) -> int:
        """More occurrences than there are until the end of the last year."""
        first = instant_of(self.start).year
        days = sum(self.days[shape_of(year)].bit_count() for year in range(first - 1, YEAR_MAX + 2)) + _DAYS_REPEATED_BY_FOLDS
        steps_a_day = min(self.clock.count(1), -(-len(self.clock) // self.interval))
        return days * steps_a_day * self._times

    def _spans(self, timezone: str) -> Iterator[tuple["_Grid", int, int, int]]:
        """Spans of instants of matching days, rising from the start on, each with how many occurrences its steps give.

        A step may expand to times before it, or lose some, only near the ends of a segment. Between these a span is a whole day,
        and what the steps give there follows from where the day's first one falls.
        """
        hits, times = _hits(self.clock, self.interval), self._times
        at = self.start
        while at <= LAST_SECOND:
            segment = segment_at(timezone, at)
            grid = _Grid(self, segment)
            whole = self._whole_days(segment, at)
            first, last = (day * DAY_S - segment.offset for day in (whole.start, whole.stop)) if whole else (segment.stop, segment.stop)
            yield from self._walked(grid, at, first, timezone)
            for day in self._matching_days(whole):
                if size := hits[grid.first_of_day(day)] * times:
                    begin = day * DAY_S - segment.offset
                    yield grid, begin, begin + DAY_S, size
            yield from self._walked(grid, last, segment.stop, timezone)
            at = segment.stop

    def _whole_days(self, segment: Segment, at: int) -> range:
        """The days of a segment, from an instant on, that lie in it from midnight to midnight, as do the hours of their steps."""
        first = max(at, segment.start, self.start) + segment.offset
        return range(-(-first // DAY_S), (segment.stop + segment.offset) // DAY_S)

    def _matching_days(self, days: range) -> Iterator[int]:
        """Those of a range of days that match."""
        day = days.start
        while day < days.stop:
            year = date.fromordinal(day + EPOCH_ORDINAL).year
            new_year = NEW_YEAR[year]
            of_year = members(self.days[shape_of(year)])
            ends = (bisect_left(of_year, end - new_year) for end in (day, days.stop))
            yield from (new_year + at for at in of_year[slice(*ends)])
            day = NEW_YEAR[year + 1]

    def _walked(self, grid: "_Grid", at: int, until: int, timezone: str) -> Iterator[tuple["_Grid", int, int, int]]:
        """The spans from one instant to before another, near an end of the segment."""
        segment = grid.segment
        edge = self.unit if self._expands else 0
        inner, outer = max(segment.start, self.start) + edge, segment.stop - edge
        for day in self._matching_days(range((at + segment.offset) // DAY_S, -((-until - segment.offset) // DAY_S))):
            begin = day * DAY_S - segment.offset
            begin, end = max(at, begin), min(until, begin + DAY_S)
            cuts = sorted({begin, *(cut for cut in (inner, outer) if begin < cut < end), end})
            for first, last in pairwise(cuts):
                yield grid, first, last, self._count(grid, first, last, timezone)

    def _count(self, grid: "_Grid", begin: int, end: int, timezone: str) -> int:
        """How many occurrences the steps of a span give."""
        if self._is_whole(grid.segment, begin, end):
            return grid.count(begin, end) * self._times
        return sum(len(self._expanded(step, grid.segment, timezone)) for step in grid.passing(begin, end))

    def _nth_of_span(self, left: int, grid: "_Grid", begin: int, end: int, timezone: str) -> int:
        if self._is_whole(grid.segment, begin, end):
            step, place = divmod(left - 1, self._times)
            before = bisect_right(range(begin, end), step, key=lambda at: grid.count(begin, at))
            return self._expanded(begin + before - 1, grid.segment, timezone)[place]
        found = (at for step in grid.passing(begin, end) for at in self._expanded(step, grid.segment, timezone))
        return next(islice(found, left - 1, None))

    def _is_whole(self, segment: Segment, begin: int, end: int) -> bool:
        """Whether every step of the span has all of its times."""
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

    def first_of_day(self, day: int) -> int:
        """How many units after midnight the day's first step falls; more than a day has where it has none."""
        return (self._base - day * len(self._rule.clock)) % self._rule.interval

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


def _hits(clock: bytes, interval: int) -> Sequence[int]:
    """How many steps of a day count, for each place of the day's first one."""
    if interval >= len(clock):
        return clock + bytes(interval - len(clock))
    if interval <= _INTERVAL_BY_PLACE_MAX:
        return tuple(clock[at::interval].count(1) for at in range(interval))
    laps = (clock[at : at + interval] for at in range(0, len(clock), interval))
    return tuple(map(sum, zip_longest(*laps, fillvalue=0)))


@lru_cache(maxsize=4096)
def clock_table(hours: int, minutes: int, seconds: int, unit: int) -> bytes:
    """A byte for each unit of a day: 1 where the masks let it pass. What is finer than the unit does not matter."""
    by_unit = {_HOUR_S: (24, 1, 1), _MINUTE_S: (24, 60, 1), 1: (24, 60, 60)}[unit]
    of_minute = bytes(seconds >> second & 1 for second in range(by_unit[2])) if unit == 1 else b"\1"
    of_hour = (
        b"".join(of_minute if minutes >> minute & 1 else bytes(len(of_minute)) for minute in range(by_unit[1])) if unit < _HOUR_S else b"\1"
    )
    return b"".join(of_hour if hours >> hour & 1 else bytes(len(of_hour)) for hour in range(by_unit[0]))
