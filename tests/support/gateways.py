"""A gateway with an owner and a recorder behind it, on a namespace and a database of its own: as processes, or in this one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from pydantic import SecretStr

from planner.embedded.ports import LOOPBACK, all_reserved, reserved
from planner.embedded.program import running
from planner.embedded.services import service_ports, service_program, stack_services
from planner.gateway.app import serve as serve_gateway
from planner.gateway.settings import GatewaySettings
from planner.owner.app import serve as serve_owner
from planner.owner.settings import OwnerSettings
from planner.recorder.api_keys import ApiKeys, Grant, NewApiKey, make_key
from planner.recorder.app import serve as serve_recorder
from planner.recorder.settings import RecorderSettings
from planner.runtime.clock import SystemClock, secret
from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import environment
from planner.runtime.sql import queries
from planner.runtime.topic_admin import apply_topics
from support.until import until

PARTITIONS: Final = 3
ACTION: Final = "content.publish"
WAIT_S: Final = 20
"""For an outcome: longer than by default, for a machine that does much else."""
REPORT_KEYS: Final = "k:0123456789abcdef0123"
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
        asyncio.run(_insert(new, self.servers.postgres))
        return new.token

    async def whole_key(self, tenant: str) -> str:
        """A token for everything of the tenant, for a test with an event loop."""
        new = make_key(Grant(tenant, None, None, None), now=SystemClock().now(), randomness=secret)
        await _insert(new, self.servers.postgres)
        return new.token

    def client(self, token: str | None = None) -> httpx.Client:
        """A client below /api/v1."""
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=_authorization(token), timeout=30, trust_env=False)

    def async_client(self, token: str | None = None) -> httpx.AsyncClient:
        """The same, for a test with an event loop."""
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=_authorization(token), timeout=30, trust_env=False)


async def _insert(key: NewApiKey, dsn: str) -> None:
    async with asyncio.timeout(10):
        connection = await asyncpg.connect(dsn)
        try:
            await ApiKeys(connection, queries("planner.recorder", "sql/queries.sql")).insert(key)
        finally:
            await connection.close()


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def processes(folder: Path, servers: Servers, namespace: str) -> AsyncIterator[Gateway]:
    """Each in a process of its own, so that they may live as long as the whole run of the tests: in a thread of this one they would
    draw random numbers in the middle of others' property tests.
    """
    await _make_topics(servers, namespace)
    settings = environment() | {
        "PLANNER_NAMESPACE": namespace,
        "PLANNER_KAFKA": servers.kafka,
        "PLANNER_REDIS": servers.redis,
        "PLANNER_POSTGRES": servers.postgres,
        "PLANNER_PARTITIONS": str(PARTITIONS),
        "PLANNER_REPORT_KEYS": REPORT_KEYS,
        "PLANNER_GATEWAY_KEY_CACHE_SECONDS": "0.2",
        "PLANNER_GATEWAY_WAIT_SECONDS": str(WAIT_S),
    }
    services = [service for group in stack_services(owners=1, sample_worker=False) for service in group]
    with all_reserved(service_ports(services), base=0) as ports:
        async with AsyncExitStack() as running_services:
            programs = [service_program(service, data=folder, settings=settings, ports=ports) for service in services]
            await asyncio.gather(*(running_services.enter_async_context(running(program)) for program in programs))
            (gateway,) = (program for program in programs if program.service == "gateway")
            assert gateway.health is not None
            yield Gateway(gateway.address, gateway.health, namespace, servers)


@asynccontextmanager
async def serving(servers: Servers, namespace: str, **knobs: Any) -> AsyncIterator[Gateway]:  # noqa: ANN401 (any setting)
    """A gateway alone; it is stopped at the end."""
    with reserved(0, purpose="the API") as port, reserved(0, purpose="health") as health_port:
        api = {"gateway_port": port, "gateway_key_cache_seconds": 0.2, "gateway_wait_seconds": WAIT_S}
        given = _of_each(servers, namespace, health_port) | api | knobs
        settings = GatewaySettings(postgres=SecretStr(servers.postgres), **given)
        gateway = Gateway(f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{health_port}", namespace, servers)
        async with _running(lambda stop: serve_gateway(settings, stop)):
            await answers(gateway.health + "/livez")
            yield gateway


@asynccontextmanager
async def behind(servers: Servers, namespace: str) -> AsyncIterator[None]:
    """An owner and a recorder that are ready, and the topics and actions that they need."""
    await _make_topics(servers, namespace)
    with reserved(0, purpose="health") as owner_port, reserved(0, purpose="health") as recorder_port:
        owner = OwnerSettings(
            **_of_each(servers, namespace, owner_port), redis=SecretStr(servers.redis), report_keys=SecretStr(REPORT_KEYS)
        )
        recorder = RecorderSettings(**_of_each(servers, namespace, recorder_port), postgres=SecretStr(servers.postgres))
        async with _running(lambda stop: serve_owner(owner, stop), lambda stop: serve_recorder(recorder, stop)):
            for port in (owner_port, recorder_port):
                await answers(f"http://{LOOPBACK}:{port}/readyz")
            yield


async def _make_topics(servers: Servers, namespace: str) -> None:
    await apply_topics(
        KafkaConnection(bootstrap=servers.kafka), namespace=namespace, partitions=PARTITIONS, actions=[ACTION], replication=1
    )


def _of_each(servers: Servers, namespace: str, health_port: int) -> dict[str, Any]:
    return {"namespace": namespace, "kafka": servers.kafka, "partitions": PARTITIONS, "health_port": health_port}


@asynccontextmanager
async def _running(*processes: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Each until the end of the block."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for process in processes:
            tasks.create_task(process(stop))
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
    """A new hourly plan, with these fields else than HOURLY has them, as it is shown from now on: without the warnings of its create."""
    answer = client.post("/plans", json=HOURLY | given)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return {name: value for name, value in document.items() if name != "warnings"}


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
