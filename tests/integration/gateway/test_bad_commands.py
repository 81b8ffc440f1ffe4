"""Commands that ask for nonsense, of services on Kafka above all: what becomes of them is told, and they stop nothing."""

import json
from typing import Any

import httpx
import pytest

from planner.domain.limits import FAULTS_MAX
from planner.runtime.clock import SystemIds
from planner.runtime.kafka import KafkaConnection, idempotent_producer
from planner_contracts.partitioning import partition_for
from planner_contracts.topics import COMMAND_BYTES_MAX, TopicRole, topic
from support.gateways import HOURLY, PARTITIONS, Gateway, problem_code
from support.until import until

ROOM = COMMAND_BYTES_MAX - 4096


async def written(gateway: Gateway, tenant: str, plan: dict[str, Any]) -> str:
    """Write a create to the command topic; its id."""
    command_id = SystemIds().uuid()
    data = {"command_id": command_id, "tenant_id": tenant, "organization_id": "default", "actor": "me", "plan": plan}
    event = {"specversion": "1.0", "id": command_id, "source": "s", "type": "planner.plan.create", "data": data}
    value, key = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(), command_id.encode()
    producer = idempotent_producer(KafkaConnection(bootstrap=gateway.servers.kafka), client_id="test")
    await producer.start()
    try:
        commands = topic(gateway.namespace, TopicRole.PLAN_COMMANDS)
        await producer.send_and_wait(commands, value=value, key=key, partition=partition_for(key, PARTITIONS))
    finally:
        await producer.stop()
    return command_id


async def became(client: httpx.AsyncClient, command_id: str) -> dict[str, Any]:
    async def known() -> dict[str, Any] | None:
        answer = await client.get(f"/commands/{command_id}")
        document: dict[str, Any] = answer.json()
        return document if answer.status_code == 200 and document["state"] != "pending" else None

    return await until(known, what="the command's outcome is known", within_s=30)


@pytest.mark.parametrize(
    ("nonsense", "faults"),
    [
        ({f"{number:x}": 1 for number in range(ROOM // 9)}, FAULTS_MAX),
        # Escaped in a pointer it would be twice as long.
        ({"~" * ROOM: 1}, 1),
        ({"é" * (ROOM // 2): 1}, 1),
    ],
    ids=["many", "escaped", "wide"],
)
async def test_a_command_full_of_unknown_fields_is_rejected_and_the_next_one_decided(
    gateway: Gateway, tenant: str, nonsense: dict[str, Any], faults: int
) -> None:
    """The event with each of 45 000 faults was larger than a broker takes: the partition tried again and again, and decided no more."""
    async with gateway.async_client(await gateway.whole_key(tenant)) as client:
        rejected = await became(client, await written(gateway, tenant, HOURLY | nonsense))
        assert (rejected["state"], rejected["error"]["code"]) == ("rejected", "VALIDATION_FAILED")
        assert len(rejected["error"]["errors"]) == faults
        assert (await became(client, await written(gateway, tenant, HOURLY)))["state"] == "accepted"


async def test_a_list_full_of_bad_dates_is_rejected_with_the_first_of_them(gateway: Gateway, tenant: str) -> None:
    async with gateway.async_client(await gateway.whole_key(tenant)) as client:
        answer = await client.put("/calendars/nl", json={"dates": [f"2026-02-3{number % 10}" for number in range(1000)]})
        assert problem_code(answer) == (422, "VALIDATION_FAILED")
        assert len(answer.json()["errors"]) == FAULTS_MAX
