"""Makes and verifies the topics of a namespace as planner_contracts.topics declares them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from planner.runtime.broker_release import refuse_old_brokers
from planner.runtime.clock import IdSource, SystemIds
from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.incarnation import write_incarnation
from planner.runtime.kafka import KafkaConnection, admin
from planner_contracts.ids import is_action
from planner_contracts.topics import TOPICS, TopicDeclaration, TopicRole, topic

CALL_TIMEOUT_S: Final = 20.0
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
class SeenTopic:
    """One topic as it is."""

    partitions: int
    replication: int
    config: Mapping[str, str]

    @property
    def min_insync(self) -> int:
        return int(self.config[_MIN_ISR])


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

    async def actions(self) -> list[str]:
        """The actions that have a topic, in their order."""
        prefixes = [topic(self._namespace, role, "") for role, declaration in TOPICS.items() if declaration.per_action]
        named = {name.removeprefix(prefix) for name in await self._names() for prefix in prefixes if name.startswith(prefix)}
        return sorted(action for action in named if is_action(action))

    async def missing(self, expected: Sequence[ExpectedTopic]) -> list[ExpectedTopic]:
        """Those that do not exist."""
        present = await self._names()
        return [topic_ for topic_ in expected if topic_.name not in present]

    async def make(self, expected: Sequence[ExpectedTopic], *, replication: int | None = None) -> None:
        """Create the topics; one that is just made by another is no error.

        `replication` counts while there is no changelog; later topics are as durable as that. Raises StartupRefusedError if the
        broker refuses one.
        """
        if not expected:
            return
        copies, min_insync = await self._durability(replication)
        spare = {_MIN_ISR: str(min_insync)}
        new = [NewTopic(t.name, t.partitions, copies, topic_configs=dict(t.config) | spare) for t in expected]
        answer = await self._call(self._client.create_topics(new))
        for name, code, *reason in answer.topic_errors:
            error = for_code(code)
            if code and error.retriable:
                raise UnavailableError(f"topic {name} cannot be made now: {error.__name__}")
            if code and error is not TopicAlreadyExistsError:
                raise StartupRefusedError(f"topic {name} cannot be made: {(reason and reason[0]) or error.__name__}")
        await self._until_led([t.name for t in expected])

    async def faults(self, expected: Sequence[ExpectedTopic]) -> list[str]:
        """What is other than declared, a sentence each; every topic exists."""
        changelog = topic(self._namespace, TopicRole.OWNER_CHANGELOG)
        seen = await self._seen([t.name for t in expected])
        log = seen.get(changelog)
        if log is None and expected and changelog in await self._names():
            log = (await self._seen([changelog]))[changelog]
        return [fault for wanted in expected for fault in faults_of(wanted, seen[wanted.name], changelog=log)]

    def _expected(self, declaration: TopicDeclaration, action: str | None) -> ExpectedTopic:
        return ExpectedTopic(
            topic(self._namespace, declaration.role, action), declaration.partitions or self._partitions, declaration.config
        )

    async def _durability(self, replication: int | None) -> tuple[int, int]:
        changelog = topic(self._namespace, TopicRole.OWNER_CHANGELOG)
        if replication is not None and changelog not in await self._names():
            # One replica may be away without stopping anything; with one alone there is none to spare.
            return replication, max(1, replication - 1)
        seen = (await self._seen([changelog]))[changelog]
        return seen.replication, seen.min_insync

    async def _names(self) -> set[str]:
        return set(await self._call(self._client.list_topics()))

    async def _until_led(self, names: list[str]) -> None:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                while not all(  # noqa: ASYNC110  the broker tells nobody when a leader is there
                    _led(description) for description in await self._call(self._client.describe_topics(names))
                ):
                    await asyncio.sleep(_LEADER_WAIT_S)
        except TimeoutError as error:
            raise UnavailableError(f"the new topics have no leaders yet: {', '.join(names)}") from error

    async def _seen(self, names: list[str]) -> dict[str, SeenTopic]:
        if not names:
            return {}
        described = await self._call(self._client.describe_topics(names))
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        configs: dict[str, dict[str, str]] = {}
        for response in await self._call(self._client.describe_configs(resources)):
            for code, _, _, name, entries in response.resources:
                _refuse_code(code, f"the settings of topic {name} cannot be read")
                configs[name] = {entry[0]: entry[1] for entry in entries}
        seen = {}
        for description in described:
            name, partitions = description["topic"], description["partitions"]
            _refuse_code(description["error_code"], f"topic {name} cannot be described")
            seen[name] = SeenTopic(len(partitions), min(len(p["replicas"]) for p in partitions), configs[name])
        return seen

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
    """Make what is missing, verify what is there, the topics of earlier actions too, and write the incarnation of a new changelog.

    `replication`: of a new namespace; what is added to one that exists is as durable as its changelog. Raises StartupRefusedError
    listing everything that is other than declared; nothing is changed then.
    """
    asked = set(actions)
    if unnamed := sorted(action for action in asked if not is_action(action)):
        raise StartupRefusedError(f"{unnamed[0]!r} cannot name an action: lower-case letters and digits, joined by single . or -")
    await refuse_old_brokers(connection)
    async with topic_admin(connection, namespace=namespace, partitions=partitions) as topics:
        expected = topics.expected(sorted(asked | set(await topics.actions())))
        missing = await topics.missing(expected)
        there = [t for t in expected if t not in missing]
        _refuse(await topics.faults(there))
        await topics.make(missing, replication=replication)
        _refuse(await topics.faults(missing))
    uuid = await write_incarnation(connection, namespace=namespace, partitions=partitions, ids=ids or SystemIds())
    return Applied(tuple(t.name for t in missing), tuple(t.name for t in there), uuid)


async def verify_topics(connection: KafkaConnection, *, namespace: str, partitions: int, actions: Iterable[str] = ()) -> None:
    """Raise StartupRefusedError unless the namespace's topics, these actions' and every other action's are as declared.

    UnavailableError if no broker answers.
    """
    await refuse_old_brokers(connection)
    async with topic_admin(connection, namespace=namespace, partitions=partitions) as topics:
        needed = topics.expected(actions)
        if missing := await topics.missing(needed):
            raise StartupRefusedError(f"topic {missing[0].name} does not exist: run `planner topics apply`")
        also = [t for t in topics.expected(await topics.actions()) if t not in needed]
        absent = await topics.missing(also)
        _refuse(await topics.faults(needed + [t for t in also if t not in absent]))


def faults_of(wanted: ExpectedTopic, seen: SeenTopic, *, changelog: SeenTopic | None) -> Iterator[str]:
    """What is other than declared in one topic. None may be less durable than the changelog, which says that its record was written."""
    if seen.partitions != wanted.partitions:
        yield f"{wanted.name} has {seen.partitions} partitions, not {wanted.partitions}"
    for name, value in wanted.config.items():
        if seen.config.get(name) != value:
            yield f"{wanted.name} has {name}={seen.config.get(name)}, not {value}"
    if changelog is not None and seen.replication < changelog.replication:
        yield f"{wanted.name} has {seen.replication} replicas, the changelog {changelog.replication}"
    if changelog is not None and seen.min_insync < changelog.min_insync:
        yield f"{wanted.name} has {_MIN_ISR}={seen.min_insync}, the changelog {changelog.min_insync}"


def _refuse(faults: list[str]) -> None:
    if faults:
        raise StartupRefusedError("topics are other than declared: " + "; ".join(faults))


def _refuse_code(code: int, what: str) -> None:
    if not code:
        return
    error = for_code(code)
    raise (UnavailableError if error.retriable else StartupRefusedError)(f"{what}: {error.__name__}")


def _led(description: dict[str, Any]) -> bool:
    partitions = description["partitions"]
    return bool(partitions) and all(p["leader"] >= 0 and not p["error_code"] for p in partitions)
