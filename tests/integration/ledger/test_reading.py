"""The ledger reads what is committed, all of it, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaProducer

from planner.ledger.audit import audit
from planner.ledger.check import DifferenceKind
from planner.ledger.expectation import OneShot
from planner.ledger.kafka_history import read_actions, read_run_events
from planner.runtime.clock import SystemIds
from planner.runtime.failures import UnavailableError
from planner.runtime.kafka import KafkaConnection, transactional_producer
from planner_contracts.action import Action
from planner_contracts.envelope import HEADERS, Envelope, encode
from planner_contracts.ids import run_id
from planner_contracts.run import RunState
from planner_contracts.run_event import OccurrenceSkipped, RunChanged, RunEventType, SkipReason
from planner_contracts.topics import TopicRole, topic
from support.actions import DUE, ActionTopics, action_topics, action_value, an_action

ACTION = "content.publish"


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[ActionTopics]:
    async with action_topics(kafka, f"l{SystemIds().uuid()[:8]}", ACTION, "other.action", partitions=2) as made:
        yield made


@pytest.fixture
async def transactions(topics: ActionTopics) -> AsyncIterator[AIOKafkaProducer]:
    producer = transactional_producer(KafkaConnection(topics.kafka), transactional_id=f"{topics.namespace}.shard.0", client_id="test")
    await producer.start()
    yield producer
    await producer.stop()


async def append(producer: AIOKafkaProducer, name: str, value: bytes, *, partition: int = 0) -> None:
    future = await producer.send(name, key=b"key", value=value, partition=partition, headers=HEADERS)
    await future


def a_scheduled_action(plan_id: str) -> Action:
    return an_action(ACTION, plan_id=plan_id, run_id=run_id(plan_id, "schedule", DUE, 1), published_at=DUE + timedelta(milliseconds=1))


async def test_aborted_actions_are_not_read_and_committed_ones_are_of_every_action_of_the_namespace(
    topics: ActionTopics, transactions: AIOKafkaProducer
) -> None:
    kept, aborted, other = an_action(ACTION), an_action(ACTION), an_action("other.action")
    source = topic(topics.namespace, TopicRole.ACTION, ACTION)
    async with transactions.transaction():
        await append(transactions, source, action_value(kept))
        await append(transactions, topic(topics.namespace, TopicRole.ACTION, "other.action"), action_value(other), partition=1)
    await transactions.begin_transaction()
    await append(transactions, source, action_value(aborted))
    await transactions.abort_transaction()
    fired, unreadable = await read_actions(KafkaConnection(topics.kafka), topics.namespace)
    assert {action.run_id for action in fired} == {kept.run_id, other.run_id}
    assert unreadable == []
    (first,) = [action for action in fired if action.run_id == kept.run_id]
    assert (first.topic, first.partition, first.offset) == (source, 0, 0)
    assert (first.scheduled_for, first.due_at, first.published_at) == (kept.scheduled_for, kept.due_at, kept.published_at)


async def test_what_is_committed_behind_an_open_transaction_is_waited_for(topics: ActionTopics, transactions: AIOKafkaProducer) -> None:
    committed, hanging = an_action(ACTION), an_action(ACTION)
    await transactions.begin_transaction()
    await append(transactions, topic(topics.namespace, TopicRole.ACTION, ACTION), action_value(hanging))
    await topics.write_raw(ACTION, partition_zero(topics), action_value(committed))
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read_actions(KafkaConnection(topics.kafka), topics.namespace))
        await asyncio.wait([reading], timeout=1.5)
        assert not reading.done()
        await transactions.abort_transaction()
    fired, _ = reading.result()
    assert [action.run_id for action in fired] == [committed.run_id]


def partition_zero(topics: ActionTopics) -> bytes:
    return next(key for number in range(100) if topics.partition(key := f"key {number}".encode()) == 0)


async def test_a_record_that_is_no_action_is_named_by_its_place(topics: ActionTopics) -> None:
    await topics.write_raw(ACTION, partition_zero(topics), b"not JSON")
    fired, (line,) = await read_actions(KafkaConnection(topics.kafka), topics.namespace)
    assert fired == []
    assert line.startswith(f"{topics.namespace}.action.{ACTION}-0@0: not JSON")


async def test_a_namespace_without_actions_has_an_empty_history(kafka: str) -> None:
    assert await read_actions(KafkaConnection(kafka), "nobodys-namespace") == ([], [])


async def test_brokers_that_do_not_answer_are_unavailable() -> None:
    with pytest.raises(UnavailableError):
        await read_actions(KafkaConnection("127.0.0.1:1"), "planner")


async def test_runs_and_skips_are_read_from_the_run_events_each_run_once(topics: ActionTopics) -> None:
    async with action_topics(topics.kafka, f"{topics.namespace}-e", ACTION) as made:
        await made.make_topic(topic(made.namespace, TopicRole.RUN_EVENTS))
        action = a_scheduled_action(SystemIds().uuid())
        skip = OccurrenceSkipped.model_validate(
            {
                "plan_id": action.plan_id,
                "tenant_id": "t",
                "organization_id": "o",
                "plan_revision": 1,
                "reason": SkipReason.MISSED,
                "count": 3,
            }
            | {"from": DUE - timedelta(hours=3), "to": DUE - timedelta(hours=1)}
        )
        for sequence, state in enumerate((RunState.PENDING, RunState.COMPLETED), start=1):
            await made.append(TopicRole.RUN_EVENTS, event(f"planner.run.{state}", a_run_changed(action, state, sequence)))
        await made.append(TopicRole.RUN_EVENTS, event(RunEventType.OCCURRENCE_SKIPPED, skip.model_dump(mode="json", by_alias=True)))
        rows, skips, unreadable = await read_run_events(KafkaConnection(topics.kafka), made.namespace)
        assert unreadable == []
        assert [(row.run_id, row.plan_id, row.attempt) for row in rows] == [(action.run_id, action.plan_id, 1)]
        assert [(skip.plan_id, skip.first, skip.last) for skip in skips] == [
            (action.plan_id, DUE - timedelta(hours=3), DUE - timedelta(hours=1))
        ]
        await made.write(action)
        report = await audit([OneShot(action.plan_id, DUE)], connection=KafkaConnection(topics.kafka), namespace=made.namespace)
        assert report.ok
        lost = OneShot(SystemIds().uuid(), DUE)
        report = await audit([lost], connection=KafkaConnection(topics.kafka), namespace=made.namespace)
        assert [(difference.kind, difference.plan_id) for difference in report.differences] == [(DifferenceKind.LOST, lost.plan_id)]


async def test_run_events_that_cannot_be_read_are_named_and_the_others_counted(topics: ActionTopics) -> None:
    """One of them ended `planner verify --events` in a traceback, and hid whatever else was wrong."""
    action = a_scheduled_action(SystemIds().uuid())
    skip = {"plan_id": action.plan_id, "tenant_id": "t", "organization_id": "o", "plan_revision": 1, "reason": SkipReason.MISSED}
    await topics.make_topic(topic(topics.namespace, TopicRole.RUN_EVENTS))
    for value in (
        b"{",
        event(f"planner.run.{RunState.PENDING}", {"id": action.run_id}),
        event(RunEventType.OCCURRENCE_SKIPPED, skip),
        event("planner.run.renamed", {}),
        event(f"planner.run.{RunState.PENDING}", a_run_changed(action, RunState.PENDING, 1)),
    ):
        await topics.append(TopicRole.RUN_EVENTS, value)
    rows, skips, unreadable = await read_run_events(KafkaConnection(topics.kafka), topics.namespace)
    assert ([row.run_id for row in rows], skips) == ([action.run_id], [])
    assert [line.partition("@")[2].partition(":")[0] for line in unreadable] == ["0", "1", "2"]
    assert "plan_id: Field required" in unreadable[1]
    report = await audit([], connection=KafkaConnection(topics.kafka), namespace=topics.namespace)
    assert report.counts() == {DifferenceKind.UNREADABLE: 3, DifferenceKind.PHANTOM: 1}


def a_run_changed(action: Action, state: RunState, sequence: int) -> dict[str, object]:
    shared = action.model_dump(exclude={"run_id", "payload", "timezone", "report_token", "report_deadline", "heartbeat_timeout_seconds"})
    return RunChanged.model_validate(shared | {"id": action.run_id, "lateness_ms": 1.0, "state": state, "sequence": sequence}).model_dump(
        mode="json"
    )


def event(kind: str, data: dict[str, object]) -> bytes:
    return encode(
        Envelope(
            id=SystemIds().uuid(), source="test", type=kind, time=DUE, subject=None, tenant_id="acme", organization_id="acme-eu", data=data
        )
    )
