"""What becomes of everything that is due: fire, or skip with a reason (scheduling.md, sections 5.1 and 5.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import assert_never

from msgspec import Struct

from planner.domain.jitter import delay
from planner.domain.limits import ORDINARY_LATENESS, SKIP_COUNT_EXACT_MAX, SKIP_RECORDS_MAX, TICK
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.window import first_from, newest, next_after, rising
from planner.domain.schedule import Coalesce, Schedule
from planner_contracts.run_event import SkipReason


class Occurrence(Struct, frozen=True, gc=False):
    """A nominal time of a plan, and when its action may be published."""

    scheduled_for: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Skip:
    """One occurrence, or a range of consecutive ones (`first` to `last`, both nominal and included), with one reason.

    `count` is null where a range is too long to count. `into`: the occurrence that stands for coalesced ones.
    """

    reason: SkipReason
    first: datetime
    last: datetime
    count: int | None
    into: datetime | None


class Backlog(Struct, frozen=True, gc=False):
    """One decision. `fire` and `skips` rise; together they are every occurrence after the old cursor and up to `cursor`.

    `next` is the first occurrence after `cursor`: due as well where `limit` left it for another decision.
    """

    fire: tuple[Occurrence, ...]
    skips: tuple[Skip, ...]
    cursor: datetime
    next: Occurrence | None


@dataclass(frozen=True, slots=True)
class _Choice:
    fired: Sequence[datetime]
    skips: tuple[Skip, ...]
    cursor: datetime


def settle(schedule: Schedule, *, plan_id: str, after: datetime, now: datetime, limit: int) -> Backlog:
    """Decide on the occurrences after the cursor `after` that are due at `now`, oldest first, firing at most `limit` (>= 1) of them.

    Costs O(max_catchup + 100), however long nothing was decided. Nothing due: an empty Backlog with the cursor where it was.
    """
    lag = delay(plan_id, schedule.jitter_seconds)
    oldest = next_after(schedule, after)
    if oldest is None or oldest + lag > now:
        return Backlog((), (), after, _occurrence(oldest, lag))
    second = next_after(schedule, oldest)
    if second is None or second + lag > now:
        return _settle_one(schedule, oldest, second, lag=lag, now=now)
    return _settle_many(schedule, oldest, lag=lag, now=now, limit=limit)


def skips_between(
    schedule: Schedule, reason: SkipReason, start: datetime, end: datetime, *, into: datetime | None = None
) -> tuple[Skip, ...]:
    """The records of all occurrences with `start` <= t <= `end`: one each up to 100, else one range. None at all: no record."""
    listed = list(islice(rising(schedule, start, end), SKIP_COUNT_EXACT_MAX + 1))
    if len(listed) <= SKIP_COUNT_EXACT_MAX:
        return skips_of(reason, listed, into=into)
    first, (last,) = listed[0], newest(schedule, listed[-1], end, 1)
    count = schedule.rule.count(first, last) if isinstance(schedule.rule, Interval) else None
    return (Skip(reason, first, last, count, into),)


def skips_of(reason: SkipReason, nominal_times: Sequence[datetime], *, into: datetime | None = None) -> tuple[Skip, ...]:
    """The records of consecutive occurrences, given in rising order: one each up to 100, else one range."""
    if len(nominal_times) <= SKIP_RECORDS_MAX:
        return tuple(Skip(reason, nominal, nominal, 1, into) for nominal in nominal_times)
    return (Skip(reason, nominal_times[0], nominal_times[-1], len(nominal_times), into),)


def skips_at(
    schedule: Schedule, reason: SkipReason, nominal_times: Sequence[datetime], *, into: datetime | None = None
) -> tuple[Skip, ...]:
    """The records of occurrences, given in rising order, of which others may lie between: a range only where none does."""
    if not nominal_times:
        return ()
    if len(nominal_times) > SKIP_RECORDS_MAX:
        between = list(islice(rising(schedule, nominal_times[0], nominal_times[-1]), len(nominal_times) + 1))
        if between == list(nominal_times):
            return skips_of(reason, nominal_times, into=into)
    return tuple(Skip(reason, nominal, nominal, 1, into) for nominal in nominal_times)


def _settle_one(schedule: Schedule, only: datetime, following: datetime | None, *, lag: timedelta, now: datetime) -> Backlog:
    after = _occurrence(following, lag)
    most = schedule.misfire.max_lateness
    if most is not None and now - only - lag > most:
        return Backlog((), skips_of(SkipReason.MISSED, [only]), only, after)
    return Backlog((Occurrence(only, only + lag),), (), only, after)


def _settle_many(schedule: Schedule, oldest: datetime, *, lag: timedelta, now: datetime, limit: int) -> Backlog:
    end = now - lag
    skips: tuple[Skip, ...] = ()
    if schedule.misfire.max_lateness is not None and (window := end - schedule.misfire.max_lateness) > oldest:
        skips = skips_between(schedule, SkipReason.MISSED, oldest, window - TICK)
        following = first_from(schedule, window)
        if following is None or following > end:
            return Backlog((), skips, skips[-1].last, _occurrence(following, lag))
        oldest = following
    choice = _chosen(schedule, oldest, end, limit)
    left = next_after(schedule, choice.cursor)
    fire = tuple(Occurrence(nominal, nominal + lag) for nominal in choice.fired)
    return Backlog(fire, skips + choice.skips, choice.cursor, _occurrence(left, lag))


def _chosen(schedule: Schedule, oldest: datetime, end: datetime, limit: int) -> _Choice:
    """Of the occurrences from `oldest` to `end`, none of them missed: which fire, which are skipped, and the last decided."""
    if end - oldest <= ORDINARY_LATENESS:
        fired = list(islice(rising(schedule, oldest, end), limit))
        return _Choice(fired, (), fired[-1])
    match schedule.misfire.coalesce:
        case Coalesce.LATEST:
            return _latest(schedule, oldest, end)
        case Coalesce.EARLIEST:
            return _earliest(schedule, oldest, end)
        case Coalesce.NONE:
            return _caught_up(schedule, oldest, end, limit)
        case _ as unreachable:
            assert_never(unreachable)


def _latest(schedule: Schedule, oldest: datetime, end: datetime) -> _Choice:
    (last,) = newest(schedule, oldest, end, 1)
    return _Choice([last], skips_between(schedule, SkipReason.COALESCED, oldest, last - TICK, into=last), last)


def _earliest(schedule: Schedule, oldest: datetime, end: datetime) -> _Choice:
    skips = skips_between(schedule, SkipReason.COALESCED, oldest + TICK, end, into=oldest)
    return _Choice([oldest], skips, skips[-1].last if skips else oldest)


def _caught_up(schedule: Schedule, oldest: datetime, end: datetime, limit: int) -> _Choice:
    most = schedule.misfire.max_catchup
    kept = newest(schedule, oldest, end, most + 1)
    skips: tuple[Skip, ...] = ()
    if len(kept) > most:
        skips = skips_between(schedule, SkipReason.CATCHUP_LIMIT, oldest, kept[0])
        kept = kept[1:]
    fired = kept[:limit]
    return _Choice(fired, skips, fired[-1])


def _occurrence(nominal: datetime | None, lag: timedelta) -> Occurrence | None:
    return None if nominal is None else Occurrence(nominal, nominal + lag)
