from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis


async def test_kafka_commits_a_transaction(kafka: str) -> None:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    new_topic: Any = NewTopic
    await admin.create_topics([new_topic("servers.first", 1, 1)])
    await admin.close()
    make_producer: Any = AIOKafkaProducer
    producer = make_producer(bootstrap_servers=kafka, transactional_id="servers")
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait("servers.first", b"x")
    await producer.stop()


async def test_valkey_evicts_nothing(redis_url: str) -> None:
    async with Redis.from_url(redis_url, socket_timeout=None) as client:
        assert await client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


async def test_postgres_lets_a_test_make_its_own_database(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE DATABASE servers_own")
    await connection.close()
