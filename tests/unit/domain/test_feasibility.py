"""What fields mean together: applicability, zone and dates, and whether anything will ever fire."""

from datetime import timedelta
from typing import Any

import pytest

from support.schedules import PLAN_ID, a_definition, codes_of, faults_of

NOW = "2026-03-01T10:00:00Z"
DAILY = {"type": "cron", "expression": "0 9 * * *"}
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"starts_at": NOW, "ends_at": NOW, "max_runs": 1}, ["/starts_at", "/ends_at", "/max_runs"]),
        ({"max_runs": 1}, ["/max_runs"]),
    ],
)
def test_a_one_shot_takes_no_bounds(fields: dict[str, Any], expected: list[str]) -> None:
    assert codes_of(a_definition(execute_at="2026-03-02T09:00:00Z", **fields)) == [
        (pointer, "FIELD_NOT_APPLICABLE") for pointer in expected
    ]


def test_bounds_are_not_judged_while_it_is_open_which_schedule_is_meant() -> None:
    given = a_definition(execute_at="2026-03-02T09:00:00Z", recurrence=DAILY, max_runs=1)

    assert codes_of(given) == [("/recurrence", "FIELD_CONFLICT")]


def test_a_faulty_bound_of_a_one_shot_is_told_for_its_own_fault() -> None:
    assert codes_of(a_definition(execute_at="2026-03-02T09:00:00Z", max_runs=0)) == [("/max_runs", "FIELD_OUT_OF_RANGE")]


@pytest.mark.parametrize(
    "fields",
    [
        {"recurrence": {"type": "cron", "expression": "*/15 2 * * *"}},
        {"recurrence": {"type": "cron", "expression": "@hourly"}},
        {"recurrence": {"type": "interval", "every_seconds": 60}},
        {"execute_at": "2026-03-02T09:00:00Z"},
        {"execute_at": "2026-03-02T09:00:00+00:00"},
    ],
)
def test_what_follows_elapsed_time_takes_no_dst_policy(fields: dict[str, Any]) -> None:
    policy = {"gap": "next_valid" if "execute_at" in fields else "skip"}

    assert codes_of(a_definition(**fields, dst=policy)) == [("/dst", "DST_POLICY_NOT_APPLICABLE")]
    assert codes_of(a_definition(**fields)) == []


def test_bounds_may_meet_and_not_cross() -> None:
    assert codes_of(a_definition(starts_at=NOW, ends_at=NOW)) == []
    assert codes_of(a_definition(starts_at=NOW, ends_at="2026-03-01T09:59:59.999999Z")) == [("/ends_at", "BOUNDS_REVERSED")]


class TestALabel:
    """A local `execute_at`."""

    def test_needs_a_zone_that_is_given(self) -> None:
        assert codes_of(a_definition(execute_at="2024-07-01T09:00:00")) == [("/timezone", "TZ_REQUIRED")]

    def test_in_an_unknown_zone_is_told_for_the_zone_only(self) -> None:
        assert codes_of(a_definition(execute_at="2024-03-10T02:30:00", timezone="Mars/Olympus")) == [("/timezone", "TZ_UNKNOWN")]

    @pytest.mark.parametrize(
        ("execute_at", "timezone"),
        [("2200-12-31T23:30:00", NEW_YORK), ("1970-01-01T00:30:00", "Asia/Tokyo"), ("1970-01-01T08:59:59", "Asia/Tokyo")],
    )
    def test_whose_instant_is_out_of_range_is_refused(self, execute_at: str, timezone: str) -> None:
        assert codes_of(a_definition(execute_at=execute_at, timezone=timezone)) == [("/execute_at", "SCHEDULE_DATE_OUT_OF_RANGE")]

    @pytest.mark.parametrize(("execute_at", "timezone"), [("2200-12-31T18:59:59", NEW_YORK), ("1970-01-01T09:00:00", "Asia/Tokyo")])
    def test_whose_instant_is_just_in_range_is_accepted(self, execute_at: str, timezone: str) -> None:
        assert codes_of(a_definition(execute_at=execute_at, timezone=timezone)) == []

    def test_in_a_gap_is_refused_with_what_it_may_mean(self) -> None:
        (fault,) = faults_of(a_definition(execute_at="2024-03-10T02:30:00", timezone=NEW_YORK, dst={"fold": "first"}))

        assert (fault.pointer, fault.code, fault.hint) == ("/execute_at", "LOCAL_TIME_NONEXISTENT", "give an offset, or dst.gap")
        assert "next_valid is 2024-03-10T07:00:00Z, shift 2024-03-10T07:30:00Z" in fault.detail

    def test_in_a_fold_is_refused_with_what_it_may_mean(self) -> None:
        (fault,) = faults_of(a_definition(execute_at="2024-11-03T01:30:00", timezone=NEW_YORK, dst={"gap": "shift"}))

        assert (fault.pointer, fault.code, fault.hint) == ("/execute_at", "LOCAL_TIME_AMBIGUOUS", "give an offset, or dst.fold")
        assert "2024-11-03T05:30:00Z and 2024-11-03T06:30:00Z" in fault.detail


class TestAnOffset:
    """A numeric offset, where a zone is given too."""

    @pytest.mark.parametrize("execute_at", ["2024-11-03T01:30:00-04:00", "2024-11-03T01:30:00-05:00", "2024-11-03T05:30:00Z"])
    def test_that_is_in_force_is_accepted_and_so_is_z(self, execute_at: str) -> None:
        assert codes_of(a_definition(execute_at=execute_at, timezone=NEW_YORK)) == []

    @pytest.mark.parametrize("execute_at", ["2024-07-01T09:00:00-05:00", "2024-07-01T09:00:00+00:00"])
    def test_that_is_not_in_force_is_refused_with_the_right_one(self, execute_at: str) -> None:
        (fault,) = faults_of(a_definition(execute_at=execute_at, timezone=NEW_YORK))

        assert (fault.pointer, fault.code) == ("/execute_at", "OFFSET_TZ_MISMATCH")
        assert "-04:00" in fault.detail

    def test_needs_no_zone(self) -> None:
        assert codes_of(a_definition(execute_at="2024-07-01T09:00:00-05:00")) == []


class TestWhatNeverFires:
    """Nothing that can never fire is stored."""

    def test_is_a_rule_without_a_day_even_in_a_preview(self) -> None:
        fields = {"recurrence": {"type": "cron", "expression": "0 0 30 2 *"}}

        assert codes_of(a_definition(**fields)) == [("/recurrence", "SCHEDULE_NEVER_FIRES")]
        assert codes_of(a_definition(**fields), now=NOW) == [("/recurrence", "SCHEDULE_NEVER_FIRES")]

    def test_is_a_schedule_without_an_occurrence_in_its_bounds(self) -> None:
        given = a_definition(recurrence=DAILY, starts_at="2026-03-02T09:00:01Z", ends_at="2026-03-03T08:59:59Z")

        (fault,) = faults_of(given, now=NOW)

        assert (fault.pointer, fault.code) == ("/recurrence", "SCHEDULE_NEVER_FIRES")
        end = "ends_at, 2026-03-03T08:59:59Z, lies before the first occurrence"
        assert fault.detail == f"{end}; without it the next would be 2026-03-03T09:00:00Z"
        assert codes_of(given) == []

    def test_is_an_interval_that_begins_after_its_end(self) -> None:
        recurrence = {"type": "interval", "every_seconds": 60, "anchor": "2027-01-01T00:00:00Z"}

        assert codes_of(a_definition(recurrence=recurrence, ends_at="2026-12-31T00:00:00Z"), now=NOW) == [
            ("/recurrence", "SCHEDULE_NEVER_FIRES")
        ]

    def test_is_an_interval_whose_end_has_passed_before_it_was_made(self) -> None:
        given = a_definition(recurrence={"type": "interval", "every": "PT1H"}, ends_at="2026-01-01T00:00:00Z")

        (fault,) = faults_of(given, now=NOW)

        assert (fault.pointer, fault.code) == ("/recurrence", "SCHEDULE_NEVER_FIRES")
        end = "ends_at, 2026-01-01T00:00:00Z, has passed"
        assert fault.detail == f"{end}; without it the next would be 2026-03-01T11:00:00Z"

    def test_says_so_where_not_even_later_is_one(self) -> None:
        recurrence = {"type": "cron", "expression": "0 0 29 2 *"}

        (fault,) = faults_of(a_definition(recurrence=recurrence, starts_at="2197-01-01T00:00:00Z"), now=NOW)

        assert (fault.code, "none at all" in fault.detail) == ("SCHEDULE_NEVER_FIRES", True)


class TestThePast:
    """Create and update refuse what is over; a preview does not."""

    def test_of_a_recurrence_is_an_end_before_now(self) -> None:
        given = a_definition(recurrence=DAILY, ends_at="2026-03-01T09:00:00Z")

        assert codes_of(given, now=NOW) == [("/recurrence", "SCHEDULE_IN_PAST")]
        assert codes_of(given, now="2026-03-01T08:59:59.999999Z") == []
        assert codes_of(given) == []

    @pytest.mark.parametrize(
        ("fields", "detail"),
        [
            (
                {"recurrence": DAILY, "ends_at": "2026-03-01T09:00:00Z"},
                "ends_at, 2026-03-01T09:00:00Z, has passed; without it the next would be 2026-03-02T09:00:00Z",
            ),
            (
                {"recurrence": DAILY, "ends_at": "2026-03-02T08:00:00Z"},
                "ends_at, 2026-03-02T08:00:00Z, lies before the next occurrence; without it the next would be 2026-03-02T09:00:00Z",
            ),
            (
                {"recurrence": {"type": "rrule", "rule": "FREQ=DAILY;COUNT=2", "dtstart": "2026-01-01T00:00:00"}},
                "its last occurrence is over",
            ),
            (
                {"execute_at": "2026-03-01T08:00:00Z", "misfire": {"max_lateness_seconds": 90}},
                "execute_at is longer ago than misfire.max_lateness_seconds allows, 90 s",
            ),
        ],
    )
    def test_is_told_with_what_would_still_come(self, fields: dict[str, Any], detail: str) -> None:
        (fault,) = faults_of(a_definition(**fields), now=NOW)

        assert (fault.code, fault.detail) == ("SCHEDULE_IN_PAST", detail)

    @pytest.mark.parametrize(("execute_at", "refused"), [("2026-03-01T09:00:00Z", False), ("2026-03-01T08:59:59.999999Z", True)])
    def test_of_a_one_shot_begins_when_its_window_is_over(self, execute_at: str, *, refused: bool) -> None:
        expected = [("/execute_at", "SCHEDULE_IN_PAST")] if refused else []

        assert codes_of(a_definition(execute_at=execute_at), now=NOW) == expected
        assert codes_of(a_definition(execute_at=execute_at)) == []

    def test_of_a_one_shot_without_a_limit_of_lateness_never_begins(self) -> None:
        assert codes_of(a_definition(execute_at="1970-01-01T00:00:00Z", misfire={"max_lateness_seconds": None}), now=NOW) == []

    def test_is_judged_by_the_plans_own_jitter_where_the_plan_is_known(self) -> None:
        # The plan's delay is 41.945 s of the 600 s it might be.
        given = a_definition(execute_at="2026-03-01T08:59:00Z", jitter_seconds=600)

        assert codes_of(given, now=NOW, plan_id=PLAN_ID) == [("/execute_at", "SCHEDULE_IN_PAST")]
        assert codes_of(given, now=NOW) == []


class TestSpacing:
    """The tenant's minimum between the first hundred occurrences."""

    @pytest.mark.parametrize(("seconds", "refused"), [(59, True), (60, False)])
    def test_of_an_interval_is_its_period(self, seconds: int, *, refused: bool) -> None:
        given = a_definition(recurrence={"type": "interval", "every_seconds": seconds})

        assert bool(codes_of(given, now=NOW, spacing_min=timedelta(seconds=60))) is refused

    def test_of_a_rule_is_between_any_two_neighbours(self) -> None:
        given = a_definition(recurrence={"type": "cron", "expression": "0,1 9 * * 1"})

        (fault,) = faults_of(given, now=NOW, spacing_min=timedelta(seconds=61))

        assert (fault.pointer, fault.code) == ("/recurrence", "SCHEDULE_TOO_FREQUENT")
        assert codes_of(given, now=NOW, spacing_min=timedelta(seconds=60)) == []

    def test_of_a_second_is_always_kept_by_a_rule(self) -> None:
        assert codes_of(a_definition(recurrence={"type": "cron", "expression": "* * * * * *"}), now=NOW) == []

    @pytest.mark.parametrize(("fraction", "refused"), [("59.75", True), ("59", False)])
    def test_of_a_second_need_not_be_kept_by_dates_that_are_given(self, fraction: str, *, refused: bool) -> None:
        dates = {"dtstart": "2200-01-01T00:00:00", "rdates": [f"2199-12-31T23:59:{fraction}Z"]}
        given = a_definition(recurrence={"type": "rrule", "rule": "FREQ=DAILY", **dates})

        assert codes_of(given, now=NOW) == ([("/recurrence", "SCHEDULE_TOO_FREQUENT")] if refused else [])
