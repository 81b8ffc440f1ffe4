"""Tenants do not see each other, nor do organizations whose keys are their own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from planner.runtime.clock import SystemIds
from support.api import PATIENCE_S, Api, Document, api_of, new_key, once, soon
from support.stack import Stack
from support.until import until

pytestmark = pytest.mark.timeout(180)

ACTION = "tests.unattended"
IDS = ("plan_id", "run_id", "command_id")
CALLERS = (("acme", None), ("acme", "east"), ("acme", "west"), ("rival", None))
NOBODY = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True, slots=True)
class Callers:
    """`acme` holds a key for all organizations of its tenant, `east` and `west` one each; `rival` one of another tenant."""

    acme: Api
    east: Api
    west: Api
    rival: Api


@pytest.fixture(scope="module")
def callers(performing_stack: Stack) -> Iterator[Callers]:
    with ThreadPoolExecutor() as threads, ExitStack() as opened:
        tokens = threads.map(lambda whose: new_key(performing_stack, tenant=whose[0], organization=whose[1]), CALLERS)
        yield Callers(*(opened.enter_context(api_of(performing_stack, token)) for token in tokens))


@dataclass(frozen=True, slots=True)
class Held:
    """A plan, its run, and the command that made it."""

    plan_id: str
    run_id: str
    command_id: str


async def held_by(api: Api) -> Held:
    answer = api.http.post("plans", json=once(ACTION), headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    command_id = answer.json()["id"]

    def accepted() -> Document | None:
        command: Document = api.command(command_id).raise_for_status().json()
        return command if command["state"] == "accepted" else None

    plan_id = (await until(accepted, what="the command is accepted", within_s=PATIENCE_S))["plan_id"]
    (run,) = await api.until_runs(plan_id, 1, state="pending")
    return Held(plan_id, run["id"], command_id)


async def test_two_tenants_cannot_see_each_other(callers: Callers) -> None:
    ours, theirs = await held_by(callers.acme), await held_by(callers.rival)
    expect_hidden(callers.rival, ours)
    expect_hidden(callers.acme, theirs)
    assert ours.plan_id not in {plan["id"] for plan in callers.rival.plans()}
    assert {plan["tenant_id"] for plan in callers.rival.plans()} == {"rival"}
    assert {plan["tenant_id"] for plan in callers.acme.plans()} == {"acme"}
    assert callers.acme.plan(ours.plan_id)["status"] == "completed"


def test_a_new_tenant_has_nothing(performing_stack: Stack, callers: Callers) -> None:
    callers.acme.created(once(ACTION, at=soon(3600)))
    with api_of(performing_stack, new_key(performing_stack, tenant="newcomer")) as newcomer:
        assert newcomer.plans() == []


async def test_two_organizations_of_a_tenant_cannot_see_each_other(callers: Callers) -> None:
    held = await held_by(callers.east)
    expect_hidden(callers.west, held)
    assert {plan["organization_id"] for plan in callers.east.plans()} == {"east"}
    assert held.plan_id not in {plan["id"] for plan in callers.west.plans()}
    assert callers.acme.plan(held.plan_id)["organization_id"] == "east"


def test_no_key_acts_for_an_organization_that_it_has_not(callers: Callers) -> None:
    refused = callers.west.create(once(ACTION, at=soon(3600), organization_id="east"))
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert callers.west.http.get("plans", params={"organization_id": "east"}).status_code == 403


def test_one_idempotency_key_of_two_tenants_gives_two_plans(callers: Callers) -> None:
    key, definition = SystemIds().uuid(), once(ACTION, at=soon(3600))
    answers = [caller.create(definition, key=key) for caller in (callers.acme, callers.rival, callers.east, callers.west)]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 4
    assert all("Idempotency-Replayed" not in answer.headers for answer in answers)


def expect_hidden(stranger: Api, held: Held) -> None:
    """Whatever the stranger tries is answered as if it had never been."""
    for method, path, body in (
        ("GET", "plans/{plan_id}", None),
        ("GET", "plans/{plan_id}/runs", None),
        ("GET", "plans/{plan_id}/runs/{run_id}", None),
        ("GET", "commands/{command_id}", None),
        ("PATCH", "plans/{plan_id}", {"name": "stolen"}),
        ("DELETE", "plans/{plan_id}", None),
    ):
        real = path.format(plan_id=held.plan_id, run_id=held.run_id, command_id=held.command_id)
        answers = [stranger.http.request(method, one, json=body) for one in (real, path.format_map(dict.fromkeys(IDS, NOBODY)))]
        assert [answer.status_code for answer in answers] == [404, 404], f"{method} {path}"
        shown, never = ({name: answer.json()[name] for name in ("code", "title", "detail")} for answer in answers)
        assert shown == never, f"{method} {path}"
