"""Holiday lists over HTTP, and the plans that use them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from planner_contracts.calendar import CALENDARS_MAX
from support.gateways import ACTION, Gateway, created, eventually, problem_code

MONDAY, TUESDAY = "2032-03-01", "2032-03-02"
FAULTS = [
    ({}, "/dates", "FIELD_REQUIRED"),
    ({"dates": [MONDAY, "2032-02-30"]}, "/dates/1", "DATETIME_INVALID"),
    ({"dates": [MONDAY] * 1001}, "/dates", "FIELD_OUT_OF_RANGE"),
    ({"dates": [], "name": "nl"}, "/name", "UNKNOWN_FIELD"),
]


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


def put(client: httpx.Client, *dates: str, name: str = "nl", **headers: str) -> httpx.Response:
    return client.put(f"/calendars/{name}", json={"dates": dates}, headers=headers)


def on_business_days(calendar: str = "nl") -> dict[str, Any]:
    """A plan of the first days of March 2032, of which the first is a Monday."""
    recurrence = {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": calendar}
    return {"action": ACTION, "recurrence": recurrence, "starts_at": f"{MONDAY}T00:00:00Z"}


def test_a_list_is_made_and_replaced_and_shown(client: httpx.Client) -> None:
    made, replaced, shown = put(client, TUESDAY, MONDAY), put(client, MONDAY), client.get("/calendars/nl")

    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, "/api/v1/calendars/nl", '"1"')
    assert {name: made.json()[name] for name in ("name", "dates", "version")} == {"name": "nl", "dates": [TUESDAY, MONDAY], "version": 1}
    assert (replaced.status_code, replaced.json()["version"]) == (200, 2)
    assert (shown.status_code, shown.json(), shown.headers["etag"]) == (200, replaced.json(), '"2"')
    assert client.get("/calendars/nl", headers={"If-None-Match": '"2"'}).status_code == 304


def test_lists_are_listed_by_name_page_by_page(client: httpx.Client) -> None:
    for name in ("c", "a", "b"):
        put(client, name=name)

    first = client.get("/calendars", params={"limit": 2}).json()
    second = client.get("/calendars", params={"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [calendar["name"] for calendar in (*first["items"], *second["items"])] == ["a", "b", "c"]
    assert second["next_cursor"] is None
    assert problem_code(client.get("/calendars", params={"cursor": "x"})) == (400, "INVALID_CURSOR")


def test_a_deleted_list_is_gone_until_it_is_made_again(client: httpx.Client) -> None:
    put(client, MONDAY)

    deleted, again = client.delete("/calendars/nl"), client.delete("/calendars/nl")

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert problem_code(again) == (404, "CALENDAR_NOT_FOUND")
    assert problem_code(client.get("/calendars/nl")) == (404, "CALENDAR_NOT_FOUND")
    assert client.get("/calendars").json()["items"] == []
    assert put(client).status_code == 201


def test_a_plan_can_use_a_list_as_soon_as_it_is_there(client: httpx.Client) -> None:
    refused = client.post("/plans", json=on_business_days())
    assert problem_code(refused) == (422, "VALIDATION_FAILED")
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        ("/recurrence/holiday_calendar", "HOLIDAY_CALENDAR_UNKNOWN")
    ]

    put(client, MONDAY)

    # Several, so that each of the partitions has one.
    plans = [created(client, **on_business_days()) for _ in range(5)]
    assert {plan["next_run_at"] for plan in plans} == {f"{TUESDAY}T09:00:00Z"}


def test_previews_know_the_tenants_lists(client: httpx.Client) -> None:
    put(client, MONDAY)
    plan = created(client, **on_business_days())

    asked = client.post("/plans/preview", json=on_business_days(), params={"after": f"{MONDAY}T00:00:00Z", "limit": 1})
    stored = client.get(f"/plans/{plan['id']}/preview", params={"after": f"{MONDAY}T00:00:00Z", "limit": 1})
    occurrences = client.get(f"/plans/{plan['id']}/occurrences", params={"from": f"{MONDAY}T00:00:00Z", "limit": 1})
    unknown = client.post("/plans/preview", json=on_business_days("be"))

    for answer, items in ((asked, "occurrences"), (stored, "occurrences"), (occurrences, "items")):
        assert [occurrence["scheduled_for"] for occurrence in answer.json()[items]] == [f"{TUESDAY}T09:00:00Z"]
    assert [error["code"] for error in unknown.json()["errors"]] == ["HOLIDAY_CALENDAR_UNKNOWN"]


def test_a_changed_list_moves_the_plans_that_use_it(client: httpx.Client) -> None:
    put(client)
    plans = [created(client, **on_business_days())["id"] for _ in range(5)]

    def next_runs() -> set[str]:
        return {client.get(f"/plans/{plan}").json()["next_run_at"] for plan in plans}

    assert next_runs() == {f"{MONDAY}T09:00:00Z"}
    put(client, MONDAY)
    eventually(lambda: next_runs() == {f"{TUESDAY}T09:00:00Z"}, what="every plan is planned anew")
    put(client)
    eventually(lambda: next_runs() == {f"{MONDAY}T09:00:00Z"}, what="every plan is planned anew again")


def test_a_list_in_use_is_not_deleted_until_its_last_plan_has_ended(client: httpx.Client) -> None:
    put(client, MONDAY)
    plan = created(client, **on_business_days())["id"]

    refused = client.delete("/calendars/nl")
    assert problem_code(refused) == (409, "CALENDAR_IN_USE")
    assert refused.json()["detail"] == f"active or paused plans that use it: 1, such as {plan}"
    client.delete(f"/plans/{plan}")
    assert client.delete("/calendars/nl").status_code == 204
    assert client.get(f"/plans/{plan}/preview").json()["occurrences"] == []


@pytest.mark.parametrize(("body", "pointer", "code"), FAULTS)
def test_dates_that_are_none_are_refused(client: httpx.Client, body: dict[str, Any], pointer: str, code: str) -> None:
    answer = client.put("/calendars/nl", json=body)

    assert problem_code(answer) == (422, "VALIDATION_FAILED")
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


def test_a_name_that_no_list_may_have_is_refused(client: httpx.Client) -> None:
    for name in ("é", "a b", "x" * 101):
        assert problem_code(put(client, name=name)) == (400, "INVALID_PARAMETER")
        assert problem_code(client.get(f"/calendars/{name}")) == (404, "CALENDAR_NOT_FOUND")
        assert problem_code(client.delete(f"/calendars/{name}")) == (404, "CALENDAR_NOT_FOUND")


def test_a_repeat_under_the_same_key_is_the_first_answer_again(client: httpx.Client) -> None:
    first, again = (put(client, MONDAY, **{"Idempotency-Key": "k"}) for _ in range(2))
    other = put(client, TUESDAY, **{"Idempotency-Key": "k"})

    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
    assert "idempotency-replayed" not in first.headers
    assert problem_code(other) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_change_of_another_version_than_expected_is_refused(client: httpx.Client) -> None:
    tag = put(client, MONDAY).headers["etag"]
    put(client, TUESDAY)

    assert problem_code(put(client, MONDAY, **{"If-Match": tag})) == (412, "REVISION_MISMATCH")
    assert problem_code(client.delete("/calendars/nl", headers={"If-Match": tag})) == (412, "REVISION_MISMATCH")
    assert put(client, MONDAY, **{"If-Match": '"2"'}).status_code == 200


def test_who_does_not_wait_finds_what_became_of_it_under_commands(client: httpx.Client) -> None:
    answer = put(client, MONDAY, Prefer="respond-async")

    assert answer.status_code == 202
    command = answer.headers["location"].removeprefix("/api/v1")
    eventually(lambda: client.get(command).json()["state"] == "accepted", what="the command is accepted")
    assert client.get("/calendars/nl").json()["dates"] == [MONDAY]


def test_lists_belong_to_a_tenant_and_have_scopes_of_their_own(gateway: Gateway, tenant: str, client: httpx.Client) -> None:
    put(client, MONDAY)
    with gateway.client(gateway.key(f"{tenant}x")) as stranger:
        assert problem_code(stranger.get("/calendars/nl")) == (404, "CALENDAR_NOT_FOUND")
        assert stranger.get("/calendars").json()["items"] == []
    with gateway.client(gateway.key(tenant, scopes=["calendars:read"])) as reader:
        assert reader.get("/calendars/nl").status_code == 200
        assert problem_code(put(reader, TUESDAY)) == (403, "FORBIDDEN")
        assert problem_code(reader.delete("/calendars/nl")) == (403, "FORBIDDEN")
    with gateway.client(gateway.key(tenant, scopes=["calendars:write", "plans:read"])) as writer:
        assert put(writer, TUESDAY).status_code == 200
        assert problem_code(writer.get("/calendars")) == (403, "FORBIDDEN")


def with_names(gateway: Gateway, tenant: str, count: int) -> None:
    """So many lists more, as the run store shows them; the first one is deleted."""
    asyncio.run(_insert_names(gateway.servers.postgres, tenant, count))


async def _insert_names(dsn: str, tenant: str, count: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO calendars "
            "SELECT $1, 'list-' || number, 1, '[]', number = 1, now(), 'key:x' FROM generate_series(1, $2::integer) number",
            tenant,
            count,
        )
    finally:
        await connection.close()


def test_a_tenant_has_so_many_names_of_lists_and_not_one_more(gateway: Gateway, client: httpx.Client, tenant: str) -> None:
    with_names(gateway, tenant, CALENDARS_MAX - 1)
    assert put(client, MONDAY, name="the-last").status_code == 201
    refused = put(client, MONDAY, name="one-too-many")
    assert problem_code(refused) == (409, "QUOTA_EXCEEDED")
    assert refused.json()["detail"] == f"calendars: at most {CALENDARS_MAX} names, deleted ones included"
    assert put(client, TUESDAY, name="the-last").status_code == 200
    assert client.delete("/calendars/the-last").status_code == 204
    assert problem_code(put(client, MONDAY, name="one-too-many")) == (409, "QUOTA_EXCEEDED")
    assert put(client, MONDAY, name="the-last").status_code == 201
