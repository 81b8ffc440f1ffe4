"""The API over an owner and a run store in memory: the owner decides for real, and the store shows at once what it decided."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx
from prometheus_client import CollectorRegistry

from planner.domain.dates import parse_date, parse_instant
from planner.domain.recurrence.business_days import HolidayList, days_of
from planner.gateway import routes_calendars, routes_commands, routes_preview
from planner.gateway.access import Access
from planner.gateway.api import api
from planner.gateway.api_keys import StoredKey
from planner.gateway.authentication import Authentication
from planner.gateway.calendar_changes import CalendarChanges
from planner.gateway.caller import Visible
from planner.gateway.command_publisher import PlanCommand, Trace
from planner.gateway.metrics import GatewayMetrics
from planner.gateway.outcomes import Outcomes
from planner.gateway.plan_changes import PlanChanges
from planner.gateway.positions import Position
from planner.gateway.request_scope import RequestScope
from planner.gateway.resources import Progress, plan_now
from planner.gateway.routes_plans import changes_router, plans_router
from planner.gateway.run_queries import CalendarUsers, RunQueries, StoredCalendar, StoredCommand, StoredPlan
from planner.gateway.submission import Submission
from planner.gateway.watermark import Watermark
from planner.runtime.clock import SystemIds
from planner.runtime.failures import Backoff, UnavailableError
from planner_contracts.envelope import decode
from planner_contracts.ids import is_uuid
from planner_contracts.plan import PlanStatus
from support.incoming import event, incoming
from support.plans import TENANT
from support.shards import PureShard
from support.tenures import Time

SECRET: Final = "s" * 43
EVENTS: Final = "t.plan.events"
WAIT_S: Final = 0.05
"""For an outcome that in these tests is there at once, or never comes."""


@dataclass
class MemoryWorld:
    """Keys, command topic, owner and run store in one. What a test may do to it stands first.

    `decides`: whether the owner takes commands in. `hears`: whether the gateway hears of it. `records`: whether the store shows it.
    `away`: whether reads of the run store fail. `organizations` and `scopes`: of the key.
    """

    decides: bool = True
    hears: bool = True
    records: bool = True
    away: bool = False
    organizations: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    time: Time = field(default_factory=Time)
    shard: PureShard = field(default_factory=PureShard)
    outcomes: Outcomes = field(default_factory=Outcomes)
    commands: list[PlanCommand] = field(default_factory=list)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    lists: dict[str, dict[str, Any]] = field(default_factory=dict)
    known: dict[str, StoredCommand] = field(default_factory=dict)
    revisions: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    users: CalendarUsers = field(default_factory=lambda: CalendarUsers(0, ()))
    last_runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs_fired: int = 0
    looks: int = 0

    async def publish(self, command: PlanCommand, trace: Trace) -> Position:
        del trace
        self.commands.append(command)
        if self.decides:
            ticked = self.shard.tick(incoming(event(command.type.removeprefix("planner."), command.data())), now=self.time.at)
            for published in ticked.published:
                self._record(published.type, published.data)
                envelope = decode(published.record.value, list(published.record.headers))
                if self.hears:
                    self.outcomes.tell(envelope, Position(EVENTS, 0, len(self.commands)))
                self.known[command.command_id] = self._outcome(published.type, published.data)
        return Position("t.plan.commands", 0, len(self.commands))

    def _outcome(self, kind: str, data: dict[str, Any]) -> StoredCommand:
        refused = kind == "planner.command.rejected"
        return StoredCommand(
            id=data["command_id"],
            state="rejected" if refused else "accepted",
            plan_id=data.get("plan_id"),
            revision=data.get("revision"),
            replayed=data["replayed"],
            problem={name: data[name] for name in ("code", "status", "detail", "errors")} if refused else None,
            event_offset=len(self.commands),
            at=self.time.at,
        )

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        if kind.startswith("planner.calendar.") and not data["replayed"]:
            self.lists.pop(data["name"], None)
            if kind == "planner.calendar.changed":
                shown = {name: data[name] for name in ("name", "dates", "version")}
                self.lists[data["name"]] = shown | {"updated_at": data["at"], "updated_by": data["actor"]}
        elif data.get("plan") is not None:
            self.plans[data["plan_id"]] = data["plan"]
            self.revisions[data["plan_id"], data["revision"]] = data["plan"]

    async def find(self, key_id: str) -> StoredKey | None:
        digest = hashlib.sha256(SECRET.encode()).digest()
        return StoredKey(key_id, TENANT, self.organizations, self.scopes, digest, None, None, None)

    async def note_use(self, key_id: str, *, at: object) -> None:
        """It is of no interest here."""

    async def plan(self, visible: Visible, plan_id: str) -> StoredPlan | None:
        assert is_uuid(plan_id)  # PostgreSQL would refuse to look
        self._answer()
        document = self.plans.get(plan_id)
        if document is None or not visible.includes(document["organization_id"]):
            return None
        next_due = None if document["next_run_at"] is None else parse_instant(document["next_run_at"])
        shown = plan_now(document, Progress(document["status"], next_due, self.last_runs.get(plan_id)))
        return StoredPlan(shown, document["organization_id"], PlanStatus(document["status"]))

    async def plan_at(self, plan_id: str, revision: int, *, until_offset: int) -> Mapping[str, Any] | None:
        del until_offset
        return self.revisions.get((plan_id, revision))

    async def fired(self, plan_id: str, *, limit: int) -> int:
        del plan_id
        return min(self.runs_fired, limit)

    async def command(self, visible: Visible, command_id: str) -> StoredCommand | None:
        del visible
        assert is_uuid(command_id)
        self._answer()
        return self.known.get(command_id)

    async def calendar(self, tenant_id: str, name: str) -> StoredCalendar | None:
        del tenant_id
        self._answer()
        document = self.lists.get(name)
        if document is None:
            return None
        return StoredCalendar(document, HolidayList(document["version"], days_of(map(parse_date, document["dates"]))))

    async def calendars(self, tenant_id: str, *, after: str, limit: int) -> Sequence[StoredCalendar]:
        names = sorted(name for name in self.lists if name > after)[:limit]
        found = [await self.calendar(tenant_id, name) for name in names]
        return [stored for stored in found if stored is not None]

    async def calendar_names(self, tenant_id: str, name: str) -> int | None:
        del tenant_id
        self._answer()
        return None if name in self.lists else len(self.lists)

    async def calendar_users(self, visible: Visible, name: str, *, limit: int) -> CalendarUsers:
        del visible, name
        return CalendarUsers(self.users.count, self.users.some[:limit])

    async def watermarks(self, topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        self.looks += 1
        return {(topic, 0): len(self.commands) + 1 for topic in topics} if self.records else {}

    def _answer(self) -> None:
        if self.away:
            raise UnavailableError("the run store is away")


@asynccontextmanager
async def calling(world: MemoryWorld) -> AsyncIterator[httpx.AsyncClient]:
    """A client below /api/v1 with a key of the tenant."""
    # Of the port only what these routes ask for.
    run_queries = cast(RunQueries, world)
    watermark, ids, metrics = Watermark(world), SystemIds(), GatewayMetrics(CollectorRegistry())
    access = Access(Authentication(world, world.time, remembered_s=0))
    submission = Submission(world, outcomes=world.outcomes, watermark=watermark, queries=run_queries, metrics=metrics)
    changes = PlanChanges(submission, run_queries, clock=world.time, ids=ids, wait_most_s=WAIT_S)
    lists = CalendarChanges(submission, run_queries, clock=world.time, ids=ids)
    routers = [
        changes_router(access, changes),
        plans_router(access, run_queries),
        routes_preview.router(access, run_queries, world.time),
        routes_calendars.changes_router(access, changes, lists),
        routes_calendars.calendars_router(access, run_queries),
        routes_commands.router(access, run_queries),
    ]
    app = RequestScope(api(routers, []), clock=world.time, ids=ids, metrics=metrics)
    headers = {"Authorization": f"Bearer pk_{'0' * 12}_{SECRET}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as client:
        keeper = asyncio.create_task(watermark.run(Backoff(0.001, 0.01, lambda: 0.5)))
        try:
            yield client
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
