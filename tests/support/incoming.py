"""Records on the command and report topics, as callers and workers write them."""

import json
from typing import Any, Final

from planner.owner.inbox import Incoming
from planner.owner.report_tokens import ReportTokens
from planner_contracts.envelope import HEADERS
from planner_contracts.ids import PlanId
from planner_contracts.ids import plan_id as derived_plan_id
from planner_contracts.instants import format_instant
from support.plans import ACTOR, NOON, ORGANIZATION, TENANT, command_id

COMMANDS_TOPIC: Final = "t.plan.commands"
REPORTS_TOPIC: Final = "t.run.reports"
TOKENS: Final = ReportTokens({"k1": b"s" * 32})


def command_data(name: str = "c1", /, *, key: str | None = None, **content: Any) -> dict[str, Any]:  # noqa: ANN401 any field of a command
    """The data of a command; `content` may replace any of it."""
    head: dict[str, Any] = {"command_id": command_id(name), "tenant_id": TENANT, "organization_id": ORGANIZATION, "actor": ACTOR}
    if key is not None:
        head["idempotency_key"] = key
    return head | content


def event(kind: str, data: object, **attributes: object) -> dict[str, Any]:
    """A CloudEvent around it."""
    return {"specversion": "1.0", "id": "e1", "source": "/tests", "type": f"planner.{kind}", "data": data} | attributes


def incoming(value: object, *, topic: str = COMMANDS_TOPIC, offset: int = 0, headers: list[tuple[str, bytes]] | None = None) -> Incoming:
    """The record at this offset; a value that is no bytes is written as JSON."""
    encoded = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return Incoming(topic, 0, offset, 1_772_366_400_000, b"key", encoded, HEADERS if headers is None else headers)


def a_create(given: dict[str, Any], name: str = "c1", *, key: str | None = None, offset: int = 0) -> Incoming:
    return incoming(event("plan.create", command_data(name, key=key, plan=given)), offset=offset)


def an_update(plan: str, patch: dict[str, Any], name: str, *, offset: int = 0) -> Incoming:
    return incoming(event("plan.update", command_data(name, plan_id=plan, patch=patch)), offset=offset)


def a_cancel(plan: str, name: str, *, offset: int = 0) -> Incoming:
    return incoming(event("plan.cancel", command_data(name, plan_id=plan)), offset=offset)


def plan_made_by(name: str, *, key: str | None = None) -> PlanId:
    """The id of the plan that this create makes."""
    return derived_plan_id(TENANT, ORGANIZATION, key or command_id(name))


def report_data(run: str, plan: str, state: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 any field of a report
    token = TOKENS.sign(run, TENANT)
    head = {"run_id": run, "plan_id": plan, "report_token": token, "state": state, "at": format_instant(NOON), "worker": "w1"}
    return head | said


def a_report(run: str, plan: str, state: str, *, offset: int = 0, **said: Any) -> Incoming:  # noqa: ANN401 any field of a report
    return incoming(event("run.report", report_data(run, plan, state, **said), tenantid=TENANT), topic=REPORTS_TOPIC, offset=offset)
