"""One Kafka transaction: send, await every acknowledgement, commit. After any failure its producer is finished and is discarded."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from planner.owner.aiokafka_patches import create_batch
from planner.owner.outbox import Record
from planner.runtime.failures import IndefiniteError
from planner.runtime.kafka_close import drop_producer

START_TIMEOUT_S: Final = 8.0
COMMIT_TIMEOUT_S: Final = 6.0
CLOSE_TIMEOUT_S: Final = 1.0
CLOCK_AHEAD_MAX: Final = timedelta(seconds=2)
"""So much later than the broker's clock may that be which says what is due."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Where the last record of the last partition's batch lies, and when the broker appended it."""

    offset: int
    appended_at: datetime


class FencedOffError(IndefiniteError):
    """Another producer of our transactional id has begun, or the broker gave up on our transaction: both look the same."""


class ClockAheadError(IndefiniteError):
    """Our clock is ahead of the broker's: what it says is due may not be. The transaction is never committed."""


class FencedProducer:
    """The producer that alone may write for a shard: its start shuts out every earlier one of the same transactional id."""

    def __init__(self, producer: AIOKafkaProducer, batch_bytes_max: Mapping[str, int] | None = None) -> None:
        """`batch_bytes_max`: of topics that refuse a batch as large as the producer makes them."""
        self._producer = producer
        self._batch_bytes_max = batch_bytes_max or {}
        self._tracked: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Fence the predecessor (InitProducerId). Raises IndefiniteError if that is not known to have happened."""
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._producer.start()
        except Exception as error:
            raise IndefiniteError(f"the predecessor could not be fenced: {error!r}") from error

    async def commit(self, records: Iterable[Record], *, last: Record, decided_at: datetime | None = None) -> Committed:
        """Publish the records in one transaction, `last` as the last of its partition, and say where that one lies.

        `decided_at`: what our clock said when the records were decided; it is held against the broker's stamp on `last`.
        Raises IndefiniteError whatever goes wrong: the transaction may or may not have been committed, the producer is finished.
        """
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await self._producer.begin_transaction()
                acknowledgement = await self._send(records, last)
                _refuse_ahead(decided_at, acknowledgement.appended_at)
                await self._producer.commit_transaction()
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise FencedOffError(f"the transaction was fenced off: {error!r}") from error
        except ClockAheadError:
            raise
        except Exception as error:
            # An idle zombie's commit raises AssertionError, a lost broker anything: each means the same here.
            raise IndefiniteError(f"the transaction failed: {error!r}") from error
        return acknowledgement

    async def close(self) -> None:
        """Let go of the producer, whatever state it is in; an open transaction is aborted by the next InitProducerId."""
        await drop_producer(self._producer, timeout_s=CLOSE_TIMEOUT_S)

    async def _send(self, records: Iterable[Record], last: Record) -> Committed:
        batches = _Batches(self._producer, self._batch_bytes_max)
        for record in records:
            batches.add(record)
        batches.add(last)
        count = batches.count((last.topic, last.partition))
        await self._track(batches.topics())
        sent = [(place, await self._submit(builder, place)) for place, builder in batches.in_order()]
        # A commit succeeds even if the broker refused a batch; the action in it would be lost while its timer has moved on.
        # Only acknowledgements seen before the commit make "fired" true.
        answers = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
        newest = [_seen(answer) for (place, _), answer in zip(sent, answers, strict=True) if place == (last.topic, last.partition)][-1]
        for answer in answers:
            _seen(answer)
        return Committed(newest.offset + count - 1, datetime.fromtimestamp(newest.timestamp / 1000, UTC))

    async def _track(self, topics: frozenset[str]) -> None:
        # The client first knows all topics without tracking any. The first one it is told to track would make it forget the
        # leaders of all others, so it is told of each before anything is sent there.
        new = topics - self._tracked
        if new:
            await asyncio.gather(*(self._producer.client.add_topic(name) for name in new))
            self._tracked |= new

    async def _submit(self, builder: Any, place: tuple[str, int]) -> asyncio.Future[Any]:  # noqa: ANN401  untyped library
        topic, partition = place
        future: asyncio.Future[Any] = await self._producer.send_batch(builder, topic, partition=partition)
        future.add_done_callback(_retrieve)
        return future


class _Batches:
    """Batches under construction by topic and partition, each record appended as it comes; a full one is followed by another."""

    def __init__(self, producer: AIOKafkaProducer, bytes_max: Mapping[str, int]) -> None:
        self._producer = producer
        self._bytes_max = bytes_max
        self._open: dict[tuple[str, int], Any] = {}
        self._full: list[tuple[tuple[str, int], Any]] = []

    def add(self, record: Record) -> None:
        """Append the record."""
        place = (record.topic, record.partition)
        builder = self._open.get(place)
        if builder is None:
            builder = self._open[place] = self._begun(record.topic)
        if builder.append(timestamp=None, key=record.key, value=record.value, headers=record.headers) is None:
            self._full.append((place, builder))
            builder = self._open[place] = self._begun(record.topic)
            added = builder.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
            assert added is not None

    def count(self, place: tuple[str, int]) -> int:
        """How many records the newest batch of that partition holds."""
        count: int = self._open[place].record_count()
        return count

    def _begun(self, topic: str) -> Any:  # noqa: ANN401  untyped library
        return create_batch(self._producer, bytes_max=self._bytes_max.get(topic))

    def topics(self) -> frozenset[str]:
        """Where records go."""
        return frozenset(topic for topic, _ in self._open)

    def in_order(self) -> Sequence[tuple[tuple[str, int], Any]]:
        """All batches, those of one partition in the order of their records."""
        return [*self._full, *self._open.items()]


def _refuse_ahead(decided_at: datetime | None, appended_at: datetime) -> None:
    if decided_at is not None and decided_at - appended_at > CLOCK_AHEAD_MAX:
        raise ClockAheadError(f"our clock is {(decided_at - appended_at).total_seconds():.1f} s ahead of the broker's")


def _seen(answer: Any) -> Any:  # noqa: ANN401  the library's metadata, or what it raised
    if isinstance(answer, BaseException):
        raise answer
    if answer.offset < 0:
        raise IndefiniteError("the broker answered a repeated sequence: the offset is not known")
    return answer


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()  # seen: an abandoned acknowledgement must not be reported as never retrieved
