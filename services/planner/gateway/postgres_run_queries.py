"""The run store in PostgreSQL, read."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg

from planner.domain.outcomes import FIRED, HELD, Outcome, Span
from planner.domain.recurrence.business_days import Calendars, holiday_list
from planner.gateway.caller import Visible
from planner.gateway.conditions import plans_statement, runs_statement
from planner.gateway.lists import PlanList, PlanSort, RunList
from planner.gateway.resources import Progress, instant, last_run, lateness, plan_now
from planner.gateway.run_queries import CalendarUsers, Life, StoredCalendar, StoredCommand, StoredPlan, StoredRevision, StoredTurn
from planner.gateway.run_store_connection import RunStoreConnection
from planner.runtime.sql import Queries
from planner_contracts.plan import PlanStatus
from planner_contracts.run import RunRecord

_KEYS: Final[Mapping[PlanSort, str]] = {
    PlanSort.CREATED: "created_at",
    PlanSort.CREATED_NEWEST: "created_at",
    PlanSort.NEXT_RUN: "next_run_at",
    PlanSort.NAME: "name",
}
_IDS: Final = frozenset({"id", "plan_id"})
_INSTANTS: Final = frozenset({"scheduled_for", "due_at", "published_at", "started_at", "finished_at"})
_DOCUMENTS: Final = frozenset({"progress", "result", "error"})


class PostgresRunQueries:
    """RunQueries on the tables that the recorder writes."""

    def __init__(self, connection: RunStoreConnection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def plan(self, visible: Visible, plan_id: str) -> StoredPlan | None:
        row = await self._connection.fetchrow(self._queries["read_plan"], plan_id, visible.tenant_id, visible.organizations)
        return None if row is None else _plan(row)

    async def plans(self, visible: Visible, asked: PlanList) -> Sequence[StoredPlan]:
        statement, arguments = plans_statement(self._queries["list_plans"], visible, asked, encode=json.dumps)
        return [_plan(row, _KEYS[asked.sort]) for row in await self._connection.fetch(statement, *arguments)]

    async def plan_at(self, plan_id: str, revision: int, *, until_offset: int) -> Mapping[str, Any] | None:
        row = await self._connection.fetchrow(self._queries["read_plan_at"], plan_id, revision, until_offset)
        return None if row is None else json.loads(row["plan"])

    async def runs(self, visible: Visible, plan_id: str, asked: RunList) -> Sequence[Mapping[str, Any]]:
        statement, arguments = runs_statement(self._queries["list_runs"], visible, plan_id, asked)
        return [_run(row) for row in await self._connection.fetch(statement, *arguments)]

    async def run(self, visible: Visible, plan_id: str, run_id: str) -> Mapping[str, Any] | None:
        row = await self._connection.fetchrow(self._queries["read_run"], run_id, plan_id, visible.tenant_id, visible.organizations)
        if row is None:
            return None
        transitions = await self._connection.fetch(self._queries["read_run_history"], run_id, row["sequence"])
        history = [{"state": t["state"], "at": instant(t["at"]), "by": t["by"], "sequence": t["sequence"]} for t in transitions]
        return {**_run(row), "history": history}

    async def fired(self, plan_id: str, *, limit: int) -> int:
        row = await self._connection.fetchrow(self._queries["count_fired"], plan_id, limit)
        return 0 if row is None else int(row["fired"])

    async def fired_occurrences(self, life: Life, span: Span, *, limit: int) -> Sequence[Outcome]:
        statement = self._queries["read_fired"]
        rows = await self._connection.fetch(statement, life.plan_id, span.first, span.last, life.created_at, limit)
        return [_fired(row) for row in rows]

    async def skipped_occurrences(self, life: Life, span: Span, *, limit: int) -> Sequence[Outcome]:
        rows = await self._connection.fetch(self._queries["read_skipped"], life.plan_id, span.first, span.last, life.since, limit)
        return [_skipped(row) for row in rows]

    async def held_occurrences(self, life: Life, span: Span, *, limit: int) -> Sequence[Outcome]:
        if life.ended:
            return ()
        rows = await self._connection.fetch(self._queries["read_held"], life.plan_id, span.first, span.last, life.since, limit)
        return [Outcome(HELD, row["scheduled_for"], row["scheduled_for"], 1, row["plan_revision"]) for row in rows]

    async def outcome_before(self, life: Life, at: datetime) -> Outcome | None:
        asked = (life.plan_id, at, life.created_at, life.since, life.ended)
        row = await self._connection.fetchrow(self._queries["read_outcome_before"], *asked)
        return None if row is None else Outcome(row["outcome"], row["first"], row["last"], None, row["plan_revision"])

    async def turn(self, life: Life, outcome: Outcome, open_at: datetime | None) -> StoredTurn:
        asked = (life.plan_id, outcome.first, open_at, outcome.published_at, life.created_at)
        row = await self._connection.fetchrow(self._queries["read_turn"], *asked)
        assert row is not None
        open_run = None if row["open_run"] is None else str(row["open_run"])
        return StoredTurn(row["was_held"], open_run, tuple(map(str, row["ended_runs"])), row["stands"])

    async def revision_at(self, life: Life, at: datetime) -> StoredRevision | None:
        row = await self._connection.fetchrow(self._queries["read_revision_at"], life.plan_id, at)
        return None if row is None else _revision(row)

    async def revisions(self, life: Life, numbers: Collection[int]) -> Sequence[StoredRevision]:
        return [_revision(row) for row in await self._connection.fetch(self._queries["read_revisions"], life.plan_id, list(numbers))]

    async def command(self, visible: Visible, command_id: str) -> StoredCommand | None:
        row = await self._connection.fetchrow(self._queries["read_command"], visible.tenant_id, command_id, visible.organizations)
        if row is None:
            return None
        return StoredCommand(
            id=str(row["id"]),
            state=row["state"],
            plan_id=None if row["plan_id"] is None else str(row["plan_id"]),
            revision=row["revision"],
            replayed=row["replayed"],
            problem=None if row["problem"] is None else json.loads(row["problem"]),
            event_offset=row["event_offset"],
            at=row["at"],
        )

    async def calendar(self, tenant_id: str, name: str) -> StoredCalendar | None:
        row = await self._connection.fetchrow(self._queries["read_calendar"], tenant_id, name)
        return None if row is None else _calendar(row)

    async def calendars(self, tenant_id: str, *, after: str, limit: int) -> Sequence[StoredCalendar]:
        return [_calendar(row) for row in await self._connection.fetch(self._queries["list_calendars"], tenant_id, after, limit)]

    async def calendar_names(self, tenant_id: str, name: str) -> int | None:
        row = await self._connection.fetchrow(self._queries["count_calendar_names"], tenant_id, name)
        assert row is not None, "an aggregate has one row"
        names: int | None = row["names"]
        return names

    async def calendar_users(self, visible: Visible, name: str, *, limit: int) -> CalendarUsers:
        statement = self._queries["read_calendar_users"]
        [row] = await self._connection.fetch(statement, visible.tenant_id, name, visible.organizations, limit)
        return CalendarUsers(row["users"], [str(plan_id) for plan_id in row["some"]])

    async def watermarks(self, topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        rows = await self._connection.fetch(self._queries["read_watermarks"], list(topics))
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


def _plan(row: asyncpg.Record, key: str | None = None) -> StoredPlan:
    newest = last_run(row["last_run_id"], row["last_run_state"], row["last_run_scheduled_for"], row["last_run_finished_at"])
    document = plan_now(json.loads(row["plan"]), Progress(row["status"], row["next_run_at"], newest))
    sorted_by = None if key is None else row[key]
    return StoredPlan(document, row["organization_id"], PlanStatus(row["status"]), sorted_by, _used(row.get("calendar")))


def _calendar(row: asyncpg.Record) -> StoredCalendar:
    dates = json.loads(row["dates"])
    document = {
        "name": row["name"],
        "dates": dates,
        "version": row["version"],
        "updated_at": instant(row["updated_at"]),
        "updated_by": row["updated_by"],
    }
    return StoredCalendar(document, holiday_list(row["version"], dates))


def _used(calendar: str | None) -> Calendars:
    """The list that a plan uses, deleted or not, as one JSON text."""
    if calendar is None:
        return {}
    found = json.loads(calendar)
    return {found["name"]: holiday_list(found["version"], found["dates"])}


def _run(row: asyncpg.Record) -> dict[str, Any]:
    return {name: _shown(name, row[name]) for name in RunRecord.model_fields}


def _fired(row: asyncpg.Record) -> Outcome:
    nominal = row["scheduled_for"]
    times = {"due_at": row["due_at"], "published_at": row["published_at"]}
    return Outcome(FIRED, nominal, nominal, 1, row["plan_revision"], run_id=str(row["id"]), **times)


def _skipped(row: asyncpg.Record) -> Outcome:
    first, last = row["first_scheduled_for"], row["last_scheduled_for"]
    return Outcome(row["reason"], first, last, row["count"], row["plan_revision"], into=row["into_scheduled_for"])


def _revision(row: asyncpg.Record) -> StoredRevision:
    return StoredRevision(row["revision"], json.loads(row["plan"]), _used(row["calendar"]))


def _shown(name: str, value: Any) -> Any:  # noqa: ANN401  a column's type follows from its name
    if value is None:
        return None
    if name in _IDS:
        return str(value)
    if name in _INSTANTS:
        return instant(value)
    if name in _DOCUMENTS:
        return json.loads(value)
    return lateness(value) if name == "lateness_ms" else value
