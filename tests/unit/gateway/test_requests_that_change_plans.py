"""What callers are answered when they change plans, with an owner that decides and a run store, both in memory."""

from typing import Any

import httpx
import pytest

from planner.gateway.run_queries import StoredCommand
from planner_contracts.ids import plan_id
from planner_contracts.plan_command import REASON_CHARACTERS_MAX
from support.memory_gateway import MemoryWorld, calling
from support.plans import ACTION, NOON, ONCE, TENANT

NOBODY = "11111111-1111-4111-8111-111111111111"
HOURLY: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 3600}}


async def created(client: httpx.AsyncClient, **given: object) -> dict[str, Any]:
    answer = await client.post("/plans", json=HOURLY | given)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_created_plan_stands_where_location_says_and_its_answer_has_its_tag(client: httpx.AsyncClient) -> None:
    answer = await client.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k"})
    plan = answer.json()
    assert (answer.status_code, plan["id"]) == (201, plan_id(TENANT, "default", "k"))
    assert answer.headers["location"] == f"/api/v1/plans/{plan['id']}"
    read = await client.get(f"/plans/{plan['id']}")
    assert (read.headers["etag"], read.json()) == (answer.headers["etag"], {name: plan[name] for name in plan if name != "warnings"})
    assert "idempotency-replayed" not in answer.headers
    assert plan["warnings"] == []


async def test_a_create_warns_of_what_its_rule_leaves_out(client: httpx.AsyncClient) -> None:
    plan = await created(client, recurrence={"type": "cron", "expression": "0 9 31 * *"})
    assert [warning["code"] for warning in plan["warnings"]] == ["SHORT_MONTHS"]


async def test_a_repeat_is_told_that_it_is_one_only_where_it_has_a_key(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    first, again = [await client.post("/plans", json=HOURLY, headers=key) for _ in range(2)]
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
    path = f"/plans/{first.json()['id']}"
    await client.delete(path)
    cancelled = await client.delete(path)
    assert (cancelled.status_code, cancelled.json()["status"], "idempotency-replayed" in cancelled.headers) == (200, "cancelled", False)


async def test_a_definition_that_is_wrong_is_refused_before_its_owner_is_asked(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    answer = await client.post("/plans", json={"action": ACTION, "execute_at": "soon", "color": "red"})
    assert problem(answer) == (422, "VALIDATION_FAILED")
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/execute_at", "/color"}
    assert world.commands == []


async def test_a_patch_that_suits_no_plan_is_refused_before_its_owner_is_asked(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    plan = await created(client)
    for patch, code in (({"jitter_seconds": -1}, "FIELD_OUT_OF_RANGE"), ({"organization_id": "eu"}, "READ_ONLY_FIELD")):
        answer = await client.patch(f"/plans/{plan['id']}", json=patch)
        assert problem(answer) == (422, "VALIDATION_FAILED")
        assert [fault["code"] for fault in answer.json()["errors"]] == [code]
    assert len(world.commands) == 1


async def test_what_the_owner_refuses_is_answered_as_it_says(client: httpx.AsyncClient) -> None:
    answer = await client.post("/plans", json=HOURLY | {"action": "nobody.has.this"})
    assert problem(answer) == (422, "ACTION_UNKNOWN")
    assert "nobody.has.this" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("beside", "within", "answered"),
    [
        (None, None, (201, "eu")),
        (None, "us", (201, "us")),
        ("us", None, (201, "us")),
        ("us", "us", (201, "us")),
        ("eu", "us", (400, "INVALID_PARAMETER")),
        (None, "asia", (403, "FORBIDDEN")),
        ("asia", None, (403, "FORBIDDEN")),
        (None, "a/b", (422, "VALIDATION_FAILED")),
        (None, 7, (422, "VALIDATION_FAILED")),
    ],
)
async def test_a_plan_belongs_to_the_organization_that_is_named_or_to_the_first_of_the_token(
    beside: str | None, within: object, answered: tuple[int, str]
) -> None:
    world = MemoryWorld(organizations=("eu", "us"))
    async with calling(world) as client:
        body = HOURLY if within is None else HOURLY | {"organization_id": within}
        answer = await client.post("/plans", json=body, params={} if beside is None else {"organization_id": beside})
    document = answer.json()
    assert (answer.status_code, document.get("organization_id", document.get("code"))) == answered


async def test_a_plan_of_another_organization_is_not_there(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    plan = await created(client, organization_id="eu")
    path = f"/plans/{plan['id']}"
    assert problem(await client.get(path, params={"organization_id": "us"})) == (404, "PLAN_NOT_FOUND")
    assert problem(await client.patch(path, json={"name": "b"}, params={"organization_id": "us"})) == (404, "PLAN_NOT_FOUND")
    assert (await client.patch(path, json={"name": "b"}, params={"organization_id": "eu"})).json()["name"] == "b"


async def test_a_token_without_the_scope_is_told_which_one_it_lacks() -> None:
    async with calling(MemoryWorld(scopes=("plans:read",))) as client:
        answer = await client.post("/plans", json=HOURLY)
        assert problem(answer) == (403, "FORBIDDEN")
        assert "plans:write" in answer.json()["detail"]
        assert (await client.get(f"/plans/{NOBODY}")).status_code == 404


async def test_a_change_is_made_where_the_tag_is_the_plans_and_else_nothing(client: httpx.AsyncClient) -> None:
    plan = await created(client)
    path = f"/plans/{plan['id']}"
    tag = (await client.get(path)).headers["etag"]
    refused = await client.patch(path, json={"name": "b"}, headers={"If-Match": '"2-abc"'})
    assert problem(refused) == (412, "REVISION_MISMATCH")
    changed = await client.patch(path, json={"name": "b"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["revision"], changed.json()["name"]) == (200, 2, "b")
    assert changed.headers["etag"] != tag
    assert problem(await client.patch(path, json={"name": "c"}, headers={"If-Match": "2"})) == (400, "INVALID_PARAMETER")


async def test_a_plan_that_has_not_changed_is_not_sent_again(client: httpx.AsyncClient) -> None:
    path = f"/plans/{(await created(client))['id']}"
    tag = (await client.get(path)).headers["etag"]
    same = await client.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (await client.get(path, headers={"If-None-Match": '"1-other"'})).status_code == 200


async def test_what_names_no_plan_is_not_asked_of_any_owner(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    for method, path in (("PATCH", "/plans/x"), ("DELETE", "/plans/x"), ("POST", "/plans/x/pause"), ("POST", "/plans/x/resume")):
        assert problem(await client.request(method, path, json={})) == (404, "PLAN_NOT_FOUND")
    assert problem(await client.get("/plans/x")) == (404, "PLAN_NOT_FOUND")
    assert world.commands == []


async def test_a_plan_that_only_its_owner_knows_so_far_can_be_changed(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    plan = await created(client)
    del world.plans[plan["id"]]
    changed = await client.patch(f"/plans/{plan['id']}", json={"name": "b"})
    assert (changed.status_code, changed.json()["revision"], changed.json()["last_run"]) == (200, 2, None)
    assert problem(await client.patch(f"/plans/{NOBODY}", json={"name": "b"})) == (404, "PLAN_NOT_FOUND")


@pytest.mark.parametrize(
    ("status", "method", "answered"),
    [
        ("cancelled", "DELETE", (200, None)),
        ("cancelled", "PATCH", (409, "PLAN_CANCELLED")),
        ("completed", "DELETE", (409, "PLAN_COMPLETED")),
        ("completed", "PATCH", (409, "PLAN_COMPLETED")),
        ("active", "PATCH", (404, "PLAN_NOT_FOUND")),
    ],
)
async def test_a_plan_that_its_owner_has_forgotten_is_answered_from_how_it_ended(
    world: MemoryWorld, client: httpx.AsyncClient, status: str, method: str, answered: tuple[int, str | None]
) -> None:
    plan = await created(client)
    world.plans[plan["id"]] |= {"status": status}
    world.shard.values.clear()
    answer = await client.request(method, f"/plans/{plan['id']}", json={"name": "b"}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json().get("code")) == answered
    if answer.status_code == 200:
        assert (answer.json()["status"], answer.headers["idempotency-replayed"]) == ("cancelled", "true")


async def test_a_changed_plan_shows_its_last_run_which_its_event_does_not_know(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    plan = await created(client)
    run = {"id": NOBODY, "state": "completed", "scheduled_for": "2026-03-01T12:00:00Z", "finished_at": None}
    world.last_runs[plan["id"]] = run
    assert (await client.patch(f"/plans/{plan['id']}", json={"name": "b"})).json()["last_run"] == run


async def test_a_pause_carries_its_reason_and_a_resume_its_backlog(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    path = f"/plans/{(await created(client))['id']}"
    paused = await client.post(f"{path}/pause", json={"reason": "a fair"})
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    resumed = await client.post(f"{path}/resume", json={"backlog": "all"})
    assert (resumed.status_code, resumed.json()["status"]) == (200, "active")
    assert [dict(command.content) for command in world.commands[1:]] == [
        {"plan_id": path.removeprefix("/plans/"), "reason": "a fair"},
        {"plan_id": path.removeprefix("/plans/"), "backlog": "all"},
    ]


async def test_neither_a_pause_nor_a_resume_needs_a_body(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    path = f"/plans/{(await created(client))['id']}"
    assert [(await client.post(f"{path}/{what}")).status_code for what in ("pause", "resume")] == [200, 200]
    assert [set(command.content) for command in world.commands[1:]] == [{"plan_id"}, {"plan_id", "backlog"}]
    assert world.commands[2].content["backlog"] == "skip"


@pytest.mark.parametrize(
    ("what", "body", "fault"),
    [
        ("pause", {"reason": 7}, ("/reason", "FIELD_BAD_TYPE")),
        ("pause", {"reason": "x" * (REASON_CHARACTERS_MAX + 1)}, ("/reason", "FIELD_OUT_OF_RANGE")),
        ("pause", {"reason": "a\x00"}, ("/reason", "FIELD_INVALID")),
        ("pause", {"backlog": "all"}, ("/backlog", "UNKNOWN_FIELD")),
        ("resume", {"backlog": "some"}, ("/backlog", "FIELD_INVALID")),
        ("resume", {"reason": "x"}, ("/reason", "UNKNOWN_FIELD")),
    ],
)
async def test_a_body_of_a_pause_or_resume_that_is_wrong_names_its_field(
    world: MemoryWorld, client: httpx.AsyncClient, what: str, body: dict[str, Any], fault: tuple[str, str]
) -> None:
    path = f"/plans/{(await created(client))['id']}"
    answer = await client.post(f"{path}/{what}", json=body)
    assert problem(answer) == (422, "VALIDATION_FAILED")
    assert [(found["pointer"], found["code"]) for found in answer.json()["errors"]] == [fault]
    assert len(world.commands) == 1


async def test_the_longest_reason_of_a_pause_is_taken(client: httpx.AsyncClient) -> None:
    path = f"/plans/{(await created(client))['id']}"
    assert (await client.post(f"{path}/pause", json={"reason": "x" * REASON_CHARACTERS_MAX})).status_code == 200


@pytest.mark.parametrize("prefer", [{"Prefer": "respond-async"}, {}])
async def test_who_is_not_told_in_time_is_told_where_to_ask(world: MemoryWorld, client: httpx.AsyncClient, prefer: dict[str, str]) -> None:
    world.decides = False
    answer = await client.post("/plans", json=ONCE, headers=prefer)
    (command,) = world.commands
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/commands/{command.command_id}")
    assert answer.headers.get("preference-applied") == prefer.get("Prefer")
    assert answer.json() == {
        "id": command.command_id,
        "state": "pending",
        "plan_id": command.plan_id,
        "error": None,
        "at": "2026-03-01T12:00:00Z",
    }


async def test_a_command_that_was_rejected_shows_the_problem_that_its_caller_would_have_seen(
    world: MemoryWorld, client: httpx.AsyncClient
) -> None:
    refusal = {"code": "PLAN_NOT_FOUND", "status": 404, "detail": "there is none", "errors": []}
    world.known[NOBODY] = StoredCommand(NOBODY, "rejected", None, None, False, refusal, 3, NOON)
    shown = (await client.get(f"/commands/{NOBODY}")).json()
    assert (shown["state"], shown["error"]["status"], shown["error"]["detail"]) == ("rejected", 404, "there is none")
    assert (shown["error"]["code"], shown["error"]["instance"]) == ("PLAN_NOT_FOUND", f"/api/v1/commands/{NOBODY}")
    assert problem(await client.get("/commands/22222222-2222-4222-8222-222222222222")) == (404, "COMMAND_NOT_FOUND")
    assert problem(await client.get("/commands/x")) == (404, "COMMAND_NOT_FOUND")


async def test_a_rejection_of_a_newer_owner_is_an_internal_error_with_its_detail(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    refusal = {"code": "MOON_IN_THE_WAY", "status": 418, "detail": "the moon", "errors": []}
    world.known[NOBODY] = StoredCommand(NOBODY, "rejected", None, None, False, refusal, 3, NOON)
    error = (await client.get(f"/commands/{NOBODY}")).json()["error"]
    assert (error["code"], error["detail"]) == ("INTERNAL", "the moon")


async def test_a_run_store_that_is_away_costs_a_created_plan_nothing_but_its_list(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    await client.put("/calendars/nl", json={"dates": []})
    world.away = True
    named = {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"}
    assert (await client.post("/plans", json={"action": ACTION, "recurrence": named})).status_code == 201
    assert problem(await client.patch(f"/plans/{NOBODY}", json={"name": "b"})) == (503, "UNAVAILABLE")
