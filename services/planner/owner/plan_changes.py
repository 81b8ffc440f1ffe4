"""What decisions of every kind do to a plan's own records: bring it up to date, move its cursor, let it retire."""

from planner.domain.advance import run_ended
from planner.domain.calendars import calendars_of
from planner.domain.decide import OwnChange, recomputed_plan
from planner.domain.definition import load, named_calendar
from planner.domain.overlap import overlap_of
from planner.domain.plan import RETIRED_KEPT, CalendarState, Cursor, PlanRevision, Retired, StateKind
from planner.domain.recompute import is_outdated, recomputed
from planner.domain.schedule import Schedule
from planner.owner.outbox import subject_of
from planner.owner.schedules import Schedules
from planner.owner.state import TickState
from planner.owner.tick_output import TickOutput
from planner_contracts.plan import PlanStatus


class PlanChanges:
    """Each change goes to the state and, where it is one that users see, to the output."""

    def __init__(self, state: TickState, output: TickOutput, schedules: Schedules) -> None:
        self._state = state
        self._output = output
        self._schedules = schedules

    def schedule(self, revision: PlanRevision, cursor: Cursor) -> Schedule:
        """The plan's schedule, with its holiday list as it is now."""
        return self._schedules.of(revision, cursor, self.holidays(revision))

    def holidays(self, revision: PlanRevision) -> CalendarState | None:
        """The holiday list that the plan uses, deleted or not: plans keep the dates of a deleted one."""
        name = named_calendar(revision.document)
        return None if name is None else self._state.calendar(revision.tenant_id, name)

    def refresh(self, tenant_id: str, plan_id: str) -> None:
        """Compute the next occurrence anew if another version of the zone database, or of its holiday list, has computed it."""
        plan = self._state.plan(tenant_id, plan_id)
        if plan is not None and is_outdated(plan[1], self.schedule(*plan)):
            self.recompute(*plan)

    def recompute(self, revision: PlanRevision, cursor: Cursor) -> tuple[PlanRevision, Cursor]:
        """The plan as our zone database and its holiday list have it: a new revision where that changes what comes next."""
        moved = recomputed(revision, cursor, load(revision.document, calendars_of(self.holidays(revision))).schedule)
        if (moved.next_nominal, moved.status, moved.tzdata) == (cursor.next_nominal, cursor.status, cursor.tzdata):
            self.move(revision, moved)  # a change of its holiday list that does not concern it yet
            return revision, moved
        change = recomputed_plan(revision, cursor, moved, now=self._output.now)
        self.own_change(revision, change)
        self.announce_held(change.revision or revision, cursor, change.cursor)
        return change.revision or revision, change.cursor

    def own_change(self, revision: PlanRevision, change: OwnChange) -> None:
        """The owner changes the plan without a command, and says so."""
        if change.revision is not None:
            self._state.put(revision.tenant_id, change.revision)
        self.move(change.revision or revision, change.cursor)
        event_id = f"{revision.plan_id}/{change.event.command_id}"
        self._output.plan_event(event_id, change.type, change.event, about=subject_of(revision))

    def move(self, revision: PlanRevision, cursor: Cursor) -> None:
        """The plan's cursor moves; a plan that ended and has no open run any more is only remembered as retired."""
        tenant_id, plan_id = revision.tenant_id, revision.plan_id
        if cursor.open_runs or cursor.status not in (PlanStatus.COMPLETED, PlanStatus.CANCELLED):
            self._state.put(tenant_id, cursor)
            return
        self._state.drop(StateKind.CURSOR, tenant_id, plan_id)
        self._state.drop(StateKind.DEFINITION, tenant_id, plan_id)
        retired = Retired(
            plan_id=plan_id,
            organization_id=revision.organization_id,
            status=cursor.status,
            revision=revision.number,
            fingerprint=revision.fingerprint,
            expires_at=self._output.now + RETIRED_KEPT,
        )
        self._state.put(tenant_id, retired)

    def announce_held(self, revision: PlanRevision, before: Cursor, after: Cursor) -> None:
        """Tell of occurrences that wait: for a run to end, or kept by an update for a resume or their due time."""
        fires_at_once = after.wake_at is not None and after.wake_at <= self._output.now
        if after.held and not (fires_at_once and overlap_of(revision.document).may_fire(open_runs=1)):
            for nominal in after.held:
                if nominal > before.resolved_until:  # the others have waited before
                    self._output.held(nominal, revision, next_run_at=after.next_due)

    def close_run(self, tenant_id: str, plan_id: str) -> None:
        """One run less is open: if it was the last, the turn of those that wait for it comes with the plan's timer, at once."""
        plan = self._state.plan(tenant_id, plan_id)
        if plan is not None:
            revision, cursor = plan
            self.move(revision, run_ended(cursor, revision))
