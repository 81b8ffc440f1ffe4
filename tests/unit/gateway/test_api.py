"""What the application makes of errors, without sockets."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from structlog.testing import capture_logs

from planner.gateway.api import api
from planner.gateway.metrics import GatewayMetrics
from planner.gateway.request_scope import RequestScope
from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.failures import IndefiniteError, UnavailableError

ERRORS = {
    "/unforeseen": RuntimeError("the password is 1234"),
    "/odd": HTTPException(418, "the password is 1234"),
    "/away": UnavailableError("10.0.0.7 refused"),
    "/unsure": IndefiniteError("10.0.0.7 refused"),
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter()

    @router.get("/fails/{way}")
    async def fail(way: str) -> None:
        raise ERRORS[f"/{way}"]

    clock, ids, metrics = SystemClock(), SystemIds(), GatewayMetrics(CollectorRegistry())
    app = RequestScope(api([router], []), clock=clock, ids=ids, metrics=metrics)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("way", ["/unforeseen", "/odd"])
async def test_an_error_that_nobody_foresaw_tells_its_id_and_nothing_else(client: httpx.AsyncClient, way: str) -> None:
    with capture_logs() as logs:
        answer = await client.get("/fails" + way)
    assert {"gateway.request.failed", "gateway.request.unforeseen"} & {entry["event"] for entry in logs}
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert (answer.json()["code"], answer.json()["request_id"]) == ("INTERNAL", answer.headers["x-request-id"])
    assert "password" not in answer.text


@pytest.mark.parametrize("way", ["/away", "/unsure"])
async def test_what_is_away_is_said_without_naming_it(client: httpx.AsyncClient, way: str) -> None:
    answer = await client.get("/fails" + way)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "UNAVAILABLE", "1")
    assert "10.0.0.7" not in answer.text


async def test_a_method_that_a_route_does_not_know_is_answered_with_those_it_does(client: httpx.AsyncClient) -> None:
    answer = await client.request("BREW", "/fails/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert (await client.get("/nothing")).json()["code"] == "NOT_FOUND"


async def test_an_id_that_is_no_id_is_replaced(client: httpx.AsyncClient) -> None:
    for given in ("a b", "x" * 129, ""):
        assert len((await client.get("/nothing", headers={"X-Request-Id": given})).headers["x-request-id"]) == 36
    twice = await client.get("/nothing", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    assert len(twice.headers["x-request-id"]) == 36
