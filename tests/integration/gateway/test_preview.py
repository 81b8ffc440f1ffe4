"""When a plan would fire, over HTTP: what is sent, and what is stored."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from planner.domain.preview import preview_definition
from support.gateways import ACTION, HOURLY, Gateway, created, eventually, problem_code

SPRING = "2024-03-30T12:00:00Z"
CRON: dict[str, Any] = {"recurrence": {"type": "cron", "expression": "30 2 * * *"}, "timezone": "Europe/Amsterdam"}
WARNED: dict[str, Any] = {"recurrence": {"type": "cron", "expression": "0 0 31 * 1"}}
NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


def previewed(client: httpx.Client, definition: dict[str, Any], **parameters: str | int) -> httpx.Response:
    return client.post("/plans/preview", json=definition, params=parameters)


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    assert problem_code(answer) == (422, "VALIDATION_FAILED")
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_definition_is_previewed_as_the_command_line_does_it(client: httpx.Client) -> None:
    expected = preview_definition(CRON, after=SPRING, limit=3, plan_id=None).document()

    for definition in (CRON, {**CRON, "action": ACTION}):
        answer = previewed(client, definition, after=SPRING, limit=3)
        assert (answer.status_code, answer.json()) == (200, expected)
    assert expected["occurrences"][0]["flags"] == ["dst_gap"]


def test_a_preview_leaves_no_plan_and_ignores_an_idempotency_key(client: httpx.Client) -> None:
    for key in ("one", "one", "not\tprintable"):
        assert client.post("/plans/preview", json=CRON, headers={"Idempotency-Key": key}).status_code == 200
    assert client.get("/plans").json()["items"] == []


def test_ten_occurrences_from_now_on_are_shown_if_nothing_else_is_asked(client: httpx.Client) -> None:
    hourly = previewed(client, HOURLY).json()

    assert len(hourly["occurrences"]) == 10
    assert hourly["complete"] is False


@pytest.mark.parametrize("parameters", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"until": SPRING}])
def test_a_parameter_that_is_wrong_is_named(client: httpx.Client, parameters: dict[str, str]) -> None:
    plan = created(client)["id"]
    for answer in (previewed(client, CRON, **parameters), client.get(f"/plans/{plan}/preview", params=parameters)):
        assert problem_code(answer) == (400, "INVALID_PARAMETER")
        assert next(iter(parameters)) in answer.json()["detail"]


def test_faults_of_a_definition_are_those_that_a_create_finds(client: httpx.Client) -> None:
    wrong = {"action": ACTION, "recurrence": {"type": "cron", "expression": "61 * * * *"}, "timezone": "Mars"}

    assert codes(previewed(client, wrong)) == codes(client.post("/plans", json=wrong))
    assert codes(previewed(client, CRON, after="2024-03-30")) == [("/after", "DATETIME_INVALID")]
    assert codes(client.get(f"/plans/{created(client)['id']}/preview?after=1969-01-01T00:00:00Z")) == [
        ("/after", "SCHEDULE_DATE_OUT_OF_RANGE")
    ]
    assert problem_code(client.post("/plans/preview", content="{", headers={"Content-Type": "application/json"})) == (400, "MALFORMED_JSON")


def test_what_a_create_refuses_for_its_time_is_previewed(client: httpx.Client) -> None:
    over = {"action": ACTION, "execute_at": "2020-01-01T00:00:00Z"}

    assert codes(client.post("/plans", json=over)) == [("/execute_at", "SCHEDULE_IN_PAST")]
    assert previewed(client, over).json() == {**previewed(client, over).json(), "occurrences": [], "complete": True}


def test_a_stored_plan_is_previewed_with_the_jitter_of_its_id(client: httpx.Client) -> None:
    plan = created(client, jitter_seconds=3600)
    (occurrence,) = client.get(f"/plans/{plan['id']}/preview?limit=1").json()["occurrences"]

    assert occurrence["due_at"] == plan["next_run_at"]
    assert occurrence["flags"] == ["jittered"]
    assert "due_at" not in previewed(client, {**HOURLY, "jitter_seconds": 60}, limit=1).json()["occurrences"][0]


def test_a_stored_plan_shows_the_runs_that_are_left(client: httpx.Client) -> None:
    plan = created(client, recurrence={"type": "interval", "every_seconds": 1}, max_runs=1000, misfire={"coalesce": "none"})
    path = f"/plans/{plan['id']}"
    eventually(lambda: len(client.get(f"{path}/runs").json()["items"]) >= 2, what="two runs are listed")

    left = client.get(f"{path}/preview?limit=1000").json()
    fired = len(client.get(f"{path}/runs?limit=200").json()["items"])
    client.delete(path)

    assert 1000 - fired <= len(left["occurrences"]) <= 998
    assert left["complete"] is True


def test_a_plan_that_ended_has_nothing_to_come(client: httpx.Client) -> None:
    plan = created(client)["id"]
    client.delete(f"/plans/{plan}")

    shown = client.get(f"/plans/{plan}/preview").json()
    assert (shown["occurrences"], shown["complete"]) == ([], True)


def test_a_create_answers_with_warnings_and_its_repeat_with_the_same(client: httpx.Client) -> None:
    definition = {"action": ACTION, **WARNED}
    first, repeated = (client.post("/plans", json=definition, headers={"Idempotency-Key": "w"}) for _ in range(2))

    assert [warning["code"] for warning in first.json()["warnings"]] == ["DAY_FIELDS_EITHER", "SHORT_MONTHS"]
    assert repeated.json() == first.json()
    assert client.post("/plans", json=HOURLY).json()["warnings"] == []
    assert "warnings" not in client.get(f"/plans/{first.json()['id']}").json()


def test_previews_need_the_scope_to_read_plans_and_a_plan_that_is_visible(client: httpx.Client, gateway: Gateway, tenant: str) -> None:
    plan = created(client)["id"]
    with gateway.client(gateway.key(tenant, scopes=["runs:read", "plans:write"])) as unfit:
        assert problem_code(previewed(unfit, CRON)) == (403, "FORBIDDEN")
        assert problem_code(unfit.get(f"/plans/{plan}/preview")) == (403, "FORBIDDEN")
    with gateway.client(gateway.key(f"{tenant}-other")) as stranger:
        assert problem_code(stranger.get(f"/plans/{plan}/preview")) == (404, "PLAN_NOT_FOUND")
    assert problem_code(client.get(f"/plans/{NOBODY}/preview")) == (404, "PLAN_NOT_FOUND")
    assert problem_code(client.get("/plans/nonsense/preview")) == (404, "PLAN_NOT_FOUND")


def test_an_organization_that_the_token_has_not_is_forbidden(gateway: Gateway, tenant: str) -> None:
    with gateway.client(gateway.key(tenant, organizations=["east"])) as east:
        assert problem_code(previewed(east, {**CRON, "organization_id": "west"})) == (403, "FORBIDDEN")
        assert problem_code(previewed(east, CRON, organization_id="west")) == (403, "FORBIDDEN")
        assert previewed(east, {**CRON, "organization_id": "east"}).status_code == 200
