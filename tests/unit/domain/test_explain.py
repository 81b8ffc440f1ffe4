from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.explain import Explanation, Moment, explain
from planner.domain.explain_turn import Turn
from planner.domain.outcomes import FIRED, HELD, Outcome
from planner.domain.overlap import Overlap, OverlapPolicy
from planner.domain.recurrence.business_days import holiday_list
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus
from planner_contracts.run_event import SkipReason
from support.schedules import a_calendar, a_cron, a_rrule, a_schedule, an_interval, instant

AMSTERDAM = "Europe/Amsterdam"
NEW_YORK = "America/New_York"
CREATED = "2024-01-01T00:00:00Z"
NOON = "2024-05-01T12:00:00Z"


def explained(
    schedule: Schedule, at: str, *, recorded: Outcome | None = None, status: PlanStatus = PlanStatus.ACTIVE, pending: bool = True
) -> Explanation:
    moment = Moment(
        at=instant(at),
        schedule=schedule,
        revision=3,
        created_at=instant(CREATED),
        status=status,
        lag=timedelta(0),
        recorded=recorded,
        pending=pending,
        spent=False,
        turn=None if recorded is None else Turn(schedule, Overlap(OverlapPolicy.ALLOW, 0), instant(at)),
    )
    return explain(moment)


def outcome(kind: str, first: str = NOON, last: str | None = None, **more: str | datetime) -> Outcome:
    ends = instant(first), instant(last or first)
    into = more.get("into")
    return Outcome(
        kind,
        *ends,
        1 if last is None else None,
        3,
        run_id="r" if kind == FIRED else None,
        published_at=instant(first) if kind == FIRED else None,
        into=into if isinstance(into, datetime) else None,
    )


def last_step(found: Explanation) -> tuple[str, str]:
    return found.steps[-1].step.value, found.steps[-1].result.value


def left_out(schedule: Schedule, at: str) -> str:
    """The step that left the instant out, and why."""
    found = explained(schedule, at)
    assert found.outcome is None
    assert last_step(found)[1] == "left_out"
    return f"{found.steps[-1].step}: {found.steps[-1].detail}"


def steps(found: Explanation) -> list[str]:
    return [step.step.value for step in found.steps]


def test_an_occurrence_to_come_passes_every_step_of_its_rule() -> None:
    found = explained(a_cron("0 14 * * *", AMSTERDAM), NOON)

    assert steps(found) == ["expand", "dst", "merge", "bounds", "jitter", "pause"]
    assert {step.result for step in found.steps} == {"passed"}
    assert (found.outcome, found.steps[0].detail) == ("planned", "the rule names 2024-05-01T14:00:00")


def test_an_explanation_is_shown_with_its_neighbours_and_the_zone_database() -> None:
    found = explained(a_cron("0 14 * * *", AMSTERDAM), "2024-05-01T13:00:00Z")

    assert found.document(instant(NOON), None) == {
        "at": "2024-05-01T13:00:00Z",
        "fired": False,
        "outcome": None,
        "run_id": None,
        "steps": [{"step": "expand", "result": "left_out", "detail": "the rule does not name 2024-05-01T15:00:00"}],
        "previous": NOON,
        "next": None,
        "timezone": AMSTERDAM,
        "tzdata": TZDATA_VERSION,
        "revision": 3,
    }


@pytest.mark.parametrize(
    ("schedule", "at", "why"),
    [
        (a_cron("0 14 * * *", AMSTERDAM), "2024-05-01T12:00:00.5Z", "expand: local times have whole seconds"),
        (an_interval(3600), "2026-01-01T00:30:00Z", "expand: no multiple of 3600 s after 2026-01-01T00:00:00Z"),
        (an_interval(3600), "2025-12-31T23:00:00Z", "expand: no multiple of 3600 s after 2026-01-01T00:00:00Z"),
        (a_schedule(execute_at=NOON), "2024-05-01T12:00:01Z", "expand: execute_at is 2024-05-01T12:00:00Z"),
        (a_rrule("FREQ=DAILY;UNTIL=20240430T120000Z", "2024-04-01T12:00:00"), NOON, "expand: UNTIL is 2024-04-30T12:00:00Z"),
        (a_rrule("FREQ=DAILY;COUNT=3", "2024-04-01T12:00:00"), NOON, "expand: the rule does not name 2024-05-01T12:00:00"),
        (
            a_rrule("FREQ=HOURLY;INTERVAL=5", "2024-04-30T12:00:00"),
            NOON,
            "expand: no step from DTSTART that passes comes here",
        ),
        (a_rrule("FREQ=DAILY", "2024-04-01T12:00:00", exdates=[NOON]), NOON, "dates: one of exdates"),
        (a_rrule("FREQ=HOURLY", "2024-04-01T12:00:00", exdates=[NOON]), NOON, "dates: one of exdates"),
        (a_cron("0 12 * * *", starts_at="2024-05-01T12:00:01Z"), NOON, "bounds: before starts_at, 2024-05-01T12:00:01Z"),
        (a_cron("0 12 * * *", ends_at="2024-05-01T11:59:59Z"), NOON, "bounds: after ends_at, 2024-05-01T11:59:59Z"),
        (a_cron("0 0 * * *"), CREATED, "bounds: not after the plan's creation, 2024-01-01T00:00:00Z"),
        (
            a_cron("30 2 * * *", AMSTERDAM, dst={"gap": "skip"}),
            "2024-03-31T01:00:00Z",
            "dst: 2024-03-31T02:30:00 is missing in Europe/Amsterdam, and gap is skip",
        ),
        (
            a_cron("*/15 2 * * *", AMSTERDAM),
            "2024-03-31T01:00:00Z",
            "dst: 2024-03-31T02:00:00 is missing in Europe/Amsterdam, and a rule whose minutes or hours begin with * does not fire there",
        ),
        (
            a_cron("30 1 * * *", NEW_YORK),
            "2024-11-03T06:30:00Z",
            "dst: this is the second pass of 2024-11-03T01:30:00, and fold is first",
        ),
        (
            a_cron("30 1 * * *", NEW_YORK, dst={"fold": "last"}),
            "2024-11-03T05:30:00Z",
            "dst: this is the first pass of 2024-11-03T01:30:00, and fold is last",
        ),
    ],
)
def test_the_step_that_left_an_instant_out_is_named(schedule: Schedule, at: str, why: str) -> None:
    assert left_out(schedule, at) == why


def test_until_is_inclusive() -> None:
    assert explained(a_rrule("FREQ=DAILY;UNTIL=20240501T120000Z", "2024-04-01T12:00:00"), NOON).outcome == "planned"


def business(roll: str) -> Schedule:
    return a_schedule(recurrence={"type": "calendar", "hour": "9", "day_of_month": "1", "roll": roll, "holidays": ["2024-05-01"]})


@pytest.mark.parametrize(
    ("roll", "what"),
    [
        ("next", "moves it to Thursday 2024-05-02"),
        ("previous", "moves it to Tuesday 2024-04-30"),
        ("nearest", "moves it to Thursday 2024-05-02"),
        ("skip", "drops it"),
    ],
)
def test_a_date_that_is_no_business_day_is_left_out_by_the_roll(roll: str, what: str) -> None:
    assert left_out(business(roll), "2024-05-01T09:00:00Z") == f"roll: Wednesday 2024-05-01 (a holiday); roll {roll} {what}"


def test_a_date_that_is_no_workday_is_left_out_by_the_roll_and_not_by_the_rule() -> None:
    assert left_out(business("skip"), "2024-06-01T09:00:00Z") == "roll: Saturday 2024-06-01 (no workday); roll skip drops it"
    assert left_out(business("skip"), "2024-06-02T09:00:00Z") == "expand: the rule does not name 2024-06-02T09:00:00"


def test_a_date_that_others_roll_to_names_them() -> None:
    found = explained(business("next"), "2024-05-02T09:00:00Z")

    assert (found.outcome, steps(found)[:3]) == ("planned", ["expand", "roll", "dst"])
    assert found.steps[1].detail == "moved here, by roll next, from Wednesday 2024-05-01 (a holiday)"
    assert explained(business("next"), "2024-07-01T09:00:00Z").steps[1].detail == "Monday 2024-07-01 is a business day"
    daily = a_schedule(recurrence={"type": "calendar", "hour": "9", "roll": "next"})
    weekend = "Saturday 2024-05-04 (no workday), Sunday 2024-05-05 (no workday)"
    assert explained(daily, "2024-05-06T09:00:00Z").steps[1].detail == f"moved here, by roll next, from {weekend}"


def test_of_many_dates_that_roll_to_one_three_are_named() -> None:
    week = {"type": "calendar", "hour": "9", "roll": "next", "workdays": ["MON"]}

    detail = explained(a_schedule(recurrence=week), "2024-05-06T09:00:00Z").steps[1].detail
    assert detail.endswith("Thursday 2024-05-02 (no workday), and from 3 more")


def test_a_holiday_names_the_list_that_has_it() -> None:
    calendars = {"nl": holiday_list(1, ["2024-05-01"])}
    schedule = a_calendar(calendars=calendars, hour="9", roll="next", holiday_calendar="nl")
    moment = Moment(
        instant("2024-05-02T09:00:00Z"), schedule, 1, instant(CREATED), PlanStatus.ACTIVE, timedelta(0), None, pending=True, spent=False
    )

    detail = explain(replace(moment, calendars=calendars)).steps[1].detail
    assert detail == "moved here, by roll next, from Wednesday 2024-05-01 (a holiday of the list nl)"


@pytest.mark.parametrize(("gap", "at"), [("next_valid", "2024-03-31T01:00:00Z"), ("shift", "2024-03-31T01:30:00Z")])
def test_an_occurrence_that_a_missing_label_gives_says_which(gap: str, at: str) -> None:
    found = explained(a_cron("30 2 * * *", AMSTERDAM, dst={"gap": gap}), at)

    assert (found.outcome, steps(found)[:3]) == ("planned", ["expand", "dst", "merge"])
    assert found.steps[1].detail == f"2024-03-31T02:30:00 is missing in Europe/Amsterdam; gap {gap} gives this instant"


@pytest.mark.parametrize(("at", "which"), [("2024-11-03T05:30:00Z", "first"), ("2024-11-03T06:30:00Z", "second")])
def test_a_repeated_label_says_which_pass_it_is(at: str, which: str) -> None:
    found = explained(a_cron("30 1 * * *", NEW_YORK, dst={"fold": "both"}), at)

    assert found.steps[1].detail == f"the {which} pass of 2024-11-03T01:30:00; fold is both"


def test_an_rdate_needs_no_rule_that_names_it() -> None:
    found = explained(a_rrule("FREQ=YEARLY", "2024-01-01T00:00:00", rdates=[NOON]), NOON)

    assert (found.outcome, steps(found)) == ("planned", ["dates", "bounds", "jitter", "pause"])


def test_steps_of_elapsed_time_and_single_moments_name_no_labels() -> None:
    assert steps(explained(a_rrule("FREQ=HOURLY", "2024-04-01T12:00:00"), NOON)) == ["expand", "bounds", "jitter", "pause"]
    assert steps(explained(an_interval(3600), "2026-01-01T01:00:00Z"))[0] == "expand"


def test_a_single_moment_may_lie_before_the_creation() -> None:
    found = explained(a_schedule(execute_at="2023-12-31T23:59:00Z"), "2023-12-31T23:59:00Z")

    assert (found.outcome, last_step(found)) == ("planned", ("pause", "passed"))


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        (SkipReason.MISSED, "misfire"),
        (SkipReason.COALESCED, "misfire"),
        (SkipReason.CATCHUP_LIMIT, "misfire"),
        (SkipReason.OVERLAP, "overlap"),
        (SkipReason.PAUSED, "pause"),
        (SkipReason.SUPERSEDED, "update"),
        (SkipReason.CANCELLED, "cancel"),
        (SkipReason.UNDELIVERABLE, "publish"),
    ],
)
def test_each_reason_of_a_skip_belongs_to_a_step(kind: SkipReason, step: str) -> None:
    found = explained(a_cron("0 12 * * *"), NOON, recorded=outcome(kind))

    assert (found.outcome, last_step(found)) == (kind, (step, "skipped"))


def test_every_reason_of_a_skip_is_explained() -> None:
    assert all(explained(a_cron("0 12 * * *"), NOON, recorded=outcome(kind)).outcome == kind for kind in SkipReason)


def test_what_stands_for_a_coalesced_occurrence_is_named() -> None:
    found = explained(a_cron("0 12 * * *"), NOON, recorded=outcome("coalesced", into=instant("2024-05-02T12:00:00Z")))

    assert found.steps[-1].detail == "another occurrence of its backlog stands for it: 2024-05-02T12:00:00Z"


def test_what_has_fired_passed_every_step_and_names_its_run() -> None:
    found = explained(a_cron("0 12 * * *", max_runs=5), NOON, recorded=outcome(FIRED))

    assert steps(found)[-4:] == ["pause", "misfire", "overlap", "max_runs"]
    assert (found.outcome, found.run_id, found.document(None, None)["fired"]) == ("fired", "r", True)


def test_what_is_held_waits_at_the_overlap() -> None:
    found = explained(a_cron("0 12 * * *"), NOON, recorded=outcome(HELD))

    assert (found.outcome, last_step(found)) == ("held", ("overlap", "waits"))


def test_a_range_is_the_outcome_of_the_occurrences_within_it_only() -> None:
    missed = outcome("missed", "2024-04-01T12:00:00Z", "2024-06-01T12:00:00Z")

    assert explained(a_cron("0 12 * * *"), NOON, recorded=missed).outcome == "missed"
    assert explained(a_cron("0 12 * * *"), "2024-05-01T12:30:00Z", recorded=missed).outcome is None


def test_a_record_holds_though_the_rule_does_not_name_the_instant_any_more() -> None:
    found = explained(a_cron("0 13 * * *"), NOON, recorded=outcome(FIRED))

    assert found.outcome == "fired"
    assert "left_out" in {step.result for step in found.steps}


@pytest.mark.parametrize(
    ("status", "pending", "expected", "step"),
    [
        (PlanStatus.ACTIVE, True, "planned", ("pause", "passed")),
        (PlanStatus.PAUSED, True, "planned", ("pause", "waits")),
        (PlanStatus.COMPLETED, False, None, ("max_runs", "left_out")),
        (PlanStatus.ACTIVE, False, None, ("publish", "unknown")),
        (PlanStatus.CANCELLED, False, None, ("publish", "unknown")),
    ],
)
def test_an_occurrence_without_an_outcome_says_what_it_waits_for(
    status: PlanStatus, pending: bool, expected: str | None, step: tuple[str, str]
) -> None:
    found = explained(a_cron("0 12 * * *", max_runs=5), NOON, status=status, pending=pending)

    assert (found.outcome, last_step(found)) == (expected, step)


def test_an_occurrence_after_the_cancel_names_it() -> None:
    moment = Moment(
        instant(NOON), a_cron("0 12 * * *"), 4, instant(CREATED), PlanStatus.CANCELLED, timedelta(0), None, pending=False, spent=False
    )
    found = explain(replace(moment, cancelled=True))

    assert (found.outcome, last_step(found), found.steps[-1].detail) == (
        None,
        ("cancel", "left_out"),
        "revision 4 cancelled the plan before it",
    )


def test_an_occurrence_for_which_no_run_is_left_is_none() -> None:
    moment = Moment(
        instant(NOON), a_cron("0 12 * * *"), 1, instant(CREATED), PlanStatus.ACTIVE, timedelta(0), None, pending=True, spent=True
    )
    found = explain(moment)

    assert (found.outcome, last_step(found)) == (None, ("max_runs", "left_out"))


def test_a_jittered_occurrence_says_when_it_is_due() -> None:
    moment = Moment(
        instant(NOON),
        a_cron("0 12 * * *", jitter_seconds=3600),
        1,
        instant(CREATED),
        PlanStatus.ACTIVE,
        timedelta(minutes=7),
        None,
        pending=True,
        spent=False,
    )

    assert explain(moment).steps[-2].detail == "due at 2024-05-01T12:07:00Z"
