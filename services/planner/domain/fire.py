"""What a due timer does to its plan: fire, skip, go on or end. Data in, data out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.missed import Backlog, Occurrence, Skip, settle
from planner.domain.plan import Cursor, PlanRevision
from planner.domain.run import SCHEDULE_ORIGIN, Run
from planner.domain.schedule import Schedule
from planner_contracts import ids
from planner_contracts.ids import PlanId, RunId
from planner_contracts.plan import PlanStatus
from planner_contracts.run import RunTrigger

FIRST_ATTEMPT: Final = 1


@dataclass(frozen=True, slots=True)
class Fire:
    """The decision on one due plan: runs to publish and skips to record, both in rising nominal order, and where that leaves it."""

    runs: tuple[Run, ...]
    skips: tuple[Skip, ...]
    cursor: Cursor

    @property
    def completed(self) -> bool:
        """Whether nothing of the plan will fire again."""
        return self.cursor.status is PlanStatus.COMPLETED


def fire(revision: PlanRevision, cursor: Cursor, schedule: Schedule, *, now: datetime, limit: int) -> Fire | None:
    """Decide on everything of the plan that is due at `now`, at most `limit` fires; what is beyond stays due.

    None where nothing is due: the timer was early, or the plan is no longer active. Source: scheduling.md, sections 5.1 and 5.7.
    """
    if cursor.status is not PlanStatus.ACTIVE or cursor.next_due is None or cursor.next_due > now:
        return None
    backlog = settle(schedule, plan_id=cursor.plan_id, after=cursor.resolved_until, now=now, limit=limit)
    fired, skips = _within_max_runs(backlog, None if schedule.max_runs is None else schedule.max_runs - cursor.fired)
    runs = tuple(_run(revision, occurrence, now) for occurrence in fired)
    spent = schedule.max_runs is not None and cursor.fired + len(runs) >= schedule.max_runs
    following = None if spent else backlog.next
    return Fire(runs, skips, advanced(cursor, backlog.cursor, following, fired=len(runs)))


def advanced(cursor: Cursor, resolved_until: datetime, following: Occurrence | None, *, fired: int = 0) -> Cursor:
    """The cursor with everything up to `resolved_until` resolved, so many of it fired, and `following` next; completed without one.

    A paused plan knows its next occurrence too, but has no timer.
    """
    return Cursor(
        plan_id=cursor.plan_id,
        status=cursor.status if following is not None else PlanStatus.COMPLETED,
        revision=cursor.revision,
        resolved_until=resolved_until,
        next_nominal=None if following is None else following.scheduled_for,
        next_due=following.due_at if following is not None and cursor.status is PlanStatus.ACTIVE else None,
        fired=cursor.fired + fired,
        open_runs=cursor.open_runs + fired,
        tzdata=TZDATA_VERSION,
    )


def _within_max_runs(backlog: Backlog, left: int | None) -> tuple[tuple[Occurrence, ...], tuple[Skip, ...]]:
    # What the rule names after the last run that `max_runs` allows is no occurrence: it has no outcome (section 5.7).
    if left is None or len(backlog.fire) < left:
        return backlog.fire, backlog.skips
    fired = backlog.fire[:left]
    return fired, tuple(skip for skip in backlog.skips if skip.first < fired[-1].scheduled_for)


def _run(revision: PlanRevision, occurrence: Occurrence, now: datetime) -> Run:
    return Run(
        run_id=run_id_of(revision.plan_id, occurrence),
        plan_id=revision.plan_id,
        plan_revision=revision.number,
        tenant_id=revision.tenant_id,
        organization_id=revision.organization_id,
        action=revision.document["action"],
        trigger=RunTrigger.SCHEDULE,
        attempt=FIRST_ATTEMPT,
        scheduled_for=occurrence.scheduled_for,
        due_at=occurrence.due_at,
        published_at=now,
    )


def run_id_of(plan_id: PlanId, occurrence: Occurrence) -> RunId:
    """The id of an occurrence's first run: the same for whoever computes it."""
    return ids.run_id(plan_id, SCHEDULE_ORIGIN, occurrence.scheduled_for, FIRST_ATTEMPT)
