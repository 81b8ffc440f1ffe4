"""Record -> rows, pure."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from planner.recorder.rows import (
    CalendarRow,
    CommandRow,
    CompletionRow,
    HeldRow,
    PlanRow,
    ProgressRow,
    RevisionRow,
    Row,
    RunRow,
    SkipRow,
    TransitionRow,
)
from planner.recorder.source import SourceRecord
from planner_contracts.calendar import CALENDAR_COPIED_TYPE, CalendarChanged
from planner_contracts.envelope import Envelope, EnvelopeInvalidError, decode
from planner_contracts.ids import is_uuid, plan_id
from planner_contracts.message import Message
from planner_contracts.plan_command import CommandType, IdempotencyKey, ScopeId, Uuid
from planner_contracts.plan_event import CommandRejected, PlanChanged, PlanCompleted, PlanEventType
from planner_contracts.run import RunState
from planner_contracts.run_event import OccurrenceHeld, OccurrenceSkipped, RunChanged, RunEventType
from planner_contracts.topics import TopicRole

_FAULT_CHARACTERS_MAX: Final = 500
_OWNER: Final = "owner"


class RecordInvalidError(Exception):
    """No row can be made of the record; the message says why. It belongs to the dead letters."""


class CommandHead(Message):
    """What of a command is shown while it waits. Who reads the whole of it is the owner, who also dead-letters what it cannot read."""

    command_id: Uuid
    tenant_id: ScopeId
    organization_id: ScopeId
    plan_id: Uuid | None = None
    idempotency_key: IdempotencyKey | None = None


def project(record: SourceRecord) -> tuple[Row, ...]:
    """The rows of one record; none for a type that this version does not know. Raises RecordInvalidError."""
    if record.role is TopicRole.PLAN_COMMANDS:
        return _waiting_command(record)
    try:
        envelope = decode(record.value, record.headers)
        maker = _MAKERS.get(envelope.type)
        return () if maker is None else maker(envelope, record)
    except EnvelopeInvalidError as error:
        raise RecordInvalidError(f"no CloudEvent: {error}") from None
    except ValidationError as error:
        raise RecordInvalidError(_faults(error)[:_FAULT_CHARACTERS_MAX]) from None


def _faults(error: ValidationError) -> str:
    # Never what was given: it is a tenant's own, and this text gets into the log.
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False, include_url=False)
    )


def _waiting_command(record: SourceRecord) -> tuple[Row, ...]:
    try:
        envelope = decode(record.value, record.headers)
        head = CommandHead.model_validate(envelope.data)
    except (EnvelopeInvalidError, ValidationError):
        return ()
    if envelope.type == CALENDAR_COPIED_TYPE:
        return ()  # a part of a command that was taken in already
    plan = head.plan_id
    if envelope.type == CommandType.CREATE:
        plan = plan_id(head.tenant_id, head.organization_id, head.idempotency_key or head.command_id)
    waiting = CommandRow(
        tenant_id=head.tenant_id,
        id=head.command_id,
        organization_id=head.organization_id,
        state="pending",
        plan_id=plan,
        revision=None,
        problem=None,
        replayed=False,
        original_command_id=None,
        event_partition=None,
        event_offset=None,
        at=record.timestamp,
    )
    return (waiting,)


def _plan_changed(envelope: Envelope, record: SourceRecord) -> tuple[Row, ...]:
    event = PlanChanged.model_validate(envelope.data)
    outcome = CommandRow(
        tenant_id=_required(envelope.tenant_id, "tenantid"),
        id=_uuid(event.command_id, "command_id"),
        organization_id=_required(envelope.organization_id, "organizationid"),
        state="accepted",
        plan_id=_uuid(event.plan_id, "plan_id"),
        revision=event.revision,
        problem=None,
        replayed=event.replayed,
        original_command_id=None if event.original_command_id is None else _uuid(event.original_command_id, "original_command_id"),
        event_partition=record.partition.number,
        event_offset=record.offset,
        at=event.at,
    )
    if event.replayed or event.plan is None:
        return (outcome,)
    plan = event.plan
    document = _encoded(envelope.data["plan"])
    return (
        PlanRow(
            id=_uuid(plan.id, "plan.id"),
            tenant_id=plan.tenant_id,
            organization_id=plan.organization_id,
            name=plan.name,
            labels=_encoded(plan.labels),
            action=plan.action,
            status=plan.status.value,
            revision=plan.revision,
            next_run_at=plan.next_run_at,
            created_at=plan.created_at,
            updated_at=plan.updated_at,
            event_partition=record.partition.number,
            event_offset=record.offset,
            plan=document,
        ),
        RevisionRow(
            plan_id=plan.id,
            event_offset=record.offset,
            revision=event.revision,
            tenant_id=plan.tenant_id,
            organization_id=plan.organization_id,
            kind=envelope.type.rpartition(".")[2],
            command_id=event.command_id,
            actor=event.actor,
            at=event.at,
            changes=_encoded(envelope.data["changes"]),
            plan=document,
        ),
        outcome,
    )


def _plan_completed(envelope: Envelope, record: SourceRecord) -> tuple[Row, ...]:
    event = PlanCompleted.model_validate(envelope.data)
    return (CompletionRow(_uuid(event.plan_id, "plan_id"), record.offset),)


def _command_rejected(envelope: Envelope, record: SourceRecord) -> tuple[Row, ...]:
    event = CommandRejected.model_validate(envelope.data)
    problem = {name: envelope.data[name] for name in ("code", "status", "detail", "errors")}
    rejected = CommandRow(
        tenant_id=_required(envelope.tenant_id, "tenantid"),
        id=_uuid(event.command_id, "command_id"),
        organization_id=_required(envelope.organization_id, "organizationid"),
        state="rejected",
        plan_id=None if event.plan_id is None else _uuid(event.plan_id, "plan_id"),
        revision=None,
        problem=_encoded(problem),
        replayed=event.replayed,
        original_command_id=None,
        event_partition=record.partition.number,
        event_offset=record.offset,
        at=event.at,
    )
    return (rejected,)


def _calendar_changed(envelope: Envelope, record: SourceRecord) -> tuple[Row, ...]:
    event = CalendarChanged.model_validate(envelope.data)
    tenant_id = _required(envelope.tenant_id, "tenantid")
    outcome = CommandRow(
        tenant_id=tenant_id,
        id=_uuid(event.command_id, "command_id"),
        organization_id=_required(envelope.organization_id, "organizationid"),
        state="accepted",
        plan_id=None,
        revision=event.version,
        problem=None,
        replayed=event.replayed,
        original_command_id=None if event.original_command_id is None else _uuid(event.original_command_id, "original_command_id"),
        event_partition=record.partition.number,
        event_offset=record.offset,
        at=event.at,
    )
    if event.replayed or event.dates is None:
        return (outcome,)
    deleted = envelope.type == PlanEventType.CALENDAR_DELETED
    return CalendarRow(tenant_id, event.name, event.version, _encoded(envelope.data["dates"]), deleted, event.at, event.actor), outcome


def _run_changed(envelope: Envelope, record: SourceRecord) -> tuple[Row, ...]:
    data = envelope.data
    run = RunChanged.model_validate(data)
    rows: tuple[Row, ...] = (
        RunRow(
            id=_uuid(run.id, "id"),
            plan_id=_uuid(run.plan_id, "plan_id"),
            plan_revision=run.plan_revision,
            tenant_id=run.tenant_id,
            organization_id=run.organization_id,
            action=run.action,
            trigger=run.trigger.value,
            attempt=run.attempt,
            scheduled_for=run.scheduled_for,
            due_at=run.due_at,
            published_at=run.published_at,
            lateness_ms=run.lateness_ms,
            state=run.state.value,
            started_at=run.started_at,
            finished_at=run.finished_at,
            worker=run.worker,
            progress=_optional_json(data, "progress"),
            result=_optional_json(data, "result"),
            error=_optional_json(data, "error"),
            reason=None if run.reason is None else run.reason.value,
            sequence=run.sequence,
        ),
        TransitionRow(run.id, run.sequence, run.state.value, _moment(run, envelope, record), _author(run)),
    )
    if run.next_run_at is None:
        return rows
    return (*rows, ProgressRow(run.plan_id, run.plan_revision, record.offset, run.next_run_at))


def _moment(run: RunChanged, envelope: Envelope, record: SourceRecord) -> datetime:
    stamps = {RunState.PENDING: run.published_at, RunState.EXECUTING: run.started_at}
    return stamps.get(run.state, run.finished_at) or envelope.time or record.timestamp


def _author(run: RunChanged) -> str:
    decided_by_owner = run.state is RunState.PENDING or run.reason is not None
    return _OWNER if decided_by_owner or run.worker is None else run.worker


def _occurrence_skipped(envelope: Envelope, record: SourceRecord) -> tuple[Row, ...]:
    event = OccurrenceSkipped.model_validate(envelope.data)
    first = event.first or event.scheduled_for
    last = event.last or event.scheduled_for
    if first is None or last is None:
        raise RecordInvalidError("neither scheduled_for nor from and to")
    skip = SkipRow(
        plan_id=_uuid(event.plan_id, "plan_id"),
        event_offset=record.offset,
        tenant_id=event.tenant_id,
        organization_id=event.organization_id,
        plan_revision=event.plan_revision,
        reason=event.reason.value,
        first_scheduled_for=first,
        last_scheduled_for=last,
        count=1 if event.scheduled_for is not None else event.count,
        into_scheduled_for=event.into,
    )
    if event.next_run_at is None:
        return (skip,)
    return skip, ProgressRow(event.plan_id, event.plan_revision, record.offset, event.next_run_at)


def _occurrence_held(envelope: Envelope, record: SourceRecord) -> tuple[Row, ...]:
    event = OccurrenceHeld.model_validate(envelope.data)
    held = HeldRow(_uuid(event.plan_id, "plan_id"), event.scheduled_for, event.plan_revision, record.offset)
    if event.next_run_at is None:
        return (held,)
    return held, ProgressRow(event.plan_id, event.plan_revision, record.offset, event.next_run_at)


_MAKERS: Final[Mapping[str, Callable[[Envelope, SourceRecord], tuple[Row, ...]]]] = {
    PlanEventType.CREATED: _plan_changed,
    PlanEventType.UPDATED: _plan_changed,
    PlanEventType.CANCELLED: _plan_changed,
    PlanEventType.PAUSED: _plan_changed,
    PlanEventType.RESUMED: _plan_changed,
    PlanEventType.TRIGGERED: _plan_changed,
    PlanEventType.BACKFILLED: _plan_changed,
    PlanEventType.RESCHEDULED: _plan_changed,
    PlanEventType.COMPLETED: _plan_completed,
    PlanEventType.COMMAND_REJECTED: _command_rejected,
    PlanEventType.CALENDAR_CHANGED: _calendar_changed,
    PlanEventType.CALENDAR_DELETED: _calendar_changed,
    RunEventType.PENDING: _run_changed,
    RunEventType.EXECUTING: _run_changed,
    RunEventType.COMPLETED: _run_changed,
    RunEventType.FAILED: _run_changed,
    RunEventType.OCCURRENCE_SKIPPED: _occurrence_skipped,
    RunEventType.OCCURRENCE_HELD: _occurrence_held,
}


def _encoded(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _optional_json(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return None if value is None else _encoded(value)


def _required(text: str | None, name: str) -> str:
    if text is None:
        raise RecordInvalidError(f"the event has no {name}")
    return text


def _uuid(text: str, name: str) -> str:
    if not is_uuid(text):
        raise RecordInvalidError(f"{name} is not a UUID")
    return text
