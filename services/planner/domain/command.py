"""Commands as the domain takes them: who asks, and for what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.domain.resume import ResumeBacklog
from planner_contracts.ids import CommandId, OrganizationId, PlanId, TenantId


@dataclass(frozen=True, slots=True)
class Header:
    """What every command carries. `fingerprint` is over the whole content but `issued_at`; `plan_id` is the plan it is about.

    `traceparent`: of the trace that the caller is in, where there is one; what follows from the command names it too.
    """

    command_id: CommandId
    tenant_id: TenantId
    organization_id: OrganizationId
    plan_id: PlanId
    actor: str
    idempotency_key: str | None
    expected_revision: int | None
    fingerprint: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """Make a plan of what the caller gave."""

    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """Change the plan by a merge patch."""

    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the plan."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Publish nothing of the plan until it is resumed."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on, having dealt with what waited."""

    backlog: ResumeBacklog


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A command of api.md that this version does not carry out."""

    type: str


@dataclass(frozen=True, slots=True)
class PutCalendar:
    """Make or replace a list of holidays. `given`: its content as it was sent."""

    name: str
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteCalendar:
    """Hide a list of holidays from new plans."""

    name: str


Ask = Create | Update | Cancel | Pause | Resume | Unsupported


@dataclass(frozen=True, slots=True)
class Command:
    """One command record, valid in form."""

    header: Header
    ask: Ask


@dataclass(frozen=True, slots=True)
class CalendarCommand:
    """One command record about a tenant's list of holidays. The header's `plan_id` is the list's id."""

    header: Header
    ask: PutCalendar | DeleteCalendar
