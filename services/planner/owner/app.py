"""The owner's composition root: it alone constructs clients and knows which adapter serves which port."""

import asyncio
from typing import Final

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from planner.owner import aiokafka_patches
from planner.owner.action_topics import ActionTopics
from planner.owner.assignment import Assignment
from planner.owner.inputs import ShardInputs
from planner.owner.kafka_action_admin import KafkaActionAdmin
from planner.owner.keys import ShardKeys
from planner.owner.membership import Membership
from planner.owner.metrics import OwnerMetrics, ShardMetrics
from planner.owner.outbox import Outbox
from planner.owner.redis_index import RedisIndex
from planner.owner.report_tokens import ReportTokens
from planner.owner.schedules import Schedules
from planner.owner.settings import ActionPolicy, OwnerSettings, read_report_keys
from planner.owner.shard import Shard, ShardParts
from planner.owner.shard_name import ShardName
from planner.owner.takeover import Takeover
from planner.owner.tenure import TickParts
from planner.runtime.clock import SystemClock, jitter
from planner.runtime.failures import Backoff, UnavailableError
from planner.runtime.health import Health, serve_health
from planner.runtime.incarnation import read_incarnation
from planner.runtime.kafka import KafkaConnection, membership_consumer
from planner.runtime.log import get_logger
from planner.runtime.patience import patiently
from planner.runtime.redis import redis_client, refuse_evicting
from planner.runtime.topic_admin import verify_topics
from planner_contracts.topics import TopicRole

MEMBER_CHECK: Final = "membership"
BACKOFF_FIRST_S: Final = 0.05
BACKOFF_MOST_S: Final = 5.0


async def serve(settings: OwnerSettings, stop: asyncio.Event) -> None:
    """Own the partitions that the group gives us until `stop` is set."""
    aiokafka_patches.apply()
    connection = KafkaConnection.from_settings(settings)
    redis = redis_client(settings.redis.get_secret_value())
    registry = CollectorRegistry()
    health = Health(MEMBER_CHECK)
    try:
        async with serve_health(health, registry, host=settings.health_host, port=settings.health_port) as url:
            get_logger("owner").info("owner.health.serving", url=url)
            await patiently(lambda: _refuse_unfit(settings, connection, redis), stop, delayed=lambda error: _delayed(health, error))
            await _own(settings, connection, redis, OwnerMetrics(registry), health, stop)
    finally:
        await redis.aclose()


async def _refuse_unfit(settings: OwnerSettings, connection: KafkaConnection, redis: Redis) -> None:
    await refuse_evicting(redis)
    await verify_topics(connection, namespace=settings.namespace, partitions=settings.partitions)
    await read_incarnation(connection, namespace=settings.namespace, partitions=settings.partitions)


def _delayed(health: Health, error: UnavailableError) -> None:
    health.set(MEMBER_CHECK, ready=False, reason=str(error))
    get_logger("owner").warning("owner.start.delayed", cause=str(error))


async def _own(  # noqa: PLR0917  the clients of this process, each of another type
    settings: OwnerSettings, connection: KafkaConnection, redis: Redis, metrics: OwnerMetrics, health: Health, stop: asyncio.Event
) -> None:
    clock = SystemClock()
    tokens = ReportTokens(read_report_keys(settings.report_keys))
    admin = KafkaActionAdmin(connection, namespace=settings.namespace, partitions=settings.partitions)
    action_topics = ActionTopics(admin, open_to_new=settings.actions is ActionPolicy.OPEN)

    def make_member() -> Membership:
        consumer = membership_consumer(
            connection,
            group=f"{settings.namespace}.owner",
            client_id=f"{settings.namespace}-owner",
            assignors=(StickyPartitionAssignor,),
        )
        return Membership(consumer, ShardName(settings.namespace, 0, settings.partitions).topic(TopicRole.PLAN_COMMANDS))

    def make_shard(partition: int, member: Membership) -> Shard:
        name = ShardName(settings.namespace, partition, settings.partitions)
        index = RedisIndex(redis, ShardKeys(name.namespace, partition))

        async def prove() -> None:
            await member.prove(partition)

        tick = TickParts(
            clock=clock,
            index=index,
            outbox=Outbox(namespace=name.namespace, partition=partition, partitions=name.partitions, tokens=tokens),
            tokens=tokens,
            schedules=Schedules(),
            action_topics=action_topics,
            metrics=ShardMetrics(metrics, partition),
        )
        takeover = Takeover(name, connection=connection, index=index, clock=clock, prove=prove)
        backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MOST_S, jitter)
        return Shard(name, ShardParts(takeover=takeover, inputs=ShardInputs(name, connection), tick=tick, backoff=backoff))

    assignment = Assignment(
        make_member=make_member,
        make_shard=make_shard,
        backoff=Backoff(BACKOFF_FIRST_S, BACKOFF_MOST_S, jitter),
        on_ready=lambda ready, reason: health.set(MEMBER_CHECK, ready=ready, reason=reason),
    )
    await assignment.run(stop)
