"""A tenure over an index and a log in memory: whole ticks of a shard, and what each of them committed."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import CollectorRegistry

from planner.owner.action_topics import ActionTopics
from planner.owner.changelog import POSITION_KEY, Inputs, decode_inputs
from planner.owner.inbox import Incoming
from planner.owner.index import Position
from planner.owner.inputs import Gathered
from planner.owner.metrics import OwnerMetrics, ShardMetrics
from planner.owner.outbox import Outbox, Record
from planner.owner.schedules import Schedules
from planner.owner.shard_name import ShardName
from planner.owner.takeover import Taken
from planner.owner.tenure import Tenure, TickParts
from planner.owner.transaction import Committed, FencedProducer
from planner_contracts.envelope import HEADERS
from support.incoming import COMMANDS_TOPIC, TOKENS
from support.memory_index import MemoryIndex, MemoryStore
from support.plans import ACTIONS, NOON

EMPTY: Final = Position("incarnation", 0, NOON, b"")


@dataclass
class Time:
    """A clock that stands until it is moved; the monotonic one goes on by so much with each look at it."""

    at: datetime = NOON
    look_s: float = 0.0
    looked_s: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        self.looked_s += self.look_s
        return self.at.timestamp() + self.looked_s


class MemoryLog(FencedProducer):
    """Commits every transaction, and keeps it."""

    def __init__(self) -> None:
        self.transactions: list[list[Record]] = []
        self.offset = EMPTY.offset

    async def commit(self, records: Iterable[Record], *, last: Record, decided_at: datetime | None = None) -> Committed:
        batch = [*records, last]
        self.transactions.append(batch)
        self.offset += sum(record.topic == last.topic for record in batch)
        return Committed(self.offset, NOON)


class Broker:
    """Has the topics of all actions that tests use."""

    async def existing(self, actions: Iterable[str]) -> frozenset[str]:
        return frozenset(actions) & ACTIONS

    async def make(self, action: str) -> None:
        raise AssertionError(action)


@dataclass(frozen=True, slots=True)
class Told:
    """An event or an action that a transaction published, its value read."""

    type: str
    data: dict[str, Any]


@dataclass
class HeldShard:
    """Partition 0 from an empty index on. `settle` before the first story: a new tenure looks at every plan once."""

    time: Time = field(default_factory=Time)
    store: MemoryStore = field(default_factory=MemoryStore)
    log: MemoryLog = field(default_factory=MemoryLog)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    tenure: Tenure = field(init=False)
    schedules: Schedules = field(default_factory=Schedules)
    random: Callable[[], float] = lambda: 0.0
    partitions: int = 1

    async def begin(self) -> "HeldShard":
        """The first tenure of an empty shard, which has looked at every plan."""
        await MemoryIndex(self.store).build(None, [], EMPTY)
        self.take_over(EMPTY)
        await self.settle()
        return self

    def take_over(self, position: Position) -> None:
        """A tenure that begins where log and index stand."""
        name = ShardName("t", 0, self.partitions)
        parts = TickParts(
            clock=self.time,
            index=MemoryIndex(self.store),
            outbox=Outbox(namespace=name.namespace, partition=name.partition, partitions=name.partitions, tokens=TOKENS),
            tokens=TOKENS,
            schedules=self.schedules,
            action_topics=ActionTopics(Broker(), open_to_new=False),
            metrics=ShardMetrics(OwnerMetrics(self.registry), name.partition),
            random=self.random,
        )
        self.tenure = Tenure(name, parts, Taken(self.log, position, self.store.head, built_anew=False))

    def take_over_again(self) -> None:
        """Another tenure, from what the last transaction left."""
        self.registry = CollectorRegistry()
        self.take_over(Position(EMPTY.incarnation, self.log.offset, NOON, self.store.found.inputs))

    async def tick(self, *sources: Incoming, later: timedelta = timedelta(0), after: Inputs | None = None) -> list[Told]:
        """One tick over these records, so much later than the one before; what it published, in order."""
        self.time.at += later
        commands = [source for source in sources if source.topic == COMMANDS_TOPIC]
        reports = [source for source in sources if source.topic != COMMANDS_TOPIC]
        before = len(self.log.transactions)
        await self.tenure.tick(Gathered(commands, reports, after or self.inputs))
        return [_told(record) for batch in self.log.transactions[before:] for record in batch if record.headers == HEADERS]

    async def settle(self) -> list[Told]:
        """Ticks until nothing is due and every plan has been looked at."""
        told: list[Told] = []
        while self.tenure.wait_s() == 0:
            told += await self.tick()
        return told

    @property
    def inputs(self) -> Inputs:
        """What the last position record says."""
        return decode_inputs(self.store.found.inputs)

    def positions(self) -> list[Inputs]:
        """What the position record of each transaction said."""
        return [decode_inputs(record.value or b"") for batch in self.log.transactions for record in batch if record.key == POSITION_KEY]


def types(told: Iterable[Told]) -> list[str]:
    """What was published, in order."""
    return [found.type for found in told]


def data_of(told: Iterable[Told], kind: str) -> list[dict[str, Any]]:
    """What was said by the records of a type."""
    return [found.data for found in told if found.type == kind]


def _told(record: Record) -> Told:
    assert record.value is not None
    document = json.loads(record.value)
    return Told(document["type"].removeprefix("planner."), document["data"])
