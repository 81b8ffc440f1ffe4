"""What a due timer does to its plan: fire, skip, go on or end. Data in, data out."""

from datetime import datetime
from operator import attrgetter
from typing import Final

from msgspec import Struct

from planner.domain.advance import Place, advanced
from planner.domain.jitter import delay
from planner.domain.missed import Backlog, Occurrence, Skip, settle, skips_at
from planner.domain.overlap import OverlapPolicy, overlap_of, take_turns
from planner.domain.plan import Cursor, PlanRevision
from planner.domain.run import SCHEDULE_ORIGIN, Run
from planner.domain.schedule import Schedule
from planner_contracts import ids
from planner_contracts.ids import PlanId, RunId
from planner_contracts.plan import PlanStatus
from planner_contracts.run import RunTrigger
from planner_contracts.run_event import SkipReason

FIRST_ATTEMPT: Final = 1


class Fire(Struct, frozen=True, gc=False):
    """The decision on one due plan: runs to publish and skips to record, both in rising nominal order, and where that leaves it.

    `ends_open_runs`: the runs that are open end with it, and of its own runs all but the newest.
    """

    runs: tuple[Run, ...]
    skips: tuple[Skip, ...]
    cursor: Cursor
    ends_open_runs: bool

    @property
    def completed(self) -> bool:
        """Whether nothing of the plan will fire again."""
        return self.cursor.status is PlanStatus.COMPLETED


def fire(revision: PlanRevision, cursor: Cursor, schedule: Schedule, *, now: datetime, limit: int) -> Fire | None:
    """Decide on everything of the plan that is due at `now`, at most `limit` fires; what is beyond stays due.

    None where it is nobody's turn: the timer was early, the held still wait for a run, or the plan is no longer active.
    Source: scheduling.md, sections 5.1, 5.5 and 5.7.
    """
    if cursor.status is not PlanStatus.ACTIVE:
        return None
    overlap = overlap_of(revision.document)
    due = cursor.next_due is not None and cursor.next_due <= now
    lag = delay(cursor.plan_id, schedule.jitter_seconds)
    # An update may have made the others due later, and another zone database holds what is still to come: it is not their turn.
    held = [nominal for nominal in cursor.held if nominal + lag <= now]
    if not due and (not held or overlap.may_wait(len(held), open_runs=cursor.open_runs)):
        return None
    if due:
        backlog = settle(schedule, plan_id=cursor.plan_id, after=cursor.resolved_until, now=now, limit=limit)
    else:
        backlog = Backlog((), (), cursor.resolved_until, next_of(cursor))
    left = None if schedule.max_runs is None else schedule.max_runs - cursor.fired
    turns = take_turns(
        overlap,
        [*held, *[occurrence.scheduled_for for occurrence in backlog.fire]],
        open_runs=cursor.open_runs,
        window_from=None if schedule.misfire.max_lateness is None else now - lag - schedule.misfire.max_lateness,
        limit=limit if left is None else min(limit, left),
    )
    runs = tuple([_run(revision, Occurrence(nominal, nominal + lag), now) for nominal in turns.fired])
    skips = backlog.skips
    if turns.missed or turns.overlapped:
        missed = skips_at(schedule, SkipReason.MISSED, turns.missed)
        skips = tuple(sorted((*skips, *missed, *skips_at(schedule, SkipReason.OVERLAP, turns.overlapped)), key=attrgetter("first")))
    place = Place(backlog.cursor, backlog.next, (*turns.held, *cursor.held[len(held) :]))
    if left is not None and len(runs) >= left:
        # What the rule names after the last run that `max_runs` allows is no occurrence: it has no outcome (section 5.7).
        skips = tuple(skip for skip in skips if skip.first < runs[-1].scheduled_for)
        place = Place(backlog.cursor, None)
    ends_open_runs = overlap.policy is OverlapPolicy.CANCEL_PREVIOUS and bool(runs)
    open_runs = 1 if ends_open_runs else cursor.open_runs + len(runs)
    moved = advanced(cursor, place, revision, schedule, fired=cursor.fired + len(runs), open_runs=open_runs)
    return Fire(runs, skips, moved, ends_open_runs)


def next_of(cursor: Cursor) -> Occurrence | None:
    """The occurrence at which the plan stands."""
    if cursor.next_nominal is None or cursor.next_due is None:
        return None
    return Occurrence(cursor.next_nominal, cursor.next_due)


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
        open=True,
        ordering_key=revision.document["ordering_key"],
    )


def run_id_of(plan_id: PlanId, occurrence: Occurrence) -> RunId:
    """The id of an occurrence's first run: the same for whoever computes it."""
    return ids.run_id(plan_id, SCHEDULE_ORIGIN, occurrence.scheduled_for, FIRST_ATTEMPT)
