"""Every run's states and every occurrence that is skipped or held, as validated facts."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from planner_contracts.instants import Instant
from planner_contracts.message import Message
from planner_contracts.run import RunRecord


class RunEventType(StrEnum):
    """The `type` of a record on the run events topic."""

    PENDING = "planner.run.pending"
    EXECUTING = "planner.run.executing"
    COMPLETED = "planner.run.completed"
    FAILED = "planner.run.failed"
    OCCURRENCE_SKIPPED = "planner.occurrence.skipped"
    OCCURRENCE_HELD = "planner.occurrence.held"


class SkipReason(StrEnum):
    """Why an occurrence did not fire: the closed list of scheduling.md, section 5.6."""

    MISSED = "missed"
    COALESCED = "coalesced"
    CATCHUP_LIMIT = "catchup_limit"
    OVERLAP = "overlap"
    PAUSED = "paused"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    UNDELIVERABLE = "undeliverable"


class RunChanged(RunRecord):
    """`data` of the four run events: the run; `sequence` rises by 1 within a run, from 1.

    `next_run_at`, on `planner.run.pending` of a scheduled run only: the plan's next due time as this decision left it.
    """

    sequence: int
    next_run_at: Instant | None = None


class OccurrenceSkipped(Message):
    """`data` of `planner.occurrence.skipped`: one nominal time, or a range (both ends inclusive; `count` null if not known)."""

    plan_id: str
    tenant_id: str
    organization_id: str
    plan_revision: int
    reason: SkipReason
    scheduled_for: Instant | None = None
    first: Annotated[Instant | None, Field(alias="from")] = None
    last: Annotated[Instant | None, Field(alias="to")] = None
    count: int | None = None
    into: Instant | None = None
    next_run_at: Instant | None = None


class OccurrenceHeld(Message):
    """`data` of `planner.occurrence.held`: a nominal time that waits for a run to end, or kept by an update, for a resume or its due time.

    Its outcome follows.
    """

    plan_id: str
    tenant_id: str
    organization_id: str
    plan_revision: int
    scheduled_for: Instant
    next_run_at: Instant | None = None
