"""Commands as the gateway sends them: the port."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from planner.gateway.positions import Position
from planner_contracts.instants import format_instant
from planner_contracts.plan_command import CommandType


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCommand:
    """One wish about one plan. `content`: what the type of command adds to what every command carries."""

    type: CommandType
    command_id: str
    plan_id: str
    tenant_id: str
    organization_id: str
    actor: str
    issued_at: datetime
    content: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    expected_revision: int | None = None

    def data(self) -> dict[str, Any]:
        """The record's `data`; what is absent is left out."""
        head = {
            "command_id": self.command_id,
            "tenant_id": self.tenant_id,
            "organization_id": self.organization_id,
            "actor": self.actor,
            "idempotency_key": self.idempotency_key,
            "expected_revision": self.expected_revision,
            "issued_at": format_instant(self.issued_at),
        }
        return {name: value for name, value in head.items() if value is not None} | dict(self.content)


@dataclass(frozen=True, slots=True)
class Trace:
    """What ties a record to the request that caused it."""

    request_id: str
    traceparent: str


class CommandPublisher(Protocol):
    """Where commands go."""

    async def publish(self, command: PlanCommand, trace: Trace) -> Position:
        """Where in the command topic the command lies, acknowledged by all in-sync replicas.

        Raises ProblemError, BODY_TOO_LARGE; UnavailableError if nothing was written; IndefiniteError if that is not known.
        """
