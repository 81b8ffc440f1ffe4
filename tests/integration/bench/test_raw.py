"""The bare loops write everything, once, where it belongs and in order."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import pytest

from planner.bench import raw
from planner.bench.written import TopicReader, Written, topic_reader
from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.kafka import BATCH_BYTES_MAX, KafkaConnection
from planner.runtime.topic_admin import apply_topics
from planner_contracts.envelope import HEADERS
from planner_contracts.topics import TopicRole, topic

PARTITIONS = 2
ACTION = "bench.burst"
Log = list[tuple[bytes | None, bytes | None]]


@pytest.fixture
async def topics(kafka: str) -> list[str]:
    namespace = f"t-{UUID(SystemIds().uuid()).hex[:12]}"
    await apply_topics(KafkaConnection(kafka), namespace=namespace, partitions=PARTITIONS, actions=[ACTION], replication=1)
    return [topic(namespace, TopicRole.ACTION, ACTION), topic(namespace, TopicRole.RUN_EVENTS)]


def some_records(topics: Sequence[str], *, count: int, value_bytes: int) -> list[Written]:
    """So many a topic, the partitions unevenly filled."""
    value = b"x" * value_bytes
    return [
        Written(name, int(number % 3 == 0), b"key-%d" % number, b"%d " % number + value, HEADERS, 0)
        for number in range(count)
        for name in topics
    ]


def logs_of(records: Sequence[Written]) -> dict[tuple[str, int], Log]:
    logs: defaultdict[tuple[str, int], Log] = defaultdict(list)
    for record in records:
        logs[record.topic, record.partition].append((record.key, record.value))
    return dict(logs)


async def all_of(reader: TopicReader) -> list[Written]:
    ends = await reader.ends()
    return await reader.between(dict.fromkeys(ends, 0), ends)


@pytest.mark.parametrize("send", [raw.send_each, raw.send_batches], ids=["send", "send_batch"])
@pytest.mark.parametrize(("count", "value_bytes"), [(2_500, 100), (20, BATCH_BYTES_MAX // 4)], ids=["many", "large"])
async def test_a_bare_loop_writes_every_record_once_and_in_order(
    kafka: str, topics: list[str], send: raw.Loop, count: int, value_bytes: int
) -> None:
    connection, clock = KafkaConnection(kafka), SystemClock()
    records = some_records(topics, count=count, value_bytes=value_bytes)
    steps: list[int] = []

    begun = clock.now()
    run = await send(connection, records, clock=clock, progress=steps.append)

    async with topic_reader(connection, topics, partitions=PARTITIONS) as reader:
        written = await all_of(reader)
    assert logs_of(written) == logs_of(records)
    assert (run.records, sum(steps)) == (len(records), len(records))
    assert begun <= run.begun <= clock.now()
    assert run.ended_ms == max(record.appended_ms for record in written)


async def test_what_lies_outside_the_marks_is_not_read(kafka: str, topics: list[str]) -> None:
    connection, clock = KafkaConnection(kafka), SystemClock()
    batches = [some_records(topics, count=10, value_bytes=size) for size in (1, 2, 3)]
    async with topic_reader(connection, topics, partitions=PARTITIONS) as reader:
        marks = []
        for batch in batches:
            await raw.send_batches(connection, batch, clock=clock, progress=lambda _: None)
            marks.append(await reader.ends())
        assert logs_of(await reader.between(marks[0], marks[1])) == logs_of(batches[1])
