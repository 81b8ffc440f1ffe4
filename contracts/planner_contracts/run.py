"""The public run (api.md, section 4)."""

from enum import StrEnum

from pydantic import JsonValue

from planner_contracts.instants import Instant
from planner_contracts.message import Message


class RunState(StrEnum):
    """`pending → executing → completed | failed`; `pending → completed | failed` is allowed. The first final state wins."""

    PENDING = "pending"
    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"


class RunTrigger(StrEnum):
    """What caused the run."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"


class RunReason(StrEnum):
    """Why the owner itself ended a run."""

    TIMED_OUT = "TIMED_OUT"
    HEARTBEAT_LOST = "HEARTBEAT_LOST"
    CANCELLED = "CANCELLED"
    NOT_REPORTED = "NOT_REPORTED"


class RunError(Message):
    """What a worker says went wrong. `message` at most 2 KiB; longer is cut."""

    code: str
    message: str
    retryable: bool = True


class RunTransition(Message):
    """One entry of a run's history. `by`: `owner` or the worker's name."""

    state: RunState
    at: Instant
    by: str
    sequence: int


class RunRecord(Message):
    """A run without its history: what run events carry. `lateness_ms` = `published_at` - `due_at`, three decimals."""

    id: str
    plan_id: str
    plan_revision: int
    tenant_id: str
    organization_id: str
    action: str
    trigger: RunTrigger
    attempt: int
    scheduled_for: Instant
    due_at: Instant
    published_at: Instant
    lateness_ms: float
    state: RunState
    started_at: Instant | None = None
    finished_at: Instant | None = None
    worker: str | None = None
    progress: JsonValue = None
    result: JsonValue = None
    error: RunError | None = None
    reason: RunReason | None = None


class Run(RunRecord):
    """A run with its history, every transition in order."""

    history: list[RunTransition]

    @property
    def is_final(self) -> bool:
        """Whether nothing will change it any more."""
        return self.state in (RunState.COMPLETED, RunState.FAILED)
