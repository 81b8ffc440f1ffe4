"""The occurrences of a schedule in a range of instants: rule, zone, policy and bounds together (scheduling.md, section 2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, assert_never

from planner.domain.limits import FIRST_INSTANT, LAST_INSTANT, TICK
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.rrule import Rrule
from planner.domain.schedule import Schedule

_FIRST_LOOK_BACK: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Nominal times, strictly rising, in UTC. `complete`: the range holds no other, so `limit` did not cut it short."""

    instants: tuple[datetime, ...]
    complete: bool


def occurrences(schedule: Schedule, *, after: datetime | None, until: datetime | None, limit: int) -> Window:
    """The first `limit` occurrences with `after` < t <= `until`; None stands for the beginning and for the end of time.

    Splitting a range changes nothing: occ(a, c) = occ(a, b) + occ(b, c). `complete` costs the search for one more.
    """
    start = FIRST_INSTANT if after is None else after + TICK
    found = tuple(islice(rising(schedule, start, until or LAST_INSTANT), limit + 1))
    return Window(found[:limit], complete=len(found) <= limit)


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The earliest occurrence strictly after an instant."""
    return first_from(schedule, after + TICK)


def contains(schedule: Schedule, instant: datetime) -> bool:
    """Whether the instant is an occurrence."""
    return first_from(schedule, instant) == instant


def rising(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """The occurrences with `start` <= t <= `end`, each found when it is asked for."""
    found = first_from(schedule, start)
    while found is not None and found <= end:
        yield found
        found = first_from(schedule, found + TICK)


def newest(schedule: Schedule, start: datetime, end: datetime, count: int) -> list[datetime]:
    """The last `count` occurrences with `start` <= t <= `end`, rising.

    The look-back doubles while it finds too few and halves where it would find too many, so the cost follows `count`, not the range.
    """
    found: list[datetime] = []
    span = _FIRST_LOOK_BACK
    while len(found) < count and start <= end:
        begin = max(start, end - span + TICK)
        needed = count - len(found)
        older = list(islice(rising(schedule, begin, end), needed + 1))
        if len(older) > needed:
            # Dates of an RRULE may be a microsecond apart.
            span = max(span // 2, TICK)
        else:
            found = older + found
            end = begin - TICK
            span *= 2
    return found


def first_from(schedule: Schedule, at: datetime) -> datetime | None:
    """The earliest occurrence at or after an instant."""
    start = max(at, FIRST_INSTANT if schedule.starts_at is None else schedule.starts_at)
    end = LAST_INSTANT if schedule.ends_at is None else schedule.ends_at
    if start > end:
        return None
    found: datetime | None
    match schedule.rule:
        case Cron() | Rrule() | Calendar() as rule:
            found = rule.first_from(start, schedule.timezone, schedule.dst)
        case Interval() as interval:
            found = interval.first_from(start)
        case Once() as once:
            found = once.first_from(start)
        case _ as unreachable:
            assert_never(unreachable)
    return found if found is not None and found <= end else None
