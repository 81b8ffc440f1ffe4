"""What the recorder reads: partitions that the group gives it, each from the position in the run store, never from the group's."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from planner.recorder.batch import gather
from planner.recorder.metrics import RecorderMetrics
from planner.recorder.recording import Recording
from planner.recorder.run_store import PositionMovedError, RunStore
from planner.recorder.source import Move, Partition, SourceRecord
from planner.recorder.watermark import Standing, Stillness
from planner.runtime.failures import Backoff, UnavailableError
from planner.runtime.health import Health
from planner.runtime.log import get_logger
from planner_contracts.topics import TopicRole

OFFSETS_TIMEOUT_S: Final = 10
LOOK_EVERY_S: Final = 5

LOCATED: Final = "partitions"

# So many looks at a partition whose reading stands still: up to there it holds nothing but transactions' markers.
SETTLED_LOOKS: Final = 12

RawRecord = ConsumerRecord[bytes, bytes]

_AskOffsets = Callable[[Sequence[TopicPartition]], Coroutine[Any, Any, Mapping[TopicPartition, int]]]

_log = get_logger("recorder.intake")


class Consumer(Protocol):
    """What the intake needs of an aiokafka consumer."""

    def assignment(self) -> Iterable[TopicPartition]: ...
    def pause(self, *partitions: TopicPartition) -> None: ...
    def resume(self, *partitions: TopicPartition) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    async def position(self, partition: TopicPartition) -> int: ...
    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]: ...
    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]: ...


class Intake(ConsumerRebalanceListener):
    """Three things at once: `take` is called with each batch, `keep_located` finds positions, `keep_watch` looks for holes.

    A partition is *located* while the consumer reads from where the store stands. Whatever goes wrong, a rebalance too, makes it
    lost: paused, until `keep_located` has asked the store again.
    """

    def __init__(
        self,
        *,
        roles: Mapping[str, TopicRole],
        store: RunStore,
        recording: Recording,
        metrics: RecorderMetrics,
        health: Health,
    ) -> None:
        self._consumer: Callable[[], Consumer] = _no_consumer
        self._roles = roles
        self._store = store
        self._recording = recording
        self._metrics = metrics
        self._health = health
        self._places: dict[Partition, int] = {}
        # None: the group has not said which are ours. It may say that none is.
        self._assigned: frozenset[Partition] | None = None
        self._generation = 0
        self._lost = asyncio.Event()
        self._taken = 0

    @property
    def topics(self) -> tuple[str, ...]:
        """The full names of what is read."""
        return tuple(self._roles)

    def read(self, consumer: Callable[[], Consumer]) -> None:
        """From this consumer, whose assignments and batches come to this intake."""
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002 aiokafka's interface
        """Forget the places: until the next assignment nothing is ours."""
        self._begin_generation(None)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Nothing is read until it is located. No await stands before the seek: the fetcher would ask for the group's offset, and
        with no offset there and no reset policy the consumer would fail.
        """
        consumer = self._consumer()
        for partition in assigned:
            consumer.pause(partition)
            consumer.seek(partition, 0)
        self._begin_generation(assigned)
        self._lost.set()

    def _begin_generation(self, assigned: Iterable[TopicPartition] | None) -> None:
        self._generation += 1
        self._assigned = None if assigned is None else frozenset(Partition(*partition) for partition in assigned)
        self._places.clear()
        # Whoever gets a partition says how it stands: what stood here would never move again.
        self._metrics.position.clear()
        self._metrics.lag.clear()
        self._health.set(LOCATED, ready=False, reason="the group is giving out partitions")

    async def take(self, batch: Sequence[RawRecord]) -> None:
        """Record what of the batch is not recorded yet. Returns when it is, or when its partitions are lost."""
        self._taken += 1
        generation = self._generation
        records, ends = await self._fresh(batch)
        if not ends:
            return
        begins = {partition: self._places[partition] for partition in ends}
        try:
            with self._metrics.batch_seconds.time():
                await self._recording.take(records, begins, ends)
        except (UnavailableError, PositionMovedError) as error:
            outcome = "moved" if isinstance(error, PositionMovedError) else "unavailable"
            self._metrics.batches.labels(outcome).inc()
            _log.warning("recorder.batch.not_recorded", outcome=outcome, records=len(records), cause=str(error))
            if generation == self._generation:
                self._lose(begins)
            return
        if generation == self._generation:
            # A partition that was lost meanwhile stays lost: it is paused until it is located.
            for partition, end in ends.items():
                if self._places.get(partition) == begins[partition]:
                    self._stand(partition, end)
        self._metrics.batches.labels("recorded").inc()
        for record in records:
            self._metrics.records.labels(record.partition.topic).inc()

    def _stand(self, partition: Partition, place: int) -> None:
        self._places[partition] = place
        self._metrics.position.labels(partition.topic, str(partition.number)).set(place)

    async def _fresh(self, batch: Sequence[RawRecord]) -> tuple[list[SourceRecord], dict[Partition, int]]:
        by_partition: dict[Partition, list[RawRecord]] = {}
        for record in batch:
            by_partition.setdefault(Partition(record.topic, record.partition), []).append(record)
        fresh: list[SourceRecord] = []
        ends: dict[Partition, int] = {}
        for partition, records in by_partition.items():
            place = self._places.get(partition)
            reading = await self._reading(partition)
            # Reading that is not past the batch was set back since the batch was fetched: what it skipped comes again, in order.
            if place is None or reading is None or reading <= records[-1].offset or records[-1].offset < place:
                continue
            fresh.extend(self._source(partition, record) for record in records if record.offset >= place)
            ends[partition] = reading
        return fresh, ends

    async def _reading(self, partition: Partition) -> int | None:
        try:
            async with asyncio.timeout(OFFSETS_TIMEOUT_S):
                return await self._consumer().position(TopicPartition(*partition))
        except (IllegalStateError, TimeoutError):
            return None

    def _source(self, partition: Partition, record: RawRecord) -> SourceRecord:
        return SourceRecord(
            role=self._roles[partition.topic],
            partition=partition,
            offset=record.offset,
            timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
        )

    def _lose(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self._consumer().pause(TopicPartition(*partition))
            self._places.pop(partition, None)
        self._health.set(LOCATED, ready=False, reason="the run store does not answer, or another recorder moved a position")
        self._lost.set()

    async def keep_located(self, backoff: Backoff) -> None:
        """Runs for ever. Raises LogBrokenError if a log does not hold what comes next."""
        while True:
            await self._lost.wait()
            self._lost.clear()
            try:
                await self._locate()
            except (UnavailableError, KafkaError, TimeoutError) as error:
                _log.warning("recorder.partitions.not_located", cause=str(error) or type(error).__name__)
                self._lost.set()
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()

    async def _locate(self) -> None:
        generation = self._generation
        lost = self._missing()
        if not lost:
            self._tell_located()
            return
        starts = await self._offsets(lost, self._consumer().beginning_offsets)
        positions = await self._store.positions(starts)
        # Asked after the positions: another recorder may have moved them while the log grew.
        ends = await self._offsets(lost, self._consumer().end_offsets)
        if generation != self._generation:
            self._lost.set()
            return
        for partition in lost:
            place = positions[partition]
            self._judge(Standing(partition, place, starts[partition], ends[partition]))
            self._stand(partition, place)
            self._consumer().seek(TopicPartition(*partition), place)
            self._consumer().resume(TopicPartition(*partition))
        self._tell_located()
        _log.info("recorder.partitions.located", partitions=len(lost), located=len(self._places))

    def _missing(self) -> frozenset[Partition] | None:
        return None if self._assigned is None else self._assigned - self._places.keys()

    def _tell_located(self) -> None:
        ready = self._missing() == frozenset()
        self._health.set(LOCATED, ready=ready, reason="the group is giving out partitions, or they are not located yet")

    async def keep_watch(self, every_s: float = LOOK_EVERY_S, settled_looks: int = SETTLED_LOOKS) -> None:
        """Runs for ever: measures the lag, and sees a rebuild that was asked for. Raises LogBrokenError as `keep_located` does."""
        stillness = Stillness(settled_looks)
        while True:
            await asyncio.sleep(every_s)
            try:
                await self._look()
                await self._pass_markers(stillness)
            except (UnavailableError, PositionMovedError, KafkaError, TimeoutError) as error:
                cause = str(error) or type(error).__name__
                self._health.set(LOCATED, ready=False, reason=cause)
                _log.warning("recorder.watch.failed", cause=cause)
            else:
                self._tell_located()

    async def _look(self) -> None:
        generation, places = self._generation, dict(self._places)
        starts = await self._offsets(places, self._consumer().beginning_offsets)
        positions = await self._store.positions(starts)
        ends = await self._offsets(places, self._consumer().end_offsets)
        # A rebuild was asked for, or the database is an older copy of itself.
        if moved := [partition for partition, place in places.items() if self._places.get(partition) == place != positions[partition]]:
            self._lose(moved)
        if generation != self._generation:
            return
        for partition, place in places.items():
            self._judge(Standing(partition, place, starts[partition], ends[partition]))

    def _judge(self, standing: Standing) -> None:
        standing.refuse_hole()
        self._metrics.lag.labels(standing.partition.topic, str(standing.partition.number)).set(standing.lag)

    async def _pass_markers(self, stillness: Stillness) -> None:
        """Positions must not stay behind markers of aborted transactions: retention would overtake them and look like a hole."""
        for partition, place in list(self._places.items()):
            reading = await self._reading(partition)
            still = stillness.look(partition, (self._generation, self._taken, place, reading))
            if still and reading is not None and reading > place and self._places.get(partition) == place:
                await self._store.record(gather(()), [Move(partition, place, reading)])
                self._stand(partition, reading)

    async def _offsets(self, partitions: Iterable[Partition], ask: _AskOffsets) -> dict[Partition, int]:
        async with asyncio.timeout(OFFSETS_TIMEOUT_S):
            found = await ask([TopicPartition(*partition) for partition in partitions])
        return {Partition(*partition): offset for partition, offset in found.items()}


def _no_consumer() -> Consumer:
    raise AssertionError("`read` has not been called")
