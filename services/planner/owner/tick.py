"""The deciding part of a shard's tick: gathered input in, records and state changes out. No effect happens here."""

from collections import Counter
from collections.abc import Callable, Container
from datetime import datetime
from functools import partial
from typing import assert_never

from planner.domain.command import CalendarCommand, Command, Header
from planner.domain.plan import StateKind
from planner.owner.calendar_decisions import CalendarDecisions
from planner.owner.command_decisions import CommandDecisions
from planner.owner.due_plans import DuePlans
from planner.owner.inbox import CalendarCopy, Incoming, Invalid, Misrouted, Report, Unreadable
from planner.owner.index import Change, DueTimer, StateKey
from planner.owner.outbox import Outbox, Subject, subject_of_command
from planner.owner.plan_changes import PlanChanges
from planner.owner.read_records import ReadCommand, ReadReport
from planner.owner.report_tokens import ReportTokens
from planner.owner.run_decisions import RunDecisions
from planner.owner.schedules import Schedules
from planner.owner.state import TickState
from planner.owner.tick_output import TickOutput
from planner_contracts.errors import ErrorCode


class Tick:
    """Decides in order on everything that one tick gathered; each decision sees the earlier ones.

    `records` are what the transaction publishes beside the state's changes.
    """

    def __init__(
        self, state: TickState, outbox: Outbox, *, actions: Container[str], tokens: ReportTokens, schedules: Schedules, now: datetime
    ) -> None:
        self._state = state
        self._output = TickOutput(state, outbox, now=now)
        self.records = self._output.records
        self.lateness_s = self._output.lateness_s
        self.failures = self._output.failures
        self._plans = PlanChanges(state, self._output, schedules)
        self._runs = RunDecisions(state, self._output, self._plans, tokens)
        self._due_plans = DuePlans(state, self._output, self._plans, self._runs)
        self._commands = CommandDecisions(state, self._output, self._plans, actions=actions)
        self._calendars = CalendarDecisions(state, self._output)

    @property
    def changes(self) -> list[Change]:
        """What the decisions changed in the state."""
        return list(self._state.changes.values())

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """What the metrics learn once the tick is committed: how often each name and label was counted."""
        return self._output.counts

    @property
    def is_full(self) -> bool:
        """Whether the timers left wait for the next tick, so that a transaction never outgrows its deadline."""
        return self._output.is_full

    @property
    def replans(self) -> bool:
        """Whether a holiday list has changed, so that plans that use one have to be looked at."""
        return self._calendars.replans

    def command(self, read: ReadCommand) -> None:
        """Decide on one command record: it gets exactly one event, or is sent on to its partition, or becomes a dead letter."""
        match read.content:
            case Command() as command:
                self._decide(command.header, read.source, partial(self._commands.decide, command, read.source))
            case CalendarCommand() as command:
                self._decide(command.header, read.source, partial(self._calendars.decide, command, read.source))
            case CalendarCopy() as copy:
                if not self._output.contained(f"calendar {copy.state.name}", partial(self._calendars.take_copy, copy, read.source)):
                    self._output.dead_letter(read.source, "DECISION_FAILED", "the copy could not be taken in")
            case Invalid() as invalid:
                plan_id = invalid.plan_id or invalid.command_id
                about = Subject(plan_id, invalid.tenant_id, invalid.organization_id, invalid.traceparent)
                self._commands.reject(read.source, invalid.command_id, about, code=invalid.code, faults=invalid.faults)
            case Misrouted() | Unreadable() as other:
                self._pass_on(read.source, other)
            case _ as unreachable:
                assert_never(unreachable)

    def report(self, read: ReadReport) -> None:
        """Judge one report: it moves its run, or changes nothing and is counted; a forged or unreadable one becomes a dead letter."""
        match read.content:
            case Report() as report:
                if not self._output.contained(f"report on run {report.said.run_id}", partial(self._runs.observe, report, read.source)):
                    self._output.dead_letter(read.source, "DECISION_FAILED", "the report could not be judged")
            case Misrouted() | Unreadable() as other:
                self._pass_on(read.source, other)
            case _ as unreachable:
                assert_never(unreachable)

    def timer(self, due: DueTimer) -> None:
        """Act on one due timer: fire the plan, or let the record go whose time is over."""
        match due.key.kind:
            case StateKind.CURSOR:
                self._due_plans.fire(due)
            case StateKind.RUN:
                self._runs.expire(due)
            case StateKind.RECEIPT | StateKind.RETIRED:
                self._state.drop(due.key.kind, due.key.tenant_id, due.key.id)
                self._state.keep()
            case StateKind.DEFINITION | StateKind.CALENDAR:
                raise AssertionError(f"a {due.key.kind} has no timer")
            case _ as unreachable:
                assert_never(unreachable)

    def refresh(self, key: StateKey) -> None:
        """Compute a plan's next occurrence anew if it was computed with another version of the zone database, or of its holiday list."""
        mark = len(self.records)
        self._output.contained(f"plan {key.id}, recomputed", partial(self._plans.refresh, key.tenant_id, key.id))
        self._output.count_bytes(since=mark)

    def _decide(self, header: Header, source: Incoming, decide: Callable[[], None]) -> None:
        if not self._output.contained(f"command {header.command_id}", decide):
            # Both: whoever waits for the command needs an answer, and whoever finds out why it failed needs the record.
            self._output.dead_letter(source, "DECISION_FAILED", "the command could not be decided on")
            self._commands.reject(source, header.command_id, subject_of_command(header), code=ErrorCode.INTERNAL)

    def _pass_on(self, source: Incoming, other: Misrouted | Unreadable) -> None:
        match other:
            case Misrouted(plan_id, partition):
                if not self._output.forwarded(source, key=plan_id.encode(), partition=partition):
                    detail = f"it belongs to partition {partition}, which does not take it with its right key"
                    self._output.dead_letter(source, "TOO_LARGE", detail)
            case Unreadable(reason, detail):
                self._output.dead_letter(source, reason, detail)
            case _ as unreachable:
                assert_never(unreachable)
