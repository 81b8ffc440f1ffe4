"""Commands: wishes, in the imperative. Who may write them is trusted for all tenants of the namespace."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from planner_contracts.calendar import CalendarDates
from planner_contracts.instants import Instant
from planner_contracts.message import Request
from planner_contracts.plan import PlanDefinition

IDEMPOTENCY_KEY_CHARACTERS_MAX: Final = 255
ACTOR_CHARACTERS_MAX: Final = 200
ID_CHARACTERS_MAX: Final = 100
REASON_CHARACTERS_MAX: Final = 200

_KEY: Final = r"^[\x20-\x7e]+$"
_UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SCOPE_ID: Final = r"^[A-Za-z0-9._-]+$"
# What to tell who gave a text of another form.
FORMS: Final = {
    _KEY: "printable ASCII characters are expected",
    _UUID: "a UUID in lower case is expected",
    _SCOPE_ID: "letters, digits, dots, hyphens and underscores are expected",
}

IdempotencyKey = Annotated[str, Field(min_length=1, max_length=IDEMPOTENCY_KEY_CHARACTERS_MAX, pattern=_KEY)]
Uuid = Annotated[str, Field(pattern=_UUID)]
ScopeId = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS_MAX, pattern=_SCOPE_ID)]


class CommandType(StrEnum):
    """The `type` of a record on the command topic."""

    CREATE = "planner.plan.create"
    UPDATE = "planner.plan.update"
    CANCEL = "planner.plan.cancel"
    PAUSE = "planner.plan.pause"
    RESUME = "planner.plan.resume"
    TRIGGER = "planner.plan.trigger"
    BACKFILL = "planner.plan.backfill"
    RESTORE = "planner.plan.restore"
    CALENDAR_PUT = "planner.calendar.put"
    CALENDAR_DELETE = "planner.calendar.delete"
    TENANT_PUT = "planner.tenant.put"


class Command(Request):
    """What every command carries. `command_id` is the dedupe id; `issued_at` alone does not count when contents are compared."""

    command_id: Uuid
    tenant_id: ScopeId
    organization_id: ScopeId
    actor: Annotated[str, Field(min_length=1, max_length=ACTOR_CHARACTERS_MAX)]
    idempotency_key: IdempotencyKey | None = None
    expected_revision: Annotated[int, Field(ge=1, strict=True)] | None = None
    issued_at: Instant | None = None


class CreatePlan(Command):
    """Make a plan; its id follows from tenant, organization and key (ids.plan_id)."""

    plan: PlanDefinition


class UpdatePlan(Command):
    """Change a plan by a merge patch (RFC 7396)."""

    plan_id: Uuid
    patch: dict[str, Any]


class CancelPlan(Command):
    """End a plan; nothing fires after the acknowledgement."""

    plan_id: Uuid


class PausePlan(Command):
    """Publish nothing until the plan is resumed."""

    plan_id: Uuid
    reason: Annotated[str, Field(max_length=REASON_CHARACTERS_MAX)] | None = None


class ResumePlan(Command):
    """Go on; `backlog` says what becomes of the fires that waited."""

    plan_id: Uuid
    backlog: Literal["skip", "latest", "all"] = "skip"


class TriggerPlan(Command):
    """Run now, outside the schedule."""

    plan_id: Uuid


class BackfillPlan(Command):
    """Run a past range, both ends inclusive."""

    model_config = {"populate_by_name": True}

    plan_id: Uuid
    first: Annotated[Instant, Field(alias="from")]
    last: Annotated[Instant, Field(alias="to")]


class RestorePlan(Command):
    """Make an earlier revision's definition the newest."""

    plan_id: Uuid
    revision: Annotated[int, Field(ge=1, strict=True)]


class PutCalendar(Command):
    """Set a tenant's holiday list."""

    name: ScopeId
    dates: CalendarDates


class DeleteCalendar(Command):
    """Hide a tenant's holiday list from new plans."""

    name: ScopeId


class PutTenant(Command):
    """Settings and quotas of a tenant; operators only."""

    settings: dict[str, Any] = {}
    quotas: dict[str, int] = {}


COMMANDS: Final[dict[CommandType, type[Command]]] = {
    CommandType.CREATE: CreatePlan,
    CommandType.UPDATE: UpdatePlan,
    CommandType.CANCEL: CancelPlan,
    CommandType.PAUSE: PausePlan,
    CommandType.RESUME: ResumePlan,
    CommandType.TRIGGER: TriggerPlan,
    CommandType.BACKFILL: BackfillPlan,
    CommandType.RESTORE: RestorePlan,
    CommandType.CALENDAR_PUT: PutCalendar,
    CommandType.CALENDAR_DELETE: DeleteCalendar,
    CommandType.TENANT_PUT: PutTenant,
}
