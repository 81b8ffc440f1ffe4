"""What callers are told of a field: our words, whatever pydantic's are."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from planner_contracts.faults import fault_detail
from planner_contracts.plan import PlanStatus
from planner_contracts.plan_command import CancelPlan, PausePlan, ResumePlan, UpdatePlan
from planner_contracts.run_report import RunReport
from support.incoming import command_data

PLAN = "00000000-0000-4000-8000-000000000001"


class Parameters(BaseModel):
    status: PlanStatus | None = None
    limit: int = 1


def details(model: type[BaseModel], content: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(content)
    return {".".join(map(str, fault["loc"])): fault_detail(fault) for fault in refused.value.errors()}


@pytest.mark.parametrize(
    ("model", "changed", "told"),
    [
        (ResumePlan, {"backlog": "some"}, {"backlog": "skip, latest or all is expected"}),
        (CancelPlan, {"plan_id": "7"}, {"plan_id": "a UUID in lower case is expected"}),
        (CancelPlan, {"tenant_id": "a/b"}, {"tenant_id": "letters, digits, dots, hyphens and underscores are expected"}),
        (CancelPlan, {"idempotency_key": "\u00e9"}, {"idempotency_key": "printable ASCII characters are expected"}),
        (CancelPlan, {"actor": ""}, {"actor": "at least 1 characters"}),
        (CancelPlan, {"actor": 7, "colour": 1}, {"actor": "a string is expected", "colour": "there is no such field"}),
        (CancelPlan, {"expected_revision": 0}, {"expected_revision": "1 or more"}),
        (CancelPlan, {"expected_revision": "1"}, {"expected_revision": "an integer is expected"}),
        (CancelPlan, {"issued_at": "soon"}, {"issued_at": "not an RFC 3339 instant"}),
        (CancelPlan, {"issued_at": "2027-02-30T00:00:00Z"}, {"issued_at": "the value is not valid"}),
        (PausePlan, {"reason": "x" * 201}, {"reason": "at most 200 characters"}),
        (UpdatePlan, {"patch": []}, {"patch": "an object is expected"}),
        (
            Parameters,
            {"status": "gone", "limit": "x"},
            {"status": "active, paused, completed or cancelled is expected", "limit": "an integer is expected"},
        ),
    ],
)
def test_a_fault_is_told_without_the_validator_s_own_terms(model: type[BaseModel], changed: dict[str, Any], told: dict[str, str]) -> None:
    assert details(model, command_data(plan_id=PLAN) | ({"patch": {}} if model is UpdatePlan else {}) | changed) == told


def test_what_is_missing_is_told() -> None:
    assert set(details(RunReport, {}).values()) == {"a value is required"}
