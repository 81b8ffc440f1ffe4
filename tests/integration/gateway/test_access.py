"""Who may do what, and what others see of it: nothing."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import asyncpg
import httpx
import pytest

from planner.runtime.clock import SystemClock
from support.gateways import HOURLY, Gateway, created, eventually, problem_code

NOBODYS = "0f3c1111-0000-4000-8000-000000000000"


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


def test_without_a_good_token_nothing_is_open(gateway: Gateway, tenant: str) -> None:
    now = SystemClock().now()
    token = gateway.key(tenant)
    expired = gateway.key(tenant, now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
    for bad in (None, "x", token[:-1] + ("A" if token[-1] != "A" else "B"), token.replace("pk_", "pk_0", 1), expired):
        with gateway.client(bad) as client:
            for path in (
                "/plans",
                f"/plans/{NOBODYS}",
                f"/plans/{NOBODYS}/runs",
                f"/plans/{NOBODYS}/runs/{NOBODYS}",
                f"/commands/{NOBODYS}",
            ):
                answer = client.get(path)
                assert problem_code(answer) == (401, "UNAUTHENTICATED")
                assert answer.headers["www-authenticate"].startswith("Bearer ")
            assert problem_code(client.post("/plans", json=HOURLY)) == (401, "UNAUTHENTICATED")
            assert problem_code(client.patch(f"/plans/{NOBODYS}", json={})) == (401, "UNAUTHENTICATED")
            assert problem_code(client.delete(f"/plans/{NOBODYS}")) == (401, "UNAUTHENTICATED")


def test_a_revoked_key_stops_working_and_a_used_one_is_noted(gateway: Gateway, tenant: str) -> None:
    token = gateway.key(tenant)
    key_id = token.split("_")[1]
    with gateway.client(token) as client:
        assert client.get("/plans").status_code == 200
        assert sql(gateway, "SELECT last_used_at FROM api_keys WHERE id = $1", key_id) is not None
        sql(gateway, "UPDATE api_keys SET revoked_at = now() WHERE id = $1 RETURNING id", key_id)
        eventually(lambda: client.get("/plans").status_code == 401, what="the key is refused")


def test_a_missing_scope_is_named(gateway: Gateway, tenant: str) -> None:
    with gateway.client(gateway.key(tenant, scopes=["plans:read"])) as client:
        refused = client.post("/plans", json=HOURLY)
        assert problem_code(refused) == (403, "FORBIDDEN")
        assert "plans:write" in refused.json()["detail"]
        assert problem_code(client.get(f"/plans/{NOBODYS}/runs")) == (403, "FORBIDDEN")
        assert client.get("/plans").status_code == 200


def test_another_tenants_plan_is_answered_as_one_that_does_not_exist(gateway: Gateway, client: httpx.Client, tenant: str) -> None:
    plan = created(client)
    late = client.post("/plans", json=HOURLY, headers={"Prefer": "respond-async"})
    command = late.headers["location"].rpartition("/")[2]
    with gateway.client(gateway.key(f"{tenant}-other")) as other:
        for method, path in (
            ("GET", "/plans/{}"),
            ("PATCH", "/plans/{}"),
            ("DELETE", "/plans/{}"),
            ("GET", "/plans/{}/runs"),
            ("GET", f"/plans/{{}}/runs/{NOBODYS}"),
        ):
            theirs, nobodys = (other.request(method, path.format(plan_id), json={"name": "x"}) for plan_id in (plan["id"], NOBODYS))
            assert problem_code(theirs) == problem_code(nobodys) == (404, "PLAN_NOT_FOUND")
            assert theirs.json()["detail"] == nobodys.json()["detail"]
        assert problem_code(other.get(f"/commands/{command}")) == (404, "COMMAND_NOT_FOUND")
        assert other.get("/plans").json() == {"items": [], "next_cursor": None}
        # The same key in another tenant is another plan.
        mine, others = (c.post("/plans", json=HOURLY, headers={"Idempotency-Key": "same"}).json()["id"] for c in (client, other))
        assert mine != others
    assert client.get(f"/plans/{plan['id']}").json() == plan


def test_an_organization_is_chosen_and_others_are_hidden(gateway: Gateway, tenant: str) -> None:
    with (
        gateway.client(gateway.key(tenant)) as whole,
        gateway.client(gateway.key(tenant, organizations=["eu", "us"])) as two,
        gateway.client(gateway.key(tenant, organizations=["asia"])) as one,
    ):
        assert created(whole)["organization_id"] == "default"
        assert created(two)["organization_id"] == "eu"
        american = created(two, organization_id="us")
        assert american["organization_id"] == "us"
        assert problem_code(one.post("/plans", json=HOURLY | {"organization_id": "us"})) == (403, "FORBIDDEN")
        assert problem_code(one.post("/plans?organization_id=us", json=HOURLY)) == (403, "FORBIDDEN")
        assert problem_code(one.get("/plans?organization_id=us")) == (403, "FORBIDDEN")
        contradiction = two.post("/plans?organization_id=eu", json=HOURLY | {"organization_id": "us"})
        assert problem_code(contradiction) == (400, "INVALID_PARAMETER")
        for method in ("GET", "PATCH", "DELETE"):
            assert problem_code(one.request(method, f"/plans/{american['id']}", json={})) == (404, "PLAN_NOT_FOUND")
        assert [plan["id"] for plan in two.get("/plans?organization_id=us").json()["items"]] == [american["id"]]
        assert len(whole.get("/plans").json()["items"]) == 3
        assert whole.patch(f"/plans/{american['id']}", json={"name": "x"}).json()["organization_id"] == "us"
        moved = whole.patch(f"/plans/{american['id']}", json={"organization_id": "eu"})
        assert (problem_code(moved), moved.json()["errors"][0]["code"]) == ((422, "VALIDATION_FAILED"), "READ_ONLY_FIELD")


def sql(gateway: Gateway, statement: str, *arguments: object) -> object:
    """The first value."""

    async def ask() -> object:
        connection = await asyncpg.connect(gateway.servers.postgres)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close()

    return asyncio.run(ask())
