"""Records as owners and gateways write them, for tests of what reads them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid5

from planner.recorder.source import Partition, SourceRecord
from planner_contracts.envelope import HEADERS, Envelope, encode
from planner_contracts.ids import PLAN_ID_NAMESPACE, run_id
from planner_contracts.instants import format_instant
from planner_contracts.topics import TopicRole, topic

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = "acme"
ORGANIZATION = "acme-eu"


def an_id(name: str) -> str:
    """A UUID that is the same for the same name."""
    return str(uuid5(PLAN_ID_NAMESPACE, name))


def a_plan(plan_id: str, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 (any field of a plan)
    plan: dict[str, Any] = {
        "id": plan_id,
        "tenant_id": TENANT,
        "organization_id": ORGANIZATION,
        "name": "launch",
        "labels": {"team": "growth"},
        "action": "content.publish",
        "payload": {"content_id": 1.0, "a": "é"},
        "ordering_key": None,
        "execute_at": None,
        "recurrence": {"type": "interval", "every_seconds": 60, "anchor": format_instant(NOON)},
        "timezone": "UTC",
        "starts_at": None,
        "ends_at": None,
        "max_runs": None,
        "dst": None,
        "jitter_seconds": 0,
        "misfire": {"max_lateness_seconds": 3600, "coalesce": "latest", "max_catchup": 100},
        "overlap": {"policy": "allow"},
        "retry": {"max_attempts": 1, "initial_seconds": 10, "multiplier": 2, "max_seconds": 3600, "retry_on": ["failure", "timeout"]},
        "run_timeout_seconds": None,
        "heartbeat_timeout_seconds": None,
        "pause_after_failures": None,
        "active": True,
        "status": "active",
        "revision": 1,
        "next_run_at": format_instant(NOON + timedelta(minutes=1)),
        "last_run": None,
        "tzdata": "2026f",
        "created_at": format_instant(NOON),
        "created_by": "key:1",
        "updated_at": format_instant(NOON),
        "updated_by": "key:1",
    }
    return plan | changed


@dataclass(frozen=True, slots=True)
class Message:
    """What a record holds, before it lies anywhere."""

    role: TopicRole
    key: str
    value: bytes

    def at(self, offset: int, *, partition: int = 0, namespace: str = "planner") -> SourceRecord:
        return SourceRecord(
            role=self.role,
            partition=Partition(topic(namespace, self.role), partition),
            offset=offset,
            timestamp=NOON,
            key=self.key.encode(),
            value=self.value,
            headers=tuple(HEADERS),
        )


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to one plan. Each method gives the message that an owner would write of it."""

    plan_id: str = field(default_factory=lambda: an_id("plan"))
    tenant_id: str = TENANT
    organization_id: str = ORGANIZATION

    def command(self, kind: str, command: str, **data: Any) -> Message:  # noqa: ANN401 (any field of a command)
        head = {"command_id": an_id(command), "tenant_id": self.tenant_id, "organization_id": self.organization_id, "actor": "key:1"}
        return self.message(TopicRole.PLAN_COMMANDS, f"planner.plan.{kind}", head | data)

    def changed(self, kind: str, command: str, *, revision: int = 1, **plan: Any) -> Message:  # noqa: ANN401 (any field of a plan)
        document = a_plan(self.plan_id, tenant_id=self.tenant_id, organization_id=self.organization_id, revision=revision, **plan)
        return self.message(TopicRole.PLAN_EVENTS, f"planner.plan.{kind}", self._outcome(command, revision) | {"plan": document})

    def replayed(self, command: str, *, revision: int = 1, original: str | None = None) -> Message:
        outcome = self._outcome(command, revision) | {"plan": None, "replayed": True}
        given = outcome if original is None else outcome | {"original_command_id": an_id(original)}
        return self.message(TopicRole.PLAN_EVENTS, "planner.plan.created", given)

    def completed(self) -> Message:
        data = {"plan_id": self.plan_id, "revision": 1, "at": format_instant(NOON)}
        return self.message(TopicRole.PLAN_EVENTS, "planner.plan.completed", data)

    def rejected(self, command: str, code: str = "PLAN_NOT_FOUND") -> Message:
        data = {
            "command_id": an_id(command),
            "plan_id": self.plan_id,
            "code": code,
            "status": 404,
            "detail": "There is no such plan.",
            "errors": [],
            "at": format_instant(NOON),
        }
        return self.message(TopicRole.PLAN_EVENTS, "planner.command.rejected", data)

    def calendar(self, command: str, version: int, dates: list[str] | None, *, kind: str = "changed", **data: Any) -> Message:  # noqa: ANN401 (any field of the event)
        """One partition's word that the tenant's list `nl` has changed, or is deleted."""
        head = {"command_id": an_id(command), "name": "nl", "version": version, "dates": dates, "created": version == 1}
        return self.message(TopicRole.PLAN_EVENTS, f"planner.calendar.{kind}", head | {"actor": "key:1", "at": format_instant(NOON)} | data)

    def run(self, minute: int, state: str = "pending", sequence: int = 1, **changed: Any) -> Message:  # noqa: ANN401 (any field of a run)
        scheduled_for = NOON + timedelta(minutes=minute)
        data = {
            "id": self.run_id(minute),
            "plan_id": self.plan_id,
            "plan_revision": 1,
            "tenant_id": self.tenant_id,
            "organization_id": self.organization_id,
            "action": "content.publish",
            "trigger": "schedule",
            "attempt": 1,
            "scheduled_for": format_instant(scheduled_for),
            "due_at": format_instant(scheduled_for),
            "published_at": format_instant(scheduled_for + timedelta(milliseconds=5)),
            "lateness_ms": 5.0,
            "state": state,
            "sequence": sequence,
        }
        return self.message(TopicRole.RUN_EVENTS, f"planner.run.{state}", data | changed)

    def run_id(self, minute: int) -> str:
        return run_id(self.plan_id, "schedule", NOON + timedelta(minutes=minute), 1)

    def skipped(self, **data: Any) -> Message:  # noqa: ANN401 (any field of a skip)
        head = {"plan_id": self.plan_id, "tenant_id": self.tenant_id, "organization_id": self.organization_id, "plan_revision": 1}
        return self.message(TopicRole.RUN_EVENTS, "planner.occurrence.skipped", head | {"reason": "missed"} | data)

    def held(self, minute: int, next_run_at: str | None = None) -> Message:
        head = {"plan_id": self.plan_id, "tenant_id": self.tenant_id, "organization_id": self.organization_id, "plan_revision": 1}
        nominal = format_instant(NOON + timedelta(minutes=minute))
        data = head | {"scheduled_for": nominal, "next_run_at": next_run_at}
        return self.message(TopicRole.RUN_EVENTS, "planner.occurrence.held", data)

    def message(self, role: TopicRole, event_type: str, data: dict[str, Any]) -> Message:
        envelope = Envelope(
            id=an_id(f"{event_type}{data}"),
            source="/planner/owner",
            type=event_type,
            time=NOON,
            subject=self.plan_id,
            tenant_id=self.tenant_id,
            organization_id=self.organization_id,
            data=data,
        )
        return Message(role, self.plan_id, encode(envelope))

    def _outcome(self, command: str, revision: int) -> dict[str, Any]:
        return {
            "command_id": an_id(command),
            "plan_id": self.plan_id,
            "revision": revision,
            "changes": [],
            "actor": "key:1",
            "at": format_instant(NOON),
            "replayed": False,
        }


def without(message: Message, text: bytes, other: bytes) -> Message:
    """The message with one piece of its value replaced."""
    assert text in message.value
    return replace(message, value=message.value.replace(text, other))
