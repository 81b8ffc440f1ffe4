"""Where a plan's cursor begins, and where it stands after an update or a cancel (scheduling.md, sections 2 and 5.3)."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, assert_never

from msgspec import structs

from planner.domain.advance import Place
from planner.domain.jitter import delay
from planner.domain.limits import ORDINARY_LATENESS, TICK
from planner.domain.missed import Occurrence, Skip, skips_at, skips_between, skips_of
from planner.domain.plan import Cursor
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.window import contains, occurrences
from planner.domain.schedule import Coalesce, Misfire, Schedule
from planner_contracts.ids import PlanId
from planner_contracts.run_event import SkipReason

UNRESOLVED_KEPT_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Move:
    """The cursor's new place, and the outcomes that are given now."""

    place: Place
    skips: tuple[Skip, ...] = ()


def first_occurrence(schedule: Schedule, *, plan_id: PlanId, now: datetime, resolved_until: datetime | None = None) -> Place:
    """Where a schedule begins: strictly after `now`, except that an `execute_at` in the past is taken.

    `resolved_until`: of a plan that has begun before. What lies there has its outcome and is never taken again.
    """
    since = now if resolved_until is None else max(now, resolved_until)
    if isinstance(schedule.rule, Once) and schedule.rule.instant <= now:
        taken = schedule.rule.instant - TICK
        since = taken if resolved_until is None or taken >= resolved_until else since
    return Place(since, next_after(schedule, plan_id=plan_id, after=since))


def next_after(schedule: Schedule, *, plan_id: PlanId, after: datetime) -> Occurrence | None:
    """The earliest occurrence strictly after `after`, jitter added; None where the schedule is finished."""
    found = occurrences(schedule, after=after, until=None, limit=1).instants
    return Occurrence(found[0], found[0] + delay(plan_id, schedule.jitter_seconds)) if found else None


def reschedule(old: Schedule, new: Schedule, *, cursor: Cursor, now: datetime, paused: bool) -> Move:
    """The cursor after an update decided at `now`. `paused`: the plan is so before it or after it.

    What is unresolved with a nominal time at or before `now` stays where the new schedule names it too and is published under the
    new revision; what the new schedule lacks is superseded, and so is all of it if more than 1000 wait. The new schedule makes no
    past occurrences.
    """
    if same_times(old, new):
        following = next_after(new, plan_id=cursor.plan_id, after=cursor.resolved_until)
        return Move(Place(cursor.resolved_until, following, cursor.held))
    due = _unresolved(old, cursor, now)
    few = len(cursor.held) + len(due) <= UNRESOLVED_KEPT_MAX
    held = tuple(nominal for nominal in cursor.held if few and contains(new, nominal))
    given_up = skips_at(old, SkipReason.SUPERSEDED, [nominal for nominal in cursor.held if nominal not in held])
    if not due:
        begun = first_occurrence(new, plan_id=cursor.plan_id, now=now, resolved_until=cursor.resolved_until)
        return Move(structs.replace(begun, held=held), given_up)
    kept = [instant for instant in due if few and contains(new, instant)]
    # What is late is a backlog of an active plan: held, all of it would fire, so it is decided upon before.
    late = bool(kept) and now - kept[0] - delay(cursor.plan_id, new.jitter_seconds) > ORDINARY_LATENESS
    holds = bool(kept) and (paused or not late)
    # The cursor can go back over nothing else that the new schedule names. Nor should it over what is superseded: the run store
    # would take that for decided; but what is late is decided at once.
    alone = bool(kept) and list(occurrences(new, after=kept[0] - TICK, until=now, limit=len(kept) + 1).instants) == kept
    if alone and (not holds or kept == due[-len(kept) :]):
        resolved_until = kept[0] - TICK
        following = next_after(new, plan_id=cursor.plan_id, after=resolved_until)
        return Move(Place(resolved_until, following, held), given_up + _superseded(due, set(kept)))
    begun = first_occurrence(new, plan_id=cursor.plan_id, now=now, resolved_until=due[-1])
    if not kept:
        return Move(structs.replace(begun, held=held), given_up + skips_between(old, SkipReason.SUPERSEDED, due[0], now))
    skips = given_up + _superseded(due, set(kept))
    if not paused:
        kept, settled = _settled(old, new.misfire, kept, end=now - delay(cursor.plan_id, new.jitter_seconds))
        skips += settled
    return Move(structs.replace(begun, held=(*held, *kept)), tuple(sorted(skips, key=attrgetter("first"))))


def cancelled_occurrences(schedule: Schedule, *, cursor: Cursor, now: datetime) -> tuple[Skip, ...]:
    """The outcomes of a cancel: every unresolved occurrence with a nominal time at or before `now` is `cancelled`."""
    held = skips_at(schedule, SkipReason.CANCELLED, cursor.held)
    if cursor.next_nominal is None or cursor.next_nominal > now:
        return held
    return held + skips_between(schedule, SkipReason.CANCELLED, cursor.next_nominal, now)


def same_times(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules name the same occurrences. Neither jitter nor `max_runs` nor what is done about missed ones matters."""
    return _times(one) == _times(other)


def _superseded(waiting: Sequence[datetime], named: Container[datetime]) -> tuple[Skip, ...]:
    # A range names all between its ends, so none may reach over an occurrence that stays.
    stretches = (list(stretch) for stays, stretch in groupby(waiting, lambda instant: instant in named) if not stays)
    return tuple(skip for stretch in stretches for skip in skips_of(SkipReason.SUPERSEDED, stretch))


def _settled(old: Schedule, misfire: Misfire, kept: list[datetime], *, end: datetime) -> tuple[list[datetime], tuple[Skip, ...]]:
    """Of a late backlog what is still to fire, and the outcomes of the rest (section 5.1). What is later than `end` is not due yet."""
    missed = [] if misfire.max_lateness is None else [nominal for nominal in kept if end - nominal > misfire.max_lateness]
    skips = skips_at(old, SkipReason.MISSED, missed)
    due = [nominal for nominal in kept[len(missed) :] if nominal <= end]
    coming = kept[len(missed) + len(due) :]
    if not due or end - due[0] <= ORDINARY_LATENESS:
        return due + coming, skips
    match misfire.coalesce:
        case Coalesce.LATEST:
            return due[-1:] + coming, skips + skips_at(old, SkipReason.COALESCED, due[:-1], into=due[-1])
        case Coalesce.EARLIEST:
            return due[:1] + coming, skips + skips_at(old, SkipReason.COALESCED, due[1:], into=due[0])
        case Coalesce.NONE:
            most = misfire.max_catchup
            return due[-most:] + coming, skips + skips_at(old, SkipReason.CATCHUP_LIMIT, due[:-most])
        case _ as unreachable:
            assert_never(unreachable)


def _times(schedule: Schedule) -> tuple[object, ...]:
    return schedule.rule, schedule.timezone, schedule.starts_at, schedule.ends_at, schedule.dst


def _unresolved(schedule: Schedule, cursor: Cursor, now: datetime) -> list[datetime]:
    if cursor.next_nominal is None or cursor.next_nominal > now:
        return []
    return list(occurrences(schedule, after=cursor.resolved_until, until=now, limit=UNRESOLVED_KEPT_MAX + 1).instants)
