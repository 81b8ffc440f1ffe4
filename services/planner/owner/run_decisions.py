"""Runs after they were published: what a report, the end of their time, or a later occurrence makes of each."""

from functools import partial

from msgspec import structs

from planner.domain.plan import StateKind
from planner.domain.run import Run, cancel, expire, observe
from planner.owner.changelog import run_head
from planner.owner.inbox import Incoming, Report
from planner.owner.index import DueTimer
from planner.owner.plan_changes import PlanChanges
from planner.owner.report_tokens import ReportTokens
from planner.owner.state import TickState
from planner.owner.tick_output import TickOutput


class RunDecisions:
    """A run that ends is let go, and its plan has one open run less."""

    def __init__(self, state: TickState, output: TickOutput, plans: PlanChanges, tokens: ReportTokens) -> None:
        self._state = state
        self._output = output
        self._plans = plans
        self._tokens = tokens

    def observe(self, report: Report, source: Incoming) -> None:
        """Judge one report: it moves its run, or changes nothing and is counted; a forged one becomes a dead letter."""
        said = report.said
        if not self._tokens.verifies(said.report_token, said.run_id, report.tenant_id):
            self._output.dead_letter(source, "FORGED", "the report token is not of this run")
            return
        run = self._state.run(report.tenant_id, said.run_id)
        if run is not None and run.plan_id != said.plan_id:  # whose records were gathered: its own would go on waiting for it
            self._output.dead_letter(source, "FORGED", "the run is not of this plan")
            return
        observation = None if run is None else observe(said, run, now=self._output.now)
        if run is None or observation is None:
            self._output.count("reports", "unknown" if run is None else "repeated")
            return
        self._output.count("reports", said.state)
        self._moved(observation.run, announced=observation.announced)

    def expire(self, due: DueTimer) -> None:
        """The time of a run is over: of its being open first, then of its life. One that cannot be read is forgotten."""
        tenant_id, run_id = due.key.tenant_id, due.key.id
        if self._output.contained(f"run {run_id}", partial(self._expire, tenant_id, run_id)):
            return
        if not self._output.contained(f"run {run_id}, forgotten", partial(self._forget, due)):
            # Its plan cannot be used either. Kept, the run would fail in every tick.
            self._state.drop(StateKind.RUN, tenant_id, run_id)
        self._state.keep()
        self._output.unusable(due.key, due.record, "the run could not be ended; it is forgotten")

    def cancel(self, run: Run) -> None:
        """End an open run for the sake of a later one of its plan, whose decision counts the open ones."""
        ended = cancel(run, now=self._output.now)
        self._output.run_event(ended)
        self._output.cancel_requested(ended)
        self._state.drop(StateKind.RUN, run.tenant_id, run.run_id)

    def _expire(self, tenant_id: str, run_id: str) -> None:
        run = self._state.run(tenant_id, run_id)
        if run is None:
            return  # a report of this tick has ended it
        if run.open:
            self._state.put(tenant_id, structs.replace(run, open=False))
            self._plans.close_run(tenant_id, run.plan_id)
            return
        self._moved(expire(run, now=self._output.now), announced=True)

    def _moved(self, run: Run, *, announced: bool) -> None:
        if announced:
            self._output.run_event(run)
        if not run.is_final:
            self._state.put(run.tenant_id, run)
            return
        self._state.drop(StateKind.RUN, run.tenant_id, run.run_id)
        if run.open:
            self._plans.close_run(run.tenant_id, run.plan_id)

    def _forget(self, due: DueTimer) -> None:
        """Let a run go that cannot be used; its plan must not wait for it for ever."""
        self._state.drop(StateKind.RUN, due.key.tenant_id, due.key.id)
        head = run_head(due.record)
        if head is not None and head.open:
            self._plans.close_run(due.key.tenant_id, head.plan_id)
