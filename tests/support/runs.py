"""A run as its owner makes it."""

from typing import Any

from msgspec import structs

from planner.domain.run import Run
from planner_contracts.ids import PlanId, RunId
from planner_contracts.run import RunTrigger
from support.plans import ACTION, NOON, ORGANIZATION, TENANT

PENDING = Run(
    run_id=RunId("00000000-0000-4000-8000-00000000000a"),
    plan_id=PlanId("00000000-0000-4000-8000-000000000001"),
    plan_revision=1,
    tenant_id=TENANT,
    organization_id=ORGANIZATION,
    action=ACTION,
    trigger=RunTrigger.SCHEDULE,
    attempt=1,
    scheduled_for=NOON,
    due_at=NOON,
    published_at=NOON,
    open=True,
)


def a_run(**fields: Any) -> Run:  # noqa: ANN401 any field of a run
    """The first run of a plan, pending since noon, but for the fields given."""
    return structs.replace(PENDING, **fields)
