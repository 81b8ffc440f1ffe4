"""Commands and plans for tests of the domain: asked the way the inbox asks, kept the way a shard keeps them."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid5

from planner.domain.command import Ask, Cancel, Command, Create, Header, Pause, Resume, Unsupported, Update
from planner.domain.decide import Decision, Known, decide
from planner.domain.definition import load
from planner.domain.fire import Fire, fire
from planner.domain.plan import Cursor, PlanRevision, Receipt, Retired
from planner.domain.receipts import key_receipt_id
from planner.domain.resume import ResumeBacklog
from planner_contracts.ids import PLAN_ID_NAMESPACE, CommandId, OrganizationId, PlanId, TenantId, plan_id
from planner_contracts.plan import PlanStatus
from planner_contracts.plan_event import CommandRejected, PlanChanged

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT: Final = TenantId("acme")
ORGANIZATION: Final = OrganizationId("acme-eu")
ACTOR: Final = "key:1"
ACTION: Final = "content.publish"
ACTIONS: Final = frozenset({ACTION, "content.remove"})

ONCE: Final = {"action": ACTION, "payload": {"content_id": 7}, "execute_at": "2026-03-01T13:00:00Z"}
MINUTELY: Final = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 60}}


def command_id(name: str) -> CommandId:
    """A command id that is the same for the same name."""
    return CommandId(str(uuid5(PLAN_ID_NAMESPACE, f"command {name}")))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and as which command."""

    name: str = "c1"
    key: str | None = None
    tenant_id: TenantId = TENANT
    organization_id: OrganizationId = ORGANIZATION
    actor: str = ACTOR
    expected_revision: int | None = None

    def create(self, given: dict[str, Any]) -> Command:
        return self._command(plan_id(self.tenant_id, self.organization_id, self.key or command_id(self.name)), Create(given))

    def update(self, plan: PlanId, **patch: object) -> Command:
        return self._command(plan, Update(patch))

    def cancel(self, plan: PlanId) -> Command:
        return self._command(plan, Cancel())

    def pause(self, plan: PlanId, reason: str | None = None) -> Command:
        return self._command(plan, Pause(reason))

    def resume(self, plan: PlanId, backlog: ResumeBacklog) -> Command:
        return self._command(plan, Resume(backlog))

    def other(self, kind: str, plan: PlanId) -> Command:
        return self._command(plan, Unsupported(kind))

    def _command(self, plan: PlanId, ask: Ask) -> Command:
        header = Header(
            command_id=command_id(self.name),
            tenant_id=self.tenant_id,
            organization_id=self.organization_id,
            plan_id=plan,
            actor=self.actor,
            idempotency_key=self.key,
            expected_revision=self.expected_revision,
            fingerprint="",
        )
        return Command(replace(header, fingerprint=json.dumps([repr(header), repr(ask)])), ask)


@dataclass
class Book:
    """What one shard holds of one tenant, without any way of storing it."""

    revisions: dict[PlanId, PlanRevision] = field(default_factory=dict)
    cursors: dict[PlanId, Cursor] = field(default_factory=dict)
    retired: dict[PlanId, Retired] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)

    def known(self, command: Command) -> Known:
        header = command.header
        key = key_receipt_id(header, creates=isinstance(command.ask, Create))
        return Known(
            revision=self.revisions.get(header.plan_id),
            cursor=self.cursors.get(header.plan_id),
            retired=self.retired.get(header.plan_id),
            by_command=self.receipts.get(header.command_id),
            by_key=None if key is None else self.receipts.get(key),
        )

    def ask(self, command: Command, *, now: datetime = NOON) -> Decision:
        decision = decide(command, self.known(command), actions=ACTIONS, now=now)
        if decision.revision is not None:
            self.revisions[decision.revision.plan_id] = decision.revision
        if decision.cursor is not None:
            self.cursors[decision.cursor.plan_id] = decision.cursor
        self.receipts |= {receipt.id: receipt for receipt in decision.receipts}
        return decision

    def made(self, given: dict[str, Any], *, name: str = "made", now: datetime = NOON) -> PlanId:
        """The id of a plan that was just created."""
        return accepted(self.ask(Caller(name).create(given), now=now)).plan_id_made

    def wake(self, plan: PlanId, *, now: datetime, limit: int = 100) -> Fire | None:
        revision, cursor = self.revisions[plan], self.cursors[plan]
        fired = fire(revision, cursor, load(revision.document).schedule, now=now, limit=limit)
        if fired is not None:
            self.cursors[plan] = fired.cursor
        return fired

    def retire(self, plan: PlanId, *, expires_at: datetime = NOON) -> None:
        """The plan has ended and no run of it is open."""
        revision, cursor = self.revisions.pop(plan), self.cursors.pop(plan)
        assert cursor.status in (PlanStatus.COMPLETED, PlanStatus.CANCELLED)
        self.retired[plan] = Retired(plan, revision.organization_id, cursor.status, revision.number, revision.fingerprint, expires_at)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A decision that carried a command out."""

    decision: Decision
    event: PlanChanged

    @property
    def plan_id_made(self) -> PlanId:
        return PlanId(self.event.plan_id)

    @property
    def cursor(self) -> Cursor:
        assert self.decision.cursor is not None
        return self.decision.cursor

    @property
    def revision(self) -> PlanRevision:
        assert self.decision.revision is not None
        return self.decision.revision


def accepted(decision: Decision) -> Accepted:
    assert isinstance(decision.event, PlanChanged), decision.event
    return Accepted(decision, decision.event)


def rejected(decision: Decision) -> CommandRejected:
    assert isinstance(decision.event, CommandRejected), decision.event
    assert (decision.revision, decision.cursor, decision.skips) == (None, None, ())
    return decision.event


def codes(event: CommandRejected) -> list[str]:
    """Code by pointer of each fault."""
    return [f"{fault.pointer} {fault.code}" for fault in event.errors]
