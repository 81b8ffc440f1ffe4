"""What the recorder keeps of records that it can never record, on the real topic."""

from collections.abc import AsyncIterator

import pytest

from planner.recorder.kafka_dead_letters import CONTENT_BYTES_MAX, KafkaDeadLetters
from planner.recorder.source import Partition, SourceRecord
from planner.runtime.failures import UnavailableError
from planner.runtime.kafka import KafkaConnection, idempotent_producer
from planner_contracts.topics import TopicRole, topic
from support.recorders import Stage
from support.records import NOON, an_id

CONTENT = len(b"key") + len(b"value")
HEADER = len("name") + 10


@pytest.fixture
async def stage(kafka: str, request: pytest.FixtureRequest) -> Stage:
    stage = Stage(kafka, f"t-{an_id(request.node.nodeid)}", "")
    await stage.make_topics()
    return stage


@pytest.fixture
async def dead_letters(stage: Stage) -> AsyncIterator[KafkaDeadLetters]:
    made = KafkaDeadLetters(topic(stage.namespace, TopicRole.DEAD_LETTERS), lambda: idempotent_producer(stage.connection, client_id="test"))
    yield made
    await made.close()


def a_record(*headers: tuple[str, bytes]) -> SourceRecord:
    return SourceRecord(TopicRole.RUN_EVENTS, Partition("t.run.events", 2), 7, NOON, b"key", b"value", headers)


async def test_a_record_of_the_largest_size_is_kept_whole_and_of_a_larger_one_its_place(
    stage: Stage, dead_letters: KafkaDeadLetters
) -> None:
    """Only key and value were counted: a record with large headers was refused by the topic for ever, and its partition stood still."""
    filling = b"x" * (CONTENT_BYTES_MAX - CONTENT - HEADER)
    await dead_letters.keep(a_record(("name", filling)), reason="invalid", detail="why")
    await dead_letters.keep(a_record(("name", filling + b"x")), reason="invalid", detail="why")
    whole, place = await stage.dead_letters()
    assert (whole.key, whole.value, dict(whole.headers)["name"]) == (b"key", b"value", filling)
    assert (place.key, place.value) == (b"key", None)
    told = dict(place.headers)
    assert "name" not in told
    assert (told["source_topic"], told["source_partition"], told["source_offset"]) == (b"t.run.events", b"2", b"7")
    assert told["detail"] == f"the record has {CONTENT_BYTES_MAX + 1} bytes, value and headers are left out; why".encode()


async def test_after_a_failure_the_next_record_gets_a_new_producer(stage: Stage) -> None:
    connections = [KafkaConnection("127.0.0.1:1"), stage.connection]
    dead_letters = KafkaDeadLetters(
        topic(stage.namespace, TopicRole.DEAD_LETTERS), lambda: idempotent_producer(connections.pop(0), client_id="test")
    )
    with pytest.raises(UnavailableError, match="dead letters"):
        await dead_letters.keep(a_record(), reason="invalid", detail="why")
    await dead_letters.keep(a_record(), reason="invalid", detail="why")
    await dead_letters.close()
    assert len(await stage.dead_letters()) == 1
