"""`planner preview --json`: a request a line in, an answer a line out (scheduling.md, section 7)."""

import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final, TextIO

from planner.domain.errors import DefinitionInvalidError
from planner.domain.preview import LIMIT_DEFAULT, LIMIT_MAX, preview_definition
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_uuid
from planner_contracts.plan_event import FieldFault
from planner_contracts.strict_json import JsonMalformedError, parse

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
_MEMBERS: Final = ("id", "schedule", "after", "limit", "plan_id")
_TOO_LARGE: Final = f"a line has at most {LINE_BYTES_MAX} bytes"

_LISTS_HINT: Final = "holiday lists live on the server: give the dates as holidays, or preview over HTTP"

Now = Callable[[], datetime]


class RefusedRequestError(ValueError):
    """A request that is wrong beside its schedule, or has none."""

    def __init__(self, code: ErrorCode, detail: str, *, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.document = {"code": code.value, "detail": detail} | ({} if pointer is None else {"pointer": pointer})


def answer_lines(requests: BinaryIO, answers: TextIO, *, now: Now) -> None:
    """Answer each line before the next is read. Returns at the end of the input, whatever was asked."""
    for line in _lines(requests):
        answer = _too_large() if line is None else answer_line(line, now=now)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def answer_line(line: bytes, *, now: Now) -> dict[str, Any]:
    """The answer to one request. Nothing that a line says ends the process."""
    try:
        request = parse(line)
    except JsonMalformedError as error:
        return _refusal(None, {"code": ErrorCode.MALFORMED_JSON.value, "detail": str(error)})
    request_id = request.get("id") if isinstance(request, dict) else None
    try:
        return {"id": request_id, **_answer(request, now)}
    except RefusedRequestError as error:
        return _refusal(request_id, error.document)
    except DefinitionInvalidError as error:
        faults = [_fault(fault) for fault in without_server(error.faults)]
        return {**_refusal(request_id, faults[0]), "errors": faults}
    except Exception:  # noqa: BLE001  the outermost loop: one request must not end those that follow
        traceback.print_exc()
        return _refusal(request_id, {"code": ErrorCode.INTERNAL.value, "detail": "the request could not be answered"})


def without_server(faults: Iterable[FieldFault]) -> list[FieldFault]:
    """The faults as they are told where no holiday list can be known."""
    unknown = ErrorCode.HOLIDAY_CALENDAR_UNKNOWN
    return [fault.model_copy(update={"hint": _LISTS_HINT}) if fault.code == unknown else fault for fault in faults]


def _answer(request: object, now: Now) -> dict[str, Any]:
    if not isinstance(request, dict):
        raise RefusedRequestError(ErrorCode.FIELD_BAD_TYPE, "a request is an object", pointer="")
    unknown = next((name for name in request if name not in _MEMBERS), None)
    if unknown is not None:
        raise RefusedRequestError(ErrorCode.INVALID_PARAMETER, f"{unknown[:40]!r} is not one of {', '.join(_MEMBERS)}")
    schedule = request.get("schedule")
    if schedule is None:
        raise RefusedRequestError(ErrorCode.FIELD_REQUIRED, "schedule: a value is required", pointer="")
    if not isinstance(schedule, dict):
        raise RefusedRequestError(ErrorCode.FIELD_BAD_TYPE, "schedule: an object is expected", pointer="")
    after = request["after"] if "after" in request else now()
    found = preview_definition(schedule, after=after, limit=_limit(request), plan_id=_plan_id(request))
    return found.document()


def _limit(request: Mapping[str, Any]) -> int:
    limit = request.get("limit")
    if limit is None:
        return LIMIT_DEFAULT
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LIMIT_MAX:
        raise RefusedRequestError(ErrorCode.INVALID_PARAMETER, f"limit: an integer from 1 to {LIMIT_MAX}")
    return limit


def _plan_id(request: Mapping[str, Any]) -> str | None:
    plan_id = request.get("plan_id")
    if plan_id is None or (isinstance(plan_id, str) and is_uuid(plan_id)):
        return plan_id
    raise RefusedRequestError(ErrorCode.INVALID_PARAMETER, "plan_id: a UUID in lower case")


def _lines(requests: BinaryIO) -> Iterator[bytes | None]:
    """The lines that are not blank; None for one that is too long, of which no more than the limit is held at a time."""
    longest = LINE_BYTES_MAX + len(b"\r\n")
    while line := requests.readline(longest):
        is_whole = line.endswith(b"\n") or len(line) < longest
        while not line.endswith(b"\n") and (rest := requests.readline(LINE_BYTES_MAX)):
            line = rest
        if not is_whole or len(line.rstrip(b"\r\n")) > LINE_BYTES_MAX:
            yield None
        elif line.strip():
            yield line


def _too_large() -> dict[str, Any]:
    return _refusal(None, {"code": ErrorCode.BODY_TOO_LARGE.value, "detail": _TOO_LARGE})


def _refusal(request_id: object, error: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": request_id, "error": error}


def _fault(fault: FieldFault) -> dict[str, Any]:
    return fault.model_dump(exclude_none=True)
