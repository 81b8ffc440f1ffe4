"""Plan events: what became of commands. Every command record gets exactly one event with its `command_id`."""

from enum import StrEnum
from typing import Any

from planner_contracts.instants import Instant
from planner_contracts.message import Message
from planner_contracts.plan import Plan


class PlanEventType(StrEnum):
    """The `type` of a record on the plan events topic."""

    CREATED = "planner.plan.created"
    UPDATED = "planner.plan.updated"
    CANCELLED = "planner.plan.cancelled"
    PAUSED = "planner.plan.paused"
    RESUMED = "planner.plan.resumed"
    COMPLETED = "planner.plan.completed"
    TRIGGERED = "planner.plan.triggered"
    BACKFILLED = "planner.plan.backfilled"
    RESCHEDULED = "planner.plan.rescheduled"
    COMMAND_REJECTED = "planner.command.rejected"
    CALENDAR_CHANGED = "planner.calendar.changed"
    CALENDAR_DELETED = "planner.calendar.deleted"


class FieldChange(Message):
    """One changed field. `path` is a JSON pointer into the plan."""

    path: str
    old: Any
    new: Any


class PlanChanged(Message):
    """`data` of every event that a command causes. A replayed one has `plan: null`: the first event carried it.

    `original_command_id` stands where the idempotency key, not the command id, was repeated. `reason`: why it was paused.
    No command causes `planner.plan.rescheduled`: the zone database, or a holiday list that the plan uses, has changed. It is a new
    revision if the plan's next occurrence has moved.
    """

    command_id: str
    plan_id: str
    plan: Plan | None
    revision: int
    changes: list[FieldChange]
    actor: str
    at: Instant
    replayed: bool = False
    original_command_id: str | None = None
    reason: str | None = None


class PlanCompleted(Message):
    """`data` of `planner.plan.completed`, which no command causes: nothing will fire again."""

    plan_id: str
    revision: int
    at: Instant


class FieldFault(Message):
    """One item of `errors[]`. `pointer` is relative to the plan definition, `position` 0-based in the text."""

    pointer: str
    code: str
    detail: str
    position: int | None = None
    hint: str | None = None


class CommandRejected(Message):
    """`data` of `planner.command.rejected`: nothing was changed. `code` and `status` are of the error catalogue."""

    command_id: str
    plan_id: str | None
    code: str
    status: int
    detail: str
    errors: list[FieldFault]
    at: Instant
    replayed: bool = False
