"""What a report makes of a run: api.md, sections 3 and 4."""

from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.run import Run, expire, observe
from planner_contracts.run import RunReason, RunState
from planner_contracts.run_report import ReportedState, RunReport
from support.plans import NOON
from support.runs import PENDING

LATER: Final = NOON + timedelta(seconds=5)
FINAL: Final = (RunState.COMPLETED, RunState.FAILED)


def a_report(state: ReportedState, **said: Any) -> RunReport:  # noqa: ANN401 any field of a report
    head = {"run_id": PENDING.run_id, "plan_id": PENDING.plan_id, "report_token": "k.x", "worker": "w1", "at": NOON - timedelta(days=9)}
    return RunReport.model_validate(head | {"state": state} | said)


def after(run: Run, *reports: RunReport) -> Run:
    for report in reports:
        seen = observe(report, run, now=LATER)
        run = run if seen is None else seen.run
    return run


def test_a_run_is_executing_from_the_owners_moment_whatever_the_worker_says_of_the_time() -> None:
    seen = observe(a_report(ReportedState.EXECUTING, progress={"done": 1}), PENDING, now=LATER)
    assert seen is not None
    assert seen.announced
    assert (seen.run.state, seen.run.sequence, seen.run.started_at, seen.run.worker) == (RunState.EXECUTING, 2, LATER, "w1")
    assert seen.run.progress == {"done": 1}


def test_a_heartbeat_makes_no_event_and_keeps_its_progress_for_the_next_state() -> None:
    executing = after(PENDING, a_report(ReportedState.EXECUTING))
    beat = observe(a_report(ReportedState.EXECUTING, progress=0.5), executing, now=LATER)
    assert beat is not None
    assert (beat.announced, beat.run.sequence, beat.run.progress) == (False, 2, 0.5)
    ended = after(beat.run, a_report(ReportedState.COMPLETED))
    assert (ended.progress, ended.sequence) == (0.5, 3)


def test_a_repeated_heartbeat_changes_nothing() -> None:
    executing = after(PENDING, a_report(ReportedState.EXECUTING, progress=1))
    assert observe(a_report(ReportedState.EXECUTING, progress=1), executing, now=LATER) is None
    assert observe(a_report(ReportedState.EXECUTING), executing, now=LATER) is None


def test_a_worker_that_reports_only_the_end_ends_the_run_too() -> None:
    ended = after(PENDING, a_report(ReportedState.COMPLETED, result={"url": "x"}, worker="w2"))
    assert (ended.state, ended.sequence, ended.started_at, ended.finished_at) == (RunState.COMPLETED, 2, None, LATER)
    assert (ended.worker, ended.result, ended.error, ended.is_final) == ("w2", {"url": "x"}, None, True)


def test_a_failure_keeps_its_error_and_no_result() -> None:
    error = {"code": "BOOM", "message": "m", "retryable": False}
    ended = after(PENDING, a_report(ReportedState.FAILED, error=error, result={"half": 1}))
    assert (ended.state, ended.error, ended.result, ended.reason) == (RunState.FAILED, error, None, None)


def test_a_completed_run_keeps_no_error_that_came_along() -> None:
    ended = after(PENDING, a_report(ReportedState.COMPLETED, error={"code": "E"}))
    assert (ended.state, ended.error) == (RunState.COMPLETED, None)


def test_a_run_that_nobody_reports_on_ends_as_not_reported() -> None:
    ended = expire(after(PENDING, a_report(ReportedState.EXECUTING)), now=LATER)
    assert (ended.state, ended.reason, ended.sequence, ended.finished_at) == (RunState.FAILED, RunReason.NOT_REPORTED, 3, LATER)


def test_a_final_run_is_never_asked_again() -> None:
    with pytest.raises(AssertionError):
        observe(a_report(ReportedState.FAILED), after(PENDING, a_report(ReportedState.COMPLETED)), now=LATER)


@given(st.lists(st.tuples(st.sampled_from(ReportedState), st.sampled_from([None, 1, 2])), max_size=12))
def test_whatever_order_reports_come_in_a_run_only_moves_forward_by_one_event_a_state(said: list[tuple[ReportedState, int | None]]) -> None:
    run, told = PENDING, [(PENDING.state, PENDING.sequence)]
    for state, progress in said:
        if run.is_final:
            break
        seen = observe(a_report(state, progress=progress), run, now=LATER)
        if seen is None:
            continue
        run = seen.run
        if seen.announced:
            told.append((run.state, run.sequence))
    states = [state for state, _ in told]
    assert [sequence for _, sequence in told] == list(range(1, len(told) + 1))
    assert states in (
        [RunState.PENDING],
        [RunState.PENDING, RunState.EXECUTING],
        *([RunState.PENDING, final] for final in FINAL),
        *([RunState.PENDING, RunState.EXECUTING, final] for final in FINAL),
    )
    ends = [state for state, _ in said if state is not ReportedState.EXECUTING]
    assert run.state == (RunState(ends[0]) if ends else states[-1])
