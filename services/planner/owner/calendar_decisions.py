"""Holiday lists: commands on them, and the copies that the partition of a list sends to the others."""

from planner.domain.calendars import KnownCalendar, copied, copied_event, copy_of, decide_calendar
from planner.domain.command import CalendarCommand
from planner.domain.plan import CalendarState
from planner.domain.receipts import key_receipt_id
from planner.owner.inbox import CalendarCopy, Incoming
from planner.owner.outbox import Subject, subject_of_command
from planner.owner.state import TickState
from planner.owner.tick_output import TickOutput, event_id_of
from planner_contracts.ids import calendar_id


class CalendarDecisions:
    """`replans`: a list has changed, so plans that use one have to be looked at."""

    def __init__(self, state: TickState, output: TickOutput) -> None:
        self.replans = False
        self._state = state
        self._output = output

    def decide(self, command: CalendarCommand, source: Incoming) -> None:
        """Carry out one command, refuse it, or repeat its first outcome."""
        header = command.header
        key = key_receipt_id(header, creates=False)
        known = KnownCalendar(
            state=self._state.calendar(header.tenant_id, command.ask.name),
            by_command=self._state.receipt(header.tenant_id, header.command_id),
            by_key=None if key is None else self._state.receipt(header.tenant_id, key),
        )
        decision = decide_calendar(command, known, now=self._output.now)
        for receipt in decision.receipts:
            self._state.put(header.tenant_id, receipt)
        about = subject_of_command(header)
        if decision.state is not None:
            self._keep(header.tenant_id, known.state, decision.state)
            self._output.calendar_copies(source, copy_of(decision, header, origin=source.partition), about=about)
        self._output.outcome(source, decision.type, decision.event, about=about)

    def take_copy(self, copy: CalendarCopy, source: Incoming) -> None:
        """Take in the list of another partition, unless a newer one is known."""
        mine = self._state.calendar(copy.tenant_id, copy.state.name)
        self._keep(copy.tenant_id, mine, copied(mine, copy.state))
        event_type, event = copied_event(copy.state, copy.command_id, created=copy.created)
        about = Subject(calendar_id(copy.tenant_id, copy.state.name), copy.tenant_id, copy.organization_id, copy.traceparent)
        self._output.plan_event(event_id_of(source), event_type, event, about=about)

    def _keep(self, tenant_id: str, known: CalendarState | None, newer: CalendarState) -> None:
        if newer != known:
            self._state.put(tenant_id, newer)
            self.replans = True
