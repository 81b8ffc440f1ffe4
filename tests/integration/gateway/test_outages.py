"""What callers see while Kafka or PostgreSQL is away, and that nothing is lost by it."""

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from planner.embedded.kafka import start_kafka
from planner.gateway.kafka_outcomes import LOOK_TIMEOUT_S
from planner.recorder.migrations.migrate import migrate
from support.databases import database, migrated_database
from support.doors import Door, door
from support.gateways import HOURLY, Gateway, Servers, answers, behind, problem_code, serving
from support.until import until

UNREACHABLE = "127.0.0.1:1"


@pytest.fixture
async def store_door(gateway: Gateway) -> AsyncIterator[Door]:
    async with door(gateway.servers.postgres) as way:
        yield way


@pytest.fixture
async def second(gateway: Gateway, store_door: Door) -> AsyncIterator[Gateway]:
    """A gateway beside the first, whose way to PostgreSQL can be shut. It remembers API keys for long."""
    servers = replace(gateway.servers, postgres=store_door.url)
    async with serving(servers, gateway.namespace, gateway_key_cache_seconds=300) as second:
        await answers(second.health + "/readyz")
        yield second


async def missing(client: httpx.AsyncClient, gateway: Gateway) -> dict[str, str]:
    """What a gateway says that it waits for. It says so at once, however long what is away is silent."""
    answer = await client.get(gateway.health + "/readyz", timeout=LOOK_TIMEOUT_S)
    found: dict[str, str] = answer.json()["missing"]
    assert answer.status_code == (503 if found else 200)
    return found


def unavailable(answer: httpx.Response) -> bool:
    return problem_code(answer) == (503, "UNAVAILABLE") and int(answer.headers["retry-after"]) >= 1


async def test_without_postgresql_reads_are_unavailable_and_an_accepted_change_is_not_lost(
    second: Gateway, store_door: Door, tenant: str
) -> None:
    async with second.async_client(await second.whole_key(tenant)) as client:
        assert (await client.get("/plans")).json()["items"] == []
        await store_door.shut()
        assert unavailable(await client.get("/plans"))
        headers = {"Idempotency-Key": "k", "Prefer": "wait=1"}
        late = await client.post("/plans", json=HOURLY, headers=headers)
        assert (late.status_code, late.json()["state"]) == (202, "pending")
        refused = await client.post("/plans", json=HOURLY | {"action": "not.registered"})
        assert problem_code(refused) == (422, "ACTION_UNKNOWN")
        async with second.async_client("pk_000000000000_" + "a" * 43) as stranger:
            assert unavailable(await stranger.get("/plans"))
        await store_door.open()
        command = second.url + late.headers["location"]

        async def accepted() -> bool:
            answer = await client.get(command)
            return answer.status_code == 200 and answer.json()["state"] == "accepted"

        await until(accepted, what="the command is accepted")
        again = await client.post("/plans", json=HOURLY, headers=headers)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert [plan["id"] for plan in (await client.get("/plans")).json()["items"]] == [late.json()["plan_id"]]


async def test_a_postgresql_that_does_not_answer_is_not_waited_for_long(second: Gateway, store_door: Door, tenant: str) -> None:
    async with second.async_client(await second.whole_key(tenant)) as client:
        assert (await client.get("/plans")).status_code == 200
        store_door.hold()
        answer = await client.get("/plans")
        assert unavailable(answer)
        assert answer.elapsed.total_seconds() < 5
        await store_door.open()

        async def back() -> bool:
            return (await client.get("/plans")).status_code == 200

        await until(back, what="the gateway reads again")


async def test_a_gateway_is_ready_only_while_postgresql_answers(second: Gateway, store_door: Door) -> None:
    """A gateway that could neither believe a key nor show a plan went on saying that it is ready: nobody had looked at the run store."""
    async with second.async_client() as client:

        async def waits_for_the_run_store() -> bool:
            found = await missing(client, second)
            return found.keys() == {"run store"} and found["run store"].startswith("PostgreSQL: ")

        for take_away in (store_door.shut, store_door.hold):
            went = take_away()
            if went is not None:
                await went
            await until(waits_for_the_run_store, what="the gateway says what it waits for", within_s=30)
            await store_door.open()
            await answers(second.health + "/readyz")


async def test_a_gateway_whose_run_store_has_no_tables_yet_is_not_ready(gateway: Gateway, postgres_dsn: str, tenant: str) -> None:
    async with (
        database(postgres_dsn, tenant) as empty,
        serving(replace(gateway.servers, postgres=empty), gateway.namespace) as early,
        early.async_client() as client,
    ):

        async def names_a_table() -> bool:
            return "does not exist" in (await missing(client, early)).get("run store", "")

        await until(names_a_table, what="the gateway says that a table is missing", within_s=30)
        await migrate(empty)
        await answers(early.health + "/readyz")


async def test_a_gateway_without_kafka_says_so_and_still_shows_plans(gateway: Gateway, tenant: str) -> None:
    servers = replace(gateway.servers, kafka=UNREACHABLE)
    token = await gateway.whole_key(tenant)
    async with serving(servers, gateway.namespace) as lonely, lonely.async_client(token) as client, gateway.async_client(token) as other:

        async def waits_for_kafka_alone() -> bool:
            return (await missing(client, lonely)).keys() == {"plan events", "topics"}

        await until(waits_for_kafka_alone, what="the gateway waits for Kafka", within_s=30)
        for method, path in (("POST", "/plans"), ("PATCH", "/plans/0f3c1111-0000-4000-8000-000000000000")):
            body = HOURLY if method == "POST" else {"name": "x"}
            assert unavailable(await client.request(method, path, json=body, headers={"Idempotency-Key": "k"}))
        assert problem_code(await client.post("/plans", json={})) == (422, "VALIDATION_FAILED")
        assert (await client.get("/plans")).json()["items"] == []
        repeated = await other.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k"})
        assert (repeated.status_code, "idempotency-replayed" in repeated.headers) == (201, False)
        assert [plan["id"] for plan in (await client.get("/plans")).json()["items"]] == [repeated.json()["id"]]


async def test_a_change_that_kafka_did_not_confirm_is_repeated_without_harm(
    tmp_path: Path, redis_url: str, postgres_dsn: str, tenant: str
) -> None:
    async with (
        start_kafka(tmp_path) as kafka,
        migrated_database(postgres_dsn, tenant) as dsn,
        behind(Servers(kafka, redis_url, dsn), tenant),
        serving(Servers(kafka, redis_url, dsn), tenant) as gateway,
        gateway.async_client(await gateway.whole_key(tenant)) as client,
    ):
        await answers(gateway.health + "/readyz")
        assert (await client.post("/plans", json=HOURLY)).status_code == 201

        async def waits_for_kafka() -> bool:
            return (await missing(client, gateway)).get("plan events", "").startswith("Kafka: ")

        broker = broker_in(tmp_path)
        broker.send_signal(signal.SIGSTOP)
        try:
            assert unavailable(await client.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k"}))
            assert len((await client.get("/plans")).json()["items"]) == 1
            await until(waits_for_kafka, what="the gateway says that Kafka is silent", within_s=30)
        finally:
            broker.send_signal(signal.SIGCONT)

        async def repeated() -> bool:
            return (await client.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k"})).status_code == 201

        await until(repeated, what="the repeat is answered", within_s=30)
        assert len((await client.get("/plans")).json()["items"]) == 2
        await answers(gateway.health + "/readyz")


def broker_in(folder: Path) -> psutil.Process:
    """The node that was started on this folder."""
    properties = str(folder / "kafka.properties")
    children = psutil.Process().children(recursive=True)
    return next(child for child in children if child.name() == "java" and properties in child.cmdline())
