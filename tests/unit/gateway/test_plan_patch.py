from typing import Any

import pytest

from planner.gateway.plan_patch import refuse_patch
from planner.gateway.problems import ProblemError

CRON = {"type": "cron", "expression": "0 9 * * *"}


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"name": None},
        {"max_runs": 3},
        {"execute_at": "2090-01-01T00:00:00Z"},
        {"recurrence": None, "execute_at": "2090-01-01T00:00:00Z"},
        {"execute_at": None, "recurrence": CRON},
        {"recurrence": {"expression": "1 1 * * *"}},
        {"timezone": "Europe/Amsterdam"},
    ],
)
def test_a_patch_that_suits_some_plan_is_let_pass(patch: dict[str, Any]) -> None:
    refuse_patch(patch)


@pytest.mark.parametrize(
    ("patch", "pointer", "code"),
    [
        ({"nme": 1}, "/nme", "UNKNOWN_FIELD"),
        ({"revision": 2}, "/revision", "READ_ONLY_FIELD"),
        ({"organization_id": "eu"}, "/organization_id", "READ_ONLY_FIELD"),
        ({"action": None}, "/action", "FIELD_REQUIRED"),
        ({"timezone": "Mars/Base"}, "/timezone", "TZ_UNKNOWN"),
        ({"payload": []}, "/payload", "FIELD_BAD_TYPE"),
        ({"name": "a" * 201}, "/name", "FIELD_OUT_OF_RANGE"),
        ({"recurrence": None, "execute_at": None}, "/execute_at", "FIELD_REQUIRED"),
    ],
)
def test_a_patch_that_suits_no_plan_is_refused(patch: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(ProblemError, match="VALIDATION_FAILED") as refused:
        refuse_patch(patch)
    assert (pointer, code) in [(fault.pointer, fault.code) for fault in refused.value.faults]
