"""How long a run bars others and is kept, and what each of its ends leaves of it (scheduling.md, section 5.5; api.md, section 4)."""

from datetime import timedelta
from typing import Any, Final

import pytest
from msgspec import structs

from planner.domain.run import Run, cancel, expire, observe
from planner_contracts.run import RunReason, RunState
from planner_contracts.run_report import ReportedState, RunReport
from support.plans import ACTION, NOON
from support.runs import a_run

DAY: Final = timedelta(days=1)
LATER: Final = NOON + timedelta(minutes=5)
EXECUTING: Final = a_run(
    plan_revision=3,
    scheduled_for=NOON - DAY,
    due_at=NOON - DAY / 2,
    state=RunState.EXECUTING,
    sequence=2,
    started_at=NOON,
    worker="w1",
    progress={"done": 1},
)


def reported(state: ReportedState, run: Run = EXECUTING, **said: Any) -> Run:  # noqa: ANN401 any field of a report
    head = {"run_id": run.run_id, "plan_id": run.plan_id, "report_token": "k.x", "worker": "w2", "at": LATER}
    seen = observe(RunReport.model_validate(head | {"state": state} | said), run, now=LATER)
    assert seen is not None
    assert seen.announced, "every end of a run has an event"
    return seen.run


def test_a_run_bars_others_for_a_day_from_its_publication_and_is_kept_for_seven() -> None:
    assert EXECUTING.open
    assert EXECUTING.wake_at == NOON + DAY
    assert structs.replace(EXECUTING, open=False).wake_at == NOON + 7 * DAY


@pytest.mark.parametrize("state", RunState)
def test_only_a_completed_or_failed_run_is_final(state: RunState) -> None:
    assert structs.replace(EXECUTING, state=state).is_final is (state in (RunState.COMPLETED, RunState.FAILED))


@pytest.mark.parametrize("state", [ReportedState.COMPLETED, ReportedState.FAILED])
@pytest.mark.parametrize(("said", "kept"), [({}, {"done": 1}), ({"progress": {"done": 9}}, {"done": 9}), ({"progress": 0}, 0)])
def test_the_last_report_may_bring_the_last_progress_and_without_one_the_last_known_stays(
    state: ReportedState, said: dict[str, Any], kept: object
) -> None:
    assert reported(state, **said).progress == kept


@pytest.mark.parametrize("state", [ReportedState.COMPLETED, ReportedState.FAILED])
def test_an_end_is_the_next_event_at_the_owners_moment_from_the_worker_that_reports_it(state: ReportedState) -> None:
    ended = reported(state)
    assert (ended.sequence, ended.finished_at, ended.worker, ended.started_at) == (3, LATER, "w2", NOON)
    assert reported(state, structs.replace(EXECUTING, state=RunState.PENDING, sequence=1)).sequence == 2


def test_a_run_that_is_cancelled_for_a_newer_one_fails_with_that_reason_and_the_next_event() -> None:
    assert cancel(EXECUTING, now=LATER) == structs.replace(
        EXECUTING, state=RunState.FAILED, sequence=3, finished_at=LATER, reason=RunReason.CANCELLED
    )


def test_a_run_that_is_given_up_fails_with_that_reason_and_the_next_event() -> None:
    assert expire(EXECUTING, now=LATER) == structs.replace(
        EXECUTING, state=RunState.FAILED, sequence=3, finished_at=LATER, reason=RunReason.NOT_REPORTED
    )


def test_no_end_moves_what_the_run_was_published_with() -> None:
    for ended in (
        reported(ReportedState.COMPLETED),
        reported(ReportedState.FAILED),
        cancel(EXECUTING, now=LATER),
        expire(EXECUTING, now=LATER),
    ):
        assert (ended.scheduled_for, ended.due_at, ended.published_at) == (NOON - DAY, NOON - DAY / 2, NOON)
        assert (ended.plan_revision, ended.attempt, ended.action, ended.open) == (3, 1, ACTION, True)


def test_a_worker_that_starts_again_is_no_second_start() -> None:
    head = {"run_id": EXECUTING.run_id, "plan_id": EXECUTING.plan_id, "report_token": "k.x", "worker": "w2", "at": LATER}
    again = RunReport.model_validate(head | {"state": ReportedState.EXECUTING})
    assert observe(again, EXECUTING, now=LATER) is None
