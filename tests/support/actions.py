"""Action topics without an owner: write actions, read what workers report."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from planner.runtime.clock import SystemIds
from planner_contracts.action import ACTION_TYPE_PREFIX, Action
from planner_contracts.envelope import HEADERS, Envelope, decode, encode
from planner_contracts.partitioning import partition_for
from planner_contracts.run import RunTrigger
from planner_contracts.run_report import RunReport
from planner_contracts.topics import TopicRole, topic

DUE = datetime(2026, 3, 1, 9, tzinfo=UTC)


def an_action(name: str, **changes: object) -> Action:
    """An action of a plan of its own, with the changes."""
    plain: dict[str, object] = {
        "run_id": SystemIds().uuid(),
        "plan_id": SystemIds().uuid(),
        "plan_revision": 3,
        "tenant_id": "acme",
        "organization_id": "acme-eu",
        "action": name,
        "scheduled_for": DUE,
        "due_at": DUE,
        "published_at": DUE,
        "attempt": 1,
        "trigger": RunTrigger.SCHEDULE,
        "payload": {},
        "timezone": "UTC",
        "report_token": "k1.token",
        "report_deadline": None,
        "heartbeat_timeout_seconds": None,
    }
    return Action.model_validate(plain | changes)


def action_value(action: Action) -> bytes:
    """The record's value as the owner writes it."""
    return encode(
        Envelope(
            id=action.run_id,
            source="planner/owner",
            type=ACTION_TYPE_PREFIX + action.action,
            time=action.published_at,
            subject=action.run_id,
            tenant_id=action.tenant_id,
            organization_id=action.organization_id,
            data=action.model_dump(mode="json"),
        )
    )


@dataclass(frozen=True)
class Reported:
    """One record of the report topic."""

    report: RunReport
    record: "ConsumerRecord[bytes, bytes]"


@dataclass(frozen=True)
class ActionTopics:
    """Write to the action topics of a namespace, and read its report topic."""

    kafka: str
    namespace: str
    partitions: int
    producer: AIOKafkaProducer
    reader: AIOKafkaConsumer
    reported: list[Reported] = field(default_factory=list)

    async def write(self, *actions: Action, key: bytes | None = None, at: datetime | None = None) -> None:
        """`at`: when the broker says to have got them; now if left out."""
        for action in actions:
            await self.write_raw(action.action, key or action.plan_id.encode(), action_value(action), at=at)

    async def write_raw(
        self,
        name: str,
        key: bytes,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = tuple(HEADERS),
        *,
        at: datetime | None = None,
    ) -> None:
        await self.producer.send_and_wait(
            topic(self.namespace, TopicRole.ACTION, name),
            key=key,
            value=value,
            partition=partition_for(key, self.partitions),
            headers=list(headers),
            timestamp_ms=_milliseconds(at),
        )

    async def append(self, role: TopicRole, value: bytes, *, action: str | None = None, at: datetime | None = None) -> None:
        name, timestamp_ms = topic(self.namespace, role, action), _milliseconds(at)
        await self.producer.send_and_wait(name, key=b"key", value=value, partition=0, headers=HEADERS, timestamp_ms=timestamp_ms)

    async def make_topic(self, name: str) -> None:
        await _make_topics(self.kafka, [name], partitions=self.partitions)

    def partition(self, key: bytes) -> int:
        return partition_for(key, self.partitions)

    async def reports(self) -> list[Reported]:
        """All reports so far, each partition's in order."""
        batches = await self.reader.getmany(timeout_ms=50)
        for records in batches.values():
            for record in records:
                self.reported.append(Reported(RunReport.model_validate(decode(record.value, record.headers).data), record))
        return self.reported

    async def states(self, run_id: str) -> list[str]:
        """What was reported of a run, in order."""
        return [reported.report.state.value for reported in await self.reports() if reported.report.run_id == run_id]

    async def committed(self, group: str, name: str) -> dict[int, int]:
        """The group's committed offsets of the action's topic, by partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        source = topic(self.namespace, TopicRole.ACTION, name)
        return {at.partition: committed.offset for at, committed in offsets.items() if at.topic == source}


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


@asynccontextmanager
async def action_topics(kafka: str, namespace: str, *names: str, partitions: int = 2) -> AsyncIterator[ActionTopics]:
    """Make the topics of these actions and the report topic."""
    reports = topic(namespace, TopicRole.RUN_REPORTS)
    sources = [topic(namespace, role, name) for name in names for role in (TopicRole.ACTION, TopicRole.CONTROL)]
    await _make_topics(kafka, [*sources, reports], partitions=partitions)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    reader = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await producer.start()
    await reader.start()
    try:
        reader.assign([TopicPartition(reports, partition) for partition in range(partitions)])
        yield ActionTopics(kafka, namespace, partitions, producer, reader)
    finally:
        await reader.stop()
        await producer.stop()


async def _make_topics(kafka: str, names: list[str], *, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1) for name in names])
    finally:
        await admin.close()
