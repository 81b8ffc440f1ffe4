"""What the bodies of a pause and of a resume ask for."""

from collections.abc import Mapping
from typing import Any

from planner.domain.errors import DefinitionInvalidError, Faults, Stage
from planner.domain.field_reader import FieldReader
from planner.domain.resume import ResumeBacklog
from planner.gateway.problems import invalid_definition
from planner_contracts.errors import ErrorCode
from planner_contracts.plan_command import REASON_CHARACTERS_MAX
from planner_contracts.strict_json import text_is_storable


def pause_content(body: Mapping[str, Any]) -> dict[str, Any]:
    """`reason`, if one is given. Raises ProblemError, VALIDATION_FAILED."""
    reader = FieldReader(body, Faults())
    reason = reader.string("reason")
    if reason is not None and len(reason) > REASON_CHARACTERS_MAX:
        reader.fault("reason", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {REASON_CHARACTERS_MAX} characters")
    elif reason is not None and not text_is_storable(reason):
        reader.fault("reason", ErrorCode.FIELD_INVALID, Stage.CHARACTERS, "U+0000 and unpaired surrogates cannot be stored")
    _refuse(reader, "reason")
    return {} if reason is None else {"reason": reason}


def resume_content(body: Mapping[str, Any]) -> dict[str, Any]:
    """`backlog`, `skip` where none is given. Raises ProblemError, VALIDATION_FAILED."""
    reader = FieldReader(body, Faults())
    backlog = reader.choice("backlog", tuple(ResumeBacklog)) or ResumeBacklog.SKIP.value
    _refuse(reader, "backlog")
    return {"backlog": backlog}


def _refuse(reader: FieldReader, known: str) -> None:
    reader.refuse_unknown((known,))
    try:
        reader.faults.refuse()
    except DefinitionInvalidError as invalid:
        raise invalid_definition(invalid) from None
