"""Plans whose timer is due: what is due is fired, skipped or held; what cannot be fired is given up, so that it is not due for ever."""

from collections import deque
from functools import partial
from typing import Final

from msgspec import structs

from planner.domain.advance import Place, advanced
from planner.domain.decide import given_up
from planner.domain.fire import Fire, fire, next_of
from planner.domain.missed import skips_of
from planner.domain.plan import Cursor, PlanRevision, StateKind
from planner.domain.recompute import is_outdated
from planner.domain.reschedule import next_after
from planner.domain.run import Run
from planner.owner.index import DueTimer
from planner.owner.plan_changes import PlanChanges
from planner.owner.run_decisions import RunDecisions
from planner.owner.state import TickState
from planner.owner.tick_output import TickOutput
from planner_contracts.plan import PlanStatus
from planner_contracts.run_event import SkipReason

FIRES_PER_TIMER_MAX: Final = 100
CANCELLED_PER_TICK_MAX: Final = 500
"""So many open runs end at once for the sake of a new one; where there are more it waits until all have."""
_ENVELOPE_BYTES: Final = 1000


class DuePlans:
    """Acts on the timers of plans."""

    def __init__(self, state: TickState, output: TickOutput, plans: PlanChanges, runs: RunDecisions) -> None:
        self._state = state
        self._output = output
        self._plans = plans
        self._runs = runs

    def fire(self, due: DueTimer) -> None:
        """Publish what is due of the plan, or give up what cannot be published."""
        mark = len(self._output.records)
        decision = partial(self._fire, due.key.tenant_id, due.key.id, limit=self._fires_max(due))
        if not self._output.contained(f"plan {due.key.id}", decision):
            self._give_up(due)
        self._output.count_bytes(since=mark)

    def _fires_max(self, due: DueTimer) -> int:
        """How many occurrences of the plan fit: at least one, or a plan with a large payload would never fire."""
        room = self._output.room_bytes // (len(due.definition or b"") + _ENVELOPE_BYTES)
        return max(1, min(FIRES_PER_TIMER_MAX, room))

    def _fire(self, tenant_id: str, plan_id: str, *, limit: int) -> None:
        plan = self._state.plan(tenant_id, plan_id)
        if plan is None:
            return  # a command of this tick has ended it
        revision, cursor = plan
        schedule = self._plans.schedule(revision, cursor)
        if is_outdated(cursor, schedule):
            revision, cursor = self._plans.recompute(revision, cursor)
            schedule = self._plans.schedule(revision, cursor)
        decision = fire(revision, cursor, schedule, now=self._output.now, limit=limit)
        if decision is None:
            return
        if decision.ends_open_runs and not self._cancel_open_runs(revision, cursor):
            return
        self._publish(revision, decision)
        self._plans.announce_held(revision, cursor, decision.cursor)
        if decision.completed:
            self._output.completed(revision)
        self._plans.move(revision, decision.cursor)

    def _publish(self, revision: PlanRevision, decision: Fire) -> None:
        """Its runs and skips, in rising nominal order."""
        next_due = decision.cursor.next_due
        skips = deque(decision.skips)
        for run in decision.runs:
            while skips and skips[0].first < run.scheduled_for:
                self._output.skipped(skips.popleft(), revision, next_run_at=next_due)
            self._output.fired(run, revision, next_run_at=next_due)
            if decision.ends_open_runs and run is not decision.runs[-1]:
                self._runs.cancel(run)
            else:
                self._state.put(run.tenant_id, run)
        for skip in skips:
            self._output.skipped(skip, revision, next_run_at=next_due)

    def _cancel_open_runs(self, revision: PlanRevision, cursor: Cursor) -> bool:
        """End the plan's open runs for the sake of one that is due. False where some are left for the next tick: then it waits.

        That is so too where a command of this tick gave the plan its policy, so that its runs were not gathered.
        """
        found = self._state.open_runs(revision.tenant_id, revision.plan_id, limit=CANCELLED_PER_TICK_MAX)
        if found is None:
            return False
        runs, are_all = found
        for run in runs:
            if isinstance(run, Run):
                self._runs.cancel(run)
            else:  # nothing can be told of it or to its worker, and it must not bar its plan
                self._state.drop(StateKind.RUN, run.key.tenant_id, run.key.id)
                self._output.unusable(run.key, run.record, "the run was to be cancelled and could not be read; it is forgotten")
        if not are_all:
            self._state.put(revision.tenant_id, structs.replace(cursor, open_runs=cursor.open_runs - len(runs)))
        return are_all

    def _give_up(self, due: DueTimer) -> None:
        """The occurrence that could not be fired is undeliverable and the plan goes on; if that fails too, the plan is paused.

        Where not even its records can be read, its timer goes: due for ever, it would fail in every tick.
        """
        tenant_id, plan_id = due.key.tenant_id, due.key.id
        if self._output.contained(f"plan {plan_id}, undeliverable", partial(self._pass_by, tenant_id, plan_id)):
            return
        if self._output.contained(f"plan {plan_id}, paused", partial(self._pause, tenant_id, plan_id)):
            return
        if not self._output.contained(f"plan {plan_id}, stopped", partial(self._stop, tenant_id, plan_id)):
            self._state.disarm(due.key)
            self._state.keep()
        self._output.unusable(due.key, due.record, "the plan's records could not be used; it will not fire")

    def _pass_by(self, tenant_id: str, plan_id: str) -> None:
        plan = self._state.plan(tenant_id, plan_id)
        assert plan is not None, plan_id
        revision, cursor = plan
        if cursor.held and not cursor.wait_for_run:
            failed = cursor.held[0]
            place = Place(cursor.resolved_until, next_of(cursor), cursor.held[1:])
        else:
            assert cursor.next_nominal is not None, plan_id
            failed = cursor.next_nominal
            following = next_after(self._plans.schedule(revision, cursor), plan_id=cursor.plan_id, after=failed)
            place = Place(failed, following, cursor.held)
        moved = advanced(cursor, place, revision, self._plans.schedule(revision, cursor))
        for skip in skips_of(SkipReason.UNDELIVERABLE, [failed]):
            self._output.skipped(skip, revision, next_run_at=moved.next_due)
        if moved.status is PlanStatus.COMPLETED:
            self._output.completed(revision)
        self._plans.move(revision, moved)

    def _pause(self, tenant_id: str, plan_id: str) -> None:
        plan = self._state.plan(tenant_id, plan_id)
        assert plan is not None, plan_id
        revision, cursor = plan
        self._plans.own_change(revision, given_up(revision, cursor, now=self._output.now))

    def _stop(self, tenant_id: str, plan_id: str) -> None:
        # The cursor alone: the definition may be what cannot be read, so no revision is made and no event tells of it.
        cursor = self._state.cursor(tenant_id, plan_id)
        assert cursor is not None, plan_id
        self._state.put(tenant_id, structs.replace(cursor, status=PlanStatus.PAUSED, next_due=None))
