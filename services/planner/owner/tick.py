"""The deciding part of a shard's tick: gathered input in, records and state changes out. No effect happens here."""

from collections import Counter, deque
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, assert_never

from msgspec import structs

from planner.domain.advance import Place, advanced, run_ended
from planner.domain.calendars import KnownCalendar, calendars_of, copied, copied_event, copy_of, decide_calendar
from planner.domain.command import CalendarCommand, Command, Create, Update
from planner.domain.decide import Decision, Known, OwnChange, decide, given_up, recomputed_plan, rejection
from planner.domain.definition import load, named_calendar
from planner.domain.fire import Fire, fire, next_of
from planner.domain.missed import Skip, skips_of
from planner.domain.overlap import overlap_of
from planner.domain.plan import RETIRED_KEPT, CalendarState, Cursor, PlanRevision, Retired, StateKind
from planner.domain.receipts import key_receipt_id
from planner.domain.recompute import is_outdated, recomputed
from planner.domain.recurrence.business_days import Calendars
from planner.domain.reschedule import next_after
from planner.domain.run import Run, cancel, expire, observe
from planner.domain.schedule import Schedule
from planner.owner.changelog import key_bytes, run_head
from planner.owner.inbox import CalendarCopy, Incoming, Invalid, Misrouted, Report, Unreadable
from planner.owner.index import Change, DueTimer, StateKey
from planner.owner.outbox import STATE_UNUSABLE, Outbox, Record, Subject, subject_of, subject_of_command
from planner.owner.read_records import ReadCommand, ReadReport
from planner.owner.report_tokens import ReportTokens
from planner.owner.schedules import Schedules
from planner.owner.state import TickState
from planner_contracts.errors import CATALOGUE, ErrorCode
from planner_contracts.ids import calendar_id
from planner_contracts.plan import PlanStatus
from planner_contracts.plan_event import FieldFault, PlanEventType
from planner_contracts.run_event import SkipReason

FIRES_PER_TIMER_MAX: Final = 100
RECORDS_PER_TICK_MAX: Final = 5000
BYTES_PER_TICK_MAX: Final = 8_000_000
"""What timers may add to a transaction. After an outage each may have a hundred outcomes; what does not fit stays due."""
CANCELLED_PER_TICK_MAX: Final = 500
"""So many open runs end at once for the sake of a new one; where there are more it waits until all have."""
_ENVELOPE_BYTES: Final = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    """A decision that raised: its record or timer alone suffered."""

    what: str
    error: Exception


class Tick:
    """Decides in order on everything that one tick gathered; each decision sees the earlier ones.

    `records` are what the transaction publishes beside the state's changes; `counts` what the metrics learn once it is committed.
    `replans`: a holiday list has changed, so plans that use one have to be looked at.
    """

    def __init__(
        self, state: TickState, outbox: Outbox, *, actions: Container[str], tokens: ReportTokens, schedules: Schedules, now: datetime
    ) -> None:
        self.records: list[Record] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.lateness_s: list[float] = []
        self.failures: list[Failure] = []
        self.replans = False
        self._bytes = 0
        self._state = state
        self._outbox = outbox
        self._actions = actions
        self._tokens = tokens
        self._schedules = schedules
        self._now = now

    @property
    def changes(self) -> list[Change]:
        """What the decisions changed in the state."""
        return list(self._state.changes.values())

    @property
    def is_full(self) -> bool:
        """Whether the timers left wait for the next tick, so that a transaction never outgrows its deadline."""
        return len(self.records) >= RECORDS_PER_TICK_MAX or self._bytes >= BYTES_PER_TICK_MAX

    def command(self, read: ReadCommand) -> None:
        """Decide on one command record: it gets exactly one event, or is sent on to its partition, or becomes a dead letter."""
        match read.content:
            case Command() as command:
                if not self._contained(f"command {command.header.command_id}", partial(self._decide, command, read.source)):
                    self._dead_letter(read.source, "DECISION_FAILED", "the command could not be decided on")
                    header = command.header
                    self._reject(read.source, header.command_id, subject_of_command(header), code=ErrorCode.INTERNAL)
            case CalendarCommand(header):
                if not self._contained(f"command {header.command_id}", partial(self._decide_calendar, read.content, read.source)):
                    self._dead_letter(read.source, "DECISION_FAILED", "the command could not be decided on")
                    self._reject(read.source, header.command_id, subject_of_command(header), code=ErrorCode.INTERNAL)
            case CalendarCopy() as copy:
                if not self._contained(f"calendar {copy.state.name}", partial(self._take_copy, copy, read.source)):
                    self._dead_letter(read.source, "DECISION_FAILED", "the copy could not be taken in")
            case Invalid() as invalid:
                plan_id = invalid.plan_id or invalid.command_id
                about = Subject(plan_id, invalid.tenant_id, invalid.organization_id, invalid.traceparent)
                self._reject(read.source, invalid.command_id, about, code=invalid.code, faults=invalid.faults)
            case Misrouted() | Unreadable() as other:
                self._pass_on(read.source, other)
            case _ as unreachable:
                assert_never(unreachable)

    def report(self, read: ReadReport) -> None:
        """Judge one report: it moves its run, or changes nothing and is counted; a forged or unreadable one becomes a dead letter."""
        match read.content:
            case Report() as report:
                if not self._contained(f"report on run {report.said.run_id}", partial(self._observe, report, read.source)):
                    self._dead_letter(read.source, "DECISION_FAILED", "the report could not be judged")
            case Misrouted() | Unreadable() as other:
                self._pass_on(read.source, other)
            case _ as unreachable:
                assert_never(unreachable)

    def timer(self, due: DueTimer) -> None:
        """Act on one due timer: fire the plan, or let the record go whose time is over."""
        tenant_id, record_id = due.key.tenant_id, due.key.id
        match due.key.kind:
            case StateKind.CURSOR:
                mark = len(self.records)
                if not self._contained(f"plan {record_id}", partial(self._fire, tenant_id, record_id, limit=self._fires_max(due))):
                    self._give_up(due)
                self._count_bytes(mark)
            case StateKind.RUN:
                if not self._contained(f"run {record_id}", partial(self._expire, tenant_id, record_id)):
                    if not self._contained(f"run {record_id}, forgotten", partial(self._forget, due)):
                        self._state.drop(StateKind.RUN, tenant_id, record_id)
                    self._state.keep()
                    self._unusable(due.key, due.record, "the run could not be ended; it is forgotten")
            case StateKind.RECEIPT | StateKind.RETIRED:
                self._state.drop(due.key.kind, tenant_id, record_id)
                self._state.keep()
            case StateKind.DEFINITION | StateKind.CALENDAR:
                raise AssertionError(f"a {due.key.kind} has no timer")
            case _ as unreachable:
                assert_never(unreachable)

    def _decide(self, command: Command, source: Incoming) -> None:
        header = command.header
        key = key_receipt_id(header, creates=isinstance(command.ask, Create))
        # Only what this version has computed may be built upon.
        self._refresh(header.tenant_id, header.plan_id)
        revision = self._state.revision(header.tenant_id, header.plan_id)
        known = Known(
            revision=revision,
            cursor=self._state.cursor(header.tenant_id, header.plan_id),
            retired=self._state.retired(header.tenant_id, header.plan_id),
            by_command=self._state.receipt(header.tenant_id, header.command_id),
            by_key=None if key is None else self._state.receipt(header.tenant_id, key),
            calendars=self._calendars(command, revision),
        )
        decision = decide(command, known, actions=self._actions, now=self._now)
        self._keep_decision(header.tenant_id, known, decision)
        about = subject_of_command(header)
        self.records.append(self._outbox.plan_event(_event_id(source), decision.type, decision.event, about=about, at=self._now))
        self.counts["commands", decision.type] += 1

    def _calendars(self, command: Command, revision: PlanRevision | None) -> Calendars:
        """The holiday list that the plan uses, and the one that it is asked to use unless that is deleted."""
        used = None if revision is None else self._holidays(revision)
        asked = None
        if isinstance(command.ask, Create | Update):
            name = named_calendar(command.ask.given if isinstance(command.ask, Create) else command.ask.patch)
            asked = None if name is None else self._state.calendar(command.header.tenant_id, name)
        return calendars_of(None if asked is None or asked.deleted else asked, used)

    def _decide_calendar(self, command: CalendarCommand, source: Incoming) -> None:
        header = command.header
        key = key_receipt_id(header, creates=False)
        known = KnownCalendar(
            state=self._state.calendar(header.tenant_id, command.ask.name),
            by_command=self._state.receipt(header.tenant_id, header.command_id),
            by_key=None if key is None else self._state.receipt(header.tenant_id, key),
        )
        decision = decide_calendar(command, known, now=self._now)
        for receipt in decision.receipts:
            self._state.put(header.tenant_id, receipt)
        about = subject_of_command(header)
        if decision.state is not None:
            self._keep_calendar(header.tenant_id, known.state, decision.state)
            copy = copy_of(decision, header, origin=source.partition)
            self.records += self._outbox.calendar_copies(f"{_event_id(source)}/copy", copy, about=about, at=self._now)
        self.records.append(self._outbox.plan_event(_event_id(source), decision.type, decision.event, about=about, at=self._now))
        self.counts["commands", decision.type] += 1

    def _take_copy(self, copy: CalendarCopy, source: Incoming) -> None:
        mine = self._state.calendar(copy.tenant_id, copy.state.name)
        self._keep_calendar(copy.tenant_id, mine, copied(mine, copy.state))
        event_type, event = copied_event(copy.state, copy.command_id, created=copy.created)
        about = Subject(calendar_id(copy.tenant_id, copy.state.name), copy.tenant_id, copy.organization_id, copy.traceparent)
        self.records.append(self._outbox.plan_event(_event_id(source), event_type, event, about=about, at=self._now))

    def _keep_calendar(self, tenant_id: str, known: CalendarState | None, newer: CalendarState) -> None:
        if newer != known:
            self._state.put(tenant_id, newer)
            self.replans = True

    def _keep_decision(self, tenant_id: str, known: Known, decision: Decision) -> None:
        for receipt in decision.receipts:
            self._state.put(tenant_id, receipt)
        revision, cursor = decision.revision or known.revision, decision.cursor
        if decision.revision is not None:
            self._state.put(tenant_id, decision.revision)
        if revision is None or cursor is None:
            return
        self._move(revision, cursor)
        for skip in decision.skips:
            self._skip(skip, revision, cursor.next_due)
        if known.cursor is not None:
            self._announce_held(revision, known.cursor, cursor)

    def _observe(self, report: Report, source: Incoming) -> None:
        said = report.said
        if not self._tokens.verifies(said.report_token, said.run_id, report.tenant_id):
            self._dead_letter(source, "FORGED", "the report token is not of this run")
            return
        run = self._state.run(report.tenant_id, said.run_id)
        if run is not None and run.plan_id != said.plan_id:  # whose records were gathered: its own would go on waiting for it
            self._dead_letter(source, "FORGED", "the run is not of this plan")
            return
        observation = None if run is None else observe(said, run, now=self._now)
        if run is None or observation is None:
            self.counts["reports", "unknown" if run is None else "repeated"] += 1
            return
        self.counts["reports", said.state] += 1
        self._run_moved(observation.run, announced=observation.announced)

    def _expire(self, tenant_id: str, run_id: str) -> None:
        run = self._state.run(tenant_id, run_id)
        if run is None:
            return  # a report of this tick has ended it
        if run.open:
            self._state.put(tenant_id, structs.replace(run, open=False))
            self._close(tenant_id, run.plan_id)
            return
        self._run_moved(expire(run, now=self._now), announced=True)

    def _run_moved(self, run: Run, *, announced: bool) -> None:
        if announced:
            self.records.append(self._outbox.run_event(run, at=self._now))
        if not run.is_final:
            self._state.put(run.tenant_id, run)
            return
        self._state.drop(StateKind.RUN, run.tenant_id, run.run_id)
        if run.open:
            self._close(run.tenant_id, run.plan_id)

    def _forget(self, due: DueTimer) -> None:
        """Let a run go that cannot be used; its plan must not wait for it for ever."""
        self._state.drop(StateKind.RUN, due.key.tenant_id, due.key.id)
        head = run_head(due.record)
        if head is not None and head.open:
            self._close(due.key.tenant_id, head.plan_id)

    def _close(self, tenant_id: str, plan_id: str) -> None:
        """One run less is open: if it was the last, the turn of those that wait for it comes with the plan's timer, at once."""
        revision, cursor = self._state.revision(tenant_id, plan_id), self._state.cursor(tenant_id, plan_id)
        if revision is not None and cursor is not None:
            self._move(revision, run_ended(cursor, revision))

    def _fires_max(self, due: DueTimer) -> int:
        """How many occurrences of the plan fit: at least one, or a plan with a large payload would never fire."""
        room = (BYTES_PER_TICK_MAX - self._bytes) // (len(due.definition or b"") + _ENVELOPE_BYTES)
        return max(1, min(FIRES_PER_TIMER_MAX, room))

    def _fire(self, tenant_id: str, plan_id: str, *, limit: int) -> None:
        revision, cursor = self._state.revision(tenant_id, plan_id), self._state.cursor(tenant_id, plan_id)
        if revision is None or cursor is None:
            return  # a command of this tick has ended it
        schedule = self._schedule(revision, cursor)
        if is_outdated(cursor, schedule):
            revision, cursor = self._recompute(revision, cursor)
            schedule = self._schedule(revision, cursor)
        decision = fire(revision, cursor, schedule, now=self._now, limit=limit)
        if decision is None:
            return
        if decision.ends_open_runs and not self._cancel_open_runs(revision, cursor):
            return
        self._publish(revision, decision)
        self._announce_held(revision, cursor, decision.cursor)
        if decision.completed:
            self.records.append(self._outbox.completed(revision, at=self._now))
        self._move(revision, decision.cursor)

    def _publish(self, revision: PlanRevision, decision: Fire) -> None:
        """Its runs and skips, in rising nominal order."""
        next_due = decision.cursor.next_due
        skips = deque(decision.skips)
        for run in decision.runs:
            while skips and skips[0].first < run.scheduled_for:
                self._skip(skips.popleft(), revision, next_due)
            self.records.append(self._outbox.action(run, revision))
            self.records.append(self._outbox.run_event(run, at=self._now, next_run_at=next_due))
            self.lateness_s.append((run.published_at - run.due_at).total_seconds())
            if decision.ends_open_runs and run is not decision.runs[-1]:
                self._cancel_run(run)
            else:
                self._state.put(run.tenant_id, run)
        for skip in skips:
            self._skip(skip, revision, next_due)

    def _skip(self, skip: Skip, revision: PlanRevision, next_due: datetime | None) -> None:
        self.records.append(self._outbox.skipped(skip, revision, at=self._now, next_run_at=next_due))
        self.counts["skipped", skip.reason] += 1

    def _announce_held(self, revision: PlanRevision, before: Cursor, after: Cursor) -> None:
        """Tell of occurrences that wait: for a run to end, or kept by an update for a resume or their due time."""
        fires_at_once = after.wake_at is not None and after.wake_at <= self._now
        if after.held and not (fires_at_once and overlap_of(revision.document).may_fire(open_runs=1)):
            for nominal in after.held:
                if nominal > before.resolved_until:  # the others have waited before
                    self.records.append(self._outbox.held(nominal, revision, at=self._now, next_run_at=after.next_due))

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
                self._cancel_run(run)
            else:  # nothing can be told of it or to its worker, and it must not bar its plan
                self._state.drop(StateKind.RUN, run.key.tenant_id, run.key.id)
                self._unusable(run.key, run.record, "the run was to be cancelled and could not be read; it is forgotten")
        if not are_all:
            self._state.put(revision.tenant_id, structs.replace(cursor, open_runs=cursor.open_runs - len(runs)))
        return are_all

    def _cancel_run(self, run: Run) -> None:
        ended = cancel(run, now=self._now)
        self.records.append(self._outbox.run_event(ended, at=self._now))
        self.records.append(self._outbox.cancel_requested(ended, at=self._now))
        self._state.drop(StateKind.RUN, run.tenant_id, run.run_id)

    def _count_bytes(self, mark: int) -> None:
        self._bytes += sum(len(record.value or b"") for record in self.records[mark:])

    def refresh(self, key: StateKey) -> None:
        """Compute a plan's next occurrence anew if it was computed with another version of the zone database, or of its holiday list."""
        mark = len(self.records)
        self._contained(f"plan {key.id}, recomputed", partial(self._refresh, key.tenant_id, key.id))
        self._count_bytes(mark)

    def _refresh(self, tenant_id: str, plan_id: str) -> None:
        revision, cursor = self._state.revision(tenant_id, plan_id), self._state.cursor(tenant_id, plan_id)
        if revision is not None and cursor is not None and is_outdated(cursor, self._schedule(revision, cursor)):
            self._recompute(revision, cursor)

    def _schedule(self, revision: PlanRevision, cursor: Cursor) -> Schedule:
        return self._schedules.of(revision, cursor, self._holidays(revision))

    def _holidays(self, revision: PlanRevision) -> CalendarState | None:
        name = named_calendar(revision.document)
        return None if name is None else self._state.calendar(revision.tenant_id, name)

    def _recompute(self, revision: PlanRevision, cursor: Cursor) -> tuple[PlanRevision, Cursor]:
        moved = recomputed(revision, cursor, load(revision.document, calendars_of(self._holidays(revision))).schedule)
        if (moved.next_nominal, moved.status, moved.tzdata) == (cursor.next_nominal, cursor.status, cursor.tzdata):
            self._move(revision, moved)  # a change of its holiday list that does not concern it yet
            return revision, moved
        change = recomputed_plan(revision, cursor, moved, now=self._now)
        self._own_change(revision, change)
        self._announce_held(change.revision or revision, cursor, change.cursor)
        return change.revision or revision, change.cursor

    def _own_change(self, revision: PlanRevision, change: OwnChange) -> None:
        if change.revision is not None:
            self._state.put(revision.tenant_id, change.revision)
        self._move(change.revision or revision, change.cursor)
        event_id = f"{revision.plan_id}/{change.event.command_id}"
        self.records.append(self._outbox.plan_event(event_id, change.type, change.event, about=subject_of(revision), at=self._now))

    def _move(self, revision: PlanRevision, cursor: Cursor) -> None:
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
            expires_at=self._now + RETIRED_KEPT,
        )
        self._state.put(tenant_id, retired)

    def _give_up(self, due: DueTimer) -> None:
        """The occurrence that could not be fired is undeliverable and the plan goes on; if that fails too, the plan is paused.

        Where not even its records can be read, its timer goes: due for ever, it would fail in every tick.
        """
        tenant_id, plan_id = due.key.tenant_id, due.key.id
        if self._contained(f"plan {plan_id}, undeliverable", partial(self._pass_by, tenant_id, plan_id)):
            return
        if self._contained(f"plan {plan_id}, paused", partial(self._pause, tenant_id, plan_id)):
            return
        if not self._contained(f"plan {plan_id}, stopped", partial(self._stop, tenant_id, plan_id)):
            self._state.disarm(due.key)
            self._state.keep()
        self._unusable(due.key, due.record, "the plan's records could not be used; it will not fire")

    def _pass_by(self, tenant_id: str, plan_id: str) -> None:
        revision, cursor = self._state.revision(tenant_id, plan_id), self._state.cursor(tenant_id, plan_id)
        assert revision is not None, plan_id
        assert cursor is not None, plan_id
        if cursor.held and not cursor.wait_for_run:
            failed = cursor.held[0]
            place = Place(cursor.resolved_until, next_of(cursor), cursor.held[1:])
        else:
            assert cursor.next_nominal is not None, plan_id
            failed = cursor.next_nominal
            following = next_after(self._schedule(revision, cursor), plan_id=cursor.plan_id, after=failed)
            place = Place(failed, following, cursor.held)
        moved = advanced(cursor, place, revision, self._schedule(revision, cursor))
        for skip in skips_of(SkipReason.UNDELIVERABLE, [failed]):
            self._skip(skip, revision, moved.next_due)
        if moved.status is PlanStatus.COMPLETED:
            self.records.append(self._outbox.completed(revision, at=self._now))
        self._move(revision, moved)

    def _pause(self, tenant_id: str, plan_id: str) -> None:
        revision, cursor = self._state.revision(tenant_id, plan_id), self._state.cursor(tenant_id, plan_id)
        assert revision is not None, plan_id
        assert cursor is not None, plan_id
        self._own_change(revision, given_up(revision, cursor, now=self._now))

    def _stop(self, tenant_id: str, plan_id: str) -> None:
        cursor = self._state.cursor(tenant_id, plan_id)
        assert cursor is not None, plan_id
        self._state.put(tenant_id, structs.replace(cursor, status=PlanStatus.PAUSED, next_due=None))

    def _reject(self, source: Incoming, command_id: str, about: Subject, *, code: ErrorCode, faults: tuple[FieldFault, ...] = ()) -> None:
        detail = faults[0].detail if faults else CATALOGUE[code].title
        plan_id = None if about.plan_id == command_id else about.plan_id
        event = rejection(command_id, plan_id, code, detail=detail, faults=faults, now=self._now)
        event_type = PlanEventType.COMMAND_REJECTED
        self.records.append(self._outbox.plan_event(_event_id(source), event_type, event, about=about, at=self._now))
        self.counts["commands", event_type] += 1

    def _pass_on(self, source: Incoming, other: Misrouted | Unreadable) -> None:
        match other:
            case Misrouted(plan_id, partition):
                forwarded = self._outbox.forwarded(source, key=plan_id.encode(), partition=partition)
                if forwarded is None:
                    self._dead_letter(
                        source, "TOO_LARGE", f"it belongs to partition {partition}, which does not take it with its right key"
                    )
                    return
                self.records.append(forwarded)
                self.counts["forwarded", ""] += 1
            case Unreadable(reason, detail):
                self._dead_letter(source, reason, detail)
            case _ as unreachable:
                assert_never(unreachable)

    def _dead_letter(self, source: Incoming, reason: str, detail: str) -> None:
        self.records.append(self._outbox.dead_letter(source, reason=reason, detail=detail))
        self.counts["dead_letters", reason] += 1

    def _unusable(self, key: StateKey, record: bytes, detail: str) -> None:
        self.records.append(self._outbox.unusable(key_bytes(key), record, detail=detail, at=self._now))
        self.counts["dead_letters", STATE_UNUSABLE] += 1

    def _contained(self, what: str, act: Callable[[], None]) -> bool:
        """Run one decision so that its failure stays its own: nothing of it is kept then, and the tick goes on."""
        mark, fired = len(self.records), len(self.lateness_s)
        try:
            act()
        except Exception as error:  # noqa: BLE001  whatever one record or plan does wrong, the others of the partition go on
            del self.records[mark:]
            del self.lateness_s[fired:]
            self._state.undo()
            self.failures.append(Failure(what, error))
            return False
        self._state.keep()
        return True


def _event_id(source: Incoming) -> str:
    return f"command/{source.partition}/{source.offset}"
