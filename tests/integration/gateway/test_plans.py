"""Plans over HTTP, with the real owner and recorder behind the gateway."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from planner.runtime.clock import SystemClock
from planner_contracts.ids import plan_id
from support.gateways import ACTION, HOURLY, Gateway, created, eventually, problem_code

PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


def test_a_created_plan_can_be_read_at_once_where_location_says(client: httpx.Client, gateway: Gateway, tenant: str) -> None:
    answer = client.post("/plans", json=HOURLY | {"name": "launch", "labels": {"a": "1"}}, headers={"Idempotency-Key": '"k 1"'})
    assert answer.status_code == 201
    plan = answer.json()
    assert plan["id"] == plan_id(tenant, "default", "k 1")
    assert (plan["status"], plan["revision"], plan["created_by"][:4], plan["last_run"]) == ("active", 1, "key:", None)
    read = client.get(gateway.url + answer.headers["location"])
    # Only the create answers with warnings.
    assert (read.json() | {"warnings": []}, read.headers["etag"]) == (plan, answer.headers["etag"])
    assert "warnings" not in read.json()


def test_a_plan_that_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    plan = created(client)
    path = f"/plans/{plan['id']}"
    tag = client.get(path).headers["etag"]
    unchanged = client.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    client.patch(path, json={"name": "other"})
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_repeated_create_gets_the_first_answer_even_after_the_plan_was_changed(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "launch-1"}
    first = client.post("/plans", json=HOURLY | {"name": "first"}, headers=key)
    assert "idempotency-replayed" not in first.headers
    client.patch(f"/plans/{first.json()['id']}", json={"name": "second"})
    again = client.post("/plans", json=HOURLY | {"name": "first"}, headers={"Idempotency-Key": '"launch-1"'})
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
    assert again.headers["etag"] == first.headers["etag"]
    assert len(client.get("/plans").json()["items"]) == 1


def test_a_repeated_create_finds_its_plan_although_its_time_has_passed(client: httpx.Client, gateway: Gateway) -> None:
    # The first answer got lost, and by the time of the repeat the definition alone would be refused as past.
    soon = SystemClock().now() + timedelta(seconds=0.5)
    body = {"action": ACTION, "execute_at": soon.isoformat(), "misfire": {"max_lateness_seconds": 1}}
    first = client.post("/plans", json=body, headers={"Idempotency-Key": "once"})
    assert first.status_code == 201
    path = f"/plans/{first.json()['id']}"
    eventually(lambda: client.get(path).json()["status"] == "completed", what="the plan is completed")
    again = client.post("/plans", json=body, headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.json()) == (201, first.json())


def test_the_same_key_for_another_request_is_refused(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "k"}
    client.post("/plans", json=HOURLY, headers=key)
    assert problem_code(client.post("/plans", json=HOURLY | {"name": "other"}, headers=key)) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_repeats_of_a_create_at_the_same_time_make_one_plan(gateway: Gateway, tenant: str) -> None:
    token = gateway.key(tenant)

    def create(_: int) -> httpx.Response:
        with gateway.client(token) as client:
            return client.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(create, range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert [answer.json() for answer in answers] == [answers[0].json()] * 6
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


def test_a_key_counts_in_its_organization_and_for_its_target(client: httpx.Client, gateway: Gateway, tenant: str) -> None:
    key = {"Idempotency-Key": "k"}
    first = client.post("/plans", json=HOURLY, headers=key).json()
    second = client.post("/plans?organization_id=eu", json=HOURLY, headers=key)
    assert (second.status_code, second.json()["organization_id"]) == (201, "eu")
    for plan in (first, second.json()):
        changed = client.patch(f"/plans/{plan['id']}", json={"name": "x"}, headers=key)
        assert (changed.status_code, changed.json()["name"], "idempotency-replayed" in changed.headers) == (200, "x", False)
    with gateway.client(gateway.key(tenant)) as colleague:
        again = colleague.post("/plans", json=HOURLY, headers=key)
        assert (again.status_code, again.json()) == (201, first)


def test_a_rejection_is_not_remembered_under_its_key(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "k"}
    refused = client.post("/plans", json=HOURLY | {"action": "not.registered"}, headers=key)
    assert problem_code(refused) == (422, "ACTION_UNKNOWN")
    mended = client.post("/plans", json=HOURLY, headers=key)
    assert (mended.status_code, "idempotency-replayed" in mended.headers) == (201, False)


def test_a_repeated_change_is_answered_although_its_revision_has_passed(client: httpx.Client) -> None:
    path = f"/plans/{created(client)['id']}"
    headers = {"Idempotency-Key": "p", "If-Match": client.get(path).headers["etag"]}
    first = client.patch(path, json={"name": "a"}, headers=headers)
    again = client.patch(path, json={"name": "a"}, headers=headers)
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (200, first.json(), "true")
    stale = {"Idempotency-Key": "d", "If-Match": '"1"'}
    assert problem_code(client.delete(path, headers=stale)) == (412, "REVISION_MISMATCH")


def test_a_patch_that_changes_nothing_makes_no_revision(client: httpx.Client) -> None:
    plan = created(client, name="a")
    same = client.patch(f"/plans/{plan['id']}", json={"name": "a", "labels": {}})
    assert (same.status_code, same.json()) == (200, plan)


def test_a_plan_moves_from_an_instant_to_a_rule(client: httpx.Client) -> None:
    plan = created(client, recurrence=None, execute_at="2090-01-01T00:00:00Z")
    cron = {"type": "cron", "expression": "0 9 * * 1"}
    changed = client.patch(f"/plans/{plan['id']}", json={"execute_at": None, "recurrence": cron, "timezone": "Europe/Amsterdam"})
    assert (changed.status_code, changed.json()["execute_at"], changed.json()["recurrence"]) == (200, None, cron)
    assert changed.json()["next_run_at"] < plan["next_run_at"]


def test_a_repeated_change_gets_the_first_answer_again(client: httpx.Client) -> None:
    path = f"/plans/{created(client)['id']}"
    first = client.patch(path, json={"name": "a"}, headers={"Idempotency-Key": "p"})
    client.patch(path, json={"name": "b"})
    again = client.patch(path, json={"name": "a"}, headers={"Idempotency-Key": "p"})
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (200, first.json(), "true")
    assert client.get(path).json()["name"] == "b"


def test_a_patch_changes_what_it_names_and_a_wrong_revision_nothing(client: httpx.Client) -> None:
    plan = created(client, name="a", labels={"x": "1", "y": "2"})
    path = f"/plans/{plan['id']}"
    tag = client.get(path).headers["etag"]
    changed = client.patch(path, json={"labels": {"x": None}}, headers={"If-Match": tag} | PATCH)
    assert (changed.status_code, changed.json()["labels"], changed.json()["revision"]) == (200, {"y": "2"}, 2)
    assert client.get(path).json() == changed.json()
    assert problem_code(client.patch(path, json={"name": "b"}, headers={"If-Match": tag})) == (412, "REVISION_MISMATCH")
    assert problem_code(client.patch(path, json={"name": "b"}, headers={"If-Match": '"not-ours"'})) == (412, "REVISION_MISMATCH")
    assert problem_code(client.patch(path, json={"name": "b"}, headers={"If-Match": "2"})) == (400, "INVALID_PARAMETER")
    assert client.patch(path, json={"name": "b"}, headers={"If-Match": "*"}).json()["revision"] == 3


def test_a_cancelled_plan_says_so_again_and_takes_no_change(client: httpx.Client) -> None:
    path = f"/plans/{created(client)['id']}"
    first = client.delete(path)
    assert (first.status_code, first.json()["status"], first.json()["next_run_at"]) == (200, "cancelled", None)
    again = client.delete(path)
    assert (again.status_code, again.json()) == (200, first.json())
    assert problem_code(client.patch(path, json={"name": "b"})) == (409, "PLAN_CANCELLED")
    assert client.get(path).json()["status"] == "cancelled"


def test_what_the_owner_refuses_names_the_field(client: httpx.Client) -> None:
    past = client.post("/plans", json={"action": ACTION, "execute_at": "2020-01-01T00:00:00Z"})
    assert problem_code(past) == (422, "VALIDATION_FAILED")
    assert [(fault["pointer"], fault["code"]) for fault in past.json()["errors"]] == [("/execute_at", "SCHEDULE_IN_PAST")]
    assert problem_code(client.post("/plans", json=HOURLY | {"action": "not.registered"})) == (422, "ACTION_UNKNOWN")
    once = created(client, recurrence=None, execute_at="2090-01-01T00:00:00Z")
    unsuitable = client.patch(f"/plans/{once['id']}", json={"max_runs": 3})
    assert problem_code(unsuitable) == (422, "VALIDATION_FAILED")
    assert unsuitable.json()["errors"][0]["pointer"] == "/max_runs"


def test_a_caller_that_does_not_wait_finds_the_command_where_location_says(client: httpx.Client, gateway: Gateway) -> None:
    answer = client.post("/plans", json=HOURLY, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.json()["state"], answer.headers["preference-applied"]) == (202, "pending", "respond-async")
    location = gateway.url + answer.headers["location"]
    eventually(lambda: client.get(location).json().get("state") == "accepted", what="the command is accepted")
    assert client.get(location).json() | {"at": ""} == {
        "id": answer.json()["id"],
        "state": "accepted",
        "plan_id": answer.json()["plan_id"],
        "error": None,
        "at": "",
    }
    assert client.get(f"/plans/{answer.json()['plan_id']}").status_code == 200


def test_a_rejected_command_shows_its_problem(client: httpx.Client, gateway: Gateway) -> None:
    body = {"action": ACTION, "execute_at": "2020-01-01T00:00:00Z"}
    location = gateway.url + client.post("/plans", json=body, headers={"Prefer": "respond-async"}).headers["location"]
    eventually(lambda: client.get(location).json().get("state") == "rejected", what="the command is rejected")
    command = client.get(location).json()
    assert (command["error"]["code"], command["error"]["status"]) == ("VALIDATION_FAILED", 422)
    assert command["error"]["errors"][0]["code"] == "SCHEDULE_IN_PAST"


def test_ids_and_traces_are_taken_echoed_and_else_made(client: httpx.Client) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    taken = client.get("/plans", headers={"X-Request-Id": "mine-1", "traceparent": traceparent})
    assert (taken.headers["x-request-id"], taken.headers["traceparent"]) == ("mine-1", traceparent)
    made = client.get("/plans", headers={"X-Request-Id": "not good\x7f", "traceparent": "00-zz"})
    assert len(made.headers["x-request-id"]) == 36
    assert made.headers["traceparent"].startswith("00-")


def test_the_metrics_count_requests_by_route_and_status(client: httpx.Client, gateway: Gateway) -> None:
    client.get("/plans/nothing")
    text = httpx.get(gateway.health + "/metrics", trust_env=False).text
    assert 'planner_gateway_requests_total{method="GET",route="/api/v1/plans/{plan_id}",status="404"}' in text
