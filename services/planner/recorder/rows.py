"""What one record becomes in the run store: rows as plain data, in the order of the tables' columns."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan as its newest event shows it. `plan`: the whole document as JSON text."""

    id: str
    tenant_id: str
    organization_id: str
    name: str | None
    labels: str
    action: str
    status: str
    revision: int
    next_run_at: datetime | None
    created_at: datetime
    updated_at: datetime
    event_partition: int
    event_offset: int
    plan: str


@dataclass(frozen=True, slots=True)
class CompletionRow:
    """A plan of which nothing will fire again."""

    plan_id: str
    event_offset: int


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """What an accepted command left. It becomes a revision only if its number is new."""

    plan_id: str
    event_offset: int
    revision: int
    tenant_id: str
    organization_id: str
    kind: str
    command_id: str
    actor: str
    at: datetime
    changes: str
    plan: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as its newest event shows it."""

    id: str
    plan_id: str
    plan_revision: int
    tenant_id: str
    organization_id: str
    action: str
    trigger: str
    attempt: int
    scheduled_for: datetime
    due_at: datetime
    published_at: datetime
    lateness_ms: float
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    progress: str | None
    result: str | None
    error: str | None
    reason: str | None
    sequence: int


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """One entry of a run's history."""

    run_id: str
    sequence: int
    state: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """A plan's next due time as a fire or a skip left it."""

    plan_id: str
    plan_revision: int
    event_offset: int
    next_run_at: datetime


@dataclass(frozen=True, slots=True)
class SkipRow:
    """Skipped nominal times, both ends inclusive; `count` None: not known."""

    plan_id: str
    event_offset: int
    tenant_id: str
    organization_id: str
    plan_revision: int
    reason: str
    first_scheduled_for: datetime
    last_scheduled_for: datetime
    count: int | None
    into_scheduled_for: datetime | None


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A nominal time that waits for a run to end, until a run or a skip tells its outcome."""

    plan_id: str
    scheduled_for: datetime
    plan_revision: int
    event_offset: int


@dataclass(frozen=True, slots=True)
class CommandRow:
    """What became of a command, or that it waits. `event_partition` and `event_offset` are None while it does."""

    tenant_id: str
    id: str
    organization_id: str
    state: str
    plan_id: str | None
    revision: int | None
    problem: str | None
    replayed: bool
    original_command_id: str | None
    event_partition: int | None
    event_offset: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A tenant's holiday list. `dates`: JSON text. A deleted one is only hidden: plans that use it keep its dates."""

    tenant_id: str
    name: str
    version: int
    dates: str
    deleted: bool
    updated_at: datetime
    updated_by: str


Row = PlanRow | CompletionRow | RevisionRow | RunRow | TransitionRow | ProgressRow | SkipRow | HeldRow | CommandRow | CalendarRow
