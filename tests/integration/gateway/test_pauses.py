"""Pause and resume over HTTP, with the real owner and recorder behind the gateway."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.gateways import Gateway, created, problem_code


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


def state(plan: dict[str, Any]) -> tuple[str, bool, int]:
    return plan["status"], plan["active"], plan["revision"]


def test_a_plan_is_paused_and_resumed_and_reads_show_it_at_once(client: httpx.Client) -> None:
    path = f"/plans/{created(client)['id']}"
    paused = client.post(f"{path}/pause", json={"reason": "a fair"})
    assert (paused.status_code, state(paused.json()), paused.json()["next_run_at"]) == (200, ("paused", False, 2), None)
    assert client.get(path).json() == paused.json()

    resumed = client.post(f"{path}/resume", json={"backlog": "all"})
    assert (resumed.status_code, state(resumed.json())) == (200, ("active", True, 3))
    assert resumed.json()["next_run_at"] is not None
    assert client.get(path).headers["etag"] == resumed.headers["etag"]


def test_neither_needs_a_body_and_a_second_one_makes_no_revision(client: httpx.Client) -> None:
    path = f"/plans/{created(client)['id']}"
    assert [state(client.post(f"{path}/pause").json()) for _ in range(2)] == 2 * [("paused", False, 2)]
    assert [state(client.post(f"{path}/resume").json()) for _ in range(2)] == 2 * [("active", True, 3)]
    typed = {"Content-Type": "application/json"}
    assert [state(client.post(f"{path}/{call}", headers=typed).json())[0] for call in ("pause", "resume")] == ["paused", "active"]


def test_a_patch_of_active_does_the_same(client: httpx.Client) -> None:
    path = f"/plans/{created(client, active=False)['id']}"
    assert state(client.get(path).json()) == ("paused", False, 1)
    assert state(client.patch(path, json={"active": True}).json()) == ("active", True, 2)
    assert state(client.patch(path, json={"active": False}).json()) == ("paused", False, 3)


def test_a_repeat_of_a_pause_gets_its_first_answer_although_the_plan_has_gone_on(client: httpx.Client) -> None:
    path = f"/plans/{created(client)['id']}"
    key = {"Idempotency-Key": "stop"}
    first = client.post(f"{path}/pause", headers=key)
    client.post(f"{path}/resume")
    again = client.post(f"{path}/pause", headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert problem_code(client.post(f"{path}/pause", json={"reason": "other"}, headers=key)) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert state(client.get(path).json()) == ("active", True, 3)


@pytest.mark.parametrize(
    ("call", "body", "pointer", "code"),
    [
        ("pause", {"reason": 1}, "/reason", "FIELD_BAD_TYPE"),
        ("pause", {"reason": "x" * 201}, "/reason", "FIELD_OUT_OF_RANGE"),
        ("pause", {"reason": "\u0000"}, "/reason", "FIELD_INVALID"),
        ("pause", {"backlog": "all"}, "/backlog", "UNKNOWN_FIELD"),
        ("resume", {"backlog": "some"}, "/backlog", "FIELD_INVALID"),
        ("resume", {"reason": "x"}, "/reason", "UNKNOWN_FIELD"),
    ],
)
def test_what_they_do_not_know_is_refused_with_its_pointer(
    client: httpx.Client, call: str, body: dict[str, Any], pointer: str, code: str
) -> None:
    plan = created(client)
    answer = client.post(f"/plans/{plan['id']}/{call}", json=body)
    assert problem_code(answer) == (422, "VALIDATION_FAILED")
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
    assert state(client.get(f"/plans/{plan['id']}").json()) == ("active", True, 1)


def test_plans_that_are_not_there_or_over_or_at_another_revision_are_left_alone(client: httpx.Client) -> None:
    path = f"/plans/{created(client)['id']}"
    assert problem_code(client.post("/plans/00000000-0000-4000-8000-000000000000/pause")) == (404, "PLAN_NOT_FOUND")
    assert problem_code(client.post(f"{path}/pause", headers={"If-Match": '"7-x"'})) == (412, "REVISION_MISMATCH")
    client.delete(path)
    assert problem_code(client.post(f"{path}/pause")) == (409, "PLAN_CANCELLED")
    assert problem_code(client.post(f"{path}/resume")) == (409, "PLAN_CANCELLED")
