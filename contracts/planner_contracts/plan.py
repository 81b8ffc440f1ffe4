"""The public plan (api.md, section 1; scheduling.md, section 2)."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, JsonValue, PlainSerializer, model_validator

from planner_contracts.ids import ACTION_CHARACTERS_MAX, ACTION_PATTERN
from planner_contracts.instants import Instant
from planner_contracts.message import Message, Request
from planner_contracts.run import RunState

PAYLOAD_BYTES_MAX: Final = 64 * 1024
PAYLOAD_DEPTH_MAX: Final = 32
LABELS_MAX: Final = 32
LABEL_CHARACTERS_MAX: Final = 63
NAME_CHARACTERS_MAX: Final = 200
TIMEOUT_SECONDS_MAX: Final = 2_592_000


ActionName = Annotated[str, Field(max_length=ACTION_CHARACTERS_MAX, pattern=f"^{ACTION_PATTERN}$")]


class PlanStatus(StrEnum):
    """`completed` and `cancelled` are final."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Cron(Request):
    """Five or six fields in the dialect of scheduling.md, section 4.1."""

    type: Literal["cron"]
    expression: Annotated[str, Field(max_length=256)]


class Interval(Request):
    """Every so many elapsed seconds from an anchor: exactly one of `every_seconds` and `every` (ISO 8601 `PnW`, `PnDTnHnMnS`)."""

    type: Literal["interval"]
    every_seconds: Annotated[int, Field(ge=1, le=315_360_000, strict=True)] | None = None
    every: str | None = None
    anchor: str | None = None


class Rrule(Request):
    """RFC 5545, the subset of scheduling.md, section 4.2."""

    type: Literal["rrule"]
    rule: Annotated[str, Field(max_length=1024)]
    dtstart: str
    exdates: list[str] | None = None
    rdates: list[str] | None = None


class CalendarRule(Request):
    """All fields must match; each is text of that cron field, or a list of integers and single items."""

    type: Literal["calendar"]
    second: str | list[int | str] | None = None
    minute: str | list[int | str] | None = None
    hour: str | list[int | str] | None = None
    day_of_month: str | list[int | str] | None = None
    month: str | list[int | str] | None = None
    day_of_week: str | list[int | str] | None = None
    roll: Literal["none", "next", "previous", "nearest", "skip"] | None = None
    workdays: list[str] | None = None
    holidays: list[str] | None = None
    holiday_calendar: str | None = None


Recurrence = Annotated[Cron | Interval | Rrule | CalendarRule, Field(discriminator="type")]


class DstPolicy(Request):
    """What a missing (gap) or repeated (fold) label becomes.

    What is left out is `next_valid` and `first`; for an RRULE `shift` and `first`; for `execute_at` `reject` and `reject`.
    """

    gap: Literal["next_valid", "shift", "skip", "reject"] | None = None
    fold: Literal["first", "last", "both", "reject"] | None = None


class Misfire(Request):
    """What happens to fires that were due but not made in time."""

    max_lateness_seconds: Annotated[int, Field(ge=1, le=31_536_000, strict=True)] | None = 3600
    coalesce: Literal["none", "latest", "earliest"] = "latest"
    max_catchup: Annotated[int, Field(ge=1, le=1000, strict=True)] = 100


class Overlap(Request):
    """What happens when an occurrence's turn comes while a run is open."""

    policy: Literal["allow", "skip", "queue_one", "queue_all", "cancel_previous"] = "allow"
    limit: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = Field(default=None, exclude_if=lambda limit: limit is None)
    """How many wait; only `queue_all` has one."""


# Ten seconds are shown as 10, as they are asked for, not as 10.0.
_WHOLE_WITHOUT_FRACTION = PlainSerializer(lambda number: int(number) if number == int(number) else number, when_used="json")


class Retry(Request):
    """When a failed attempt is followed by another. Seconds 1 to 604 800, `multiplier` 1 to 10."""

    max_attempts: Annotated[int, Field(ge=1, le=20, strict=True)] = 1
    initial_seconds: Annotated[float, Field(ge=1, le=604_800, strict=True), _WHOLE_WITHOUT_FRACTION] = 10
    multiplier: Annotated[float, Field(ge=1, le=10, strict=True), _WHOLE_WITHOUT_FRACTION] = 2
    max_seconds: Annotated[float, Field(ge=1, le=604_800, strict=True), _WHOLE_WITHOUT_FRACTION] = 3600
    retry_on: list[Literal["failure", "timeout"]] = ["failure", "timeout"]


def _given(name: str, json_type: str) -> dict[str, JsonValue]:
    return {"required": [name], "properties": {name: {"type": json_type}}}


class PlanDefinition(Request):
    """What a caller gives: `action` and exactly one of `execute_at` and `recurrence`; all else has a default."""

    model_config = {"json_schema_extra": {"oneOf": [_given("execute_at", "string"), _given("recurrence", "object")]}}

    organization_id: str | None = None
    name: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)] | None = None
    labels: Annotated[dict[str, str], Field(max_length=LABELS_MAX)] = {}
    action: ActionName
    payload: dict[str, JsonValue] = {}
    ordering_key: Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)] | None = None
    execute_at: str | None = None
    recurrence: Recurrence | None = None
    timezone: Annotated[str, Field(max_length=64)] = "UTC"
    starts_at: str | None = None
    ends_at: str | None = None
    max_runs: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)] | None = None
    dst: DstPolicy | None = None
    jitter_seconds: Annotated[int, Field(ge=0, le=86_400, strict=True)] = 0
    misfire: Misfire = Misfire()
    overlap: Overlap | Literal["allow", "skip", "queue_one", "queue_all", "cancel_previous"] = Overlap()
    retry: Retry = Retry()
    run_timeout_seconds: Annotated[int, Field(ge=1, le=TIMEOUT_SECONDS_MAX, strict=True)] | None = None
    heartbeat_timeout_seconds: Annotated[int, Field(ge=1, le=TIMEOUT_SECONDS_MAX, strict=True)] | None = None
    pause_after_failures: Annotated[int, Field(ge=1, strict=True)] | None = None
    active: Annotated[bool, Field(strict=True)] = True

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if (self.execute_at is None) is (self.recurrence is None):
            raise ValueError("exactly one of execute_at and recurrence is required")
        return self


class LastRun(Message):
    """The run of the newest occurrence, as the run store knows it."""

    id: str
    state: RunState
    scheduled_for: Instant
    finished_at: Instant | None


class Warn(Message):
    """Something a caller may not have meant; it refuses nothing."""

    code: str
    pointer: str
    detail: str


class Plan(Message):
    """A plan as every interface shows it. Its dates and `dst` are echoed as given, other policies with their defaults filled in.

    `dst` is null where none was given: then the default of the schedule's kind is in force, `next_valid` and `first`; for an RRULE `shift`
    and `first`; for `execute_at` `reject` and `reject`.
    """

    id: str
    tenant_id: str
    organization_id: str
    name: str | None
    labels: dict[str, str]
    action: str
    payload: dict[str, Any]
    ordering_key: str | None
    execute_at: str | None
    recurrence: dict[str, Any] | None
    timezone: str
    starts_at: str | None
    ends_at: str | None
    max_runs: int | None
    dst: dict[str, str] | None
    jitter_seconds: int
    misfire: Misfire
    overlap: Overlap
    retry: Retry
    run_timeout_seconds: int | None
    heartbeat_timeout_seconds: int | None
    pause_after_failures: int | None
    active: bool
    status: PlanStatus
    revision: int
    next_run_at: Instant | None
    last_run: LastRun | None = None
    tzdata: str
    created_at: Instant
    created_by: str
    updated_at: Instant
    updated_by: str
    warnings: list[Warn] | None = None
