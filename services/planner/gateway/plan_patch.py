"""What is wrong with a patch whatever the plan is: judged before any plan is looked up."""

from collections.abc import Mapping
from typing import Any, Final

from planner.domain.definition import define, merge_patch
from planner.domain.errors import DefinitionInvalidError
from planner.gateway.holiday_lists import perhaps_there
from planner.gateway.problems import ProblemError, invalid_field
from planner_contracts.errors import ErrorCode
from planner_contracts.plan_event import FieldFault

# One plan of each kind. Neither instant is ever judged against a clock here.
_SAMPLES: Final[tuple[Mapping[str, Any], ...]] = (
    {"action": "sample", "execute_at": "2100-01-01T00:00:00Z"},
    {"action": "sample", "recurrence": {"type": "interval", "every_seconds": 60, "anchor": "2026-01-01T00:00:00Z"}},
    {"action": "sample", "recurrence": {"type": "cron", "expression": "0 9 * * *"}, "timezone": "UTC"},
)


def refuse_patch(patch: Mapping[str, Any]) -> None:
    """Raises ProblemError, VALIDATION_FAILED, with the faults that the patch has for every kind of plan.

    Whether it suits the plan that it is for, only the plan's owner knows: ours may be an earlier state of it.
    """
    if "organization_id" in patch:
        raise invalid_field("/organization_id", ErrorCode.READ_ONLY_FIELD, "a plan stays with its organization")
    found = [_faults(merge_patch(define(sample, now=None).document, patch)) for sample in _SAMPLES]
    shared = set.intersection(*(_keys(faults) for faults in found))
    common = [fault for fault in found[0] if (fault.pointer, fault.code) in shared]
    if common:
        raise ProblemError(ErrorCode.VALIDATION_FAILED, common[0].detail, faults=common)


def _faults(merged: Mapping[str, Any]) -> tuple[FieldFault, ...]:
    try:
        define(merged, now=None, calendars=perhaps_there(merged))
    except DefinitionInvalidError as error:
        return error.faults
    return ()


def _keys(faults: tuple[FieldFault, ...]) -> set[tuple[str, str]]:
    return {(fault.pointer, fault.code) for fault in faults}
