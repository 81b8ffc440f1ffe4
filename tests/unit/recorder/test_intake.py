"""What is read from where, while group, log and run store change: a consumer in memory that stands where it is told to."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaConnectionError
from prometheus_client import CollectorRegistry

from planner.recorder.intake import LOCATED, Intake, RawRecord
from planner.recorder.metrics import RecorderMetrics
from planner.recorder.recording import Recording
from planner.recorder.source import Partition
from planner.recorder.watermark import LogBrokenError
from planner.runtime.failures import Backoff
from planner.runtime.health import Health
from planner_contracts.topics import TopicRole
from support.memory_run_store import MemoryDeadLetters, MemoryRunStore
from support.records import Story
from support.until import until

STORY = Story()
TOPIC = "planner.run.events"
PLACE = TopicPartition(TOPIC, 0)
OURS = Partition(TOPIC, 0)
SETTLED = 3


@dataclass
class Reader:
    """Reads one partition that holds offsets `first` to `end`; `at` is where it stands."""

    first: int = 0
    end: int = 10
    at: int | None = None
    paused: bool = False
    sought: list[int] = field(default_factory=list)
    looks: int = 0

    def assignment(self) -> Iterable[TopicPartition]:
        return [PLACE]

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused = True

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused = False

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at = offset
        self.sought.append(offset)

    async def position(self, partition: TopicPartition) -> int:
        assert self.at is not None
        return self.at

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, self.first)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.looks += 1
        return dict.fromkeys(partitions, self.end)

    def fetch(self, count: int, *, behind: int = 0) -> list[RawRecord]:
        """The next records, and so many offsets after them that no reader sees."""
        assert self.at is not None
        begin, self.at = self.at, self.at + count + behind
        return [a_record(offset) for offset in range(begin, begin + count)]


def a_record(offset: int) -> RawRecord:
    source = STORY.run(offset).at(offset)
    return ConsumerRecord(TOPIC, 0, offset, 1_772_366_400_000, 1, source.key, source.value, None, 0, 0, source.headers)


@dataclass
class Scene:
    """An intake between a reader and a run store."""

    reader: Reader = field(default_factory=Reader)
    store: MemoryRunStore = field(default_factory=MemoryRunStore)
    health: Health = field(default_factory=lambda: Health(LOCATED))
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        metrics = RecorderMetrics(self.registry)
        recording = Recording(self.store, MemoryDeadLetters(), metrics)
        self.intake = Intake(
            roles={TOPIC: TopicRole.RUN_EVENTS}, store=self.store, recording=recording, metrics=metrics, health=self.health
        )
        self.intake.read(lambda: self.reader)

    async def assigned(self) -> None:
        await self.intake.on_partitions_assigned({PLACE})
        await self.until_located()

    async def until_located(self) -> None:
        await until(lambda: not self.health.missing, what="located")
        assert not self.reader.paused

    async def watched_for(self, looks: int) -> None:
        """Returns after so many further looks."""
        seen = self.reader.looks
        await until(lambda: self.reader.looks > seen + looks, what=f"{looks} looks")

    @property
    def place(self) -> int:
        """Where the run store stands."""
        return self.store.places[OURS]

    def gauge(self, name: str) -> float | None:
        return self.registry.get_sample_value(name, {"topic": TOPIC, "partition": "0"})

    def batches(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("planner_recorder_batches_total", {"outcome": outcome})


@asynccontextmanager
async def kept(scene: Scene, *, watched: bool = False, settled: int = SETTLED) -> AsyncIterator[Scene]:
    """With what runs beside the batches. `settled`: so many looks at a partition in which nothing moves."""
    async with asyncio.TaskGroup() as tasks:
        keepers = [tasks.create_task(scene.intake.keep_located(Backoff(0.001, 0.01, lambda: 0.5)))]
        if watched:
            keepers.append(tasks.create_task(scene.intake.keep_watch(0.001, settled)))
        yield scene
        for keeper in keepers:
            keeper.cancel()


async def test_nothing_is_read_before_it_is_known_where_the_store_stands_and_then_from_there() -> None:
    scene = Scene(store=MemoryRunStore(places={OURS: 4}))
    await scene.intake.on_partitions_assigned({PLACE})
    assert (scene.reader.paused, scene.reader.at, set(scene.health.missing)) == (True, 0, {LOCATED})
    async with kept(scene):
        await scene.until_located()
    assert (scene.reader.at, scene.gauge("planner_recorder_position"), scene.gauge("planner_recorder_lag_offsets")) == (4, 4, 6)


async def test_a_partition_that_was_never_recorded_begins_where_its_log_begins() -> None:
    async with kept(Scene(Reader(first=3))) as scene:
        await scene.assigned()
    assert (scene.reader.at, scene.place) == (3, 3)


async def test_a_batch_moves_the_store_and_the_place_past_what_readers_do_not_see() -> None:
    async with kept(Scene()) as scene:
        await scene.assigned()
        await scene.intake.take(scene.reader.fetch(3, behind=1))
        assert (scene.place, scene.gauge("planner_recorder_position"), len(scene.store.runs)) == (4, 4, 3)
        await scene.intake.take(scene.reader.fetch(2))
        assert (scene.place, len(scene.store.runs), scene.batches("recorded")) == (6, 5, 2)


async def test_of_a_batch_only_what_is_not_recorded_yet_is_recorded() -> None:
    async with kept(Scene(store=MemoryRunStore(places={OURS: 2}))) as scene:
        await scene.assigned()
        scene.reader.at = 4
        await scene.intake.take([a_record(offset) for offset in range(4)])
        assert (scene.place, list(scene.store.runs)) == (4, [STORY.run_id(2), STORY.run_id(3)])
        await scene.intake.take([a_record(offset) for offset in range(4)])
        assert (scene.place, scene.batches("recorded")) == (4, 1)


async def test_a_batch_of_one_record_is_recorded() -> None:
    async with kept(Scene()) as scene:
        await scene.assigned()
        for end in (1, 2):
            await scene.intake.take(scene.reader.fetch(1))
            assert scene.place == end


@pytest.mark.parametrize("set_back_to", [2, 4])
async def test_a_batch_that_was_fetched_before_reading_was_set_back_is_dropped(set_back_to: int) -> None:
    async with kept(Scene()) as scene:
        await scene.assigned()
        batch = scene.reader.fetch(5)
        scene.reader.at = set_back_to
        await scene.intake.take(batch)
    assert (scene.store.runs, scene.place) == ({}, 0)


async def test_a_batch_of_a_partition_that_is_not_located_is_dropped() -> None:
    scene = Scene()
    await scene.intake.on_partitions_assigned({PLACE})
    scene.reader.at = 3
    await scene.intake.take([a_record(offset) for offset in range(3)])
    assert scene.store.attempts == []


async def test_a_batch_of_a_partition_that_the_consumer_has_no_longer_is_dropped() -> None:
    class Taken(Reader):
        async def position(self, partition: TopicPartition) -> int:
            raise IllegalStateError(partition)

    async with kept(Scene(Taken())) as scene:
        await scene.assigned()
        await scene.intake.take(scene.reader.fetch(3))
    assert (scene.store.runs, scene.place) == ({}, 0)


async def test_while_the_store_is_away_nothing_is_read_and_then_all_of_it_again() -> None:
    async with kept(Scene()) as scene:
        await scene.assigned()
        scene.store.away = True
        await scene.intake.take(scene.reader.fetch(5))
        assert (scene.reader.paused, scene.batches("unavailable")) == (True, 1)
        assert "the run store does not answer" in scene.health.missing[LOCATED]
        scene.store.away = False
        await scene.until_located()
        await scene.intake.take(scene.reader.fetch(5))
        assert (scene.place, len(scene.store.runs)) == (5, 5)


async def test_a_position_that_another_recorder_has_moved_is_where_reading_goes_on() -> None:
    async with kept(Scene()) as scene:
        await scene.assigned()
        scene.store.places[OURS] = 7
        await scene.intake.take(scene.reader.fetch(5))
        await scene.until_located()
        assert (scene.reader.at, scene.store.runs, scene.batches("moved")) == (7, {}, 1)


@pytest.mark.parametrize(
    ("reader", "why"),
    [
        (Reader(first=5), "gap: planner.run.events partition 0 begins at 5, recording stands at 4"),
        (Reader(end=3), "truncated: .* ends at 3"),
    ],
)
async def test_a_log_that_does_not_hold_what_comes_next_ends_the_process(reader: Reader, why: str) -> None:
    scene = Scene(reader, MemoryRunStore(places={OURS: 4}))
    await scene.intake.on_partitions_assigned({PLACE})
    with pytest.raises(LogBrokenError, match=why):
        await scene.intake.keep_located(Backoff(0.001, 0.01, lambda: 0.5))
    assert scene.reader.paused


async def test_between_two_assignments_nothing_is_told_and_with_no_partition_the_recorder_is_ready() -> None:
    async with kept(Scene()) as scene:
        await scene.assigned()
        await scene.intake.on_partitions_revoked({PLACE})
        assert (scene.gauge("planner_recorder_position"), scene.gauge("planner_recorder_lag_offsets")) == (None, None)
        assert scene.health.missing == {LOCATED: "the group is giving out partitions"}
        await scene.intake.on_partitions_assigned(set())
        await scene.until_located()


async def test_a_rebalance_while_the_store_is_asked_has_it_asked_again() -> None:
    class Rebalancing(MemoryRunStore):
        async def positions(self, starts: Mapping[Partition, int]) -> dict[Partition, int]:
            if not self.attempts:
                self.attempts.append(0)
                await scene.intake.on_partitions_assigned({PLACE})
                return dict.fromkeys(starts, 9)
            return await super().positions(starts)

    scene = Scene(store=Rebalancing(places={OURS: 4}))
    async with kept(scene):
        await scene.assigned()
    assert (scene.reader.at, 9 in scene.reader.sought) == (4, False)


async def test_a_batch_whose_partition_went_meanwhile_moves_no_place_of_the_next_assignment() -> None:
    class Rebalancing(MemoryRunStore):
        async def record(self, *given: object) -> None:
            await scene.intake.on_partitions_revoked({PLACE})

    scene = Scene(store=Rebalancing())
    async with kept(scene):
        await scene.assigned()
        await scene.intake.take(scene.reader.fetch(3))
        assert scene.gauge("planner_recorder_position") is None
        await scene.assigned()
        assert scene.reader.at == 0


async def test_a_rebuild_that_was_asked_for_is_seen_though_no_record_comes() -> None:
    async with kept(Scene(store=MemoryRunStore(places={OURS: 8})), watched=True) as scene:
        await scene.assigned()
        scene.store.places[OURS] = 1
        await until(lambda: scene.reader.at == 1, what="reading begins anew")
        await scene.until_located()
        assert scene.gauge("planner_recorder_position") == 1


async def test_positions_pass_what_readers_do_not_see_when_nothing_else_comes_and_the_lag_is_measured_again() -> None:
    async with kept(Scene(), watched=True) as scene:
        await scene.assigned()
        scene.reader.at = 10
        await until(lambda: scene.place == 10, what="the position has passed")
        await until(lambda: scene.gauge("planner_recorder_lag_offsets") == 0, what="the lag is measured again")
        assert scene.store.runs == {}


async def test_a_batch_that_is_on_its_way_is_not_passed_by_however_often_the_watch_looks() -> None:
    # Positions passed the records that FastStream had fetched and not handed over yet: they were never recorded.
    async with kept(Scene(), watched=True, settled=1_000_000) as scene:
        await scene.assigned()
        batch = scene.reader.fetch(5)
        await scene.watched_for(6)
        assert scene.place == 0
        await scene.intake.take(batch)
        assert (scene.place, len(scene.store.runs)) == (5, 5)


async def test_a_partition_in_which_nothing_happens_costs_the_store_no_write() -> None:
    async with kept(Scene(), watched=True) as scene:
        await scene.assigned()
        await scene.watched_for(2 * SETTLED)
        assert scene.store.attempts == []


async def test_brokers_that_do_not_answer_the_watch_are_told_of_and_looked_at_again() -> None:
    class Silent(Reader):
        silent = False

        async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
            if self.silent:
                raise KafkaConnectionError("no broker")
            return await super().end_offsets(partitions)

    reader = Silent()
    async with kept(Scene(reader), watched=True) as scene:
        await scene.assigned()
        reader.silent = True
        await until(lambda: "no broker" in scene.health.missing.get(LOCATED, ""), what="it says so")
        reader.silent = False
        await scene.until_located()


async def test_the_watch_between_two_assignments_says_that_nothing_is_given_out_yet() -> None:
    async with kept(Scene(), watched=True) as scene:
        await scene.assigned()
        await scene.intake.on_partitions_revoked({PLACE})
        await until(lambda: "not located yet" in scene.health.missing.get(LOCATED, ""), what="the watch has looked")
        await scene.assigned()


async def test_a_recorder_with_nothing_to_record_says_that_its_store_is_away_and_that_it_is_back() -> None:
    async with kept(Scene(), watched=True) as scene:
        await scene.assigned()
        scene.store.away = True
        await until(lambda: scene.health.missing == {LOCATED: "the run store is away"}, what="it says so")
        scene.store.away = False
        await scene.until_located()
