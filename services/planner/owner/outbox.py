"""Decisions -> records, encoded as they are sent. The hot ones by msgspec; golden tests keep their text equal to the typed contracts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from planner.domain.command import Header
from planner.domain.missed import Skip
from planner.domain.plan import PlanRevision
from planner.domain.run import Run
from planner.owner.inbox import Incoming
from planner.owner.report_tokens import ReportTokens
from planner_contracts import envelope
from planner_contracts.action import ACTION_TYPE_PREFIX, CONTROL_TYPE
from planner_contracts.calendar import CALENDAR_COPIED_TYPE, CalendarCopied
from planner_contracts.envelope import HEADERS, Envelope
from planner_contracts.instants import format_instant
from planner_contracts.message import Message
from planner_contracts.partitioning import partition_for
from planner_contracts.plan_event import PlanEventType
from planner_contracts.run import RunState
from planner_contracts.run_event import OccurrenceHeld, OccurrenceSkipped, RunEventType
from planner_contracts.topics import COMMAND_BYTES_MAX, REPORT_BYTES_MAX, TopicRole, topic

_MILLISECOND: Final = timedelta(milliseconds=1)
_JSON: Final = "application/json"
STATE_UNUSABLE: Final = "STATE_UNUSABLE"
FORWARDED_BYTES_MAX: Final = {TopicRole.PLAN_COMMANDS: COMMAND_BYTES_MAX, TopicRole.RUN_REPORTS: REPORT_BYTES_MAX}
"""The largest batch that the topics take to which records are forwarded."""
_BATCH_OVERHEAD_BYTES: Final = 100
_HEADER_OVERHEAD_BYTES: Final = 10
_ENCODER: Final = msgspec.json.Encoder()
_EVENT_OF: Final = {
    RunState.PENDING: RunEventType.PENDING,
    RunState.EXECUTING: RunEventType.EXECUTING,
    RunState.COMPLETED: RunEventType.COMPLETED,
    RunState.FAILED: RunEventType.FAILED,
}


# A batch takes a list only.
_NO_HEADERS: Final[list[tuple[str, bytes]]] = []


class Record(NamedTuple):
    """A record on its way to one partition. Five are made at each fire: a tuple costs a third of a dataclass."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = _NO_HEADERS


@dataclass(frozen=True, slots=True)
class Subject:
    """The plan that an event is about, and whose it is. `traceparent`: of the trace of the command that it follows from."""

    plan_id: str
    tenant_id: str
    organization_id: str
    traceparent: str | None = None


def subject_of(revision: PlanRevision) -> Subject:
    """The plan of a revision, as the subject of an event."""
    return Subject(revision.plan_id, revision.tenant_id, revision.organization_id)


def subject_of_command(header: Header) -> Subject:
    """The plan, or holiday list, of a command as the subject of its outcome."""
    return Subject(header.plan_id, header.tenant_id, header.organization_id, header.traceparent)


class _Event(msgspec.Struct, kw_only=True, gc=False):
    specversion: str = "1.0"
    id: str
    source: str
    type: str
    time: datetime
    subject: str
    datacontenttype: str = _JSON
    tenantid: str
    organizationid: str
    data: Any


class _CompletedData(msgspec.Struct):
    plan_id: str
    revision: int
    at: datetime


class _RunData(msgspec.Struct, gc=False):
    id: str
    plan_id: str
    plan_revision: int
    tenant_id: str
    organization_id: str
    action: str
    trigger: str
    attempt: int
    scheduled_for: datetime
    due_at: datetime
    published_at: datetime
    lateness_ms: float
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    progress: Any
    result: Any
    error: Any
    reason: str | None
    sequence: int
    next_run_at: datetime | None


class _ActionData(msgspec.Struct, gc=False):
    run_id: str
    plan_id: str
    plan_revision: int
    tenant_id: str
    organization_id: str
    action: str
    scheduled_for: datetime
    due_at: datetime
    published_at: datetime
    attempt: int
    trigger: str
    payload: Any
    timezone: str
    report_token: str
    report_deadline: datetime | None
    heartbeat_timeout_seconds: int | None


class _CancelData(msgspec.Struct, gc=False):
    run_id: str
    plan_id: str
    reason: str


class Outbox:
    """Makes the records of one shard: partition `partition` of `partitions` in a namespace."""

    def __init__(self, *, namespace: str, partition: int, partitions: int, tokens: ReportTokens) -> None:
        self._partition = partition
        self._partitions = partitions
        self._tokens = tokens
        self._source = f"/{namespace}/owner/{partition}"
        self._namespace = namespace
        self._plan_commands = topic(namespace, TopicRole.PLAN_COMMANDS)
        self._plan_events = topic(namespace, TopicRole.PLAN_EVENTS)
        self._run_events = topic(namespace, TopicRole.RUN_EVENTS)
        self._forwarded_bytes_max = {topic(namespace, role): bytes_max for role, bytes_max in FORWARDED_BYTES_MAX.items()}
        self._dead_letters = topic(namespace, TopicRole.DEAD_LETTERS)

    def action(self, run: Run, revision: PlanRevision) -> Record:
        """The message that asks a worker for the run."""
        document = revision.document
        key, partition = self._place(run)
        data = _ActionData(
            run_id=run.run_id,
            plan_id=run.plan_id,
            plan_revision=run.plan_revision,
            tenant_id=run.tenant_id,
            organization_id=run.organization_id,
            action=run.action,
            scheduled_for=run.scheduled_for,
            due_at=run.due_at,
            published_at=run.published_at,
            attempt=run.attempt,
            trigger=run.trigger,
            payload=document["payload"],
            timezone=document["timezone"],
            report_token=self._tokens.sign(run.run_id, run.tenant_id),
            report_deadline=None,
            heartbeat_timeout_seconds=None,
        )
        value = self._run_value(run.run_id, ACTION_TYPE_PREFIX + run.action, run, data, at=run.published_at)
        return Record(topic(self._namespace, TopicRole.ACTION, run.action), partition, key, value, HEADERS)

    def cancel_requested(self, run: Run, *, at: datetime) -> Record:
        """The message that asks the run's worker to stop."""
        key, partition = self._place(run)
        data = _CancelData(run_id=run.run_id, plan_id=run.plan_id, reason=run.reason or "")
        value = self._run_value(f"{run.run_id}/cancel", CONTROL_TYPE, run, data, at=at)
        return Record(topic(self._namespace, TopicRole.CONTROL, run.action), partition, key, value, HEADERS)

    def run_event(self, run: Run, *, at: datetime, next_run_at: datetime | None = None) -> Record:
        """The event of the state that the run has come to."""
        data = _RunData(
            id=run.run_id,
            plan_id=run.plan_id,
            plan_revision=run.plan_revision,
            tenant_id=run.tenant_id,
            organization_id=run.organization_id,
            action=run.action,
            trigger=run.trigger,
            attempt=run.attempt,
            scheduled_for=run.scheduled_for,
            due_at=run.due_at,
            published_at=run.published_at,
            lateness_ms=round((run.published_at - run.due_at) / _MILLISECOND, 3),
            state=run.state,
            started_at=run.started_at,
            finished_at=run.finished_at,
            worker=run.worker,
            progress=run.progress,
            result=run.result,
            error=run.error,
            reason=run.reason,
            sequence=run.sequence,
            next_run_at=next_run_at,
        )
        value = self._run_value(f"{run.run_id}/{run.sequence}", _EVENT_OF[run.state], run, data, at=at)
        return Record(self._run_events, self._partition, run.plan_id.encode(), value, HEADERS)

    def skipped(self, skip: Skip, revision: PlanRevision, *, at: datetime, next_run_at: datetime | None) -> Record:
        """The event of an occurrence, or a range of them, that is not to fire."""
        single = skip.count == 1
        data = OccurrenceSkipped.model_validate(
            {
                "plan_id": revision.plan_id,
                "tenant_id": revision.tenant_id,
                "organization_id": revision.organization_id,
                "plan_revision": revision.number,
                "reason": skip.reason,
                "scheduled_for": skip.first if single else None,
                "from": None if single else skip.first,
                "to": None if single else skip.last,
                "count": None if single else skip.count,
                "into": skip.into,
                "next_run_at": next_run_at,
            }
        )
        event_id = f"{revision.plan_id}/{format_instant(skip.first)}/{skip.reason}"
        value = self._encoded(event_id, RunEventType.OCCURRENCE_SKIPPED, data, about=subject_of(revision), at=at)
        return Record(self._run_events, self._partition, revision.plan_id.encode(), value, HEADERS)

    def held(self, nominal: datetime, revision: PlanRevision, *, at: datetime, next_run_at: datetime | None) -> Record:
        """The event of an occurrence that waits for a run to end."""
        data = OccurrenceHeld(
            plan_id=revision.plan_id,
            tenant_id=revision.tenant_id,
            organization_id=revision.organization_id,
            plan_revision=revision.number,
            scheduled_for=nominal,
            next_run_at=next_run_at,
        )
        event_id = f"{revision.plan_id}/{format_instant(nominal)}/held"
        value = self._encoded(event_id, RunEventType.OCCURRENCE_HELD, data, about=subject_of(revision), at=at)
        return Record(self._run_events, self._partition, revision.plan_id.encode(), value, HEADERS)

    def plan_event(self, event_id: str, event_type: PlanEventType, data: Message, *, about: Subject, at: datetime) -> Record:
        """The event of a command's outcome."""
        value = self._encoded(event_id, event_type, data, about=about, at=at)
        return Record(self._plan_events, self._partition, about.plan_id.encode(), value, HEADERS)

    def calendar_copies(self, event_id: str, data: CalendarCopied, *, about: Subject, at: datetime) -> Iterator[Record]:
        """The records that bring a holiday list to every other partition."""
        value = self._encoded(event_id, CALENDAR_COPIED_TYPE, data, about=about, at=at)
        for partition in range(self._partitions):
            if partition != self._partition:
                yield Record(self._plan_commands, partition, about.plan_id.encode(), value, HEADERS)

    def completed(self, revision: PlanRevision, *, at: datetime) -> Record:
        """The event of a plan of which nothing will fire again."""
        event = _Event(
            id=f"{revision.plan_id}/completed/{revision.number}",
            source=self._source,
            type=PlanEventType.COMPLETED,
            time=at,
            subject=revision.plan_id,
            tenantid=revision.tenant_id,
            organizationid=revision.organization_id,
            data=_CompletedData(plan_id=revision.plan_id, revision=revision.number, at=at),
        )
        return Record(self._plan_events, self._partition, revision.plan_id.encode(), _ENCODER.encode(event), HEADERS)

    def dead_letter(self, source: Incoming, *, reason: str, detail: str) -> Record:
        """A record that can never be handled, as it came, with why."""
        why = {
            "reason": reason,
            "detail": detail,
            "source_topic": source.topic,
            "source_partition": str(source.partition),
            "source_offset": str(source.offset),
            "source_timestamp": str(source.timestamp_ms),
        }
        headers = [*source.headers, *((name, text.encode()) for name, text in why.items())]
        return Record(self._dead_letters, 0, source.key, source.value, headers)

    def unusable(self, key: bytes, value: bytes, *, detail: str, at: datetime) -> Record:
        """A record of the shard's own state that could not be used; its offset on the changelog is not known."""
        changelog = topic(self._namespace, TopicRole.OWNER_CHANGELOG)
        source = Incoming(changelog, self._partition, -1, int(at.timestamp() * 1000), key, value, [])
        return self.dead_letter(source, reason=STATE_UNUSABLE, detail=detail)

    def forwarded(self, source: Incoming, *, key: bytes, partition: int) -> Record | None:
        """A record that came to the wrong partition, on its way to the right one; None if with its right key it is too large for it."""
        headers = sum(len(name) + len(content or b"") + _HEADER_OVERHEAD_BYTES for name, content in source.headers)
        if _BATCH_OVERHEAD_BYTES + len(key) + len(source.value or b"") + headers > self._forwarded_bytes_max[source.topic]:
            return None
        return Record(source.topic, partition, key, source.value, list(source.headers))

    def _place(self, run: Run) -> tuple[bytes, int]:
        """Key and partition of what is said to the run's worker."""
        if run.ordering_key is None:
            # A plan lies in this shard's partition because its id does, so only an ordering key has to be hashed.
            return run.plan_id.encode(), self._partition
        key = run.ordering_key.encode()
        return key, partition_for(key, self._partitions)

    def _encoded(self, event_id: str, event_type: str, data: Message, *, about: Subject, at: datetime) -> bytes:
        return envelope.encode(
            Envelope(
                id=event_id,
                source=self._source,
                type=event_type,
                time=at,
                subject=about.plan_id,
                tenant_id=about.tenant_id,
                organization_id=about.organization_id,
                data=data.model_dump(mode="json", by_alias=True),
                traceparent=about.traceparent,
            )
        )

    def _run_value(self, event_id: str, event_type: str, run: Run, data: msgspec.Struct, *, at: datetime) -> bytes:
        return _ENCODER.encode(
            _Event(
                id=event_id,
                source=self._source,
                type=event_type,
                time=at,
                subject=run.run_id,
                tenantid=run.tenant_id,
                organizationid=run.organization_id,
                data=data,
            )
        )
