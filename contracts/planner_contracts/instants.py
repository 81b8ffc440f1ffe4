"""Instants on the wire: RFC 3339 in UTC with `Z`, no fraction if it is zero, else six digits (api.md, conventions)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)


def format_instant(instant: datetime) -> str:
    """The wire's only form of an instant. `instant` is aware; its zone does not matter."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _refuse_other_forms(value: object) -> object:
    # Pydantic alone would take numbers as seconds since 1970, and dates as their midnight.
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.match(value)):
        return value
    raise ValueError("not an RFC 3339 instant")


Instant = Annotated[AwareDatetime, BeforeValidator(_refuse_other_forms), PlainSerializer(format_instant, return_type=str, when_used="json")]
