"""The gateway as a process: what it carries to Kafka, and how it ends."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka import TopicPartition

from planner.runtime.failures import StartupRefusedError
from planner.runtime.kafka import KafkaConnection, assigned_consumer
from planner.runtime.topic_admin import apply_topics
from planner_contracts.envelope import decode
from planner_contracts.topics import TopicRole, topic
from support.databases import migrated_database
from support.gateways import ACTION, HOURLY, PARTITIONS, Gateway, Servers, answers, serving
from support.until import until

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_command_carries_who_asked_and_the_ids_of_the_request(gateway: Gateway, tenant: str) -> None:
    headers = {"X-Request-Id": tenant, "traceparent": TRACEPARENT, "Idempotency-Key": "k"}
    token = await gateway.whole_key(tenant)
    async with gateway.async_client(token) as client:
        plan = (await client.post("/plans", json=HOURLY, headers=headers)).json()
    (command,) = [sent for sent in await commands(gateway) if sent["request_id"] == tenant]
    assert command["traceparent"] == TRACEPARENT
    assert (command["type"], command["source"], command["subject"]) == ("planner.plan.create", "/planner/gateway", plan["id"])
    data = command["data"]
    assert (data["tenant_id"], data["organization_id"], data["actor"]) == (tenant, "default", f"key:{token.split('_')[1]}")
    assert (data["idempotency_key"], data["plan"]) == ("k", HOURLY)


async def commands(gateway: Gateway) -> list[dict[str, Any]]:
    """All on the gateway's command topic; an owner's copies of holiday lists are of no request."""
    places = [TopicPartition(topic(gateway.namespace, TopicRole.PLAN_COMMANDS), number) for number in range(PARTITIONS)]
    consumer = assigned_consumer(KafkaConnection(bootstrap=gateway.servers.kafka), client_id="test")
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        await consumer.start()
        try:
            consumer.assign(places)
            for place, end in (await consumer.end_offsets(places)).items():
                consumer.seek(place, 0)
                while await consumer.position(place) < end:
                    for record in (await consumer.getmany(place, timeout_ms=200)).get(place, []):
                        envelope = decode(record.value, record.headers)
                        request_id = dict(record.headers).get("x-request-id", b"").decode()
                        shown = {name: getattr(envelope, name) for name in ("type", "source", "subject", "traceparent", "data")}
                        found.append({**shown, "request_id": request_id})
        finally:
            await consumer.stop()
    return found


async def test_a_gateway_that_stops_answers_those_that_wait(kafka: str, redis_url: str, postgres_dsn: str, tenant: str) -> None:
    # Nobody decides here, so that the request would wait for its five seconds.
    await apply_topics(KafkaConnection(bootstrap=kafka), namespace=tenant, partitions=PARTITIONS, actions=[ACTION], replication=1)
    async with migrated_database(postgres_dsn, tenant) as dsn, AsyncExitStack() as clients:
        async with serving(Servers(kafka, redis_url, dsn), tenant, gateway_wait_seconds=30) as gateway:
            await answers(gateway.health + "/readyz")
            client = await clients.enter_async_context(gateway.async_client(await gateway.whole_key(tenant)))

            async def somebody_waits() -> bool:
                return "planner_gateway_commands_waiting 1.0" in (await client.get(gateway.health + "/metrics")).text

            asked = asyncio.create_task(client.post("/plans", json=HOURLY))
            await until(somebody_waits, what="the request waits")
        answer = await asked
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")


async def test_a_gateway_refuses_topics_that_are_not_as_it_takes_them_to_be(gateway: Gateway) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(StartupRefusedError, match="partitions"), flatten_subgroups=True):
        async with serving(gateway.servers, gateway.namespace, partitions=PARTITIONS + 1):
            await asyncio.Event().wait()


async def test_a_port_that_is_taken_is_named(gateway: Gateway) -> None:
    port = int(gateway.url.rpartition(":")[2])
    with pytest.RaisesGroup(pytest.RaisesExc(StartupRefusedError, match=f"{port}: Address already in use"), flatten_subgroups=True):
        async with serving(gateway.servers, gateway.namespace, gateway_port=port):
            await asyncio.Event().wait()
