"""One shard from a takeover to the next failure: where it stands, and its tick (docs/architecture.md, "Tick")."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.command import Command
from planner.domain.definition import named_calendar
from planner.domain.plan import StateKind
from planner.owner.action_topics import ActionTopics, actions_named
from planner.owner.changelog import POSITION_KEY, Inputs, decode_inputs, encode_inputs, key_bytes, readable, run_head
from planner.owner.due_plans import CANCELLED_PER_TICK_MAX
from planner.owner.inbox import contained, read_command, read_report
from planner.owner.index import Change, DueTimer, Index, Page, Position, StateKey
from planner.owner.inputs import Gathered
from planner.owner.metrics import ShardMetrics
from planner.owner.outbox import Outbox, Record
from planner.owner.read_records import ReadCommand, ReadReport
from planner.owner.report_tokens import ReportTokens
from planner.owner.schedules import Schedules
from planner.owner.shard_name import ShardName
from planner.owner.state import TickState
from planner.owner.takeover import Taken
from planner.owner.tick import Tick
from planner.runtime.clock import Clock, jitter
from planner.runtime.log import get_logger
from planner_contracts.topics import TopicRole

TIMERS_PER_READ_MAX: Final = 500
READS_PER_TICK_MAX: Final = 2
COMMAND_OUTPUT_RECORDS_MAX: Final = 2000
COMMAND_OUTPUT_BYTES_MAX: Final = 8_000_000
"""Where what the commands of a tick publish has grown to so much, the rest of them waits: a small one may make large events, or copies."""
COMMANDS_DECIDED_MAX_S: Final = 0.2
DECIDED_MAX_S: Final = 0.4
"""So long a tick decides at a stretch, on commands half of it, where schedules are hard to compute: nothing else runs meanwhile, and the
group does not hear from the process. At least one of each kind is decided on.
"""
NAP_MAX_S: Final = 1.0
TENANTS_MAX: Final = 1_000_000
"""Of so many tenants that wait each may be the first to be served."""

# In a definition, whose due occurrence may end its open runs; wherever else the text stands, it only costs a look for them.
_ENDS_RUNS: Final = b'"cancel_previous"'
# In a definition whose schedule uses a holiday list; wherever else the text stands, it only costs a look.
_USES_CALENDAR: Final = b'"holiday_calendar"'
# In a cursor that our own version of the zone database has computed, and in that of a plan without a holiday list.
_UP_TO_DATE: Final = (f'"tzdata":"{TZDATA_VERSION}"', '"calendar":null')

_log = get_logger("owner")


@dataclass(frozen=True, slots=True)
class TickParts:
    """What a tick works with. `random`: a number from 0 up to 1."""

    clock: Clock
    index: Index
    outbox: Outbox
    tokens: ReportTokens
    schedules: Schedules
    action_topics: ActionTopics
    metrics: ShardMetrics
    random: Callable[[], float] = jitter


class Tenure:
    """Holds the position that log and index share, and the earliest timer; every tick moves both or ends the tenure."""

    def __init__(self, name: ShardName, parts: TickParts, taken: Taken) -> None:
        self._name = name
        self._parts = parts
        self._producer = taken.producer
        self._position = taken.position
        self._head = taken.head
        inputs = decode_inputs(taken.position.inputs)
        self._tzdata, self._replans = inputs.tzdata, inputs.replans
        # Plans of which nothing is due may have a next occurrence that another zone database, or holiday list, computed.
        self._scan: int | None = None if self._tzdata == TZDATA_VERSION and not self._replans else 0
        self._scan_again = False
        self._page_seen: set[StateKey] = set()
        self._changelog = name.topic(TopicRole.OWNER_CHANGELOG)

    def wait_s(self) -> float:
        """How long nothing is due. Input, or a stop, ends the wait earlier; no wait is longer than a second of monotonic time."""
        if self._scan is not None:
            return 0.0
        if self._head is None:
            return NAP_MAX_S
        return min(NAP_MAX_S, max(0.0, (self._head - self._parts.clock.now()).total_seconds()))

    async def tick(self, gathered: Gathered) -> Inputs:
        """Gather, decide, commit, apply; the positions after what was taken in, which need not be everything.

        Any exception means: whether it was committed is not known, drop everything and take over.
        """
        where = {"partition": self._name.partition, "partitions": self._name.partitions}
        commands = [ReadCommand(record, contained(partial(read_command, record, **where))) for record in gathered.commands]
        reports = [ReadReport(record, contained(partial(read_report, record, **where))) for record in gathered.reports]
        await self._parts.action_topics.look_up(actions_named(read.content for read in commands if isinstance(read.content, Command)))
        now = self._parts.clock.now()
        timers = await self._due(now)
        page = Page((), 0) if self._scan is None else await self._parts.index.scan(self._position, start=self._scan, lacking=_UP_TO_DATE)
        last_page = self._scan is not None and not page.following
        if not (commands or reports or timers or page.cursors or last_page):
            self._scan = page.following or None
            return gathered.after
        began = self._parts.clock.monotonic()
        tick = self._decided(await self._known(commands, reports, timers, page), now)
        monotonic = self._parts.clock.monotonic
        end = monotonic() + DECIDED_MAX_S
        after = self._carried_out(tick, commands, gathered.after)
        for report in reports:
            tick.report(report)
        for timer in timers:
            tick.timer(timer)
            if tick.is_full or monotonic() > end:
                break
        swept = self._swept(tick, page, until=end)
        for failure in tick.failures:
            _log.error("owner.decision.failed", partition=self._name.partition, what=failure.what, error=repr(failure.error))
        self._look_on(page, swept=swept, replans=tick.replans)
        await self._commit_and_apply(tick.records, tick.changes, after, now)
        self._parts.metrics.ticked(tick, took_s=self._parts.clock.monotonic() - began, offset=self._position.offset)
        for (name, reason), count in tick.counts.items():
            if name == "dead_letters":
                _log.warning("owner.dead_letters.written", partition=self._name.partition, reason=reason, count=count)
        return after

    def _carried_out(self, tick: Tick, commands: Sequence[ReadCommand], after: Inputs) -> Inputs:
        """Decide on commands as long as there is time, and room for what they publish; the positions after those."""
        monotonic = self._parts.clock.monotonic
        end, size = monotonic() + COMMANDS_DECIDED_MAX_S, 0
        for number, command in enumerate(commands):
            if number and (monotonic() > end or size >= COMMAND_OUTPUT_BYTES_MAX or len(tick.records) >= COMMAND_OUTPUT_RECORDS_MAX):
                return replace(after, commands=command.source.offset)
            mark = len(tick.records)
            tick.command(command)
            size += sum(len(record.value or b"") for record in tick.records[mark:])
        return after

    def _swept(self, tick: Tick, page: Page, *, until: float) -> bool:
        """Compute the plans of the page anew. False where the transaction is full, or it is late, before: the next look goes on there."""
        for number, plan in enumerate([plan for plan in page.cursors if plan.key not in self._page_seen]):
            if tick.is_full or (number and self._parts.clock.monotonic() > until):
                return False
            tick.refresh(plan.key)
            self._page_seen.add(plan.key)
        self._page_seen.clear()
        return True

    def _look_on(self, page: Page, *, swept: bool, replans: bool) -> None:
        """Where the scan goes on after this page, and what is still to be looked at.

        A change amid a scan lets it come to its end and makes another one follow: begun anew at each change, it would never reach
        the last plans while one tenant changes its lists again and again.
        """
        is_scanning = self._scan is not None
        if is_scanning and swept and page.following:
            self._scan = page.following
        elif is_scanning and swept:
            self._tzdata, self._replans = TZDATA_VERSION, self._scan_again
            self._scan, self._scan_again = 0 if self._scan_again else None, False
        if replans:
            self._replans = True
            self._scan, self._scan_again = (0, False) if self._scan is None else (self._scan, True)

    async def note_inputs(self, inputs: Inputs) -> None:
        """Record positions that only markers have moved, so that retention never overtakes them."""
        await self._commit_and_apply([], [], inputs, self._parts.clock.now())

    async def _due(self, now: datetime) -> list[DueTimer]:
        timers: list[DueTimer] = []
        if self._head is None or self._head > now:
            return timers
        # By chance, not one after another: tenants change their places as they are served, and the same ones might be passed by each time.
        first = int(self._parts.random() * TENANTS_MAX)
        for page in range(READS_PER_TICK_MAX):
            due = await self._parts.index.due(self._position, now=now, limit=TIMERS_PER_READ_MAX, page=page, first=first)
            timers += due.timers
            self._head = due.head
            if len(due.timers) < TIMERS_PER_READ_MAX:
                break
        return timers

    async def _known(
        self, commands: Sequence[ReadCommand], reports: Sequence[ReadReport], timers: Sequence[DueTimer], page: Page
    ) -> TickState:
        known: dict[StateKey, bytes] = {}
        for timer in (*timers, *page.cursors):
            known[timer.key] = timer.record
            if timer.definition is not None:
                known[StateKey(StateKind.DEFINITION, timer.key.tenant_id, timer.key.id)] = timer.definition
        needed = dict.fromkeys(key for read in commands for key in read.needs())
        needed |= dict.fromkeys(key for report in reports for key in report.needs())
        needed |= dict.fromkeys(key for timer in timers if timer.key.kind is StateKind.RUN for key in plan_of_run(timer))
        ending = [timer.key for timer in timers if may_end_runs(timer)]
        open_runs: Mapping[StateKey, Sequence[str]] = {}
        if ending:
            open_runs = await self._parts.index.open_runs(self._position, ending, limit=CANCELLED_PER_TICK_MAX + 1)
            needed |= {StateKey(StateKind.RUN, plan.tenant_id, run): None for plan, runs in open_runs.items() for run in runs}
        wanted = [key for key in needed if key not in known]
        if wanted:
            known |= await self._parts.index.read(self._position, wanted)
        lists = dict.fromkeys(key for read in commands for key in read.calendars())
        naming = [(record, value) for record, value in known.items() if _USES_CALENDAR in value]
        lists |= dict.fromkeys(key for record, value in naming for key in calendars_used(record, value))
        if lists:
            known |= await self._parts.index.read(self._position, [key for key in lists if key not in known])
        return TickState(known, open_runs)

    def _decided(self, state: TickState, now: datetime) -> Tick:
        parts = self._parts
        return Tick(state, parts.outbox, actions=parts.action_topics.known, tokens=parts.tokens, schedules=parts.schedules, now=now)

    async def _commit_and_apply(self, records: Sequence[Record], changes: Sequence[Change], after: Inputs, now: datetime) -> None:
        inputs = encode_inputs(replace(after, tzdata=self._tzdata, replans=self._replans))
        partition = self._name.partition
        log = [Record(self._changelog, partition, key_bytes(change.key), change.value) for change in changes]
        # The position record is the last of the changelog's batch, so that its acknowledgement says where the index will stand.
        position = Record(self._changelog, partition, POSITION_KEY, inputs)
        committed = await self._producer.commit([*records, *log], last=position, decided_at=now)
        moved = Position(self._position.incarnation, committed.offset, committed.appended_at, inputs)
        self._head = await self._parts.index.apply(self._position, changes, moved)
        self._position = moved


def calendars_used(key: StateKey, value: bytes) -> Iterator[StateKey]:
    """The holiday list that a plan's definition names; none where it cannot be read, which the plan's own decision finds out."""
    if key.kind is not StateKind.DEFINITION:
        return
    revision = readable(StateKind.DEFINITION, value)
    name = None if revision is None else named_calendar(revision.document)
    if name is not None:
        yield StateKey(StateKind.CALENDAR, key.tenant_id, name)


def may_end_runs(timer: DueTimer) -> bool:
    """Whether its decision needs to know the open runs of its plan."""
    return timer.definition is not None and _ENDS_RUNS in timer.definition


def plan_of_run(timer: DueTimer) -> Sequence[StateKey]:
    """The records that the end of a due run changes; none where not even its plan can be read, which its own decision finds out."""
    run = run_head(timer.record)
    return [] if run is None else [StateKey(kind, timer.key.tenant_id, run.plan_id) for kind in (StateKind.CURSOR, StateKind.DEFINITION)]
