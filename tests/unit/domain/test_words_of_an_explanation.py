"""What each step says of an instant, word for word where a user reads a number or a name (scheduling.md, section 5.6, "Explained")."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from planner.domain.explain import Explanation, Moment, explain
from planner.domain.outcomes import PLANNED
from planner.domain.recurrence.business_days import holiday_list
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus
from support.schedules import a_calendar, a_cron, a_rrule, a_schedule, an_interval, instant

AMSTERDAM, NEW_YORK = "Europe/Amsterdam", "America/New_York"
NOON = "2026-03-02T12:00:00Z"
DAILY = a_cron("0 12 * * *")


def explained(schedule: Schedule, at: str = NOON, **known: Any) -> Explanation:  # noqa: ANN401 any field of a moment
    moment = Moment(
        at=instant(at),
        schedule=schedule,
        revision=3,
        created_at=instant("2020-01-01T00:00:00Z"),
        status=PlanStatus.ACTIVE,
        lag=timedelta(0),
        recorded=None,
        pending=True,
        spent=False,
    )
    return explain(replace(moment, **known))


def said(found: Explanation) -> dict[str, str]:
    return {step.step.value: step.detail for step in found.steps}


@pytest.mark.parametrize(
    ("schedule", "detail"),
    [
        (DAILY, "the rule names 2026-03-02T12:00:00"),
        (a_cron("0 7 * * *", NEW_YORK), "the rule names 2026-03-02T07:00:00"),
        (an_interval(7200), "a multiple of 7200 s after 2026-01-01T00:00:00Z"),
        (a_schedule(recurrence={"type": "interval", "every": "PT30M", "anchor": NOON}), f"a multiple of 1800 s after {NOON}"),
        (a_schedule(execute_at=NOON), "execute_at"),
        (a_rrule("FREQ=HOURLY", "2026-03-01T00:00:00"), "a step from DTSTART that passes"),
    ],
)
def test_what_the_rule_names_is_told_by_its_kind(schedule: Schedule, detail: str) -> None:
    found = explained(schedule)
    assert (found.outcome, said(found)["expand"]) == (PLANNED, detail)


@pytest.mark.parametrize(
    ("bounds", "detail"),
    [
        ({}, "neither starts_at nor ends_at is set"),
        ({"starts_at": NOON}, "within starts_at"),
        ({"ends_at": NOON}, "within ends_at"),
        ({"starts_at": NOON, "ends_at": NOON}, "within starts_at and ends_at"),
    ],
)
def test_the_bounds_that_are_given_are_named_and_both_are_inclusive(bounds: dict[str, str], detail: str) -> None:
    assert said(explained(a_cron("0 12 * * *", **bounds)))["bounds"] == detail


@pytest.mark.parametrize(("at", "which"), [("2026-11-01T05:30:00Z", "first"), ("2026-11-01T06:30:00Z", "second")])
@pytest.mark.parametrize("fold", ["first", "last", "both"])
def test_of_a_repeated_label_the_pass_is_named_and_taken_as_fold_says(at: str, which: str, fold: str) -> None:
    taken = fold == "both" or (fold == "first") is (which == "first")
    found = explained(a_cron("30 1 * * *", NEW_YORK, dst={"fold": fold}), at)
    text = f"the {which} pass of 2026-11-01T01:30:00; fold is {fold}"
    assert (found.outcome, said(found)["dst"]) == ((PLANNED, text) if taken else (None, "this is " + text.replace("; fold", ", and fold")))


@pytest.mark.parametrize(("at", "label"), [("2026-11-01T07:00:00Z", "02:00:00"), ("2026-11-01T04:59:00Z", "00:59:00")])
@pytest.mark.parametrize("fold", ["first", "last"])
def test_the_labels_beside_a_repeated_hour_are_unique(at: str, label: str, fold: str) -> None:
    minute, hour = label[3:5], label[:2]
    found = explained(a_cron(f"{minute} {hour} * * *", NEW_YORK, dst={"fold": fold}), at)
    assert (found.outcome, said(found)["dst"]) == (PLANNED, f"2026-11-01T{label} is unique")


def test_an_instant_to_which_a_gap_leads_says_that_the_rule_names_the_missing_label() -> None:
    found = said(explained(a_cron("30 2 * * *", AMSTERDAM), "2026-03-29T01:00:00Z"))
    assert found["expand"] == "the rule names 2026-03-29T02:30:00"
    assert found["dst"] == "2026-03-29T02:30:00 is missing in Europe/Amsterdam; gap next_valid gives this instant"


def test_of_a_missing_label_that_is_skipped_the_rule_is_passed_and_the_change_of_the_clock_leaves_it_out() -> None:
    for schedule in (a_cron("30 2 * * *", AMSTERDAM, dst={"gap": "skip"}), a_cron("*/30 2 * * *", AMSTERDAM)):
        found = explained(schedule, "2026-03-29T01:00:00Z")
        assert [(step.step, step.result) for step in found.steps] == [("expand", "passed"), ("dst", "left_out")]


def test_the_first_instant_after_a_gap_owes_nothing_to_it_where_only_its_own_label_is_named() -> None:
    found = said(explained(a_cron("0 3 * * *", AMSTERDAM), "2026-03-29T01:00:00Z"))
    assert (found["expand"], found["dst"]) == ("the rule names 2026-03-29T03:00:00", "2026-03-29T03:00:00 is unique")


def test_of_several_lists_only_the_one_with_the_holiday_is_named() -> None:
    lists = {"be": holiday_list(1, ["2026-07-21"]), "nl": holiday_list(1, ["2026-05-27"])}
    schedule = a_calendar(calendars=lists, hour="9", roll="next", holiday_calendar="nl")
    detail = said(explained(schedule, "2026-05-28T09:00:00Z", calendars=lists))["roll"]
    assert detail == "moved here, by roll next, from Wednesday 2026-05-27 (a holiday of the list nl)"
    own = a_calendar(calendars=lists, hour="9", roll="next", holiday_calendar="nl", holidays=["2026-05-28"])
    detail = said(explained(own, "2026-05-29T09:00:00Z", calendars=lists))["roll"]
    assert detail.endswith("from Wednesday 2026-05-27 (a holiday of the list nl), Thursday 2026-05-28 (a holiday)")


LIMITED = a_cron("0 12 * * *", max_runs=5)


@pytest.mark.parametrize(
    ("schedule", "known", "outcome", "step", "detail"),
    [
        (DAILY, {}, PLANNED, "pause", "the plan is not paused; what is due is decided when its turn comes"),
        (DAILY, {"status": PlanStatus.PAUSED}, PLANNED, "pause", "it waits for the plan's resume"),
        (LIMITED, {"spent": True}, None, "max_runs", "max_runs, 5, leaves no run for it"),
        (LIMITED, {"spent": True, "status": PlanStatus.PAUSED}, None, "max_runs", "max_runs, 5, leaves no run for it"),
        (LIMITED, {"pending": False, "status": PlanStatus.COMPLETED}, None, "max_runs", "the plan completed with max_runs, 5"),
        (
            LIMITED,
            {"pending": False, "spent": True, "status": PlanStatus.COMPLETED},
            None,
            "max_runs",
            "the plan completed with max_runs, 5",
        ),
        (DAILY, {"pending": False, "cancelled": True}, None, "cancel", "revision 3 cancelled the plan before it"),
        (
            DAILY,
            {"pending": False, "status": PlanStatus.COMPLETED},
            None,
            "publish",
            "no outcome is recorded: it is older than records are kept, or on its way",
        ),
    ],
)
def test_what_became_of_an_occurrence_without_a_record_is_told_by_what_is_known_of_the_plan(
    schedule: Schedule, known: dict[str, Any], outcome: str | None, step: str, detail: str
) -> None:
    found = explained(schedule, **known)
    assert (found.outcome, found.steps[-1].step, found.steps[-1].detail) == (outcome, step, detail)


def test_a_due_time_is_explained_by_its_nominal_time_and_says_so() -> None:
    jittered, lag = a_cron("0 12 * * *", jitter_seconds=600), timedelta(seconds=41.945)
    assert said(explained(jittered, lag=lag))["jitter"] == "due at 2026-03-02T12:00:41.945000Z"
    assert said(explained(DAILY))["jitter"] == "jitter_seconds is 0"
    found = explained(jittered, lag=lag, asked=instant(NOON) + lag)
    assert (found.at, said(found)["jitter"]) == (
        instant(NOON) + lag,
        f"2026-03-02T12:00:41.945000Z is the due time of {NOON}, which is explained here",
    )
