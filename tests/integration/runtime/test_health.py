import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from planner.runtime.failures import StartupRefusedError
from planner.runtime.health import Health, serve_health

HOST: Final = "127.0.0.1"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=5) as client:
        yield client


async def test_a_process_lives_before_it_is_ready_and_says_what_it_waits_for(client: httpx.AsyncClient) -> None:
    health = Health("membership", "tables")
    async with serve_health(health, CollectorRegistry(), host=HOST, port=0) as url:
        assert (await client.get(f"{url}/livez")).text == "ok\n"
        health.set("membership", ready=True)
        health.set("tables", ready=False, reason="PostgreSQL cannot be reached")
        waiting = await client.get(f"{url}/readyz")
        assert (waiting.status_code, waiting.json()) == (503, {"ready": False, "missing": {"tables": "PostgreSQL cannot be reached"}})
        health.set("tables", ready=True)
        ready = await client.get(f"{url}/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "missing": {}})


async def test_what_was_lost_again_is_told_again(client: httpx.AsyncClient) -> None:
    health = Health("membership")
    async with serve_health(health, CollectorRegistry(), host=HOST, port=0) as url:
        health.set("membership", ready=True)
        health.set("membership", ready=False, reason="the group is gone")
        assert (await client.get(f"{url}/readyz")).json()["missing"] == {"membership": "the group is gone"}


async def test_what_is_counted_is_served_for_prometheus(client: httpx.AsyncClient) -> None:
    registry = CollectorRegistry()
    Counter("planner_fired", "Occurrences.", registry=registry).inc(3)
    async with serve_health(Health(), registry, host=HOST, port=0) as url:
        answer = await client.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "planner_fired_total 3.0" in answer.text


async def test_nothing_else_is_open(client: httpx.AsyncClient) -> None:
    async with serve_health(Health(), CollectorRegistry(), host=HOST, port=0) as url:
        answers = [await client.get(f"{url}/{path}") for path in ("", "docs", "debug", "metrics/x")]
        answers += [await client.post(f"{url}/livez")]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404, 405]


async def test_a_port_in_use_is_refused_by_its_number_and_reason() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupRefusedError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            async with serve_health(Health(), CollectorRegistry(), host=HOST, port=port):
                pass


async def test_a_port_is_free_again_at_the_end(client: httpx.AsyncClient) -> None:
    async with serve_health(Health(), CollectorRegistry(), host=HOST, port=0) as url:
        assert (await client.get(f"{url}/livez")).status_code == 200
    port = int(url.rpartition(":")[2])
    async with serve_health(Health(), CollectorRegistry(), host=HOST, port=port) as again:
        assert again == url


async def test_what_the_block_raises_keeps_its_type() -> None:
    with pytest.raises(StartupRefusedError, match="no such topic"):
        async with serve_health(Health(), CollectorRegistry(), host=HOST, port=0):
            raise StartupRefusedError("no such topic")


async def test_a_block_that_is_cancelled_ends_in_order() -> None:
    served = asyncio.Event()

    async def serve() -> None:
        async with serve_health(Health(), CollectorRegistry(), host=HOST, port=0):
            served.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(serve())
    await served.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
