"""Commands on plans: what becomes of each, and of its plan."""

from collections.abc import Container

from planner.domain.calendars import calendars_of
from planner.domain.command import Command, Create, Update
from planner.domain.decide import Decision, Known, decide, rejection
from planner.domain.definition import named_calendar
from planner.domain.plan import PlanRevision
from planner.domain.receipts import key_receipt_id
from planner.domain.recurrence.business_days import Calendars
from planner.owner.inbox import Incoming
from planner.owner.outbox import Subject, subject_of_command
from planner.owner.plan_changes import PlanChanges
from planner.owner.state import TickState
from planner.owner.tick_output import TickOutput
from planner_contracts.errors import CATALOGUE, ErrorCode
from planner_contracts.plan_event import FieldFault, PlanEventType


class CommandDecisions:
    """`actions`: those whose topics exist, so that a plan may name them."""

    def __init__(self, state: TickState, output: TickOutput, plans: PlanChanges, *, actions: Container[str]) -> None:
        self._state = state
        self._output = output
        self._plans = plans
        self._actions = actions

    def decide(self, command: Command, source: Incoming) -> None:
        """Carry out one command, refuse it, or repeat its first outcome."""
        header = command.header
        key = key_receipt_id(header, creates=isinstance(command.ask, Create))
        # Only what this version has computed may be built upon.
        self._plans.refresh(header.tenant_id, header.plan_id)
        revision = self._state.revision(header.tenant_id, header.plan_id)
        known = Known(
            revision=revision,
            cursor=self._state.cursor(header.tenant_id, header.plan_id),
            retired=self._state.retired(header.tenant_id, header.plan_id),
            by_command=self._state.receipt(header.tenant_id, header.command_id),
            by_key=None if key is None else self._state.receipt(header.tenant_id, key),
            calendars=self._calendars(command, revision),
        )
        decision = decide(command, known, actions=self._actions, now=self._output.now)
        self._keep(header.tenant_id, known, decision)
        self._output.outcome(source, decision.type, decision.event, about=subject_of_command(header))

    def reject(self, source: Incoming, command_id: str, about: Subject, *, code: ErrorCode, faults: tuple[FieldFault, ...] = ()) -> None:
        """Refuse a command that could not be read or decided on, whether on a plan or a holiday list."""
        detail = faults[0].detail if faults else CATALOGUE[code].title
        # Where no plan could be read, the command stands in its place as the subject, and the event names none.
        plan_id = None if about.plan_id == command_id else about.plan_id
        event = rejection(command_id, plan_id, code, detail=detail, faults=faults, now=self._output.now)
        self._output.outcome(source, PlanEventType.COMMAND_REJECTED, event, about=about)

    def _calendars(self, command: Command, revision: PlanRevision | None) -> Calendars:
        """The holiday list that the plan uses, and the one that it is asked to use unless that is deleted."""
        used = None if revision is None else self._plans.holidays(revision)
        asked = None
        if isinstance(command.ask, Create | Update):
            name = named_calendar(command.ask.given if isinstance(command.ask, Create) else command.ask.patch)
            asked = None if name is None else self._state.calendar(command.header.tenant_id, name)
        return calendars_of(None if asked is None or asked.deleted else asked, used)

    def _keep(self, tenant_id: str, known: Known, decision: Decision) -> None:
        for receipt in decision.receipts:
            self._state.put(tenant_id, receipt)
        revision, cursor = decision.revision or known.revision, decision.cursor
        if decision.revision is not None:
            self._state.put(tenant_id, decision.revision)
        if revision is None or cursor is None:
            return
        self._plans.move(revision, cursor)
        for skip in decision.skips:
            self._output.skipped(skip, revision, next_run_at=cursor.next_due)
        if known.cursor is not None:
            self._plans.announce_held(revision, known.cursor, cursor)
