"""Opaque cursors: where a page of a sorted list ended. They stay valid while rows are added, as they name no count."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import URL

from planner.gateway.problems import ProblemError
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_uuid
from planner_contracts.strict_json import text_is_storable

_CHARACTERS_MAX: Final = 2_000
_DIGEST_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: the value that the list is sorted by, as text, and its id."""

    key: str | None
    id: str


def list_digest(asked: Mapping[str, Any]) -> str:
    """What a cursor belongs to: the list with its order and filters, whatever the page's size."""
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def encode_cursor(place: Place, digest: str) -> str:
    """The cursor behind this place of the list."""
    return base64.urlsafe_b64encode(json.dumps([digest, place.key, place.id], separators=(",", ":")).encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, digest: str) -> Place:
    """Where the page before ended. Raises ProblemError, INVALID_CURSOR, if this list did not give it."""
    try:
        if len(cursor) > _CHARACTERS_MAX:
            raise _invalid()
        document = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise _invalid() from None
    match document:
        case [str(given), str() | None as key, str(row_id)] if given == digest and is_uuid(row_id) and text_is_storable(key or ""):
            return Place(key, row_id)
        case _:
            raise _invalid()


def next_link(url: URL, cursor: str) -> str:
    """The Link header's value for the next page, relative to the host."""
    following = url.include_query_params(cursor=cursor)
    return f'<{following.path}?{following.query}>; rel="next"'


def _invalid() -> ProblemError:
    return ProblemError(ErrorCode.INVALID_CURSOR, "this list, with these filters and this order, did not give the cursor")
