"""The main job on the real servers, as a user starts them: plans, runs, commands and tenants, with real workers and the ledger at the end.

One stack for all of it; the plans that take their time are made first, so that all wait at once.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from planner.embedded.folders import temporary_folder
from planner.ledger.expectation import EveryPeriod, OneShot
from planner.runtime.clock import SystemIds
from planner_contracts import ids
from planner_contracts.plan_command import CommandType
from support.api import PATIENCE_S, Api, Document, api_of, every_second, moment, new_key, once, soon
from support.brokers import Brokers, a_command
from support.callers import UNATTENDED, Callers, callers_of, expect_hidden, held_by
from support.opening import FIRES, Opening, opened
from support.readme import readme_bodies, readme_record
from support.stack import Stack, running_stack
from support.until import until

pytestmark = pytest.mark.timeout(180)

SECOND = timedelta(seconds=1)
REPEATS = 4


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with temporary_folder() as folder, running_stack(folder, "--ephemeral") as stack:
        yield stack


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[Api]:
    """With all rights in the tenant `default`."""
    with api_of(stack) as api:
        yield api


@pytest.fixture(scope="module")
def brokers(stack: Stack) -> Brokers:
    return Brokers.of(stack)


@pytest.fixture(scope="module", autouse=True)
def opening(stack: Stack, api: Api) -> Iterator[Opening]:
    """From now on there are workers for `demo.echo`, `demo.fail` and the README's action."""
    with opened(stack, api) as plans:
        yield plans


@pytest.fixture(scope="module")
def callers(stack: Stack) -> Iterator[Callers]:
    with callers_of(stack) as callers:
        yield callers


async def test_the_tour_of_the_readme_leads_to_a_completed_run(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan = opening.readme
    assert (plan["status"], plan["revision"]) == ("active", 1)
    anchor = moment(plan["recurrence"]["anchor"])
    period = timedelta(seconds=plan["recurrence"]["every_seconds"])
    first = moment(plan["next_run_at"])
    assert first == anchor + period

    run = (await api.until_runs(plan["id"], 1))[0]
    assert moment(run["scheduled_for"]) == first
    assert run["lateness_ms"] == (moment(run["published_at"]) - first) / timedelta(milliseconds=1) >= 0
    assert (run["state"], run["trigger"], run["attempt"], run["plan_revision"]) == ("completed", "schedule", 1, 1)
    assert run["result"] == {"url": f"https://example.org/{plan['payload']['content_id']}"}
    history = api.run(plan["id"], run["id"])["history"]
    assert [(entry["state"], entry["sequence"]) for entry in history] == [("pending", 1), ("executing", 2), ("completed", 3)]
    assert api.plan(plan["id"])["last_run"]["scheduled_for"] >= run["scheduled_for"]

    patch = readme_bodies()[1]
    patched = api.changed(plan["id"], patch)
    assert (patched["revision"], patched["timezone"]) == (2, patch["timezone"])
    assert patched["recurrence"] == patch["recurrence"]
    cancelled = api.cancelled(plan["id"])
    assert (cancelled["status"], cancelled["next_run_at"]) == ("cancelled", None)

    changed_at, ended_at, following = moment(patched["updated_at"]), moment(cancelled["updated_at"]), moment(patched["next_run_at"])
    await brokers.until_the_ledger_agrees(
        EveryPeriod(plan["id"], anchor, period, first, last=changed_at, open_until=changed_at),
        EveryPeriod(plan["id"], following, period, following, last=ended_at, open_until=ended_at),
    )


async def test_the_record_of_the_readme_leads_to_a_completed_run(api: Api, brokers: Brokers) -> None:
    record, at = readme_record(), soon(2)
    data = record["data"] | {"plan": record["data"]["plan"] | once(record["data"]["plan"]["action"], at=at)}
    plan_id = ids.plan_id(data["tenant_id"], data["organization_id"], data["command_id"])
    await brokers.command(CommandType(record["type"]), data)
    (outcome,) = await brokers.outcomes(data["command_id"])
    assert (outcome.type, outcome.data["plan"]["id"]) == ("plan.created", plan_id)
    (run,) = await api.until_runs(plan_id, 1)
    assert moment(run["scheduled_for"]) == at
    assert run["result"] == {"url": f"https://example.org/{data['plan']['payload']['content_id']}"}
    await brokers.until_the_ledger_agrees(OneShot(plan_id, at))


async def test_an_interval_plan_fires_at_each_of_its_times_and_is_completed(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan_id, last = opening.interval["id"], opening.first + SECOND * (FIRES - 1)
    runs = await api.until_runs(plan_id, FIRES)
    assert [moment(run["scheduled_for"]) for run in runs] == [opening.first + SECOND * number for number in range(FIRES)]
    assert {run["state"] for run in runs} == {"completed"}
    plan = api.plan(plan_id)
    assert (plan["status"], plan["next_run_at"]) == ("completed", None)
    await brokers.until_the_ledger_agrees(EveryPeriod(plan_id, opening.first, SECOND, opening.first, last, open_until=last))


async def test_a_cron_plan_fires_by_the_clock_of_its_zone(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan = opening.cron
    assert moment(plan["next_run_at"]) == opening.full_minute
    (run,) = await api.until_runs(plan["id"], 1, within_s=90)
    assert moment(run["scheduled_for"]) == opening.full_minute
    assert moment(api.plan(plan["id"])["next_run_at"]) > opening.full_minute + timedelta(hours=22)
    await brokers.until_the_ledger_agrees(OneShot(plan["id"], opening.full_minute))


async def test_an_update_between_fires_leaves_earlier_runs_as_they_were(api: Api, brokers: Brokers) -> None:
    first = soon(1)
    plan_id = api.created(every_second("demo.echo", first=first, payload={"text": "old"}))["id"]
    earlier = finished(await api.until_runs(plan_id, 2))

    changed = api.changed(plan_id, {"payload": {"text": "new"}})
    assert changed["revision"] == 2
    runs = await api.until_runs(plan_id, len(earlier) + 4)
    ended_at = moment(api.cancelled(plan_id)["updated_at"])

    assert runs[: len(earlier)] == earlier
    revisions = [run["plan_revision"] for run in runs]
    assert revisions == sorted(revisions)
    changed_at = moment(changed["updated_at"])
    assert all(moment(run["published_at"]) <= changed_at for run in runs if run["plan_revision"] == 1)
    assert all(moment(run["published_at"]) >= changed_at for run in runs if run["plan_revision"] == 2)
    texts = {1: {"text": "old"}, 2: {"text": "new"}}
    assert all(run["result"] == texts[run["plan_revision"]] for run in finished(runs))
    actions = await brokers.actions("demo.echo", plan_id)
    assert all(action["payload"] == texts[action["plan_revision"]] for action in actions)
    assert {action["plan_revision"] for action in actions} == {1, 2}
    await brokers.until_the_ledger_agrees(EveryPeriod(plan_id, first, SECOND, first, last=ended_at, open_until=ended_at))


async def test_an_update_tells_who_changed_what(api: Api, brokers: Brokers) -> None:
    plan = api.created(once("demo.echo", at=soon(86_400), payload={"text": "old"}))
    changed = api.changed(plan["id"], {"payload": {"text": "new"}})
    (event,) = [event for event in await brokers.plan_events(plan["id"]) if event.type == "plan.updated"]
    assert event.data["changes"] == [{"path": "/payload/text", "old": "old", "new": "new"}]
    assert (event.data["actor"], event.data["revision"], event.data["at"]) == (changed["updated_by"], 2, changed["updated_at"])


async def test_nothing_fires_after_a_cancel(api: Api, brokers: Brokers) -> None:
    first = soon(1)
    plan_id = api.created(every_second("demo.echo", first=first))["id"]
    await api.until_runs(plan_id, 2)
    cancelled = api.cancelled(plan_id)
    assert (cancelled["status"], cancelled["next_run_at"]) == ("cancelled", None)

    # Of the same shard, which fires what is due in order: when this one has fired, the times before it are past.
    later = api.created(once("demo.echo", at=soon(3)), key=same_shard_key(brokers, plan_id))
    assert brokers.partition(later["id"]) == brokers.partition(plan_id)
    await api.until_runs(later["id"], 1)
    ended_at = moment(cancelled["updated_at"])
    actions = await brokers.actions("demo.echo", plan_id)
    assert all(moment(action["published_at"]) <= ended_at for action in actions)
    assert len(api.runs(plan_id)) == len(actions)
    await brokers.until_the_ledger_agrees(EveryPeriod(plan_id, first, SECOND, first, last=ended_at, open_until=ended_at))


async def test_a_failure_of_the_worker_is_shown_with_its_error(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan_id = opening.failing["id"]
    (run,) = await api.until_runs(plan_id, 1, state="failed")
    assert run["error"] == {"code": "NO_SPACE", "message": "the disk is full", "retryable": False}
    assert (run["worker"], run["result"], run["reason"]) == ("the echo worker", None, None)
    shown = api.run(plan_id, run["id"])
    assert [entry["state"] for entry in shown["history"]] == ["pending", "executing", "failed"]
    assert api.plan(plan_id)["last_run"]["state"] == "failed"
    (event,) = [event for event in await brokers.run_events(run["id"]) if event.type == "run.failed"]
    assert event.data["error"] == run["error"]


async def test_a_report_with_a_wrong_token_changes_nothing(api: Api, brokers: Brokers) -> None:
    plan_id = api.created(once(UNATTENDED))["id"]
    (run,) = await api.until_runs(plan_id, 1, state="pending")
    (action,) = await brokers.actions(UNATTENDED, plan_id)
    token = action["report_token"]
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")

    await brokers.report(action, forged, state="failed", error={"code": "FORGED", "message": "never happened", "retryable": False})
    letter = await until(lambda: brokers.dead_letters(run["id"]), what="the forged report is a dead letter", within_s=PATIENCE_S)
    assert len(letter) == 1
    assert letter[0]["source_topic"] == b"planner.run.reports"
    assert [event.type for event in await brokers.run_events(run["id"])] == ["run.pending"]
    assert api.run(plan_id, run["id"])["state"] == "pending"

    await brokers.report(action, token, state="completed", result={"told": "by who received it"})
    (run,) = await api.until_runs(plan_id, 1)
    assert (run["result"], run["error"]) == ({"told": "by who received it"}, None)


async def test_the_same_create_twice_over_http_gives_one_plan(api: Api, brokers: Brokers) -> None:
    key, definition = a_definition()
    first, second = api.create(definition, key=key), api.create(definition, key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert [answer.headers.get("Idempotency-Replayed") for answer in (first, second)] == [None, "true"]
    await expect_one(api, brokers, definition, first.json()["id"])


async def test_creates_at_once_under_one_key_give_one_plan(api: Api, brokers: Brokers) -> None:
    key, definition = a_definition()
    answers = await asyncio.gather(*(asyncio.to_thread(api.create, definition, key=key) for _ in range(REPEATS)))
    assert {answer.status_code for answer in answers} == {201}
    (plan_id,) = {answer.json()["id"] for answer in answers}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    await expect_one(api, brokers, definition, plan_id)


async def test_the_same_record_twice_over_kafka_gives_one_plan(api: Api, brokers: Brokers) -> None:
    _, definition = a_definition()
    command = a_command(plan=definition)
    await brokers.command(CommandType.CREATE, command, times=2)
    first, second = await brokers.outcomes(command["command_id"], 2)
    plan_id = ids.plan_id("default", "default", command["command_id"])
    assert (first.type, first.data["plan_id"], first.data["replayed"]) == ("plan.created", plan_id, False)
    assert (second.type, second.data["plan_id"], second.data["replayed"], second.data["plan"]) == ("plan.created", plan_id, True, None)
    await expect_one(api, brokers, definition, plan_id)


async def test_two_commands_of_one_key_over_kafka_give_one_plan(api: Api, brokers: Brokers) -> None:
    key, definition = a_definition()
    first, second = (a_command(plan=definition, idempotency_key=key) for _ in range(2))
    await brokers.command(CommandType.CREATE, first)
    (created,) = await brokers.outcomes(first["command_id"])
    await brokers.command(CommandType.CREATE, second)
    (replayed,) = await brokers.outcomes(second["command_id"])
    assert (created.type, created.data["replayed"]) == ("plan.created", False)
    assert (replayed.type, replayed.data["replayed"], replayed.data["plan"]) == ("plan.created", True, None)
    assert replayed.data["original_command_id"] == first["command_id"]
    assert created.data["plan_id"] == replayed.data["plan_id"] == ids.plan_id("default", "default", key)
    await expect_one(api, brokers, definition, created.data["plan_id"])


async def test_a_create_over_http_and_then_over_kafka_gives_one_plan(api: Api, brokers: Brokers) -> None:
    key, definition = a_definition()
    plan = api.created(definition, key=key)
    command = a_command(plan=definition, idempotency_key=key)
    await brokers.command(CommandType.CREATE, command)
    (outcome,) = await brokers.outcomes(command["command_id"])
    assert (outcome.type, outcome.data["plan_id"], outcome.data["replayed"]) == ("plan.created", plan["id"], True)
    await expect_one(api, brokers, definition, plan["id"])


async def test_a_create_over_kafka_and_then_over_http_gives_one_plan(api: Api, brokers: Brokers) -> None:
    key, definition = a_definition()
    command = a_command(plan=definition, idempotency_key=key)
    await brokers.command(CommandType.CREATE, command)
    (outcome,) = await brokers.outcomes(command["command_id"])
    answer = api.create(definition, key=key)
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, "true")
    assert answer.json()["id"] == outcome.data["plan_id"]
    await expect_one(api, brokers, definition, outcome.data["plan_id"])


async def test_a_create_over_both_at_once_gives_one_plan(api: Api, brokers: Brokers) -> None:
    key, definition = a_definition()
    command = a_command(plan=definition, idempotency_key=key)
    answer, _ = await asyncio.gather(asyncio.to_thread(api.create, definition, key=key), brokers.command(CommandType.CREATE, command))
    (outcome,) = await brokers.outcomes(command["command_id"])
    assert (answer.status_code, outcome.type, answer.json()["id"]) == (201, "plan.created", outcome.data["plan_id"])
    assert sorted(["Idempotency-Replayed" in answer.headers, outcome.data["replayed"]]) == [False, True]
    await expect_one(api, brokers, definition, outcome.data["plan_id"])


def test_another_request_under_a_used_key_is_refused(api: Api) -> None:
    key, definition = a_definition()
    api.created(definition, key=key)
    refused = api.create(definition | {"payload": {"text": "another"}}, key=key)
    assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert [plan["payload"] for plan in api.plans(name_prefix=definition["name"])] == [definition["payload"]]


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"recurrence": {"type": "cron", "expression": "61 * * * *"}}, ("/recurrence/expression", "CRON_OUT_OF_RANGE")),
        ({"recurrence": {"type": "cron", "expression": "0 9 * * *"}, "timezone": "Mars/Olympus"}, ("/timezone", "TZ_UNKNOWN")),
    ],
    ids=["cron", "zone"],
)
async def test_a_rejected_create_over_kafka_says_why(api: Api, brokers: Brokers, wrong: Document, fault: tuple[str, str]) -> None:
    command = a_command(plan={"action": "demo.echo", **wrong})
    await expect_rejection(api, brokers, CommandType.CREATE, command, ("VALIDATION_FAILED", 422, [fault]))


async def test_an_update_of_a_plan_that_is_not_there_is_rejected(api: Api, brokers: Brokers) -> None:
    command = a_command(plan_id=SystemIds().uuid(), patch={"name": "nobody's"})
    await expect_rejection(api, brokers, CommandType.UPDATE, command, ("PLAN_NOT_FOUND", 404, []))


async def test_two_tenants_cannot_see_each_other(callers: Callers) -> None:
    ours, theirs = await held_by(callers.acme), await held_by(callers.rival)
    expect_hidden(callers.rival, ours)
    expect_hidden(callers.acme, theirs)
    assert ours.plan_id not in {plan["id"] for plan in callers.rival.plans()}
    assert {plan["tenant_id"] for plan in callers.rival.plans()} == {"rival"}
    assert {plan["tenant_id"] for plan in callers.acme.plans()} == {"acme"}
    assert callers.acme.plan(ours.plan_id)["status"] == "completed"


def test_a_new_tenant_has_nothing(stack: Stack, callers: Callers) -> None:
    callers.acme.created(once(UNATTENDED, at=soon(3600)))
    with api_of(stack, new_key(stack, tenant="newcomer")) as newcomer:
        assert newcomer.plans() == []


async def test_two_organizations_of_a_tenant_cannot_see_each_other(callers: Callers) -> None:
    held = await held_by(callers.east)
    expect_hidden(callers.west, held)
    assert {plan["organization_id"] for plan in callers.east.plans()} == {"east"}
    assert held.plan_id not in {plan["id"] for plan in callers.west.plans()}
    assert callers.acme.plan(held.plan_id)["organization_id"] == "east"


def test_no_key_acts_for_an_organization_that_it_has_not(callers: Callers) -> None:
    refused = callers.west.create(once(UNATTENDED, at=soon(3600), organization_id="east"))
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert callers.west.http.get("plans", params={"organization_id": "east"}).status_code == 403


def test_one_idempotency_key_of_two_tenants_gives_two_plans(callers: Callers) -> None:
    key, definition = SystemIds().uuid(), once(UNATTENDED, at=soon(3600))
    answers = [caller.create(definition, key=key) for caller in (callers.acme, callers.rival, callers.east, callers.west)]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 4
    assert all("Idempotency-Replayed" not in answer.headers for answer in answers)


def same_shard_key(brokers: Brokers, plan_id: str) -> str:
    """An idempotency key whose plan belongs to the shard of another plan."""
    keys = (f"after {plan_id} {number}" for number in range(1000))
    return next(key for key in keys if brokers.partition(ids.plan_id("default", "default", key)) == brokers.partition(plan_id))


def finished(runs: list[Document]) -> list[Document]:
    return [run for run in runs if run["finished_at"] is not None]


async def expect_rejection(api: Api, brokers: Brokers, kind: CommandType, command: Document, why: tuple[str, int, list[Any]]) -> None:
    """As one event, and as the state of the command."""
    command_id = command["command_id"]
    await brokers.command(kind, command)
    (event,) = await brokers.outcomes(command_id)
    assert event.type == "command.rejected"
    faults = [(fault["pointer"], fault["code"]) for fault in event.data["errors"]]
    assert (event.data["code"], event.data["status"], faults) == why

    def recorded() -> Document | None:
        answer = api.command(command_id)
        return answer.json() if answer.status_code == 200 and answer.json()["state"] != "pending" else None

    shown = await until(recorded, what="the run store has the rejection", within_s=PATIENCE_S)
    assert shown["state"] == "rejected"
    problem = shown["error"]
    assert (problem["code"], problem["status"], problem["detail"]) == (event.data["code"], event.data["status"], event.data["detail"])
    assert [(fault["pointer"], fault["code"]) for fault in problem.get("errors", [])] == faults


async def expect_one(api: Api, brokers: Brokers, definition: Document, plan_id: str) -> None:
    """One plan of that name, which fires once."""
    (run,) = await api.until_runs(plan_id, 1)
    assert [plan["id"] for plan in api.plans(name_prefix=definition["name"])] == [plan_id]
    assert [action["run_id"] for action in await brokers.actions("demo.echo", plan_id)] == [run["id"]]


def a_definition() -> tuple[str, Document]:
    """A new idempotency key, and a plan that nothing else is called like."""
    key = SystemIds().uuid()
    return key, once("demo.echo", at=soon(1), name=f"once {key}", payload={"text": key})
