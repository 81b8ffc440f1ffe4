"""From a record to its final report, whatever the user's code does on the way."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from planner.runtime.clock import SystemClock, SystemIds
from planner.runtime.failures import Backoff, UnavailableError
from planner.worker.cancellations import Cancellations
from planner.worker.delivery import Delivery
from planner.worker.execution import Execution
from planner.worker.failures import Permanent
from planner.worker.handlers import Handler, action_handler
from planner.worker.reports import ReportContext
from planner.worker.run import Run
from planner_contracts.action import CONTROL_TYPE
from planner_contracts.envelope import HEADERS, Envelope, decode, encode
from planner_contracts.run_report import ReportedError, ReportedState, RunReport
from support.actions import action_value, an_action
from support.until import until

ACTION = "content.publish"
TOPIC = f"planner.action.{ACTION}"


@dataclass
class Reports:
    """A report topic; the first `failures` reports are not acknowledged."""

    failures: int = 0
    made: list[RunReport] = field(default_factory=list)

    async def publish(self, plan_id: str, value: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise UnavailableError("no acknowledgement")
        report = RunReport.model_validate(decode(value, HEADERS).data)
        assert report.plan_id == plan_id
        self.made.append(report)

    def states(self) -> list[str]:
        return [report.state.value for report in self.made]

    def error(self) -> ReportedError:
        assert self.made[-1].state is ReportedState.FAILED
        assert self.made[-1].error is not None
        return self.made[-1].error


async def performed(
    reports: Reports, handler: Handler, *, heartbeat_s: float = 60, cancellations: Cancellations | None = None, **changes: object
) -> None:
    context = ReportContext(reports, SystemClock(), SystemIds(), "worker one", lambda: Backoff(0.001, 0.001, lambda: 0.5))
    execution = Execution({TOPIC: action_handler(ACTION, handler)}, context, cancellations or Cancellations(), heartbeat_s=heartbeat_s)
    value = action_value(an_action(ACTION, **changes))
    await execution.perform(Delivery(TOPIC, 0, 0, key=b"key", value=value, headers=HEADERS))


class Looked(BaseModel):
    """A payload whose validator has a fault of its own."""

    colour: str

    @field_validator("colour")
    @classmethod
    def _known(cls, colour: str) -> str:
        return {"red": "#f00"}[colour]


async def test_a_validator_that_fails_fails_the_run_and_not_the_worker() -> None:
    """Pydantic lets what is no ValueError through. A KeyError ended the worker, at each start anew."""
    reports = Reports()

    async def publish(run: Run[Looked]) -> None:
        raise AssertionError("not reached")

    await performed(reports, publish, payload={"colour": "blue"})
    assert reports.states() == ["failed"]
    assert reports.error() == ReportedError(code="HANDLER_FAILED", message="KeyError: 'blue'", retryable=True)


async def test_a_failure_whose_code_and_message_are_no_texts_is_reported_all_the_same() -> None:
    """`Permanent(404, error)` ended the worker: the code was taken for a text while the failure was reported."""
    reports = Reports()
    given: Callable[..., Exception] = Permanent

    async def publish(run: Run[Any]) -> None:
        raise given(404, ValueError("gone"))

    await performed(reports, publish)
    assert reports.error() == ReportedError(code="404", message="gone", retryable=False)


async def test_a_report_that_is_not_acknowledged_is_made_again_until_it_is() -> None:
    reports = Reports(failures=3)

    async def publish(run: Run[Any]) -> str:
        return run.id

    await performed(reports, publish)
    assert reports.states() == ["executing", "completed"]


async def test_a_heartbeat_that_is_lost_does_not_reach_the_handler() -> None:
    reports = Reports()

    async def publish(run: Run[Any]) -> None:
        reports.failures = 1
        await run.heartbeat({"done": 1})

    await performed(reports, publish)
    assert reports.states() == ["executing", "completed"]
    assert reports.made[-1].progress == {"done": 1}


async def test_the_kits_own_heartbeats_come_three_times_within_the_plans_time_out() -> None:
    reports = Reports()

    async def publish(run: Run[Any]) -> None:
        await until(lambda: len(reports.made) == 3, what="the first report and two heartbeats", within_s=1.5)

    await performed(reports, publish, heartbeat_timeout_seconds=1)
    assert reports.states() == ["executing", "executing", "executing", "completed"]


@pytest.mark.parametrize("result", [float("nan"), object(), "x" * 9000])
async def test_a_result_that_cannot_be_sent_does_not_have_the_work_done_again(result: object) -> None:
    reports = Reports()

    async def publish(run: Run[Any]) -> object:
        return result

    await performed(reports, publish)
    assert reports.states() == ["executing", "completed"]
    assert reports.made[-1].result is None


async def test_a_cancellation_from_outside_is_no_failure_of_the_run() -> None:
    reports = Reports()

    async def publish(run: Run[Any]) -> None:
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        performing = tasks.create_task(performed(reports, publish))
        await until(lambda: reports.made, what="the run has begun")
        performing.cancel()
    assert reports.states() == ["executing"]


def asked_to_stop(run_id: str) -> Delivery:
    data = {"run_id": run_id, "plan_id": "00000000-0000-4000-8000-000000000001", "reason": "CANCELLED"}
    envelope = Envelope(run_id, "planner/owner", CONTROL_TYPE, None, run_id, "acme", "acme-eu", data)
    return Delivery(f"planner.control.{ACTION}", 0, 0, key=b"key", value=encode(envelope), headers=HEADERS)


async def test_a_run_that_was_cancelled_before_it_began_is_not_performed() -> None:
    reports, cancellations = Reports(), Cancellations()
    cancellations.take(asked_to_stop("00000000-0000-4000-8000-0000000000aa"))

    async def never(_: Run[Any]) -> None:
        raise AssertionError("it was cancelled")

    await performed(reports, never, cancellations=cancellations, run_id="00000000-0000-4000-8000-0000000000aa")
    assert reports.made == []


async def test_a_handler_sees_that_its_run_was_cancelled() -> None:
    cancellations = Cancellations()
    seen: list[bool] = []

    async def look(run: Run[Any]) -> None:
        seen.append(run.cancel_requested)
        cancellations.take(asked_to_stop("00000000-0000-4000-8000-0000000000bb"))
        seen.append(run.cancel_requested)
        cancellations.take(asked_to_stop(run.id))
        seen.append(run.cancel_requested)

    await performed(Reports(), look, cancellations=cancellations)
    assert seen == [False, False, True]


def test_what_a_control_topic_holds_besides_is_passed_by_and_the_oldest_requests_are_forgotten() -> None:
    cancellations = Cancellations(limit=2)
    for record in (asked_to_stop("r1"), asked_to_stop("r2"), asked_to_stop("r1"), asked_to_stop("r3")):
        cancellations.take(record)
    cancellations.take(replace(asked_to_stop("r4"), value=b"no event"))
    cancellations.take(replace(asked_to_stop("r5"), value=(asked_to_stop("r5").value or b"").replace(b"cancel_requested", b"other")))
    assert [cancellations.requested(run) for run in ("r1", "r2", "r3", "r4", "r5")] == [True, False, True, False, False]
