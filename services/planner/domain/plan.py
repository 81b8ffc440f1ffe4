"""The plan as its owner holds it: the current revision, the cursor, and what is remembered of commands and of plans that ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from planner_contracts.ids import CommandId, OrganizationId, PlanId, TenantId
from planner_contracts.plan import PlanStatus
from planner_contracts.plan_event import PlanEventType

RECEIPT_KEPT: Final = timedelta(days=3)
RETIRED_KEPT: Final = timedelta(days=30)


class StateKind(StrEnum):
    """What a record of the changelog is about; the first part of its key (docs/architecture.md, "State of a shard")."""

    DEFINITION = "definition"
    CURSOR = "cursor"
    RUN = "run"
    RECEIPT = "receipt"
    RETIRED = "retired"
    CALENDAR = "calendar"


class PlanRevision(Struct, frozen=True, gc=False):
    """The definition in force. `document` is canonical: every field that a caller may give, defaults filled in, dates as given.

    `fingerprint` is of the create as it was asked for: a repeated create is recognised by it for as long as the plan is known.
    """

    plan_id: PlanId
    tenant_id: TenantId
    organization_id: OrganizationId
    number: int
    document: dict[str, Any]
    fingerprint: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class Cursor(Struct, frozen=True, gc=False, omit_defaults=True):
    """How far a plan has come: every occurrence up to `resolved_until` has its outcome or is `held`, none after it has.

    `held`, rising, wait for their turn; if they `wait_for_run`, it comes when no run is open any more, else the first is due at
    `held_due`. `next_nominal` and `next_due` are null once no occurrence is left; `next_due` is also null of a plan that is not
    active. `status` is final from the moment of the cancel or the last fire, though the record stays while runs are open.
    `label_offset_s`: of a rule that names labels, the zone's offset at `resolved_until` under `tzdata`, the version that
    `next_nominal` was computed with. `calendar`: of the tenant's holiday list that the plan uses, the version that it was computed
    with.
    """

    plan_id: PlanId
    status: PlanStatus
    revision: int
    resolved_until: datetime
    next_nominal: datetime | None
    next_due: datetime | None
    fired: int
    open_runs: int
    tzdata: str
    calendar: int | None
    held: tuple[datetime, ...] = ()
    held_due: datetime | None = None
    wait_for_run: bool = False
    label_offset_s: int | None = None

    @property
    def wake_at(self) -> datetime | None:
        """Where the plan's timer stands."""
        if self.status is not PlanStatus.ACTIVE:
            return None
        return self.held_due if self.held and not self.wait_for_run else self.next_due


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of a command, remembered under its `command_id`, and if it was accepted under its idempotency key too.

    `code` is null for an accepted command; `event_type` is the event it caused.
    """

    id: str
    fingerprint: str
    command_id: CommandId
    plan_id: PlanId
    event_type: PlanEventType
    revision: int
    code: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Retired:
    """A completed or cancelled plan without open runs: what late commands are answered from, for 30 days."""

    plan_id: PlanId
    organization_id: OrganizationId
    status: PlanStatus
    revision: int
    fingerprint: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CalendarState:
    """A tenant's holiday list as every shard holds it. `dates` as given. A deleted one is only hidden: plans keep its dates."""

    name: str
    version: int
    dates: tuple[str, ...]
    deleted: bool
    updated_at: datetime
    updated_by: str
