"""What callers are answered when they keep holiday lists, and when they preview plans that use them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from planner.gateway.run_queries import CalendarUsers
from planner_contracts.calendar import CALENDARS_MAX
from planner_contracts.ids import calendar_id
from support.memory_gateway import MemoryWorld, calling
from support.plans import ACTION, TENANT

LIST = "/calendars/nl"
MONDAY = "2026-03-02"  # the clock stands at noon of the Sunday before
NINE: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"}}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def times(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [occurrence["scheduled_for"] for occurrence in answer.json()["occurrences"]]


async def test_a_list_is_made_with_201_and_replaced_with_200(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    made = await client.put(LIST, json={"dates": [MONDAY]})
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, "/api/v1/calendars/nl", '"1"')
    replaced = await client.put(LIST, json={"dates": []})
    assert (replaced.status_code, replaced.headers["etag"], "location" in replaced.headers) == (200, '"2"', False)
    assert (replaced.json()["dates"], replaced.json()["version"]) == ([], 2)
    assert {command.plan_id for command in world.commands} == {calendar_id(TENANT, "nl")}


async def test_a_list_is_shown_until_it_changes_and_then_again(client: httpx.AsyncClient) -> None:
    await client.put(LIST, json={"dates": [MONDAY]})
    shown = await client.get(LIST)
    assert (shown.json()["dates"], shown.headers["etag"]) == ([MONDAY], '"1"')
    same = await client.get(LIST, headers={"If-None-Match": '"1"'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", '"1"')
    await client.put(LIST, json={"dates": []})
    assert (await client.get(LIST, headers={"If-None-Match": '"1"'})).json()["dates"] == []


async def test_a_list_of_another_version_than_expected_is_left_as_it_is(client: httpx.AsyncClient) -> None:
    await client.put(LIST, json={"dates": [MONDAY]})
    assert problem(await client.put(LIST, json={"dates": []}, headers={"If-Match": '"7"'})) == (412, "REVISION_MISMATCH")
    assert (await client.put(LIST, json={"dates": []}, headers={"If-Match": '"1"'})).status_code == 200


async def test_a_repeat_under_a_key_is_told_that_it_is_one(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    first, again = [await client.put(LIST, json={"dates": [MONDAY]}, headers=key) for _ in range(2)]
    assert [answer.headers.get("idempotency-replayed") for answer in (first, again)] == [None, "true"]
    assert [answer.status_code for answer in (first, again)] == [201, 201]
    first, again = [await client.delete(LIST, headers={"Idempotency-Key": "d", "Prefer": "wait=0"}) for _ in range(2)]
    assert [answer.status_code for answer in (first, again)] == [202, 202]
    assert {answer.headers["preference-applied"] for answer in (first, again)} == {"wait=0"}
    told = await client.delete(LIST, headers={"Idempotency-Key": "d"})
    assert (told.status_code, told.headers["idempotency-replayed"]) == (204, "true")


async def test_dates_that_are_none_are_refused_before_the_owner_is_asked(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    for dates in (["2026-02-30"], "never", None):
        assert problem(await client.put(LIST, json={"dates": dates})) == (422, "VALIDATION_FAILED")
    assert world.commands == []


async def test_what_no_list_may_be_called_is_no_parameter_and_never_there(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    assert problem(await client.put("/calendars/a%20b", json={"dates": []})) == (400, "INVALID_PARAMETER")
    assert problem(await client.delete("/calendars/a%20b")) == (404, "CALENDAR_NOT_FOUND")
    assert problem(await client.get("/calendars/a%00b")) == (404, "CALENDAR_NOT_FOUND")
    assert world.commands == []


async def test_a_list_that_plans_use_is_not_deleted_and_some_of_them_are_named(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    await client.put(LIST, json={"dates": []})
    world.users = CalendarUsers(5, ("p1", "p2", "p3", "p4", "p5"))
    refused = await client.delete(LIST)
    assert problem(refused) == (409, "CALENDAR_IN_USE")
    assert refused.json()["detail"] == "active or paused plans that use it: 5, such as p1, p2, p3"
    world.users = CalendarUsers(2, ())
    assert (await client.delete(LIST)).json()["detail"] == "active or paused plans that use it: 2"
    assert len(world.commands) == 1


async def test_a_deleted_list_is_gone_and_cannot_be_deleted_again(client: httpx.AsyncClient) -> None:
    await client.put(LIST, json={"dates": []})
    deleted = await client.delete(LIST)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert problem(await client.get(LIST)) == (404, "CALENDAR_NOT_FOUND")
    assert problem(await client.delete(LIST)) == (404, "CALENDAR_NOT_FOUND")


class Hasty(MemoryWorld):
    """Whatever list is made, another caller has deleted it before it can be shown."""

    async def calendar(self, tenant_id: str, name: str) -> None:
        del tenant_id, name


async def test_a_list_that_is_deleted_before_it_could_be_shown_is_told_of_under_its_command() -> None:
    world = Hasty()
    async with calling(world) as client:
        answer = await client.put(LIST, json={"dates": []})
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/commands/{world.commands[0].command_id}")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_who_is_not_told_in_time_is_told_where_to_ask(world: MemoryWorld, client: httpx.AsyncClient, method: str) -> None:
    world.decides = False
    answer = await client.request(method, LIST, json={"dates": []})
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/commands/{world.commands[0].command_id}")


async def test_lists_are_listed_by_name_and_a_cursor_leads_to_the_rest(client: httpx.AsyncClient) -> None:
    for name in ("nl", "be", "de"):
        await client.put(f"/calendars/{name}", json={"dates": []})
    first = (await client.get("/calendars", params={"limit": 2})).json()
    rest = (await client.get("/calendars", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["name"] for page in (first, rest) for item in page["items"]] == ["be", "de", "nl"]
    assert rest["next_cursor"] is None
    assert (await client.get("/calendars", params={"limit": 3})).json()["next_cursor"] is None


async def test_a_definition_is_previewed_with_the_tenants_list(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    await client.put(LIST, json={"dates": [MONDAY]})
    assert times(await client.post("/plans/preview", json=NINE, params={"limit": 2})) == ["2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z"]
    await client.delete(LIST)
    unknown = await client.post("/plans/preview", json=NINE)
    assert [fault["code"] for fault in unknown.json()["errors"]] == ["HOLIDAY_CALENDAR_UNKNOWN"]
    assert [command.type for command in world.commands] == ["planner.calendar.put", "planner.calendar.delete"]


async def test_a_preview_begins_now_or_after_the_instant_that_is_given(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    daily = {"recurrence": {"type": "cron", "expression": "0 9 * * *"}}
    world.time.at += timedelta(days=1)
    assert times(await client.post("/plans/preview", json=daily, params={"limit": 1})) == ["2026-03-03T09:00:00Z"]
    after = {"limit": "1", "after": "2026-05-01T09:00:00Z"}
    assert times(await client.post("/plans/preview", json=daily, params=after)) == ["2026-05-02T09:00:00Z"]
    assert len(times(await client.post("/plans/preview", json=daily))) == 10


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
async def test_a_preview_of_more_or_less_than_it_may_show_is_refused(client: httpx.AsyncClient, limit: str) -> None:
    assert problem(await client.post("/plans/preview", json=NINE, params={"limit": limit})) == (400, "INVALID_PARAMETER")


async def test_a_stored_plan_is_previewed_with_the_runs_that_are_left(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    daily = {"action": ACTION, "recurrence": {"type": "cron", "expression": "0 9 * * *"}, "max_runs": 3}
    plan = (await client.post("/plans", json=daily)).json()
    world.runs_fired = 1
    shown = await client.get(f"/plans/{plan['id']}/preview")
    assert (times(shown), shown.json()["complete"]) == (["2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z"], True)
    await client.delete(f"/plans/{plan['id']}")
    assert times(await client.get(f"/plans/{plan['id']}/preview")) == []
    assert problem(await client.get("/plans/x/preview")) == (404, "PLAN_NOT_FOUND")
    assert problem(await client.get(f"/plans/{plan['id']}/preview", params={"after": "soon"})) == (422, "VALIDATION_FAILED")


async def test_a_preview_in_the_name_of_an_organization_that_the_token_has_not_is_forbidden() -> None:
    async with calling(MemoryWorld(organizations=("eu",))) as client:
        plain = {"recurrence": {"type": "cron", "expression": "0 9 * * *"}}
        assert problem(await client.post("/plans/preview", json=plain | {"organization_id": "us"})) == (403, "FORBIDDEN")
        assert (await client.post("/plans/preview", json=plain | {"organization_id": "eu"})).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0, */*", "*/*;q=0"])
async def test_who_takes_no_json_is_told_so_on_every_route(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get("/calendars", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (406, "NOT_ACCEPTABLE")


async def test_a_parameter_that_is_unknown_or_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/calendars", params={"colour": "red"})
    assert problem(unknown) == (400, "INVALID_PARAMETER")
    assert "colour" in unknown.json()["detail"]
    twice = await client.get("/calendars?limit=1&limit=2")
    assert problem(twice) == (400, "INVALID_PARAMETER")
    assert twice.json()["detail"] == "limit: it is given 2 times"


async def test_a_list_is_taken_though_nobody_can_count_the_names_just_now(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    world.away, world.hears = True, False
    assert (await client.put(LIST, json={"dates": [MONDAY]})).status_code == 202


async def test_a_list_under_a_name_too_many_is_no_command(world: MemoryWorld, client: httpx.AsyncClient) -> None:
    world.lists = {f"list-{number}": {} for number in range(CALENDARS_MAX)}
    assert problem(await client.put(LIST, json={"dates": [MONDAY]})) == (409, "QUOTA_EXCEEDED")
    assert world.commands == []
