"""Instants on the wire: RFC 3339 in UTC with `Z`, no fraction if it is zero, else six digits (api.md, conventions)."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, PlainSerializer


def format_instant(instant: datetime) -> str:
    """The wire's only form of an instant. `instant` is aware; its zone does not matter."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


Instant = Annotated[AwareDatetime, PlainSerializer(format_instant, return_type=str, when_used="json")]
