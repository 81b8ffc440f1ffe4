"""The brokers of a stack, as a service, a worker or an operator uses them without the HTTP API."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.ledger.audit import audit
from planner.ledger.check import Report
from planner.ledger.expectation import Expectation
from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.kafka import KafkaConnection, idempotent_producer
from planner_contracts.partitioning import partition_for
from planner_contracts.plan_command import CommandType
from planner_contracts.run_report import REPORT_TYPE
from planner_contracts.topics import TopicRole, topic
from support.api import PATIENCE_S, Document
from support.shard_topics import ShardTopics
from support.stack import Stack
from support.until import until


@dataclass(frozen=True, slots=True)
class Event:
    """`type` without its first word."""

    type: str
    data: Document


@dataclass(frozen=True, slots=True)
class Brokers:
    """Everything that can be written and read there."""

    topics: ShardTopics
    postgres: str
    """The run store beside them, for the ledger."""

    @classmethod
    def of(cls, stack: Stack) -> "Brokers":
        connection = KafkaConnection(bootstrap=stack.ready["kafka"])
        partitions = int(stack.ready["env"]["PLANNER_PARTITIONS"])
        return cls(ShardTopics(connection, stack.ready["namespace"], partitions), stack.ready["postgres"])

    def partition(self, plan_id: str) -> int:
        """The shard that a plan belongs to."""
        return partition_for(plan_id.encode(), self.topics.partitions)

    async def command(self, kind: CommandType, data: Document, *, times: int = 1) -> None:
        """The same record so many times."""
        await self.write(TopicRole.PLAN_COMMANDS, [_record(kind, data)] * times)

    async def report(self, action: Document, token: str, **said: object) -> None:
        """What a worker says of the run that an action asked for."""
        about = {"run_id": action["run_id"], "plan_id": action["plan_id"], "report_token": token}
        data = {**about, "at": SystemClock().now().isoformat(), "worker": "test", **said}
        await self.write(TopicRole.RUN_REPORTS, [_record(REPORT_TYPE, data, tenantid=action["tenant_id"])], key=action["plan_id"])

    async def write(self, role: TopicRole, values: Sequence[bytes], *, key: str | None = None) -> None:
        """Acknowledged, in this order. Without a key in a partition of the producer's choice, as a console producer does."""
        producer = idempotent_producer(self.topics.connection, client_id="tests")
        await producer.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                for value in values:
                    await producer.send_and_wait(topic(self.topics.namespace, role), value, key=key.encode() if key else None)
        finally:
            await producer.stop()

    async def outcomes(self, command_id: str, count: int = 1) -> list[Event]:
        """The events of a command, as soon as there are so many."""

        async def told() -> list[Event] | None:
            found = [event for event in await self._events(TopicRole.PLAN_EVENTS) if event.data.get("command_id") == command_id]
            return found if len(found) >= count else None

        return await until(told, what=f"{count} outcomes of command {command_id}", within_s=PATIENCE_S)

    async def plan_events(self, plan_id: str) -> list[Event]:
        """What became of a plan, so far."""
        return [event for event in await self._events(TopicRole.PLAN_EVENTS) if event.data["plan_id"] == plan_id]

    async def run_events(self, run_id: str) -> list[Event]:
        """What became of a run, so far."""
        return [event for event in await self._events(TopicRole.RUN_EVENTS) if event.data.get("id") == run_id]

    async def actions(self, name: str, plan_id: str) -> list[Document]:
        """What was published for a plan, in the order of the topic."""
        return [event.data for event in await self._events(TopicRole.ACTION, name) if event.data["plan_id"] == plan_id]

    async def dead_letters(self, run_id: str) -> list[Mapping[str, bytes]]:
        """The headers of the dead letters that name this run."""
        letters = await self.topics.committed(TopicRole.DEAD_LETTERS)
        return [dict(letter.headers) for letter in letters if run_id.encode() in (letter.value or b"")]

    async def until_the_ledger_agrees(self, *expectations: Expectation) -> None:
        """Of all plans' actions so far, with what these plans must have done. The run store has some time to show what is on its way."""
        now = SystemClock().now()
        connection, namespace = self.topics.connection, self.topics.namespace
        reports: list[Report] = []

        async def agrees() -> bool:
            reports.append(await audit(expectations, connection=connection, namespace=namespace, postgres=self.postgres, up_to=now))
            return reports[-1].ok

        try:
            await until(agrees, what="the ledger agrees", within_s=PATIENCE_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {reports[-1].differences[:5] if reports else ()}") from None

    async def _events(self, role: TopicRole, action: str | None = None) -> list[Event]:
        documents: list[Any] = [json.loads(record.value or b"") for record in await self.topics.committed(role, action)]
        return [Event(document["type"].removeprefix("planner."), document["data"]) for document in documents]


def a_command(*, tenant: str = "default", organization: str = "default", **content: object) -> Document:
    """`data` of a command of a service. `command_id` may be given; else it is a new one."""
    about = {"command_id": SystemIds().uuid(), "tenant_id": tenant, "organization_id": organization, "actor": "service:test"}
    return about | content


def _record(kind: str, data: Document, **attributes: str) -> bytes:
    event = {"specversion": "1.0", "id": SystemIds().uuid(), "source": "/tests", "type": kind, "data": data}
    return json.dumps(event | attributes).encode()
