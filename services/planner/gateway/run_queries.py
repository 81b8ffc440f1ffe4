"""What the gateway asks of the run store: the port. Ids are UUIDs in the wire's form; each call raises UnavailableError."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from planner.domain.outcomes import Outcome, Span
from planner.domain.recurrence.business_days import Calendars, HolidayList
from planner.gateway.caller import Visible
from planner.gateway.lists import PlanList, RunList
from planner_contracts.plan import PlanStatus


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan as it is now. `key`: the value that its list is sorted by. `calendars`: of a single plan, the holiday list that it uses."""

    document: Mapping[str, Any]
    organization_id: str
    status: PlanStatus
    key: datetime | str | None = None
    calendars: Calendars = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredCalendar:
    """A tenant's holiday list, as it is shown and as schedules use it."""

    document: Mapping[str, Any]
    holidays: HolidayList


@dataclass(frozen=True, slots=True)
class CalendarUsers:
    """How many plans use a holiday list, and the ids of some."""

    count: int
    some: Sequence[str]


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """What is known of a command. `problem`: code, status, detail, errors of a rejected one."""

    id: str
    state: str
    plan_id: str | None
    revision: int | None
    replayed: bool
    problem: Mapping[str, Any] | None
    event_offset: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """A plan as it is now: an id may have been another plan's before. No outcome of this one lies at or before `since`.

    Nothing waits for a run any more once it has `ended`: what its last run left behind is no occurrence.
    """

    plan_id: str
    created_at: datetime
    since: datetime | None
    ended: bool


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """The plan as one of its revisions made it. `calendars`: the holiday list that it used, as that is now."""

    number: int
    document: Mapping[str, Any]
    calendars: Calendars


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """What else tells of an occurrence's turn. `open_run`: of the plan's runs that were open at the instant asked for, the newest.

    `ended_runs`: those that were ended when it was published, the newest first. `stands`: others are coalesced into it.
    """

    was_held: bool
    open_run: str | None
    ended_runs: tuple[str, ...]
    stands: bool


class RunQueries(Protocol):
    """Reads only. What is not visible does not exist."""

    async def plan(self, visible: Visible, plan_id: str) -> StoredPlan | None:
        """The plan."""

    async def plans(self, visible: Visible, asked: PlanList) -> Sequence[StoredPlan]:
        """At most `asked.limit + 1` plans in the order asked for, behind the cursor's place."""

    async def plan_at(self, plan_id: str, revision: int, *, until_offset: int) -> Mapping[str, Any] | None:
        """The plan as the revision made it, of the last plan of that id up to an offset of its plan events."""

    async def runs(self, visible: Visible, plan_id: str, asked: RunList) -> Sequence[Mapping[str, Any]]:
        """At most `asked.limit + 1` runs of the plan, newest first, behind the cursor's place, without history."""

    async def run(self, visible: Visible, plan_id: str, run_id: str) -> Mapping[str, Any] | None:
        """One run of the plan, with its history."""

    async def fired(self, plan_id: str, *, limit: int) -> int:
        """How many of the plan's occurrences have fired, at most `limit`. A predecessor with the same id does not count."""

    async def fired_occurrences(self, life: Life, span: Span, *, limit: int) -> Sequence[Outcome]:
        """Those of a span, rising."""

    async def skipped_occurrences(self, life: Life, span: Span, *, limit: int) -> Sequence[Outcome]:
        """Those of a span, rising; a range that reaches into it is whole."""

    async def held_occurrences(self, life: Life, span: Span, *, limit: int) -> Sequence[Outcome]:
        """Those of a span that still wait, rising."""

    async def outcome_before(self, life: Life, at: datetime) -> Outcome | None:
        """The last that begins before an instant: its ends and its outcome."""

    async def turn(self, life: Life, outcome: Outcome, open_at: datetime | None) -> StoredTurn:
        """Of the occurrence, or a range's first; with the run that was open at an instant, null for now."""

    async def revision_at(self, life: Life, at: datetime) -> StoredRevision | None:
        """The revision in force at an instant; the first one for what lies before."""

    async def revisions(self, life: Life, numbers: Collection[int]) -> Sequence[StoredRevision]:
        """The revisions with these numbers."""

    async def command(self, visible: Visible, command_id: str) -> StoredCommand | None:
        """The command."""

    async def calendar(self, tenant_id: str, name: str) -> StoredCalendar | None:
        """The holiday list; a deleted one is not there."""

    async def calendars(self, tenant_id: str, *, after: str, limit: int) -> Sequence[StoredCalendar]:
        """At most `limit` of the tenant's holiday lists, by name, behind a name."""

    async def calendar_names(self, tenant_id: str, name: str) -> int | None:
        """How many names the tenant's holiday lists have, deleted ones included; None if this is one of them."""

    async def calendar_users(self, visible: Visible, name: str, *, limit: int) -> CalendarUsers:
        """The active and paused plans of the tenant that use the holiday list; at most `limit` of the visible ones are named."""

    async def watermarks(self, topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        """The next offset to record, by topic and partition."""
