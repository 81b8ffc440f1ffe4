"""Records of one tick with what was read in them, and the records of the state that their decisions look at."""

from collections.abc import Iterator
from dataclasses import dataclass

from planner.domain.command import CalendarCommand, Command, Create, Update
from planner.domain.definition import named_calendar
from planner.domain.plan import StateKind
from planner.domain.receipts import key_receipt_id
from planner.owner.inbox import CalendarCopy, Incoming, Invalid, Misrouted, Report, Unreadable
from planner.owner.index import StateKey


@dataclass(frozen=True, slots=True)
class ReadCommand:
    """A command record and what was read in it."""

    source: Incoming
    content: Command | CalendarCommand | CalendarCopy | Invalid | Misrouted | Unreadable

    def needs(self) -> Iterator[StateKey]:
        """The records that the decision looks at, holiday lists aside."""
        if not isinstance(self.content, Command | CalendarCommand):
            return
        header = self.content.header
        if isinstance(self.content, Command):
            for kind in (StateKind.DEFINITION, StateKind.CURSOR, StateKind.RETIRED):
                yield StateKey(kind, header.tenant_id, header.plan_id)
        yield StateKey(StateKind.RECEIPT, header.tenant_id, header.command_id)
        key = key_receipt_id(header, creates=isinstance(self.content.ask, Create))
        if key is not None:
            yield StateKey(StateKind.RECEIPT, header.tenant_id, key)

    def calendars(self) -> Iterator[StateKey]:
        """The holiday list that the command is about, or asks a plan to use."""
        match self.content:
            case CalendarCommand(header, ask):
                yield StateKey(StateKind.CALENDAR, header.tenant_id, ask.name)
            case CalendarCopy(state, tenant_id):
                yield StateKey(StateKind.CALENDAR, tenant_id, state.name)
            case Command(header, Create(asked) | Update(asked)) if (name := named_calendar(asked)) is not None:
                yield StateKey(StateKind.CALENDAR, header.tenant_id, name)
            case _:
                return


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report record and what was read in it."""

    source: Incoming
    content: Report | Misrouted | Unreadable

    def needs(self) -> Iterator[StateKey]:
        """The records that the decision looks at."""
        if isinstance(self.content, Report):
            tenant_id, said = self.content.tenant_id, self.content.said
            yield StateKey(StateKind.RUN, tenant_id, said.run_id)
            yield StateKey(StateKind.CURSOR, tenant_id, said.plan_id)
            yield StateKey(StateKind.DEFINITION, tenant_id, said.plan_id)
