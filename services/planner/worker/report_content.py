"""What fits into a report: texts cut, characters mended, results checked (api.md, section 3)."""

import json
import re
from typing import Final

from pydantic import JsonValue
from pydantic_core import PydanticSerializationError, to_jsonable_python

from planner_contracts.run_report import ERROR_MESSAGE_BYTES_MAX, PROGRESS_BYTES_MAX, RESULT_BYTES_MAX, ReportedError

CODE_CHARACTERS_MAX: Final = 200

_UNSENDABLE: Final = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"


class ResultUnfitError(ValueError):
    """The result cannot be sent: too large, or not JSON."""


def error(code: str, message: str, *, retryable: bool) -> ReportedError:
    """An error within its limits. Both texts are a handler's own: what is none is written as one, so that the run ends all the same."""
    return ReportedError(
        code=_mended(str(code))[:CODE_CHARACTERS_MAX], message=_cut(_mended(str(message)), ERROR_MESSAGE_BYTES_MAX), retryable=retryable
    )


def progress(given: object) -> JsonValue:
    """Progress within its limit; what is longer becomes the beginning of its JSON text."""
    mended = _mended_json(to_jsonable_python(given, inf_nan_mode="null"))
    text = _json(mended)
    if len(text.encode()) <= PROGRESS_BYTES_MAX:
        return mended
    text = mended if isinstance(mended, str) else text
    while (size := len(_json(text).encode())) > PROGRESS_BYTES_MAX:
        text = text[: len(text) * PROGRESS_BYTES_MAX // size - 1]
    return text


def result(returned: object) -> JsonValue:
    """What the handler returned, as JSON: models, dataclasses, dates and UUIDs included. Raises ResultUnfitError."""
    try:
        jsonable: JsonValue = to_jsonable_python(returned, by_alias=True, inf_nan_mode="null")
        mended = _mended_json(jsonable)
        size = len(_json(mended).encode())
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as unfit:
        raise ResultUnfitError(f"not JSON: {unfit}") from unfit
    if size > RESULT_BYTES_MAX:
        raise ResultUnfitError(f"{size} bytes, at most {RESULT_BYTES_MAX} fit into a report")
    return mended


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _cut(text: str, bytes_max: int) -> str:
    return text.encode()[:bytes_max].decode(errors="ignore")


def _mended(text: str) -> str:
    return _UNSENDABLE.sub(_REPLACEMENT, text)


def _mended_json(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _mended(value)
    if isinstance(value, list):
        return [_mended_json(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended_json(item) for name, item in value.items()}
    return value
