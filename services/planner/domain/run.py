"""An unfinished run as its owner holds it, and what a report makes of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from msgspec import Struct, structs

from planner_contracts.ids import OrganizationId, PlanId, RunId, TenantId
from planner_contracts.run import RunReason, RunState, RunTrigger
from planner_contracts.run_report import ReportedState, RunReport

OPEN_MAX: Final = timedelta(days=1)
"""So long an unfinished run bars others of its plan (scheduling.md, section 5.5)."""
KEPT_MAX: Final = timedelta(days=7)
"""So long reports on a run are waited for, as long as its action's topic keeps the message."""
SCHEDULE_ORIGIN: Final = "schedule"
FIRST_SEQUENCE: Final = 1


class Run(Struct, frozen=True, gc=False, omit_defaults=True):
    """One execution. Times are UTC; `sequence` is that of its newest event. `open`: it still counts among its plan's open runs.

    `ordering_key`: its revision's, so that all that is said to its worker lies in the place of its action.
    """

    run_id: RunId
    plan_id: PlanId
    plan_revision: int
    tenant_id: TenantId
    organization_id: OrganizationId
    action: str
    trigger: RunTrigger
    attempt: int
    scheduled_for: datetime
    due_at: datetime
    published_at: datetime
    open: bool  # without a default, so that it is always written, before what a worker says: the index reads it there
    state: RunState = RunState.PENDING
    sequence: int = FIRST_SEQUENCE
    ordering_key: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    worker: str | None = None
    progress: Any = None
    result: Any = None
    error: dict[str, Any] | None = None
    reason: RunReason | None = None

    @property
    def wake_at(self) -> datetime:
        """Where the run's timer stands: at the end of its being open, then at the end of its being kept."""
        return wake_of(self.published_at, is_open=self.open)

    @property
    def is_final(self) -> bool:
        """Whether nothing will change it any more."""
        return self.state in (RunState.COMPLETED, RunState.FAILED)


def wake_of(published_at: datetime, *, is_open: bool) -> datetime:
    """Where the timer of a run stands that was published then."""
    return published_at + (OPEN_MAX if is_open else KEPT_MAX)


@dataclass(frozen=True, slots=True)
class Observation:
    """What a report makes of a run. `announced` is whether an event tells of it: a heartbeat only moves the record."""

    run: Run
    announced: bool


def observe(report: RunReport, run: Run, *, now: datetime) -> Observation | None:
    """The run after a validated report, or None where the report changes nothing (a repeat, or a step back).

    Source: api.md, section 4: `pending -> executing -> completed | failed`, where executing may be left out; final states stay.
    """
    assert not run.is_final
    progress = run.progress if report.progress is None else report.progress
    match report.state:
        case ReportedState.EXECUTING if run.state is RunState.PENDING:
            started = structs.replace(
                run, state=RunState.EXECUTING, sequence=run.sequence + 1, started_at=now, worker=report.worker, progress=progress
            )
            return Observation(started, announced=True)
        case ReportedState.EXECUTING:
            return None if progress == run.progress else Observation(structs.replace(run, progress=progress), announced=False)
        case ReportedState.COMPLETED:
            return _ended(run, report, RunState.COMPLETED, now)
        case ReportedState.FAILED:
            return _ended(run, report, RunState.FAILED, now)
        case _ as unreachable:
            assert_never(unreachable)


def cancel(run: Run, *, now: datetime) -> Run:
    """The run ended for the sake of a newer one of its plan."""
    return structs.replace(run, state=RunState.FAILED, sequence=run.sequence + 1, finished_at=now, reason=RunReason.CANCELLED)


def expire(run: Run, *, now: datetime) -> Run:
    """The run given up because nobody reported its end while it was kept (docs/architecture.md, "Invariants": bounded)."""
    return structs.replace(run, state=RunState.FAILED, sequence=run.sequence + 1, finished_at=now, reason=RunReason.NOT_REPORTED)


def _ended(run: Run, report: RunReport, state: RunState, now: datetime) -> Observation:
    failed = state is RunState.FAILED
    ended = structs.replace(
        run,
        state=state,
        sequence=run.sequence + 1,
        finished_at=now,
        worker=report.worker,
        progress=run.progress if report.progress is None else report.progress,
        result=None if failed else report.result,
        error=report.error.model_dump() if failed and report.error is not None else None,
    )
    return Observation(ended, announced=True)
