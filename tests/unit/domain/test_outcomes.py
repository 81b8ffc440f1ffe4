from datetime import datetime, timedelta

import pytest

from planner.domain.outcomes import FIRED, PLANNED, Earlier, Outcome, Progress, Span, outcome_document, planned, rising_page, waiting_from
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus
from support.schedules import PLAN_ID, a_cron, a_schedule, an_interval, instant

CREATED = "2026-01-01T00:00:00Z"
HOURLY = an_interval(3600)


def progress(status: PlanStatus, *, next_due: str | None = None, newest: str | None = None) -> Progress:
    due, last = (None if text is None else instant(text) for text in (next_due, newest))
    return Progress(PLAN_ID, status, instant(CREATED), due, last)


def pending(known: Progress, schedule: Schedule = HOURLY) -> datetime | None:
    return known.pending_from(schedule)


def test_what_is_due_next_is_the_first_that_is_planned() -> None:
    jittered = a_schedule(recurrence={"type": "interval", "every_seconds": 3600, "anchor": CREATED}, jitter_seconds=600)

    assert pending(progress(PlanStatus.ACTIVE, next_due="2026-01-01T05:00:00Z")) == instant("2026-01-01T05:00:00Z")
    assert pending(progress(PlanStatus.ACTIVE, next_due="2026-01-01T05:00:41.945Z"), jittered) == instant("2026-01-01T05:00:00Z")


def test_what_has_an_outcome_already_is_not_planned() -> None:
    known = progress(PlanStatus.ACTIVE, next_due="2026-01-01T05:00:00Z", newest="2026-01-01T05:00:00Z")

    assert pending(known) == instant("2026-01-01T05:00:00.000001Z")


def test_during_a_pause_everything_after_the_last_outcome_is_planned() -> None:
    assert pending(progress(PlanStatus.PAUSED, newest="2026-01-01T05:00:00Z")) == instant("2026-01-01T05:00:00.000001Z")
    assert pending(progress(PlanStatus.PAUSED)) == instant("2026-01-01T00:00:00.000001Z")


def test_a_paused_single_moment_may_lie_before_the_creation() -> None:
    begin = pending(progress(PlanStatus.PAUSED), a_schedule(execute_at="2025-12-31T23:00:00Z"))

    assert begin is not None
    assert begin < instant(CREATED)


@pytest.mark.parametrize("status", [PlanStatus.COMPLETED, PlanStatus.CANCELLED, PlanStatus.ACTIVE])
def test_nothing_is_planned_where_nothing_is_due_any_more(status: PlanStatus) -> None:
    assert pending(progress(status)) is None


def test_what_waits_through_an_update_is_what_both_schedules_name() -> None:
    begin, update = instant("2026-01-01T00:30:00Z"), instant("2026-01-01T04:30:00Z")
    every_two, other = an_interval(7200), an_interval(3600, "2026-01-01T00:10:00Z")

    assert waiting_from(every_two, [Earlier(HOURLY, update)], begin) == instant("2026-01-01T02:00:00Z")
    assert waiting_from(every_two, [Earlier(other, begin), Earlier(HOURLY, update)], begin) == instant("2026-01-01T02:00:00Z")
    assert waiting_from(other, [Earlier(HOURLY, update)], begin) == instant("2026-01-01T04:30:00.000001Z")
    assert waiting_from(other, [Earlier(HOURLY, begin - timedelta(hours=1))], begin) == begin


def test_an_update_of_other_fields_changes_nothing_about_what_waits() -> None:
    begin = instant("2026-01-01T00:30:00Z")
    later = a_schedule(recurrence={"type": "interval", "every_seconds": 3600, "anchor": CREATED}, jitter_seconds=5)

    assert waiting_from(later, [Earlier(HOURLY, instant("2026-01-01T04:30:00Z"))], begin) == begin


def test_a_past_moment_waits_though_no_earlier_schedule_names_it() -> None:
    begin = instant("2026-01-01T00:00:00Z")
    moment = a_schedule(execute_at="2026-01-01T01:30:00Z")

    assert waiting_from(moment, [Earlier(HOURLY, instant("2026-01-01T04:30:00Z"))], begin) == begin


def test_planned_occurrences_lie_within_their_span() -> None:
    span = Span(instant("2026-01-01T01:00:00Z"), instant("2026-01-01T03:00:00Z"))

    assert [found.first.hour for found in planned(HOURLY, span, revision=2, limit=10)] == [1, 2, 3]
    assert [found.first.hour for found in planned(HOURLY, span, revision=2, limit=2)] == [1, 2]
    assert planned(HOURLY, Span(span.last, span.first), revision=2, limit=2) == []


def test_outcomes_of_all_kinds_are_one_rising_list() -> None:
    times = [instant(f"2026-01-01T0{hour}:00:00Z") for hour in range(5)]
    fired = [Outcome(FIRED, at, at, 1, 1) for at in times[0::2]]
    skipped = [Outcome("missed", at, at, 1, 1) for at in times[1::2]]

    assert [outcome.first for outcome in rising_page([fired, skipped], 4)] == times[:4]


def test_an_occurrence_is_shown_with_its_times_flags_and_outcome() -> None:
    schedule = a_cron("30 2 * * *", "Europe/Amsterdam")
    at = instant("2024-03-31T01:00:00Z")
    fired = Outcome(FIRED, at, at, 1, 4, run_id="r", due_at=instant("2024-03-31T01:00:05Z"))

    assert outcome_document(fired, schedule, PLAN_ID) == {
        "scheduled_for": "2024-03-31T01:00:00Z",
        "due_at": "2024-03-31T01:00:05Z",
        "local": "2024-03-31T03:00:00+02:00",
        "flags": ["dst_gap"],
        "outcome": "fired",
        "run_id": "r",
        "revision": 4,
        "into": None,
    }


def test_what_has_no_due_time_of_its_own_is_shown_with_the_plans_jitter() -> None:
    schedule = a_cron("0 10 * * *", jitter_seconds=600)
    at = instant("2026-01-01T10:00:00Z")
    shown = outcome_document(Outcome("coalesced", at, at, 1, 1, into=instant("2026-01-02T10:00:00Z")), schedule, PLAN_ID)

    assert (shown["due_at"], shown["into"]) == ("2026-01-01T10:00:41.945000Z", "2026-01-02T10:00:00Z")


def test_a_range_is_shown_by_its_ends_and_its_count() -> None:
    missed = Outcome("missed", instant("2026-01-01T10:00:00Z"), instant("2026-01-02T10:00:00Z"), None, 1)

    assert outcome_document(missed, HOURLY, PLAN_ID) == {
        "from": "2026-01-01T10:00:00Z",
        "to": "2026-01-02T10:00:00Z",
        "count": None,
        "outcome": "missed",
    }


def test_a_superseded_occurrence_was_named_by_the_revision_before() -> None:
    at = instant(CREATED)

    assert [Outcome(kind, at, at, 1, 3).named_by for kind in ("superseded", "missed", PLANNED)] == [2, 3, 3]
