"""The message that asks a worker for the work, and the one that asks it to stop."""

from typing import Any, Final

from planner_contracts.instants import Instant
from planner_contracts.message import Message
from planner_contracts.run import RunTrigger

ACTION_TYPE_PREFIX: Final = "planner.action."
CONTROL_TYPE: Final = "planner.run.cancel_requested"


class Action(Message):
    """`data` of `planner.action.<action>`. `published_at` is never before `due_at`; every repeat carries the same `run_id`."""

    run_id: str
    plan_id: str
    plan_revision: int
    tenant_id: str
    organization_id: str
    action: str
    scheduled_for: Instant
    due_at: Instant
    published_at: Instant
    attempt: int
    trigger: RunTrigger
    payload: dict[str, Any]
    timezone: str
    report_token: str
    report_deadline: Instant | None
    heartbeat_timeout_seconds: int | None


class CancelRequested(Message):
    """`data` of a record on `planner.control.<action>`: the worker should stop this run."""

    run_id: str
    plan_id: str
    reason: str
