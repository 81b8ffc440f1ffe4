"""What is reported of a run that failed, and which record is no run at all."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import BaseModel, Field
from structlog.testing import capture_logs

from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.failures import Backoff, UnavailableError
from planner.worker import PlannerWorker, Run
from planner.worker.cancellations import Cancellations
from planner.worker.delivery import Delivery
from planner.worker.execution import HANDLER_FAILED, PAYLOAD_INVALID, Execution
from planner.worker.failures import Permanent, Retryable
from planner.worker.handlers import ActionHandler, action_handler
from planner.worker.reports import ReportContext
from planner.worker.sample import declare_sample
from planner_contracts.envelope import HEADERS, Envelope, decode, encode
from planner_contracts.run_report import ReportedError, RunReport
from support.actions import action_value, an_action

TOPIC = "planner.action.content.publish"


@dataclass
class Desk:
    """Takes reports in."""

    envelopes: list[Envelope] = field(default_factory=list)

    async def publish(self, plan_id: str, value: bytes) -> None:
        self.envelopes.append(decode(value, HEADERS))

    @property
    def reports(self) -> list[RunReport]:
        return [RunReport.model_validate(envelope.data) for envelope in self.envelopes]

    @property
    def error(self) -> ReportedError | None:
        return self.reports[-1].error


def execution(desk: Desk, handlers: dict[str, ActionHandler]) -> Execution:
    context = ReportContext(desk, SystemClock(), SystemIds(), "worker one", lambda: Backoff(0.001, 0.001, lambda: 0.5))
    return Execution(handlers, context, Cancellations(), heartbeat_s=60)


def a_delivery(value: bytes | None) -> Delivery:
    return Delivery(TOPIC, 3, 14, key=b"key", value=value, headers=HEADERS)


async def performed(handler: Any, **changes: object) -> Desk:  # noqa: ANN401  any handler
    desk = Desk()
    handlers = {TOPIC: action_handler("content.publish", handler)}
    await execution(desk, handlers).perform(a_delivery(action_value(an_action("content.publish", **changes))))
    return desk


async def never(run: Run[Any]) -> None:
    raise AssertionError("it is no run")


async def test_a_payload_of_another_form_fails_the_run_for_good_and_names_the_field_but_not_its_value() -> None:
    async def publish(run: Run[dict[str, int]]) -> None:
        raise AssertionError(run)

    desk = await performed(publish, payload={"content_id": "a secret"})
    assert [report.state for report in desk.reports] == ["failed"]
    assert desk.error is not None
    assert (desk.error.code, desk.error.retryable) == (PAYLOAD_INVALID, False)
    assert desk.error.message.startswith("/content_id: ")
    assert "secret" not in desk.error.message


@pytest.mark.parametrize(("failure", "retryable"), [(Permanent("GONE", "no such page"), False), (Retryable("GONE", "no such page"), True)])
async def test_a_failure_says_whether_it_may_be_tried_again(failure: Exception, retryable: bool) -> None:
    async def publish(run: Run[Any]) -> None:
        raise failure

    assert (await performed(publish)).error == ReportedError(code="GONE", message="no such page", retryable=retryable)


async def test_a_handler_that_cancels_itself_fails_and_may_be_tried_again() -> None:
    async def publish(run: Run[Any]) -> None:
        raise asyncio.CancelledError

    error = (await performed(publish)).error
    assert error == ReportedError(code=HANDLER_FAILED, message="the handler was cancelled from within", retryable=True)


def an_event(**changed: Any) -> bytes:  # noqa: ANN401  any attribute of an envelope
    whole = decode(action_value(an_action("content.publish")), HEADERS)
    return encode(replace(whole, **changed))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"{", "JSON"),
        (an_event(type="planner.action.content.remove"), "type is planner.action.content.remove"),
        (an_event(data={"run_id": "a secret"}), "/plan_id: Field required"),
    ],
    ids=["no value", "no JSON", "another action", "no action"],
)
async def test_a_record_that_is_no_action_of_the_handler_is_passed_by_with_its_place_in_the_log(value: bytes | None, reason: str) -> None:
    desk = Desk()
    with capture_logs() as logs:
        await execution(desk, {TOPIC: action_handler("content.publish", never)}).perform(a_delivery(value))
    assert desk.envelopes == []
    (passed,) = [entry for entry in logs if entry["event"] == "worker.record.passed_by"]
    assert (passed["topic"], passed["partition"], passed["offset"]) == (TOPIC, 3, 14)
    assert "secret" not in passed["reason"]
    if reason != "no value":
        assert reason in passed["reason"]


async def test_a_handler_is_given_everything_of_its_run_and_its_reports_carry_the_runs_trace() -> None:
    seen: list[Run[Any]] = []

    async def publish(run: Run[Any]) -> dict[str, str]:
        seen.append(run)
        await run.heartbeat({"step": 1})
        return {"url": "x"}

    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    action = an_action("content.publish", attempt=2, plan_revision=7)
    value = encode(replace(decode(action_value(action), HEADERS), traceparent=trace))
    desk = Desk()
    await execution(desk, {TOPIC: action_handler("content.publish", publish)}).perform(a_delivery(value))

    (run,) = seen
    told = (run.id, run.plan_id, run.plan_revision, run.tenant_id, run.organization_id, run.action, run.attempt, run.trigger)
    assert told == (action.run_id, action.plan_id, 7, "acme", "acme-eu", "content.publish", 2, "schedule")
    assert (run.scheduled_for, run.due_at) == (action.scheduled_for, action.due_at)
    assert [(report.state, report.progress) for report in desk.reports] == [
        ("executing", None),
        ("executing", {"step": 1}),
        ("completed", {"step": 1}),
    ]
    assert desk.reports[-1].result == {"url": "x"}
    assert {(e.traceparent, e.subject, e.tenant_id, e.organization_id) for e in desk.envelopes} == {
        (trace, action.run_id, "acme", "acme-eu")
    }
    assert {report.report_token for report in desk.reports} == {"k1.token"}
    assert len({envelope.id for envelope in desk.envelopes}) == 3


@pytest.fixture
def sample() -> Callable[[str, dict[str, Any]], Awaitable[Desk]]:
    """Performs one of the sample worker's actions."""
    worker = PlannerWorker("localhost:9092", "sample")
    declare_sample(worker)

    async def perform(name: str, payload: dict[str, Any]) -> Desk:
        desk = Desk()
        delivery = replace(a_delivery(action_value(an_action(name, payload=payload))), topic=f"planner.action.{name}")
        await execution(desk, worker._handlers).perform(delivery)
        return desk

    return perform


async def test_the_sample_publishes_echoes_works_in_steps_and_fails_as_it_is_asked(
    sample: Callable[[str, dict[str, Any]], Awaitable[Desk]],
) -> None:
    assert (await sample("content.publish", {"content_id": "c7"})).reports[-1].result == {"published": "c7"}
    assert (await sample("demo.echo", {"a": [1]})).reports[-1].result == {"a": [1]}
    worked = await sample("demo.work", {"steps": 2, "seconds_per_step": 0})
    assert [report.progress for report in worked.reports][1:] == [{"step": 1, "of": 2}, {"step": 2, "of": 2}, {"step": 2, "of": 2}]
    assert worked.reports[-1].result == {"steps": 2}
    assert (await sample("demo.fail", {"code": "X", "retryable": True})).error == ReportedError(
        code="X", message="asked to fail", retryable=True
    )
    assert (await sample("demo.fail", {})).error == ReportedError(code="DEMO", message="asked to fail", retryable=False)
    refused = (await sample("demo.work", {"steps": 1001})).error
    assert refused is not None
    assert refused.code == PAYLOAD_INVALID


async def test_heartbeats_that_are_lost_do_not_change_what_is_reported_in_the_end() -> None:
    class Deaf(Desk):
        async def publish(self, plan_id: str, value: bytes) -> None:
            if len(self.envelopes) == 1 and decode(value, HEADERS).data["state"] == "executing":
                raise UnavailableError("no acknowledgement")
            await super().publish(plan_id, value)

    async def publish(run: Run[Any]) -> None:
        await run.heartbeat({"step": 1})

    desk = Deaf()
    value = action_value(an_action("content.publish"))
    await execution(desk, {TOPIC: action_handler("content.publish", publish)}).perform(a_delivery(value))
    assert [(report.state, report.progress) for report in desk.reports] == [("executing", None), ("completed", {"step": 1})]


async def test_a_result_is_sent_under_the_names_that_its_model_shows() -> None:
    class Published(BaseModel):
        url_of_page: str = Field(serialization_alias="urlOfPage")

    async def publish(run: Run[Any]) -> Published:
        return Published(url_of_page="x")

    assert (await performed(publish)).reports[-1].result == {"urlOfPage": "x"}
