"""Every error as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from planner.domain.errors import DefinitionInvalidError
from planner_contracts.errors import CATALOGUE, ErrorCode
from planner_contracts.plan_event import FieldFault

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1


class ProblemError(Exception):
    """A request that ends with this code. `detail` is for people; `faults` become `errors`."""

    def __init__(
        self, code: ErrorCode, detail: str, *, faults: Sequence[FieldFault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


def invalid_field(pointer: str, code: ErrorCode, detail: str) -> ProblemError:
    """VALIDATION_FAILED for one field."""
    return ProblemError(ErrorCode.VALIDATION_FAILED, detail, faults=[FieldFault(pointer=pointer, code=code, detail=detail)])


def invalid_definition(error: DefinitionInvalidError) -> ProblemError:
    """VALIDATION_FAILED with every fault; the first is *the* code."""
    return ProblemError(ErrorCode.VALIDATION_FAILED, error.faults[0].detail, faults=error.faults)


def unavailable() -> ProblemError:
    """503: nothing is lost, and a repeat under the same key does no harm. What is away is for the log."""
    detail = "a part of the service cannot be reached just now; the request may be repeated with the same Idempotency-Key"
    return ProblemError(ErrorCode.UNAVAILABLE, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def problem(error: ProblemError, *, instance: str, request_id: str) -> dict[str, Any]:
    """The problem object."""
    entry = CATALOGUE[error.code]
    document: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": entry.title,
        "status": entry.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code.value,
        "request_id": request_id,
    }
    if error.faults:
        document["errors"] = [fault.model_dump(exclude_none=True) for fault in error.faults]
    return document


def problem_response(request: Request, error: ProblemError) -> JSONResponse:
    """The answer to a request that ends with this error."""
    document = problem(error, instance=request.url.path, request_id=request.state.request_id)
    return JSONResponse(document, status_code=CATALOGUE[error.code].status, media_type=MEDIA_TYPE, headers=error.headers)


def rejection_error(rejection: Mapping[str, Any]) -> ProblemError:
    """The error of a command that its owner rejected: `code`, `detail`, `errors` as the event has them.

    A code that this version does not know is no reason to show nothing: it becomes INTERNAL.
    """
    code = ErrorCode(rejection["code"]) if rejection["code"] in set(ErrorCode) else ErrorCode.INTERNAL
    return ProblemError(code, rejection["detail"], faults=[FieldFault.model_validate(fault) for fault in rejection["errors"]])
