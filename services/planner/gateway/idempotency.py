"""`Idempotency-Key`: quoted or bare, 1 to 255 printable ASCII characters."""

import re
from typing import Final

from planner.gateway.problems import ProblemError
from planner_contracts.errors import ErrorCode
from planner_contracts.plan_command import IDEMPOTENCY_KEY_CHARACTERS_MAX

HEADER: Final = "idempotency-key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+\Z")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"\Z')
_ESCAPED: Final = re.compile(r'\\(["\\])')


def parse_key(headers: list[str]) -> str | None:
    """The key of the request's headers of that name; None if there is none. Raises ProblemError, INVALID_IDEMPOTENCY_KEY.

    `"a"` and `a` are the same key. Quoted, it is a string of RFC 8941.
    """
    if not headers:
        return None
    if len(headers) > 1:
        raise _invalid("it is given more than once")
    key = headers[0].strip(" \t")
    if key.startswith('"'):
        quoted = _QUOTED.match(key)
        if quoted is None:
            raise _invalid("the quotes do not enclose a string")
        key = _ESCAPED.sub(r"\1", quoted[1])
    if not 1 <= len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX:
        raise _invalid(f"it has {len(key)} characters, not 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX}")
    if _PRINTABLE.match(key) is None:
        raise _invalid("it has a character that is not printable ASCII")
    return key


def _invalid(detail: str) -> ProblemError:
    return ProblemError(ErrorCode.INVALID_IDEMPOTENCY_KEY, f"Idempotency-Key: {detail}")
