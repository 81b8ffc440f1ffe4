"""Where a plan's cursor begins, and where it stands after an update or a cancel (scheduling.md, sections 2 and 5.3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from planner.domain.jitter import delay
from planner.domain.missed import Occurrence, Skip, skips_of
from planner.domain.plan import Cursor
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.window import occurrences
from planner.domain.schedule import Schedule
from planner_contracts.ids import PlanId
from planner_contracts.run_event import SkipReason

UNRESOLVED_KEPT_MAX: Final = 1000
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Move:
    """The cursor's new place: everything up to `resolved_until` has its outcome, `skips` are the outcomes given now."""

    resolved_until: datetime
    following: Occurrence | None
    skips: tuple[Skip, ...] = ()


def first_occurrence(schedule: Schedule, *, plan_id: PlanId, now: datetime) -> Move:
    """Where a new plan begins: nothing at or before its creation, except that an `execute_at` in the past is taken."""
    since = schedule.rule.instant - _TICK if isinstance(schedule.rule, Once) and schedule.rule.instant <= now else now
    return Move(since, next_after(schedule, plan_id=plan_id, after=since))


def next_after(schedule: Schedule, *, plan_id: PlanId, after: datetime) -> Occurrence | None:
    """The earliest occurrence strictly after `after`, jitter added; None where the schedule is finished."""
    found = occurrences(schedule, after=after, until=None, limit=1).instants
    return Occurrence(found[0], found[0] + delay(plan_id, schedule.jitter_seconds)) if found else None


def reschedule(old: Schedule, new: Schedule, *, cursor: Cursor, now: datetime) -> Move:
    """The cursor after an update decided at `now`.

    What is unresolved with a nominal time at or before `now` stays where the new schedule names it too and is published under the
    new revision; what the new schedule lacks is superseded, and so is all of it if more than 1000 wait. The new schedule makes no
    past occurrences.
    """
    if _same_times(old, new):
        return Move(cursor.resolved_until, next_after(new, plan_id=cursor.plan_id, after=cursor.resolved_until))
    waiting = _unresolved(old, cursor, now)
    since = max(now, cursor.resolved_until)
    if not waiting:
        return first_occurrence(new, plan_id=cursor.plan_id, now=since)
    named = set(occurrences(new, after=waiting[0] - _TICK, until=now, limit=UNRESOLVED_KEPT_MAX + 1).instants)
    kept = [instant for instant in waiting if instant in named]
    # Kept occurrences are found again from the cursor, so it may go back only where the new schedule names nothing else there.
    exact = len(waiting) <= UNRESOLVED_KEPT_MAX and kept and {instant for instant in named if instant >= kept[0]} == set(kept)
    dropped = [instant for instant in waiting if not exact or instant not in named]
    resolved_until = kept[0] - _TICK if exact else since
    return Move(resolved_until, next_after(new, plan_id=cursor.plan_id, after=resolved_until), skips_of(SkipReason.SUPERSEDED, dropped))


def cancelled_occurrences(schedule: Schedule, *, cursor: Cursor, now: datetime) -> tuple[Skip, ...]:
    """The outcomes of a cancel: every unresolved occurrence with a nominal time at or before `now` is `cancelled`."""
    return skips_of(SkipReason.CANCELLED, _unresolved(schedule, cursor, now))


def _unresolved(schedule: Schedule, cursor: Cursor, now: datetime) -> list[datetime]:
    if cursor.next_nominal is None or cursor.next_nominal > now:
        return []
    return list(occurrences(schedule, after=cursor.resolved_until, until=now, limit=UNRESOLVED_KEPT_MAX + 1).instants)


def _same_times(old: Schedule, new: Schedule) -> bool:
    return (old.rule, old.timezone, old.starts_at, old.ends_at, old.dst) == (new.rule, new.timezone, new.starts_at, new.ends_at, new.dst)
