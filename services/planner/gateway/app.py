"""The gateway's composition root."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import uvicorn
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from planner.gateway import routes_calendars, routes_commands, routes_occurrences, routes_preview, routes_problems, routes_runs
from planner.gateway.access import Access
from planner.gateway.api import api
from planner.gateway.authentication import Authentication
from planner.gateway.calendar_changes import CalendarChanges
from planner.gateway.kafka_command_publisher import KafkaCommandPublisher
from planner.gateway.kafka_outcomes import CHECK, KafkaOutcomes
from planner.gateway.metrics import GatewayMetrics
from planner.gateway.outcomes import Outcomes
from planner.gateway.plan_changes import PlanChanges
from planner.gateway.postgres_api_keys import PostgresApiKeys
from planner.gateway.postgres_run_queries import PostgresRunQueries
from planner.gateway.request_scope import RequestScope
from planner.gateway.routes_plans import changes_router, plans_router
from planner.gateway.run_store_connection import RunStoreConnection
from planner.gateway.run_store_watch import CHECK as RUN_STORE_CHECK
from planner.gateway.run_store_watch import keep_watch
from planner.gateway.settings import GatewaySettings
from planner.gateway.submission import Submission
from planner.gateway.watermark import Watermark
from planner.runtime.clock import SystemClock, SystemIds, jitter
from planner.runtime.failures import Backoff, UnavailableError
from planner.runtime.health import Health, bound, serve_health
from planner.runtime.kafka import KafkaConnection, assigned_consumer, idempotent_producer
from planner.runtime.log import get_logger
from planner.runtime.postgres import open_pool
from planner.runtime.sql import queries
from planner.runtime.topic_admin import verify_topics
from planner_contracts.topics import TopicRole, topic

CLIENT_ID: Final = "planner-gateway"
TOPICS_CHECK: Final = "topics"
_STOP_TIMEOUT_S: Final = 2

_log = get_logger("gateway")


async def serve(settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Serve until told to stop. What is away meanwhile is waited for; requests that need it are answered with 503."""
    registry = CollectorRegistry()
    health = Health(CHECK, TOPICS_CHECK, RUN_STORE_CHECK)
    gateway = _Gateway(settings, registry, health)
    async with serve_health(health, registry, host=settings.health_host, port=settings.health_port) as health_url:
        _log.info("gateway.health.served", url=health_url)
        try:
            async with asyncio.TaskGroup() as tasks:
                keepers: list[asyncio.Task[None]] = [tasks.create_task(keep) for keep in gateway.keepers()]
                try:
                    async with bound(_server(settings, gateway)) as url:
                        _log.info("gateway.api.served", url=url)
                        await stop.wait()
                        gateway.outcomes.give_up()
                finally:
                    for keeper in keepers:
                        keeper.cancel()
        finally:
            await gateway.close()


class _Gateway:
    """Everything, made and put together."""

    def __init__(self, settings: GatewaySettings, registry: CollectorRegistry, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._kafka = KafkaConnection.from_settings(settings)
        self._store = RunStoreConnection(
            lambda: open_pool(settings.postgres.get_secret_value(), size=settings.gateway_postgres_connections)
        )
        metrics = GatewayMetrics(registry)
        named = queries("planner.gateway", "sql/queries.sql")
        self._run_queries = run_queries = PostgresRunQueries(self._store, named)
        self.outcomes = Outcomes(settings.partitions)
        self._watermark = Watermark(run_queries)
        self._publisher = KafkaCommandPublisher(
            self._producer, topic=topic(settings.namespace, TopicRole.PLAN_COMMANDS), partitions=settings.partitions
        )
        self._events = KafkaOutcomes(
            lambda: assigned_consumer(self._kafka, client_id=CLIENT_ID),
            [TopicPartition(topic(settings.namespace, TopicRole.PLAN_EVENTS), number) for number in range(settings.partitions)],
            outcomes=self.outcomes,
            health=health,
            metrics=metrics,
        )
        clock, ids = SystemClock(), SystemIds()
        access = Access(Authentication(PostgresApiKeys(self._store, named), clock, remembered_s=settings.gateway_key_cache_seconds))
        submission = Submission(self._publisher, outcomes=self.outcomes, watermark=self._watermark, queries=run_queries, metrics=metrics)
        changes = PlanChanges(submission, run_queries, clock=clock, ids=ids, wait_most_s=settings.gateway_wait_seconds)
        calendars = CalendarChanges(submission, run_queries, clock=clock, ids=ids)
        routers = [
            changes_router(access, changes),
            plans_router(access, run_queries),
            routes_preview.router(access, run_queries, clock),
            routes_occurrences.router(access, run_queries),
            routes_runs.router(access, run_queries),
            routes_calendars.changes_router(access, changes, calendars),
            routes_calendars.calendars_router(access, run_queries),
            routes_commands.router(access, run_queries),
        ]
        self.app = RequestScope(api(routers, [routes_problems.router()]), clock=clock, ids=ids, metrics=metrics)

    def keepers(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the requests."""
        return [
            self._verify_topics(Backoff(0.2, 5, jitter)),
            self._events.run(Backoff(0.1, 5, jitter)),
            self._events.keep_watch(),
            self._watermark.run(Backoff(0.1, 1, jitter)),
            keep_watch(self._run_queries, topic(self._settings.namespace, TopicRole.PLAN_EVENTS), self._health),
        ]

    async def close(self) -> None:
        await self._publisher.close()
        await self._store.close()

    def _producer(self) -> AIOKafkaProducer:
        return idempotent_producer(self._kafka, client_id=CLIENT_ID)

    async def _verify_topics(self, backoff: Backoff) -> None:
        """Raises StartupRefusedError, which ends the process, if they are other than declared."""
        while True:
            try:
                await verify_topics(self._kafka, namespace=self._settings.namespace, partitions=self._settings.partitions)
            except (UnavailableError, KafkaError, OSError, TimeoutError) as error:
                self._health.set(TOPICS_CHECK, ready=False, reason=str(error))
                _log.warning("gateway.start.delayed", cause=repr(error))
                await asyncio.sleep(backoff.next_s())
            else:
                self._health.set(TOPICS_CHECK, ready=True)
                return


def _server(settings: GatewaySettings, gateway: _Gateway) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            gateway.app,
            host=settings.gateway_host,
            port=settings.gateway_port,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_TIMEOUT_S,
        )
    )
