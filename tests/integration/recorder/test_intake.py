"""What FastStream and the group may do to the intake between a fetch and its recording, played by hand on a real consumer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from planner.recorder.intake import LOCATED, Intake, RawRecord
from planner.recorder.kafka_dead_letters import KafkaDeadLetters
from planner.recorder.metrics import RecorderMetrics
from planner.recorder.recording import Recording
from planner.recorder.source import ROLES
from planner.runtime.failures import Backoff
from planner.runtime.health import Health
from planner.runtime.kafka import assigned_consumer
from planner_contracts.partitioning import partition_for
from planner_contracts.topics import TopicRole, topic
from support.databases import migrated_database
from support.recorders import PARTITIONS, Stage
from support.records import Story, an_id
from support.run_stores import OpenRunStore, opened
from support.until import until

STORY = Story()
EVENTS = [STORY.run(minute) for minute in range(10)]


def _no_producer() -> AIOKafkaProducer:
    raise AssertionError("nothing here is a dead letter")


class Hand:
    """Does what the group and FastStream's loop do, one step at a time, with one partition."""

    def __init__(self, stage: Stage, run_store: OpenRunStore, consumer: AIOKafkaConsumer) -> None:
        self.registry = CollectorRegistry()
        metrics = RecorderMetrics(self.registry)
        self.health = Health(LOCATED)
        self.place = TopicPartition(topic(stage.namespace, TopicRole.RUN_EVENTS), partition_for(STORY.plan_id.encode(), PARTITIONS))
        dead_letters = KafkaDeadLetters("nowhere", _no_producer)
        self.intake = Intake(
            roles={topic(stage.namespace, role): role for role in ROLES},
            store=run_store.store,
            recording=Recording(run_store.store, dead_letters, metrics),
            metrics=metrics,
            health=self.health,
        )
        self.intake.read(self._asked)
        self.asked = 0
        self.consumer = consumer
        self._run_store = run_store

    def _asked(self) -> AIOKafkaConsumer:
        self.asked += 1
        return self.consumer

    async def assign(self) -> None:
        self.consumer.assign([self.place])
        await self.intake.on_partitions_assigned({self.place})
        await self.until_located()

    async def until_located(self) -> None:
        await until(lambda: not self.health.missing, what="located")

    async def fetch(self, records: int) -> Sequence[RawRecord]:
        async def some() -> Sequence[RawRecord]:
            fetched = await self.consumer.getmany(timeout_ms=100, max_records=records)
            return [record for batch in fetched.values() for record in batch]

        return await until(some, what=f"{records} records")

    def gauge(self, name: str) -> float | None:
        return self.registry.get_sample_value(name, {"topic": self.place.topic, "partition": str(self.place.partition)})

    async def position(self) -> int:
        (row,) = await self._run_store.rows("SELECT next_offset FROM positions")
        position: int = row["next_offset"]
        return position


@asynccontextmanager
async def _kept(hand: Hand) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        keepers = [tasks.create_task(hand.intake.keep_located(Backoff(0.05, 0.2, lambda: 0.5)))]
        keepers.append(tasks.create_task(hand.intake.keep_watch(0.02, 3)))
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()


@pytest.fixture
async def run_store(postgres_dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[OpenRunStore]:
    async with migrated_database(postgres_dsn, request.node.nodeid) as dsn, opened(dsn) as store:
        yield store


@pytest.fixture
async def stage(kafka: str, run_store: OpenRunStore, request: pytest.FixtureRequest) -> Stage:
    stage = Stage(kafka, f"t-{an_id(request.node.nodeid)}", run_store.dsn)
    await stage.make_topics()
    return stage


@pytest.fixture
async def hand(stage: Stage, run_store: OpenRunStore) -> AsyncIterator[Hand]:
    consumer = assigned_consumer(stage.connection, client_id="test")
    await consumer.start()
    try:
        hand = Hand(stage, run_store, consumer)
        async with _kept(hand):
            yield hand
    finally:
        await consumer.stop()


async def test_a_batch_fetched_before_the_position_went_back_is_not_recorded_over_the_hole(
    stage: Stage, run_store: OpenRunStore, hand: Hand
) -> None:
    """A database that is restored to an older copy, and a rebalance, between a fetch and its recording: the batch begins behind
    the restored position, and recording it would skip what lies between.
    """
    await stage.publish(EVENTS, transactional=False)
    await hand.assign()
    await hand.intake.take(await hand.fetch(5))
    on_its_way = await hand.fetch(5)
    await run_store.pool.execute("UPDATE positions SET next_offset = 2")
    await hand.assign()
    await hand.intake.take(on_its_way)
    assert await hand.position() == 2
    await hand.intake.take(await hand.fetch(100))
    assert await hand.position() == 10


async def test_what_another_recorder_has_recorded_meanwhile_is_dropped(stage: Stage, run_store: OpenRunStore, hand: Hand) -> None:
    await stage.publish(EVENTS, transactional=False)
    await hand.assign()
    on_its_way = await hand.fetch(5)
    await run_store.pool.execute("UPDATE positions SET next_offset = 7")
    await hand.assign()
    await hand.intake.take(on_its_way)
    assert await hand.position() == 7
    await hand.intake.take(await hand.fetch(100))
    assert await hand.position() == 10
    assert len(await run_store.rows("SELECT * FROM runs")) == 3


async def test_a_position_that_moved_without_a_rebalance_is_found_by_the_next_batch(
    stage: Stage, run_store: OpenRunStore, hand: Hand
) -> None:
    await stage.publish(EVENTS, transactional=False)
    await hand.assign()
    batch = await hand.fetch(5)
    await run_store.pool.execute("UPDATE positions SET next_offset = 3")
    await hand.intake.take(batch)
    assert await hand.position() == 3
    await hand.until_located()
    await hand.intake.take(await hand.fetch(100))
    assert (await hand.position(), len(await run_store.rows("SELECT * FROM runs"))) == (10, 7)


async def test_positions_pass_the_markers_of_transactions(stage: Stage, hand: Hand) -> None:
    await hand.assign()
    await stage.publish(EVENTS)
    await hand.intake.take(await hand.fetch(100))
    assert await hand.position() == 11


async def test_positions_pass_an_aborted_transaction_in_a_partition_that_then_lies_still(stage: Stage, hand: Hand) -> None:
    """Otherwise, in a partition with nothing else for as long as its retention, the log's start passes the position: a false gap."""
    await hand.assign()
    await stage.abort(EVENTS)

    async def passed() -> bool:
        assert not await hand.consumer.getmany(timeout_ms=20)
        return await hand.position() == 11

    await until(passed, what="the position is past the abort marker")


async def test_a_partitions_position_and_lag_are_told_while_it_is_assigned_and_not_afterwards(stage: Stage, hand: Hand) -> None:
    """A recorder that had lost a partition went on telling its last lag, which no longer moved and looked like a recorder that hangs;
    and of a partition in which nothing happened no position was told at all.
    """
    await stage.publish(EVENTS, transactional=False)
    await hand.assign()
    assert (hand.gauge("planner_recorder_position"), hand.gauge("planner_recorder_lag_offsets")) == (0, 10)
    await hand.intake.take(await hand.fetch(100))
    assert hand.gauge("planner_recorder_position") == 10
    await until(lambda: hand.gauge("planner_recorder_lag_offsets") == 0, what="the lag is measured again")
    await hand.intake.on_partitions_revoked({hand.place})
    assert (hand.gauge("planner_recorder_position"), hand.gauge("planner_recorder_lag_offsets")) == (None, None)


async def test_a_recorder_with_nothing_to_record_is_not_ready_either_while_its_store_is_away(
    hand: Hand, run_store: OpenRunStore, postgres_dsn: str
) -> None:
    """Only a batch that failed made it say so: with nothing to record it called itself ready beside a database that was down."""
    await hand.assign()
    name = run_store.dsn.rpartition("/")[2]
    async with opened(postgres_dsn) as server:
        await server.pool.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await server.pool.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await until(lambda: hand.health.missing, what="it says that it is not ready")
        await server.pool.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await hand.until_located()


async def test_between_two_assignments_a_recorder_is_not_ready_and_with_no_partition_it_is(hand: Hand) -> None:
    await hand.assign()
    await hand.intake.on_partitions_revoked({hand.place})
    asked = hand.asked
    # Each look asks for starts and ends.
    await until(lambda: hand.asked > asked + 4, what="the watch has looked again")
    assert hand.health.missing
    await hand.intake.on_partitions_assigned(set())
    await hand.until_located()
