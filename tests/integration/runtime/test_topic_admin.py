"""`planner topics apply` at a real broker: what it makes, what it leaves alone, what it refuses."""

import asyncio
import json
from typing import Any, Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.incarnation import INCARNATION_KEY, read_incarnation
from planner.runtime.kafka import KafkaConnection, idempotent_producer, transactional_producer
from planner.runtime.kafka_close import drop_producer
from planner.runtime.topic_admin import Applied, apply_topics, topic_admin, verify_topics
from planner_contracts.topics import TOPICS, TopicRole, topic
from support.shard_topics import ShardTopics
from support.until import until

N: Final = 2
ACTION: Final = "content.publish"
OTHER_ID: Final = "00000000-0000-4000-8000-000000000001"


async def apply(connection: KafkaConnection, namespace: str, *actions: str, partitions: int = N, replication: int = 1) -> Applied:
    return await apply_topics(connection, namespace=namespace, partitions=partitions, actions=actions, replication=replication)


async def change(cluster: AIOKafkaAdminClient, name: str, config: dict[str, str]) -> None:
    await cluster.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])

    async def is_shown() -> bool:
        described: Any = await cluster.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        shown = {entry[0]: entry[1] for entry in described[0].resources[0][4]}
        return config.items() <= shown.items()

    await until(is_shown, what=f"{name} shows {config}")


async def write_first(connection: KafkaConnection, namespace: str, partition: int, *, key: bytes, value: bytes) -> None:
    """A record at the beginning of a changelog that somebody else has made."""
    producer = idempotent_producer(connection, client_id="tests")
    await producer.start()
    try:
        await producer.send_and_wait(topic(namespace, TopicRole.OWNER_CHANGELOG), value, key=key, partition=partition)
    finally:
        await producer.stop()


async def only_topics(connection: KafkaConnection, namespace: str) -> None:
    """As an apply leaves it that is cut off before the incarnation."""
    async with topic_admin(connection, namespace=namespace, partitions=N) as topics:
        await topics.make(topics.expected(()), replication=1)


async def test_every_declared_topic_is_made_as_declared(connection: KafkaConnection, namespace: str) -> None:
    applied = await apply(connection, namespace, ACTION)
    assert set(applied.made) == {topic(namespace, role, ACTION if declared.per_action else None) for role, declared in TOPICS.items()}
    assert applied.verified == ()
    await verify_topics(connection, namespace=namespace, partitions=N, actions=[ACTION])


async def test_applying_twice_changes_nothing(connection: KafkaConnection, namespace: str) -> None:
    first = await apply(connection, namespace, ACTION)
    second = await apply(connection, namespace)
    assert (second.made, set(second.verified), second.incarnation) == ((), set(first.made), first.incarnation)


async def test_a_further_action_is_registered_beside_the_others(connection: KafkaConnection, namespace: str) -> None:
    await apply(connection, namespace, ACTION)
    applied = await apply(connection, namespace, "report.send")
    assert set(applied.made) == {f"{namespace}.action.report.send", f"{namespace}.control.report.send"}
    async with topic_admin(connection, namespace=namespace, partitions=N) as topics:
        assert await topics.actions() == [ACTION, "report.send"]


async def test_every_changelog_partition_begins_with_one_incarnation(connection: KafkaConnection, namespace: str) -> None:
    applied = await apply(connection, namespace)
    records = await ShardTopics(connection, namespace, N).committed(TopicRole.OWNER_CHANGELOG)
    assert [(record.partition, record.offset, record.key) for record in records] == [(p, 0, INCARNATION_KEY) for p in range(N)]
    assert [json.loads(record.value or b"") for record in records] == [{"uuid": applied.incarnation, "partitions": N, "format": 1}] * N
    assert await read_incarnation(connection, namespace=namespace, partitions=N) == applied.incarnation


async def test_two_lives_of_one_name_have_two_incarnations(
    connection: KafkaConnection, namespace: str, cluster: AIOKafkaAdminClient
) -> None:
    first = await apply(connection, namespace)
    changelog = topic(namespace, TopicRole.OWNER_CHANGELOG)
    await cluster.delete_topics([changelog])

    async def is_gone() -> bool:
        return changelog not in await cluster.list_topics()

    await until(is_gone, what="the changelog is deleted")
    second = await apply(connection, namespace)
    assert first.incarnation != second.incarnation


async def test_another_number_of_partitions_is_refused(connection: KafkaConnection, namespace: str) -> None:
    await apply(connection, namespace)
    with pytest.raises(StartupRefusedError, match=f"{namespace}.plan.commands has {N} partitions, not {N + 1}"):
        await apply(connection, namespace, partitions=N + 1)
    with pytest.raises(StartupRefusedError, match=f"has {N} partitions, not 1"):
        await verify_topics(connection, namespace=namespace, partitions=1)


@pytest.mark.parametrize(
    ("role", "changed"),
    [
        (TopicRole.RUN_EVENTS, ("retention.ms", "1000", "2592000000")),
        (TopicRole.PLAN_EVENTS, ("retention.bytes", "1048576", "-1")),
        (TopicRole.OWNER_CHANGELOG, ("cleanup.policy", "delete", "compact")),
        (TopicRole.PLAN_COMMANDS, ("message.timestamp.type", "CreateTime", "LogAppendTime")),
        (TopicRole.ACTION, ("cleanup.policy", "compact", "delete")),
    ],
    ids=lambda given: given.value if isinstance(given, TopicRole) else "",
)
async def test_a_setting_that_somebody_has_changed_is_refused_by_its_name(
    connection: KafkaConnection, namespace: str, cluster: AIOKafkaAdminClient, *, role: TopicRole, changed: tuple[str, str, str]
) -> None:
    option, value, declared = changed
    fault = f"has {option}={value}, not {declared}"
    await apply(connection, namespace, ACTION)
    name = topic(namespace, role, ACTION if TOPICS[role].per_action else None)
    await change(cluster, name, TOPICS[role].config | {option: value})
    with pytest.raises(StartupRefusedError, match=f"{name} {fault}"):
        await apply(connection, namespace)
    with pytest.raises(StartupRefusedError, match=f"{name} {fault}"):
        await verify_topics(connection, namespace=namespace, partitions=N)


async def test_nothing_is_made_where_something_is_refused(
    connection: KafkaConnection, namespace: str, cluster: AIOKafkaAdminClient
) -> None:
    commands = topic(namespace, TopicRole.PLAN_COMMANDS)
    await cluster.create_topics([NewTopic(commands, N + 1, 1)])
    with pytest.raises(StartupRefusedError, match=commands):
        await apply(connection, namespace, ACTION)
    assert [name for name in await cluster.list_topics() if name.startswith(namespace)] == [commands]


async def test_more_copies_than_there_are_brokers_are_refused(connection: KafkaConnection, namespace: str) -> None:
    with pytest.raises(StartupRefusedError, match="cannot be made"):
        await apply(connection, namespace, replication=3)


async def test_a_name_that_could_collide_with_another_action_is_refused(connection: KafkaConnection, namespace: str) -> None:
    with pytest.raises(StartupRefusedError, match="'content_publish' cannot name an action"):
        await apply(connection, namespace, "content_publish")


async def test_an_apply_that_was_cut_off_is_completed_with_the_incarnation_that_it_began_with(
    connection: KafkaConnection, namespace: str
) -> None:
    await only_topics(connection, namespace)
    record = json.dumps({"uuid": OTHER_ID, "partitions": N, "format": 1}).encode()
    await write_first(connection, namespace, 1, key=INCARNATION_KEY, value=record)
    with pytest.raises(StartupRefusedError, match=r"no incarnation record in partitions \[0\]"):
        await read_incarnation(connection, namespace=namespace, partitions=N)
    applied = await apply(connection, namespace)
    assert applied.incarnation == await read_incarnation(connection, namespace=namespace, partitions=N) == OTHER_ID


async def test_applies_at_the_same_time_make_one_incarnation(connection: KafkaConnection, namespace: str) -> None:
    """Two pods that each ran `planner topics apply` first left a changelog whose partitions named two incarnations: no owner could
    start, and nothing but making the namespace anew helped.
    """
    applied = await asyncio.gather(*(apply(connection, namespace) for _ in range(3)))
    assert {one.incarnation for one in applied} == {await read_incarnation(connection, namespace=namespace, partitions=N)}


async def test_what_an_apply_had_begun_and_not_committed_is_no_incarnation(connection: KafkaConnection, namespace: str) -> None:
    await only_topics(connection, namespace)
    name = f"{namespace}.topics"
    producer = transactional_producer(connection, transactional_id=name, client_id=name)
    await producer.start()
    try:
        await producer.begin_transaction()
        record = json.dumps({"uuid": OTHER_ID, "partitions": N, "format": 1}).encode()
        await producer.send_and_wait(topic(namespace, TopicRole.OWNER_CHANGELOG), record, key=INCARNATION_KEY, partition=0)
        applied = await apply(connection, namespace)
    finally:
        await drop_producer(producer, timeout_s=1)
    assert applied.incarnation == await read_incarnation(connection, namespace=namespace, partitions=N) != OTHER_ID


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        (b"barrier", b"{}", "does not begin with an incarnation record"),
        (INCARNATION_KEY, b"not json", "does not begin with an incarnation record"),
        (INCARNATION_KEY, b'{"uuid": "x", "partitions": 2, "format": 1}', "does not begin with an incarnation record"),
        (INCARNATION_KEY, json.dumps({"uuid": OTHER_ID, "partitions": 4, "format": 1}).encode(), "was made for 4 partitions, not 2"),
        (
            INCARNATION_KEY,
            json.dumps({"uuid": OTHER_ID, "partitions": 2, "format": 2}).encode(),
            "has format 2; this version reads up to 1",
        ),
    ],
    ids=["a barrier", "no JSON", "no UUID", "another N", "a newer format"],
)
async def test_a_changelog_that_begins_with_anything_else_is_refused(
    connection: KafkaConnection, namespace: str, key: bytes, value: bytes, fault: str
) -> None:
    await only_topics(connection, namespace)
    await write_first(connection, namespace, 0, key=key, value=value)
    with pytest.raises(StartupRefusedError, match=fault):
        await apply(connection, namespace)


async def test_a_changelog_of_two_incarnations_is_refused(connection: KafkaConnection, namespace: str) -> None:
    await only_topics(connection, namespace)
    for partition in range(N):
        record = json.dumps({"uuid": f"{OTHER_ID[:-1]}{partition}", "partitions": N, "format": 1}).encode()
        await write_first(connection, namespace, partition, key=INCARNATION_KEY, value=record)
    with pytest.raises(StartupRefusedError, match="put together of several"):
        await apply(connection, namespace)


async def test_a_namespace_that_was_never_made_is_told_with_the_command_that_makes_it(connection: KafkaConnection, namespace: str) -> None:
    with pytest.raises(StartupRefusedError, match="planner topics apply"):
        await verify_topics(connection, namespace=namespace, partitions=N)


async def test_brokers_that_are_not_there_are_told_by_their_address(namespace: str) -> None:
    nowhere = KafkaConnection(bootstrap="127.0.0.1:1")
    with pytest.raises(UnavailableError, match=r"Kafka cannot be reached at 127\.0\.0\.1:1"):
        await apply(nowhere, namespace)
    with pytest.raises(UnavailableError, match=r"Kafka cannot be reached at 127\.0\.0\.1:1"):
        await verify_topics(nowhere, namespace=namespace, partitions=N)
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        await read_incarnation(nowhere, namespace=namespace, partitions=N)
