"""Makes and verifies the topics of a namespace as planner_contracts.topics declares them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from planner.runtime.clock import IdSource, SystemIds
from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.kafka import KafkaConnection, admin, assigned_consumer, idempotent_producer
from planner_contracts.topics import TOPICS, TopicDeclaration, TopicRole, topic

CALL_TIMEOUT_S: Final = 20.0
STATE_FORMAT: Final = 1
INCARNATION_KEY: Final = b"incarnation"
_LEADER_WAIT_S: Final = 0.05
_MIN_ISR: Final = "min.insync.replicas"


@dataclass(frozen=True, slots=True)
class ExpectedTopic:
    """One topic as it must be."""

    name: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply_topics` found and did."""

    made: tuple[str, ...]
    verified: tuple[str, ...]
    incarnation: str


@dataclass(frozen=True, slots=True)
class _Seen:
    partitions: int
    replication: int
    config: Mapping[str, str]


class TopicAdmin:
    """The topics of one namespace on one cluster. Every call has a deadline; UnavailableError if no broker answers."""

    def __init__(self, client: AIOKafkaAdminClient, *, namespace: str, partitions: int) -> None:
        self._client = client
        self._namespace = namespace
        self._partitions = partitions

    def expected(self, actions: Iterable[str]) -> list[ExpectedTopic]:
        """The namespace's topics, and those of the actions."""
        expected = [self._expected(declaration, None) for declaration in TOPICS.values() if not declaration.per_action]
        expected += [self._expected(d, action) for action in actions for d in TOPICS.values() if d.per_action]
        return expected

    async def missing(self, expected: Sequence[ExpectedTopic]) -> list[ExpectedTopic]:
        """Those that do not exist."""
        present = await self._names()
        return [topic_ for topic_ in expected if topic_.name not in present]

    async def make(self, expected: Sequence[ExpectedTopic], *, replication: int | None = None) -> None:
        """Create the topics, replicated as the changelog where nothing is said; one that is just made by another is no error."""
        if replication is None:
            name = topic(self._namespace, TopicRole.OWNER_CHANGELOG)
            replication = (await self._seen([name]))[name].replication
        # One replica may be away without stopping anything; with one alone there is none to spare.
        spare = {_MIN_ISR: str(max(1, replication - 1))}
        new = [NewTopic(t.name, t.partitions, replication, topic_configs=dict(t.config) | spare) for t in expected]
        if not new:
            return
        answer = await self._call(self._client.create_topics(new))
        for name, code, *rest in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise StartupRefusedError(f"topic {name} cannot be made: {rest[0] if rest else error.__name__}")
        await self._until_led([t.name for t in expected])

    async def faults(self, expected: Sequence[ExpectedTopic]) -> list[str]:
        """What is other than declared, a sentence each; every topic exists."""
        seen = await self._seen([t.name for t in expected])
        log = seen.get(topic(self._namespace, TopicRole.OWNER_CHANGELOG))
        found: list[str] = []
        for wanted in expected:
            is_ = seen[wanted.name]
            if is_.partitions != wanted.partitions:
                found.append(f"{wanted.name} has {is_.partitions} partitions, not {wanted.partitions}")
            for name, value in wanted.config.items():
                if is_.config.get(name) != value:
                    found.append(f"{wanted.name} has {name}={is_.config.get(name)}, not {value}")
            if log is not None and (is_.replication < log.replication or int(is_.config[_MIN_ISR]) < int(log.config[_MIN_ISR])):
                found.append(f"{wanted.name} is replicated less than the changelog")
        return found

    def _expected(self, declaration: TopicDeclaration, action: str | None) -> ExpectedTopic:
        return ExpectedTopic(
            topic(self._namespace, declaration.role, action), declaration.partitions or self._partitions, declaration.config
        )

    async def _names(self) -> set[str]:
        return set(await self._call(self._client.list_topics()))

    async def _until_led(self, names: list[str]) -> None:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            while not all(  # noqa: ASYNC110  the broker tells nobody when a leader is there
                _led(description) for description in await self._call(self._client.describe_topics(names))
            ):
                await asyncio.sleep(_LEADER_WAIT_S)

    async def _seen(self, names: list[str]) -> dict[str, _Seen]:
        described = await self._call(self._client.describe_topics(names))
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        configs: dict[str, dict[str, str]] = {}
        for response in await self._call(self._client.describe_configs(resources)):
            for _, _, _, name, entries in response.resources:
                configs[name] = {entry[0]: entry[1] for entry in entries}
        return {
            d["topic"]: _Seen(len(d["partitions"]), min(len(p["replicas"]) for p in d["partitions"]), configs[d["topic"]])
            for d in described
        }

    async def _call(self, call: Any) -> Any:  # noqa: ANN401  the library is untyped
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await call
        except (KafkaError, OSError, TimeoutError) as error:
            raise UnavailableError(f"Kafka did not answer: {error!r}") from error


@asynccontextmanager
async def topic_admin(connection: KafkaConnection, *, namespace: str, partitions: int) -> AsyncIterator[TopicAdmin]:
    """An admin for as long as the block lasts. Raises UnavailableError if no broker can be reached."""
    client = admin(connection)
    try:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await client.start()
        except (KafkaError, OSError, TimeoutError) as error:
            raise UnavailableError(f"Kafka cannot be reached at {connection.bootstrap}: {error}") from error
        yield TopicAdmin(client, namespace=namespace, partitions=partitions)
    finally:
        await client.close()


async def apply_topics(
    connection: KafkaConnection,
    *,
    namespace: str,
    partitions: int,
    actions: Iterable[str],
    replication: int,
    ids: IdSource | None = None,
) -> Applied:
    """Make what is missing, verify what is there, and write the incarnation record into a new changelog.

    Raises StartupRefusedError listing everything that is other than declared; nothing is changed then.
    """
    async with topic_admin(connection, namespace=namespace, partitions=partitions) as topics:
        expected = topics.expected(actions)
        missing = await topics.missing(expected)
        there = [t for t in expected if t not in missing]
        _refuse(await topics.faults(there))
        await topics.make(missing, replication=replication)
    uuid = await _incarnate(connection, namespace=namespace, partitions=partitions, ids=ids or SystemIds())
    return Applied(tuple(t.name for t in missing), tuple(t.name for t in there), uuid)


async def verify_topics(connection: KafkaConnection, *, namespace: str, partitions: int, actions: Iterable[str] = ()) -> None:
    """Raise StartupRefusedError unless every topic of the namespace is as declared; UnavailableError if no broker answers."""
    async with topic_admin(connection, namespace=namespace, partitions=partitions) as topics:
        expected = topics.expected(actions)
        missing = await topics.missing(expected)
        if missing:
            raise StartupRefusedError(f"topic {missing[0].name} does not exist: run `planner topics apply`")
        _refuse(await topics.faults(expected))


def _refuse(faults: list[str]) -> None:
    if faults:
        raise StartupRefusedError("topics are other than declared: " + "; ".join(faults))


async def _incarnate(connection: KafkaConnection, *, namespace: str, partitions: int, ids: IdSource) -> str:
    name = topic(namespace, TopicRole.OWNER_CHANGELOG)
    places = [TopicPartition(name, partition) for partition in range(partitions)]
    async with asyncio.timeout(CALL_TIMEOUT_S):
        written = await _incarnations(connection, places)
        uuid = next((value for value in written.values() if value is not None), None) or str(UUID(ids.uuid()))
        producer = idempotent_producer(connection, client_id=f"{namespace}-topics")
        await producer.start()
        try:
            record = json.dumps({"uuid": uuid, "partitions": partitions, "format": STATE_FORMAT}).encode()
            for place, value in written.items():
                if value is None:
                    await producer.send_and_wait(name, record, key=INCARNATION_KEY, partition=place.partition)
        finally:
            await producer.stop()
    return uuid


async def _incarnations(connection: KafkaConnection, places: list[TopicPartition]) -> dict[TopicPartition, str | None]:
    """The incarnation in each partition, None where the partition is empty."""
    consumer = assigned_consumer(connection, client_id="planner-topics")
    await consumer.start()
    try:
        consumer.assign(places)
        first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        written: dict[TopicPartition, str | None] = {}
        for place in places:
            if end[place] == 0:
                written[place] = None
                continue
            consumer.seek(place, first[place])
            record = await consumer.getone(place)
            if record.key != INCARNATION_KEY or record.value is None:
                raise StartupRefusedError(f"{place.topic}: partition {place.partition} does not begin with an incarnation record")
            written[place] = str(json.loads(record.value)["uuid"])
        return written
    finally:
        await consumer.stop()


def _led(description: dict[str, Any]) -> bool:
    partitions = description["partitions"]
    return bool(partitions) and all(p["leader"] >= 0 and not p["error_code"] for p in partitions)
