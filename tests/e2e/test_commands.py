"""A command counts once, over HTTP, over Kafka or both; a rejected one says why."""

import asyncio
from typing import Any

import pytest

from planner.runtime.clock import SystemIds
from planner_contracts import ids
from planner_contracts.plan_command import CommandType
from support.api import PATIENCE_S, Api, Document, once, soon
from support.brokers import Brokers, a_command
from support.opening import Opening
from support.until import until

pytestmark = pytest.mark.timeout(180)

REPEATS = 4


async def test_the_same_create_twice_over_http_gives_one_plan(api: Api, brokers: Brokers, opening: Opening) -> None:
    key, definition = a_definition()
    first, second = api.create(definition, key=key), api.create(definition, key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert [answer.headers.get("Idempotency-Replayed") for answer in (first, second)] == [None, "true"]
    await expect_one(api, brokers, definition, first.json()["id"])


async def test_creates_at_once_under_one_key_give_one_plan(api: Api, brokers: Brokers, opening: Opening) -> None:
    key, definition = a_definition()
    answers = await asyncio.gather(*(asyncio.to_thread(api.create, definition, key=key) for _ in range(REPEATS)))
    assert {answer.status_code for answer in answers} == {201}
    (plan_id,) = {answer.json()["id"] for answer in answers}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    await expect_one(api, brokers, definition, plan_id)


async def test_the_same_record_twice_over_kafka_gives_one_plan(api: Api, brokers: Brokers, opening: Opening) -> None:
    _, definition = a_definition()
    command = a_command(plan=definition)
    await brokers.command(CommandType.CREATE, command, times=2)
    first, second = await brokers.outcomes(command["command_id"], 2)
    plan_id = ids.plan_id("default", "default", command["command_id"])
    assert (first.type, first.data["plan_id"], first.data["replayed"]) == ("plan.created", plan_id, False)
    assert (second.type, second.data["plan_id"], second.data["replayed"], second.data["plan"]) == ("plan.created", plan_id, True, None)
    await expect_one(api, brokers, definition, plan_id)


async def test_two_commands_of_one_key_over_kafka_give_one_plan(api: Api, brokers: Brokers, opening: Opening) -> None:
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


async def test_a_create_over_http_and_then_over_kafka_gives_one_plan(api: Api, brokers: Brokers, opening: Opening) -> None:
    key, definition = a_definition()
    plan = api.created(definition, key=key)
    command = a_command(plan=definition, idempotency_key=key)
    await brokers.command(CommandType.CREATE, command)
    (outcome,) = await brokers.outcomes(command["command_id"])
    assert (outcome.type, outcome.data["plan_id"], outcome.data["replayed"]) == ("plan.created", plan["id"], True)
    await expect_one(api, brokers, definition, plan["id"])


async def test_a_create_over_kafka_and_then_over_http_gives_one_plan(api: Api, brokers: Brokers, opening: Opening) -> None:
    key, definition = a_definition()
    command = a_command(plan=definition, idempotency_key=key)
    await brokers.command(CommandType.CREATE, command)
    (outcome,) = await brokers.outcomes(command["command_id"])
    answer = api.create(definition, key=key)
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, "true")
    assert answer.json()["id"] == outcome.data["plan_id"]
    await expect_one(api, brokers, definition, outcome.data["plan_id"])


async def test_a_create_over_both_at_once_gives_one_plan(api: Api, brokers: Brokers, opening: Opening) -> None:
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
