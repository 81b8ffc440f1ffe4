"""Plans in bulk, by the front door: create commands on the command topic."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from aiokafka import AIOKafkaProducer

from planner.runtime.kafka import SMALL_BATCH_BYTES_MAX, KafkaConnection, idempotent_producer
from planner_contracts.envelope import HEADERS, Envelope, encode
from planner_contracts.ids import plan_id
from planner_contracts.instants import format_instant
from planner_contracts.partitioning import partition_for
from planner_contracts.plan_command import CommandType
from planner_contracts.topics import TopicRole, topic

TENANT: Final = "bench"
ORGANIZATION: Final = "bench"
SENT_AT_ONCE: Final = 1000
START_TIMEOUT_S: Final = 20.0
SEND_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class CreateRecord:
    """One create command, ready to be sent."""

    plan_id: str
    value: bytes


def one_shot_creates(*, seed: str, count: int, action: str, at: datetime, now: datetime) -> Iterator[CreateRecord]:
    """So many one-shots for one instant. The same seed gives the same plans."""
    execute_at, issued_at = format_instant(at), format_instant(now)
    for number in range(count):
        command_id = str(uuid5(UUID(seed), str(number)))
        data: dict[str, Any] = {
            "command_id": command_id,
            "tenant_id": TENANT,
            "organization_id": ORGANIZATION,
            "actor": "bench",
            "issued_at": issued_at,
            "plan": {"action": action, "execute_at": execute_at, "payload": {"content_id": command_id}},
        }
        plan = plan_id(TENANT, ORGANIZATION, command_id)
        envelope = Envelope(
            id=command_id,
            source="planner/bench",
            type=CommandType.CREATE,
            time=now,
            subject=plan,
            tenant_id=TENANT,
            organization_id=ORGANIZATION,
            data=data,
        )
        yield CreateRecord(plan, encode(envelope))


async def publish_creates(
    connection: KafkaConnection,
    creates: Iterator[CreateRecord],
    *,
    namespace: str,
    partitions: int,
    sent: Callable[[int], None],
) -> None:
    """Write the commands, each acknowledged. `sent` hears how many more are written."""
    commands = topic(namespace, TopicRole.PLAN_COMMANDS)
    async with started_producer(connection) as producer:
        acknowledgements = []
        for create in creates:
            key = create.plan_id.encode()
            future = await producer.send(commands, value=create.value, key=key, partition=partition_for(key, partitions), headers=HEADERS)
            acknowledgements.append(future)
            if len(acknowledgements) == SENT_AT_ONCE:
                sent(len(await acknowledged(acknowledgements)))
                acknowledgements = []
        sent(len(await acknowledged(acknowledgements)))


async def acknowledged(futures: "list[asyncio.Future[Any]]") -> list[Any]:
    """What the brokers answered to all of them. Raises the first failure."""
    async with asyncio.timeout(SEND_TIMEOUT_S):
        return await asyncio.gather(*futures)


@asynccontextmanager
async def started_producer(connection: KafkaConnection, *, batch_bytes_max: int = SMALL_BATCH_BYTES_MAX) -> AsyncIterator[AIOKafkaProducer]:
    """An idempotent producer for as long as the block lasts."""
    producer = idempotent_producer(connection, client_id="planner-bench", batch_bytes_max=batch_bytes_max)
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            await producer.start()
        yield producer
    finally:
        async with asyncio.timeout(START_TIMEOUT_S):
            await producer.stop()
