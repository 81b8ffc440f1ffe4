"""One delivery from its record to its last acknowledged report."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn

from pydantic import JsonValue, ValidationError

from planner.runtime.log import get_logger
from planner.worker import report_content
from planner.worker.cancellations import Cancellations
from planner.worker.delivery import Delivery
from planner.worker.failures import RunFailure
from planner.worker.handlers import ActionHandler
from planner.worker.reports import ReportContext, RunReports
from planner.worker.run import Run
from planner_contracts.action import ACTION_TYPE_PREFIX, Action
from planner_contracts.envelope import Envelope, EnvelopeInvalidError, decode
from planner_contracts.run_report import ReportedError

PAYLOAD_INVALID: Final = "PAYLOAD_INVALID"
HANDLER_FAILED: Final = "HANDLER_FAILED"
HEARTBEATS_PER_TIMEOUT: Final = 3

_LOG: Final = get_logger("planner.worker")


class NoActionError(ValueError):
    """The record asks for nothing that this worker could do or report on."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned."""

    result: JsonValue


Outcome = Completed | ReportedError


class Execution:
    """Performs deliveries. Never raises but for cancellation: each ends in a final report, or in the log if it is no action at all."""

    def __init__(
        self, handlers: Mapping[str, ActionHandler], context: ReportContext, cancellations: Cancellations, *, heartbeat_s: float
    ) -> None:
        self._handlers = handlers
        self._context = context
        self._cancellations = cancellations
        self._heartbeat_s = heartbeat_s

    async def perform(self, delivery: Delivery) -> None:
        """Returns when the run's final report was acknowledged; a run that was cancelled before is not begun.

        `handlers` are found by the delivery's topic.
        """
        handler = self._handlers[delivery.topic]
        try:
            action, traceparent = _action(delivery, handler.action)
        except NoActionError as error:
            _LOG.error(
                "worker.record.passed_by", topic=delivery.topic, partition=delivery.partition, offset=delivery.offset, reason=str(error)
            )
            return
        if self._cancellations.requested(action.run_id):
            _LOG.info("worker.run.cancelled", run_id=action.run_id, action=action.action)
            return
        reports = RunReports(self._context, action, traceparent)
        match await self._outcome(handler, action, reports):
            case Completed(result):
                await reports.completed(result)
                _LOG.debug("worker.run.completed", run_id=action.run_id, action=action.action)
            case ReportedError() as failure:
                await reports.failed(failure)
                _LOG.warning(
                    "worker.run.failed", run_id=action.run_id, action=action.action, code=failure.code, retryable=failure.retryable
                )

    async def _outcome(self, handler: ActionHandler, action: Action, reports: RunReports) -> Outcome:
        try:
            payload = handler.payload(action.payload)
        except ValidationError as error:
            return report_content.error(PAYLOAD_INVALID, _faults(error), retryable=False)
        except Exception as error:  # noqa: BLE001 - the user's own validators may raise anything, and pydantic lets most of it through
            return _raised(action.run_id, action.action, error)
        run = _run(action, payload, reports, partial(self._cancellations.requested, action.run_id))
        await reports.executing()
        async with asyncio.TaskGroup() as tasks:
            heartbeats = tasks.create_task(self._heartbeats(action, reports))
            outcome = await _handled(handler, run)
            heartbeats.cancel()
        return outcome

    async def _heartbeats(self, action: Action, reports: RunReports) -> NoReturn:
        timeout_s = action.heartbeat_timeout_seconds
        period_s = self._heartbeat_s if timeout_s is None else timeout_s / HEARTBEATS_PER_TIMEOUT
        while True:
            await asyncio.sleep(period_s)
            await reports.heartbeat()


async def _handled(handler: ActionHandler, run: Run[object]) -> Outcome:
    try:
        returned = await handler.perform(run)
    except asyncio.CancelledError:
        if _is_being_cancelled():
            raise
        return report_content.error(HANDLER_FAILED, "the handler was cancelled from within", retryable=True)
    except RunFailure as failure:
        return report_content.error(failure.code, failure.message, retryable=failure.retryable)
    except Exception as error:  # noqa: BLE001 - a handler may raise anything; whatever it is, the run failed and may be tried again
        return _raised(run.id, run.action, error)
    try:
        return Completed(report_content.result(returned))
    except report_content.ResultUnfitError as unfit:
        # The work is done: a failure would have it done again.
        _LOG.error("worker.result.dropped", run_id=run.id, action=run.action, reason=str(unfit))
        return Completed(None)


def _raised(run_id: str, action: str, error: Exception) -> ReportedError:
    _LOG.error("worker.handler.raised", run_id=run_id, action=action, exc_info=error)
    return report_content.error(HANDLER_FAILED, f"{type(error).__name__}: {error}", retryable=True)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling() > 0


def _action(delivery: Delivery, name: str) -> tuple[Action, str | None]:
    try:
        envelope: Envelope = decode(delivery.value, delivery.headers)
        if envelope.type != ACTION_TYPE_PREFIX + name:
            raise NoActionError(f"type is {envelope.type}")
        return Action.model_validate(envelope.data), envelope.traceparent
    except EnvelopeInvalidError as error:
        raise NoActionError(str(error)) from None
    except ValidationError as error:
        raise NoActionError(_faults(error)) from None


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"/{'/'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False, include_url=False)
    )


def _run(action: Action, payload: object, reports: RunReports, cancelled: Callable[[], bool]) -> Run[object]:
    async def beat(progress: object) -> None:
        await reports.heartbeat(report_content.progress(progress))

    return Run(
        id=action.run_id,
        plan_id=action.plan_id,
        plan_revision=action.plan_revision,
        tenant_id=action.tenant_id,
        organization_id=action.organization_id,
        action=action.action,
        scheduled_for=action.scheduled_for,
        due_at=action.due_at,
        attempt=action.attempt,
        trigger=action.trigger,
        payload=payload,
        beat=beat,
        cancelled=cancelled,
    )
