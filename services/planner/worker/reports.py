"""What a worker says of a run, as records for the report topic."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import JsonValue

from planner.runtime.clock import Clock, IdSource
from planner.runtime.failures import Backoff, UnavailableError
from planner.runtime.log import get_logger
from planner_contracts.action import Action
from planner_contracts.envelope import Envelope, encode
from planner_contracts.run_report import REPORT_TYPE, ReportedError, ReportedState, RunReport

_LOG: Final = get_logger("planner.worker")


class ReportPublisher(Protocol):
    """Writes to the report topic."""

    async def publish(self, plan_id: str, value: bytes) -> None:
        """Returns once the broker has acknowledged the record: key = plan id, in the partition of that key.

        Raises UnavailableError if no acknowledgement came in time. The record may be there all the same: a report may be repeated.
        """


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What the reports of all runs of a worker have in common. `worker`: its name, at most 200 characters."""

    publisher: ReportPublisher
    clock: Clock
    ids: IdSource
    worker: str
    backoff: Callable[[], Backoff]


class RunReports:
    """The reports of one run. The last progress is repeated in each report that has none of its own."""

    def __init__(self, context: ReportContext, action: Action, traceparent: str | None) -> None:
        self._context = context
        self._action = action
        self._traceparent = traceparent
        self._progress: JsonValue = None

    async def executing(self) -> None:
        """The work begins; returns when that is acknowledged."""
        await self._until_acknowledged(self._report(ReportedState.EXECUTING))

    async def heartbeat(self, progress: JsonValue = None) -> None:
        """The work goes on. Tried once: the next heartbeat is soon enough."""
        if progress is not None:
            self._progress = progress
        try:
            await self._context.publisher.publish(self._action.plan_id, self._report(ReportedState.EXECUTING))
        except UnavailableError as error:
            _LOG.warning("worker.heartbeat.lost", run_id=self._action.run_id, reason=str(error))

    async def completed(self, result: JsonValue) -> None:
        """The work is done; returns when that is acknowledged."""
        await self._until_acknowledged(self._report(ReportedState.COMPLETED, result=result))

    async def failed(self, error: ReportedError) -> None:
        """The work failed; returns when that is acknowledged."""
        await self._until_acknowledged(self._report(ReportedState.FAILED, error=error))

    async def _until_acknowledged(self, value: bytes) -> None:
        backoff = self._context.backoff()
        while True:
            try:
                return await self._context.publisher.publish(self._action.plan_id, value)
            except UnavailableError as error:
                pause_s = backoff.next_s()
                _LOG.warning("worker.report.unacknowledged", run_id=self._action.run_id, reason=str(error), retry_in_s=pause_s)
                await asyncio.sleep(pause_s)

    def _report(self, state: ReportedState, *, result: JsonValue = None, error: ReportedError | None = None) -> bytes:
        now = self._context.clock.now()
        report = RunReport(
            run_id=self._action.run_id,
            plan_id=self._action.plan_id,
            report_token=self._action.report_token,
            state=state,
            at=now,
            worker=self._context.worker,
            progress=self._progress,
            result=result,
            error=error,
        )
        return encode(
            Envelope(
                id=self._context.ids.uuid(),
                source=f"planner/worker/{self._context.worker}",
                type=REPORT_TYPE,
                time=now,
                subject=self._action.run_id,
                tenant_id=self._action.tenant_id,
                organization_id=self._action.organization_id,
                data=report.model_dump(mode="json", exclude_none=True),
                traceparent=self._traceparent,
            )
        )
