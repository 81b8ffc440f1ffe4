"""The recorder's composition root."""

import asyncio
from typing import Final

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry

from planner.recorder.database import open_run_store
from planner.recorder.intake import LOCATED, Intake
from planner.recorder.kafka_dead_letters import KafkaDeadLetters
from planner.recorder.metrics import RecorderMetrics
from planner.recorder.postgres_run_store import PostgresRunStore
from planner.recorder.recording import Recording
from planner.recorder.settings import RecorderSettings
from planner.recorder.source import ROLES
from planner.recorder.subscription import subscribe
from planner.runtime.clock import jitter
from planner.runtime.failures import Backoff, UnavailableError
from planner.runtime.faststream import broker_options
from planner.runtime.health import Health, serve_health
from planner.runtime.kafka import REQUEST_TIMEOUT_MS, KafkaConnection, idempotent_producer
from planner.runtime.log import get_logger
from planner.runtime.patience import patiently
from planner.runtime.sql import queries
from planner.runtime.topic_admin import verify_topics
from planner_contracts.topics import TopicRole, topic

CLIENT_ID: Final = "planner-recorder"
KAFKA_TIMEOUT_S: Final = 30
STOP_TIMEOUT_S: Final = 10

# Less than the whole stop: the consumer is to leave its group though a batch hangs.
_BATCH_GRACE_S: Final = 5

# One connection writes, one finds positions, one is spare.
_POOL_SIZE: Final = 3

_log = get_logger("recorder")


async def serve(settings: RecorderSettings, stop: asyncio.Event) -> None:
    """Record until told to stop. What is away at the start is waited for."""
    registry = CollectorRegistry()
    health = Health(LOCATED)
    connection = KafkaConnection.from_settings(settings)
    async with serve_health(health, registry, host=settings.health_host, port=settings.health_port) as url:
        _log.info("recorder.health.served", url=url)

        def delayed(error: UnavailableError) -> None:
            health.set(LOCATED, ready=False, reason=str(error))
            _log.warning("recorder.start.delayed", cause=str(error))

        await patiently(
            lambda: verify_topics(connection, namespace=settings.namespace, partitions=settings.partitions), stop, delayed=delayed
        )
        pool = await patiently(lambda: open_run_store(settings.postgres.get_secret_value(), size=_POOL_SIZE), stop, delayed=delayed)
        if pool is None:
            return
        dead_letters = KafkaDeadLetters(
            topic(settings.namespace, TopicRole.DEAD_LETTERS), lambda: idempotent_producer(connection, client_id=CLIENT_ID)
        )
        store = PostgresRunStore(pool, queries("planner.recorder", "sql/queries.sql"))
        metrics = RecorderMetrics(registry)
        try:
            intake = Intake(
                roles={topic(settings.namespace, role): role for role in ROLES},
                store=store,
                recording=Recording(store, dead_letters, metrics),
                metrics=metrics,
                health=health,
            )
            await _record(_broker(connection), f"{settings.namespace}.recorder", intake, stop)
        finally:
            await dead_letters.close()
            pool.terminate()


async def _record(broker: KafkaBroker, group: str, intake: Intake, stop: asyncio.Event) -> None:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    intake.read(subscribe(broker, group=group, intake=intake, failed=failed))
    async with asyncio.TaskGroup() as tasks:
        keepers = [
            tasks.create_task(intake.keep_located(Backoff(0.1, 5, jitter))),
            tasks.create_task(intake.keep_watch()),
            tasks.create_task(_raised(failed)),
        ]
        try:
            await _start(broker)
            await stop.wait()
        finally:
            # First: they ask the consumer.
            for keeper in keepers:
                keeper.cancel()
            await _stop(broker)


async def _start(broker: KafkaBroker) -> None:
    try:
        async with asyncio.timeout(KAFKA_TIMEOUT_S):
            await broker.start()
    except (KafkaError, TimeoutError) as error:
        raise UnavailableError(f"Kafka: {error!r}") from error


async def _stop(broker: KafkaBroker) -> None:
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await broker.stop()
    except* (KafkaError, TimeoutError) as errors:  # FastStream raises a group
        _log.warning("recorder.consumer.stop_failed", cause=repr(errors.exceptions))


def _broker(connection: KafkaConnection) -> KafkaBroker:
    return KafkaBroker(
        **broker_options(connection),
        client_id=CLIENT_ID,
        # Reads only: no producer, and no admin client that would make a missing topic with one partition.
        consumer_only=True,
        allow_auto_create_topics=False,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=50,
        graceful_timeout=_BATCH_GRACE_S,
        # A batch is projected by our own decoding; FastStream's would validate each record once more.
        apply_types=False,
        logger=None,
    )


async def _raised(failed: asyncio.Future[None]) -> None:
    await failed
