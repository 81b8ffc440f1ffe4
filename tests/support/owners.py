"""Owner processes that a test may kill, stop and continue, on a namespace whose plans it knows in closed form."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from aiokafka import AIOKafkaProducer

from planner.ledger.audit import audit
from planner.ledger.check import Report
from planner.ledger.expectation import EveryPeriod, Expectation, OneShot
from planner.ledger.kafka_history import read_actions
from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.failures import UnavailableError
from planner.runtime.kafka import KafkaConnection, idempotent_producer
from planner.runtime.settings import environment
from planner.runtime.topic_admin import apply_topics
from planner_contracts import ids
from planner_contracts.envelope import HEADERS, Envelope, encode
from planner_contracts.instants import format_instant
from planner_contracts.partitioning import partition_for
from planner_contracts.plan_command import CommandType
from planner_contracts.topics import TopicRole, topic
from support.recorders import PARTITIONS
from support.until import until

ACTION = "demo.ledger"
TENANTS = ("acme", "beta", "gamma")
FIRED_WITHIN_S = 60.0


@dataclass
class OwnedNamespace:
    """A namespace on real servers, its owner processes, and what their plans must have made at the end."""

    kafka: str
    redis: str
    folder: Path
    partitions: int
    namespace: str
    producer: AIOKafkaProducer
    expectations: list[Expectation] = field(default_factory=list)
    owners: list["OwnerProcess"] = field(default_factory=list)

    @property
    def connection(self) -> KafkaConnection:
        return KafkaConnection(bootstrap=self.kafka)

    def start_owner(self) -> "OwnerProcess":
        settings = {
            "PLANNER_NAMESPACE": self.namespace,
            "PLANNER_KAFKA": self.kafka,
            "PLANNER_REDIS": self.redis,
            "PLANNER_PARTITIONS": str(self.partitions),
            "PLANNER_REPORT_KEYS": "test:a-secret-of-the-tests-only",
        }
        owner = OwnerProcess(settings, self.folder / f"{self.namespace}-owner-{len(self.owners)}.log")
        self.owners.append(owner)
        return owner

    async def create(self, when: Mapping[str, Any], *, tenant: str = TENANTS[0]) -> str:
        """Ask for a plan on the command topic; its id."""
        command_id = SystemIds().uuid()
        plan_id = ids.plan_id(tenant, "main", command_id)
        data = {
            "command_id": command_id,
            "tenant_id": tenant,
            "organization_id": "main",
            "actor": "test",
            "plan": {"action": ACTION, "payload": {"of": plan_id}, **when},
        }
        value = encode(Envelope(command_id, "/tests", CommandType.CREATE, None, plan_id, tenant, "main", data))
        await self.send(TopicRole.PLAN_COMMANDS, value, key=plan_id)
        return plan_id

    async def send(self, role: TopicRole, value: bytes, *, key: str, partition: int | None = None) -> None:
        where = partition_for(key.encode(), self.partitions) if partition is None else partition
        async with asyncio.timeout(FIRED_WITHIN_S):
            await self.producer.send_and_wait(topic(self.namespace, role), value, key=key.encode(), partition=where, headers=HEADERS)

    async def create_one_shots(self, count: int, *, first: datetime, over: timedelta) -> None:
        """So many plans of several tenants, due evenly over a stretch of time."""
        moments = [first + over * number / count for number in range(count)]
        plans = await asyncio.gather(
            *(self.create({"execute_at": format_instant(at)}, tenant=TENANTS[n % len(TENANTS)]) for n, at in enumerate(moments))
        )
        self.expectations += [OneShot(plan_id, at) for plan_id, at in zip(plans, moments, strict=True)]

    async def create_interval(self, *, first: datetime, every: timedelta, fires: int) -> str:
        """A plan that fires so many times from `first` on and is completed then.

        It has to be known before `first`, for it makes no past occurrences: ask for it before anything else, and early.
        """
        last = first + every * (fires - 1)
        when = {
            "recurrence": {"type": "interval", "every_seconds": int(every.total_seconds()), "anchor": format_instant(first)},
            "ends_at": format_instant(last),
            "misfire": {"coalesce": "none", "max_catchup": 1000},
        }
        plan_id = await self.create(when)
        self.expectations.append(EveryPeriod(plan_id, first, every, first, last, last))
        return plan_id

    @property
    def expected_count(self) -> int:
        return sum(1 for expectation in self.expectations for _ in expectation.must())

    async def fired_count(self) -> int:
        fired, _ = await read_actions(self.connection, self.namespace)
        return len(fired)

    async def until_fired(self, count: int | None = None, *, within_s: float = FIRED_WITHIN_S) -> None:
        wanted = self.expected_count if count is None else count

        async def enough() -> bool:
            try:
                return await self.fired_count() >= wanted
            except UnavailableError:
                return False  # a broker that has just come back

        await until(enough, what=f"{wanted} actions on Kafka", within_s=within_s)

    async def audit(self, *, postgres: str | None = None) -> Report:
        return await audit(self.expectations, connection=self.connection, namespace=self.namespace, postgres=postgres)

    def logs(self, event: str) -> list[dict[str, Any]]:
        """What all owners have said of this event."""
        return [line for owner in self.owners for line in owner.logs(event)]


class OwnerProcess:
    """`python -m planner.owner`, and its log."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen([sys.executable, "-m", "planner.owner"], env={**environment(), **settings}, stderr=stream)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def logs(self, event: str) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    async def until_owning(self, count: int) -> None:
        """Until it has taken over so many partitions, at one time or another."""
        await until(
            lambda: len({line["partition"] for line in self.logs("owner.takeover.finished")}) >= count,
            what=f"owner {self.process.pid} owns {count} partitions",
            within_s=FIRED_WITHIN_S,
        )

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill()


@asynccontextmanager
async def owned_namespace(kafka: str, redis: str, folder: Path, *, partitions: int = PARTITIONS) -> AsyncIterator[OwnedNamespace]:
    """A new namespace with its topics; the owners that were started are stopped at the end."""
    namespace = f"r{SystemIds().uuid()[:8]}"
    connection = KafkaConnection(bootstrap=kafka)
    await apply_topics(connection, namespace=namespace, partitions=partitions, actions=[ACTION], replication=1)
    producer = idempotent_producer(connection, client_id="tests")
    await producer.start()
    owned = OwnedNamespace(kafka, redis, folder, partitions, namespace, producer)
    try:
        yield owned
    finally:
        for owner in owned.owners:
            owner.end()
        await producer.stop()


async def expect_complete(owned: OwnedNamespace, *, postgres: str | None = None) -> None:
    """Nothing is lost, doubled, early or out of order, and the runs are those of the actions."""
    report = await owned.audit(postgres=postgres)
    assert report.ok, report.differences[:5]


def soon(seconds: float) -> datetime:
    """A whole second, so far ahead."""
    return SystemClock().now().replace(microsecond=0) + timedelta(seconds=seconds)


@contextmanager
def stopped_server(address: str) -> Iterator[None]:
    """The server that listens there answers nothing while the block lasts: SIGSTOP, then SIGCONT, to it and its children."""
    port = urlsplit(address if "://" in address else f"tcp://{address}").port
    (listener,) = {c.pid for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port}
    server = psutil.Process(listener)
    processes: Sequence[psutil.Process] = [server, *server.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()
