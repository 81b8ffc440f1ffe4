"""A gateway with the owner and the recorder behind it, in one event loop, on a namespace and a database of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import httpx
from pydantic import SecretStr

from planner.embedded.ports import LOOPBACK, reserved
from planner.gateway.app import serve as serve_gateway
from planner.gateway.settings import GatewaySettings
from planner.owner.app import serve as serve_owner
from planner.owner.settings import OwnerSettings
from planner.recorder.api_keys import ApiKeys, Grant, make_key
from planner.recorder.app import serve as serve_recorder
from planner.recorder.settings import RecorderSettings
from planner.runtime.clock import SystemClock, secret
from planner.runtime.kafka import KafkaConnection
from planner.runtime.sql import queries
from planner.runtime.topic_admin import apply_topics
from support.until import until

PARTITIONS: Final = 3
ACTION: Final = "content.publish"
HOURLY: Final[dict[str, Any]] = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 3600}}
"""The smallest definition of a plan that does not fire during a test."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the tests' own servers are."""

    kafka: str
    redis: str
    postgres: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """One that serves. `url`: without a slash at its end; `health`: of its own port."""

    url: str
    health: str
    namespace: str
    servers: Servers

    def key(
        self,
        tenant: str,
        *,
        organizations: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        expires_at: datetime | None = None,
        now: datetime | None = None,
    ) -> str:
        """A token that is good from now on."""
        new = make_key(Grant(tenant, organizations, scopes, expires_at), now=now or SystemClock().now(), randomness=secret)

        async def insert() -> None:
            async with asyncio.timeout(10):
                connection = await asyncpg.connect(self.servers.postgres)
                try:
                    await ApiKeys(connection, queries("planner.recorder", "sql/queries.sql")).insert(new)
                finally:
                    await connection.close()

        asyncio.run(insert())
        return new.token

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        """A client below /api/v1."""
        authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=authorization | headers, timeout=30, trust_env=False)


@asynccontextmanager
async def serving(servers: Servers, namespace: str, **knobs: Any) -> AsyncIterator[Gateway]:  # noqa: ANN401 (any setting)
    """A gateway alone; it is stopped at the end."""
    stop = asyncio.Event()
    with reserved(0, purpose="the API") as port, reserved(0, purpose="health") as health_port:
        common: dict[str, Any] = {"namespace": namespace, "kafka": servers.kafka, "partitions": PARTITIONS}
        settings = GatewaySettings(
            **common,
            postgres=SecretStr(servers.postgres),
            gateway_port=port,
            health_port=health_port,
            gateway_key_cache_seconds=0.2,
            **knobs,
        )
        gateway = Gateway(f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{health_port}", namespace, servers)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_gateway(settings, stop))
            try:
                await answers(gateway.health + "/livez")
                yield gateway
            finally:
                stop.set()


@asynccontextmanager
async def behind(servers: Servers, namespace: str) -> AsyncIterator[None]:
    """An owner and a recorder, and the topics and actions that they need."""
    await apply_topics(
        KafkaConnection(bootstrap=servers.kafka), namespace=namespace, partitions=PARTITIONS, actions=[ACTION], replication=1
    )
    common: dict[str, Any] = {"namespace": namespace, "kafka": servers.kafka, "partitions": PARTITIONS}
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve_owner(OwnerSettings(**common, redis=SecretStr(servers.redis), report_keys=SecretStr("k:0123456789abcdef0123")), stop)
        )
        tasks.create_task(serve_recorder(RecorderSettings(**common, postgres=SecretStr(servers.postgres)), stop))
        try:
            yield
        finally:
            stop.set()


async def answers(url: str, *, within_s: float = 30) -> None:
    """Returns when the URL answers with 200."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:

        async def good() -> bool:
            try:
                return (await client.get(url)).status_code == 200
            except httpx.TransportError:
                return False

        await until(good, what=f"{url} answers", within_s=within_s)


def created(client: httpx.Client, **given: Any) -> dict[str, Any]:  # noqa: ANN401 (any field of a definition)
    """A new hourly plan, with these fields else than HOURLY has them."""
    answer = client.post("/plans", json=HOURLY | given)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def problem_code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer that must be a problem, whole and true to its headers."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= problem.keys()
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert ("errors" in problem) is (problem["code"] == "VALIDATION_FAILED")
    return answer.status_code, problem["code"]


def eventually(predicate: Callable[[], bool], *, what: str, within_s: float = 10) -> None:
    """`until` for a test that has no event loop."""
    asyncio.run(until(predicate, what=what, within_s=within_s))
