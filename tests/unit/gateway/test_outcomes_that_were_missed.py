"""Commands whose event the gateway did not hear, or whose outcome the run store does not show yet: what their callers are told."""

import asyncio
from typing import Any

import httpx

from support.memory_gateway import MemoryWorld
from support.plans import ACTION
from support.until import until

NOBODY = "11111111-1111-4111-8111-111111111111"
HOURLY: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 3600}}
ASYNC = {"Prefer": "respond-async"}


async def test_an_outcome_that_was_not_heard_is_found_in_the_run_store(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    world.hears = False
    created = await client.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k"})
    assert (created.status_code, created.json()["revision"]) == (201, 1)
    again = await client.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    changed = await client.patch(f"/plans/{created.json()['id']}", json={"name": "b"})
    assert (changed.status_code, changed.json()["revision"], changed.json()["name"]) == (200, 2, "b")


async def test_a_rejection_that_was_not_heard_is_found_in_the_run_store(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    world.hears = False
    refused = await client.patch(f"/plans/{NOBODY}", json={"name": "b"})
    assert (refused.status_code, refused.json()["code"]) == (404, "PLAN_NOT_FOUND")


async def test_a_list_whose_event_was_not_heard_is_late_as_nobody_knows_where_it_has_come_to(
    world: MemoryWorld, client: httpx.AsyncClient
) -> None:
    world.hears = False
    answer = await client.put("/calendars/nl", json={"dates": []})
    assert answer.status_code == 202
    shown = (await client.get(answer.headers["location"].removeprefix("/api/v1"))).json()
    assert (shown["state"], shown["plan_id"]) == ("accepted", None)


async def test_an_outcome_that_was_heard_but_is_not_shown_yet_is_late(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    world.records = False
    world.known.clear()
    answer = await client.post("/plans", json=HOURLY)
    # The store knows the command all the same: its answer is as good as the event's.
    assert answer.status_code == 201
    world.away = True
    assert (await client.post("/plans", json=HOURLY)).status_code == 202


async def test_a_location_that_is_given_at_once_can_be_followed_because_the_command_is_recorded_first(
    world: MemoryWorld, client: httpx.AsyncClient
) -> None:
    world.decides, world.records = False, False
    asking = asyncio.create_task(client.post("/plans", json=HOURLY, headers=ASYNC))
    await until(lambda: world.looks > 1, what="it looks whether the command is recorded")
    assert not asking.done()
    world.records = True
    assert (await asking).status_code == 202
