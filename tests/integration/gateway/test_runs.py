"""What came of plans, over HTTP."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from support.gateways import Gateway, created, eventually, problem_code


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


def fired_twice(client: httpx.Client) -> str:
    """The path of a plan whose two runs are published."""
    plan = created(client, recurrence={"type": "interval", "every_seconds": 1}, max_runs=2)
    path = f"/plans/{plan['id']}"
    eventually(lambda: client.get(path).json()["status"] == "completed", what="the plan is completed")
    eventually(lambda: len(client.get(f"{path}/runs").json()["items"]) == 2, what="both runs are listed")
    return path


def test_runs_are_listed_newest_first_and_each_shows_its_history(client: httpx.Client) -> None:
    path = fired_twice(client)
    plan = client.get(path).json()
    newest, oldest = client.get(f"{path}/runs").json()["items"]
    assert newest["scheduled_for"] > oldest["scheduled_for"]
    for run in (newest, oldest):
        assert (run["plan_id"], run["plan_revision"], run["attempt"], run["trigger"]) == (plan["id"], 1, 1, "schedule")
        lateness = datetime.fromisoformat(run["published_at"]) - datetime.fromisoformat(run["due_at"])
        assert (run["state"], run["lateness_ms"]) == ("pending", pytest.approx(lateness / timedelta(milliseconds=1)))
        assert run["lateness_ms"] >= 0
        assert "history" not in run
        whole = client.get(f"{path}/runs/{run['id']}").json()
        assert [(entry["state"], entry["sequence"], entry["by"]) for entry in whole.pop("history")] == [("pending", 1, "owner")]
        assert whole == run
    assert plan["next_run_at"] is None
    assert plan["last_run"] == {name: newest[name] for name in ("id", "state", "scheduled_for", "finished_at")}


def test_a_list_of_runs_goes_on_where_its_page_ended(client: httpx.Client, gateway: Gateway) -> None:
    path = fired_twice(client)
    first = client.get(f"{path}/runs?limit=1&state=pending")
    assert first.headers["link"].endswith('>; rel="next"')
    second = client.get(gateway.url + first.headers["link"].removeprefix("<").partition(">")[0])
    assert second.json()["next_cursor"] is None
    runs = client.get(f"{path}/runs").json()["items"]
    assert first.json()["items"] + second.json()["items"] == runs
    assert client.get(f"{path}/runs", params={"from": runs[0]["scheduled_for"]}).json()["items"] == runs[:1]
    assert client.get(f"{path}/runs", params={"to": runs[1]["scheduled_for"]}).json()["items"] == runs[1:]
    assert client.get(f"{path}/runs?state=completed").json()["items"] == []


def test_a_run_is_found_below_its_own_plan_only(client: httpx.Client, gateway: Gateway, tenant: str) -> None:
    path = fired_twice(client)
    run = client.get(f"{path}/runs").json()["items"][0]["id"]
    other = created(client)["id"]
    assert problem_code(client.get(f"/plans/{other}/runs/{run}")) == (404, "RUN_NOT_FOUND")
    with gateway.client(gateway.key(f"{tenant}-other")) as stranger:
        assert problem_code(stranger.get(f"{path}/runs/{run}")) == (404, "PLAN_NOT_FOUND")
