"""Real recorders on a namespace of their own: in this process, or as one that can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from pydantic import SecretStr

from planner.embedded.ports import reserved
from planner.recorder.app import serve
from planner.recorder.settings import RecorderSettings
from planner.runtime.kafka import KafkaConnection, assigned_consumer, idempotent_producer, transactional_producer
from planner.runtime.settings import environment
from planner.runtime.topic_admin import apply_topics
from planner_contracts.envelope import HEADERS
from planner_contracts.partitioning import partition_for
from planner_contracts.topics import TopicRole, topic
from support.records import Message
from support.run_stores import OpenRunStore
from support.until import until

PARTITIONS = 3
KAFKA_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One namespace on the tests' Kafka, and the database of its run store."""

    kafka: str
    namespace: str
    dsn: str

    @property
    def connection(self) -> KafkaConnection:
        return KafkaConnection(bootstrap=self.kafka)

    async def make_topics(self) -> None:
        await apply_topics(self.connection, namespace=self.namespace, partitions=PARTITIONS, actions=(), replication=1)

    async def publish(self, messages: Iterable[Message], *, transactional: bool = True) -> dict[tuple[str, int], int]:
        """Each message where its key belongs. Gives the next offset after the last of them, by topic and partition."""
        if transactional:
            producer = transactional_producer(self.connection, transactional_id=f"{self.namespace}.test", client_id="test")
        else:
            producer = idempotent_producer(self.connection, client_id="test")
        async with asyncio.timeout(KAFKA_SECONDS):
            await producer.start()
            try:
                if not transactional:
                    return await self._send(producer, messages)
                async with producer.transaction():
                    return await self._send(producer, messages)
            finally:
                await producer.stop()

    async def abort(self, messages: Iterable[Message]) -> None:
        """Publish them in a transaction that is then taken back."""
        producer = transactional_producer(self.connection, transactional_id=f"{self.namespace}.test", client_id="test")
        async with asyncio.timeout(KAFKA_SECONDS):
            await producer.start()
            try:
                await producer.begin_transaction()
                await self._send(producer, messages)
                await producer.abort_transaction()
            finally:
                await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, messages: Iterable[Message]) -> dict[tuple[str, int], int]:
        sent = [
            await producer.send(
                topic(self.namespace, message.role),
                value=message.value,
                key=message.key.encode(),
                partition=partition_for(message.key.encode(), PARTITIONS),
                headers=HEADERS,
            )
            for message in messages
        ]
        places = await asyncio.gather(*sent)
        return {(place.topic, place.partition): place.offset + 1 for place in places}

    async def dead_letters(self) -> list[ConsumerRecord[bytes, bytes]]:
        place = TopicPartition(topic(self.namespace, TopicRole.DEAD_LETTERS), 0)
        consumer = assigned_consumer(self.connection, client_id="test")
        async with asyncio.timeout(KAFKA_SECONDS):
            await consumer.start()
            try:
                consumer.assign([place])
                consumer.seek(place, 0)
                end = (await consumer.end_offsets([place]))[place]
                found: list[ConsumerRecord[bytes, bytes]] = []
                while await consumer.position(place) < end:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found.extend(records)
                return found
            finally:
                await consumer.stop()

    @asynccontextmanager
    async def recorder(self) -> AsyncIterator[str]:
        """One in this process; gives the URL of its health, and stops it at the end."""
        stop = asyncio.Event()
        with reserved(0, purpose="a recorder's health") as port:
            settings = self.settings(port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(settings, stop))
            try:
                yield f"http://{settings.health_host}:{port}"
            finally:
                stop.set()

    def settings(self, health_port: int = 0) -> RecorderSettings:
        return RecorderSettings(
            namespace=self.namespace,
            kafka=self.kafka,
            postgres=SecretStr(self.dsn),
            partitions=PARTITIONS,
            health_port=health_port,
        )

    async def recorder_process(self) -> asyncio.subprocess.Process:
        """One in a process of its own; the caller kills it."""
        settings = {
            "PLANNER_NAMESPACE": self.namespace,
            "PLANNER_KAFKA": self.kafka,
            "PLANNER_POSTGRES": self.dsn,
            "PLANNER_PARTITIONS": str(PARTITIONS),
            "PYTHONPATH": ":".join(str(Path(__file__).parents[2] / root) for root in ("services", "contracts")),
        }
        return await asyncio.create_subprocess_exec(sys.executable, "-m", "planner.recorder", env=environment() | settings)


async def readiness(url: str, wanted: HTTPStatus) -> None:
    """Until the recorder says so."""

    async def says_so() -> bool:
        async with httpx.AsyncClient(base_url=url, timeout=5) as client:
            try:
                return (await client.get("/readyz")).status_code == wanted
            except httpx.TransportError:
                return False

    await until(says_so, what=f"{url} says {wanted}", within_s=KAFKA_SECONDS)


async def recorded(store: OpenRunStore, ends: dict[tuple[str, int], int], *, within_s: float = 30) -> None:
    """Until the watermark has passed these offsets."""

    async def passed() -> bool:
        rows = await store.rows("SELECT topic, partition, next_offset FROM positions")
        places = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return all(places.get(place, 0) >= end for place, end in ends.items())

    await until(passed, what=f"recorded up to {ends}", within_s=within_s)
