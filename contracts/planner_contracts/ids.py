"""NewTypes and derivations of ids: the only ones (api.md, sections 1 and 3). Golden vectors pin every derivation."""

import hashlib
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NewType
from uuid import UUID

PlanId = NewType("PlanId", str)
RunId = NewType("RunId", str)
CommandId = NewType("CommandId", str)
TenantId = NewType("TenantId", str)
OrganizationId = NewType("OrganizationId", str)

PLAN_ID_NAMESPACE = UUID("63527d55-b7b5-5d6d-b46e-6f168de8d166")

_NAMESPACE = re.compile(r"[a-z0-9-]{1,40}\Z", re.ASCII)
ACTION_PATTERN = "[a-z0-9]+([.-][a-z0-9]+)*"
_ACTION = re.compile(rf"{ACTION_PATTERN}\Z", re.ASCII)
_CALENDAR_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}\Z", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.ASCII)
ACTION_CHARACTERS_MAX = 120


def plan_id(tenant_id: str, organization_id: str, key: str) -> PlanId:
    """The id of the plan that a create makes. `key`: its idempotency key, or its `command_id` where it has none."""
    return PlanId(_uuid5(PLAN_ID_NAMESPACE.bytes, f"{tenant_id}\n{organization_id}\n{key}"))


def calendar_id(tenant_id: str, name: str) -> str:
    """What a tenant's holiday list is routed by on the topics: all commands about one list lie in one partition. Never a plan's id:
    an organization has a name.
    """
    return _uuid5(PLAN_ID_NAMESPACE.bytes, f"{tenant_id}\n\n{name}")


def is_calendar_name(text: str) -> bool:
    """Whether the text may name a holiday list: 1 to 100 letters, digits, dots, hyphens, underscores."""
    return _CALENDAR_NAME.match(text) is not None


def run_id(plan: str, origin: str, scheduled_for: datetime, attempt: int) -> RunId:
    """The id of one attempt at one occurrence; the same for whoever computes it.

    `origin`: `schedule`, `manual:<command_id>` or `backfill:<command_id>`; a retry keeps its first attempt's origin.
    """
    return RunId(_uuid5(bytes.fromhex(plan.replace("-", "")), f"{origin}\n{instant_with_fraction(scheduled_for)}\n{attempt}"))


@lru_cache(maxsize=1024)  # what falls due together has its instant in common
def instant_with_fraction(instant: datetime) -> str:
    """RFC 3339 in UTC with always six fraction digits: the form that ids are derived from."""
    at = instant.astimezone(UTC)
    # isoformat() takes three times as long where there is a zone.
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}.{at.microsecond:06}Z"


def _uuid5(namespace: bytes, name: str) -> str:
    # RFC 9562, section 5.5, as uuid.uuid5 does it but without making UUID objects: one of these stands in the way of every fire.
    text = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in the wire's only form: lower case, hyphens."""
    return _UUID.match(text) is not None


def is_namespace(text: str) -> bool:
    """Whether the text may name a deployment: `[a-z0-9-]{1,40}`."""
    return _NAMESPACE.match(text) is not None


def is_action(text: str) -> bool:
    """Whether the text may name an action, so that two actions never collide as Kafka topics."""
    return len(text) <= ACTION_CHARACTERS_MAX and _ACTION.match(text) is not None
