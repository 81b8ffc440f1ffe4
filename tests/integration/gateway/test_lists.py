"""Lists of plans: filters, orders, pages."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.gateways import ACTION, Gateway, created

ORDERS = ["created_at", "-created_at", "next_run_at", "name"]


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    """Of a tenant whose plans the tests of this file only read."""
    with gateway.client(gateway.key("lists")) as client:
        yield client


@pytest.fixture(scope="module")
def plans(client: httpx.Client) -> list[dict[str, Any]]:
    """Of every kind, in the order of their creation."""
    given: list[dict[str, Any]] = [
        {"name": "b", "labels": {"team": "growth", "tier": "1"}},
        {"name": "a", "labels": {"team": "growth"}},
        {"labels": {"team": "50%_off"}},
        {"name": "B", "recurrence": None, "execute_at": "2090-01-01T00:00:00Z"},
        {"name": "a"},
    ]
    plans = [created(client, **one) for one in given]
    cancelled = client.delete(f"/plans/{plans[4]['id']}").json()
    return [*plans[:4], cancelled]


def pages(client: httpx.Client, order: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    query = {"sort": order, "limit": "2"}
    while True:
        page = client.get("/plans", params=query).json()
        items.extend(page["items"])
        if page["next_cursor"] is None:
            return items
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("order", ORDERS)
def test_pages_are_the_whole_list_in_its_order(client: httpx.Client, plans: list[dict[str, Any]], order: str) -> None:
    whole = client.get("/plans", params={"sort": order}).json()
    assert (whole["next_cursor"], pages(client, order)) == (None, whole["items"])
    assert sorted(plan["id"] for plan in whole["items"]) == sorted(plan["id"] for plan in plans)
    field = order.removeprefix("-")
    values = [plan[field] for plan in whole["items"]]
    known = [value for value in values if value is not None]
    # Null comes last.
    assert values == sorted(known, reverse=order.startswith("-")) + [None] * (len(values) - len(known))


def test_a_cursor_stays_good_while_plans_are_added(gateway: Gateway, tenant: str) -> None:
    with gateway.client(gateway.key(tenant)) as client:
        plans = [created(client)["id"] for _ in range(3)]
        first = client.get("/plans?limit=2").json()
        created(client)
        rest = client.get("/plans", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [plan["id"] for plan in first["items"] + rest["items"]] == plans[::-1]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("status=cancelled", [4]),
        ("status=active", [0, 1, 2, 3]),
        (f"action={ACTION}", [0, 1, 2, 3, 4]),
        ("action=content.publish.not", []),
        ("label=team:growth", [0, 1]),
        ("label=team:growth&label=tier:1", [0]),
        ("label=team:50%25_off", [2]),
        ("label=team:", []),
        ("name_prefix=a", [1, 4]),
        ("name_prefix=%25", []),
        ("name_prefix=", [0, 1, 3, 4]),
        ("organization_id=default", [0, 1, 2, 3, 4]),
        ("organization_id=eu", []),
        ("created_after=2090-01-01T00:00:00Z", []),
        ("created_before=2090-01-01T01:00:00%2B01:00", [0, 1, 2, 3, 4]),
    ],
)
def test_every_filter_must_hold(client: httpx.Client, plans: list[dict[str, Any]], query: str, places: list[int]) -> None:
    found = client.get(f"/plans?sort=created_at&{query}").json()["items"]
    assert [plan["id"] for plan in found] == [plans[place]["id"] for place in places]


def test_plans_are_found_between_two_moments_of_creation(client: httpx.Client, plans: list[dict[str, Any]]) -> None:
    query = {"created_after": plans[0]["created_at"], "created_before": plans[3]["created_at"]}
    found = client.get("/plans", params=query).json()["items"]
    assert [plan["id"] for plan in found] == [plans[2]["id"], plans[1]["id"]]
