"""The request's body: bounded, JSON, an object."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

from starlette.requests import Request

from planner.gateway.problems import ProblemError, invalid_field
from planner_contracts.errors import ErrorCode
from planner_contracts.strict_json import JsonMalformedError, parse

BODY_BYTES_MAX: Final = 256 * 1024
BODY_WITHIN_S: Final = 30.0
JSON_TYPES: Final = ("application/json",)
PATCH_TYPES: Final = ("application/merge-patch+json", "application/json")

_ENCODINGS: Final = ("utf-8", "utf8", "us-ascii")


async def read_object(request: Request, media_types: Collection[str], *, within_s: float = BODY_WITHIN_S) -> dict[str, Any]:
    """The JSON object. Raises ProblemError: UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, VALIDATION_FAILED; MALFORMED_JSON, for what does
    not come whole within the time, too.
    """
    _refuse_media_type(request, media_types)
    try:
        async with asyncio.timeout(within_s):
            encoded = await _read(request)
        document = parse(encoded)
    except TimeoutError:
        detail = f"the body has not come within {within_s:g} s"
        raise ProblemError(ErrorCode.MALFORMED_JSON, detail, headers={"Connection": "close"}) from None
    except JsonMalformedError as error:
        raise ProblemError(ErrorCode.MALFORMED_JSON, str(error)) from None
    if not isinstance(document, dict):
        raise invalid_field("", ErrorCode.FIELD_BAD_TYPE, "an object is expected")
    return document


async def read_optional_object(request: Request) -> dict[str, Any]:
    """The JSON object, or an empty one where no body was sent, whatever its type was said to be. Raises ProblemError like read_object."""
    is_empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    return {} if is_empty else await read_object(request, JSON_TYPES)


def _refuse_media_type(request: Request, media_types: Collection[str]) -> None:
    media_type, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    charset = next((value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name.strip() == "charset"), "utf-8")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media_type not in media_types or charset not in _ENCODINGS or encoding != "identity":
        wanted = " or ".join(media_types)
        raise ProblemError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"the body must be {wanted} in UTF-8", headers={"Accept-Patch": PATCH_TYPES[0]}
        )


async def _read(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    encoded = bytearray()
    async for chunk in request.stream():
        encoded += chunk
        if len(encoded) > BODY_BYTES_MAX:
            raise _too_large()
    return bytes(encoded)


def _too_large() -> ProblemError:
    # Without `Connection: close`: it would reset the connection under a caller that still sends, who would never see the answer.
    return ProblemError(ErrorCode.BODY_TOO_LARGE, f"at most {BODY_BYTES_MAX} bytes")
