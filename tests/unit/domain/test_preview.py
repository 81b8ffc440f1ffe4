from datetime import date
from typing import Any

import pytest

from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.errors import DefinitionInvalidError
from planner.domain.preview import Asked, Preview, parse_after, preview, preview_definition
from planner.domain.recurrence.business_days import HolidayList
from support.schedules import PLAN_ID, a_cron, a_definition, a_schedule, instant

AMSTERDAM = "Europe/Amsterdam"
NEW_YORK = "America/New_York"
SPRING = "2024-03-30T12:00:00Z"
AUTUMN = "2024-11-03T05:00:00Z"


def previewed(after: object = SPRING, *, limit: int = 10, plan_id: str | None = None, **fields: object) -> Preview:
    return preview_definition(fields, after=after, limit=limit, plan_id=plan_id)


def cron(expression: str) -> dict[str, Any]:
    return {"type": "cron", "expression": expression}


def flags(found: Preview) -> list[tuple[str, ...]]:
    return [occurrence.flags for occurrence in found.occurrences]


def codes(given: dict[str, Any], *, after: object = SPRING) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionInvalidError) as refused:
        preview_definition(given, after=after, limit=1, plan_id=None)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def test_a_preview_is_shown_with_times_labels_flags_and_the_zone_database() -> None:
    found = previewed(limit=1, recurrence=cron("30 2 * * *"), timezone=AMSTERDAM)

    assert found.document() == {
        "occurrences": [
            {
                "scheduled_for": "2024-03-31T01:00:00Z",
                "due_at": "2024-03-31T01:00:00Z",
                "local": "2024-03-31T03:00:00+02:00",
                "flags": ["dst_gap"],
            }
        ],
        "complete": False,
        "warnings": [],
        "canonical": "30 2 * * *",
        "tzdata": TZDATA_VERSION,
    }


def test_an_offset_of_an_old_zone_is_shown_with_its_seconds() -> None:
    found = previewed(None, limit=1, execute_at="1971-06-01T12:00:00Z", timezone="Africa/Monrovia")

    assert found.occurrences[0].local.isoformat() == "1971-06-01T11:15:30-00:44:30"


def test_a_label_that_comes_to_the_same_instant_as_a_missing_one_has_its_flag() -> None:
    found = previewed(limit=2, recurrence=cron("0,30 2,3 * * *"), timezone=AMSTERDAM)

    assert flags(found) == [("dst_gap",), ()]


@pytest.mark.parametrize(
    ("gap", "expected"), [("next_valid", [("dst_gap",), ()]), ("shift", [("dst_gap",), ()]), ("skip", [(), ()])], ids=str
)
def test_a_missing_label_has_its_flag_however_it_is_resolved(gap: str, expected: list[tuple[str, ...]]) -> None:
    found = previewed(limit=2, recurrence=cron("30 2 * * *"), timezone=AMSTERDAM, dst={"gap": gap})

    assert flags(found) == expected


@pytest.mark.parametrize("recurrence", [cron("30 * * * *"), {"type": "interval", "every_seconds": 3600, "anchor": "2024-11-03T04:30:00Z"}])
def test_a_repeated_label_has_its_flag_in_both_passes_whatever_named_it(recurrence: dict[str, Any]) -> None:
    found = previewed(AUTUMN, limit=3, recurrence=recurrence, timezone=NEW_YORK)

    assert flags(found) == [("dst_fold",), ("dst_fold",), ()]


def test_a_one_shot_has_the_flags_of_its_label_and_none_where_it_is_an_instant() -> None:
    missing = previewed(None, execute_at="2024-03-31T02:30:00", timezone=AMSTERDAM, dst={"gap": "next_valid"})
    same_instant = previewed(None, execute_at="2024-03-31T01:00:00Z", timezone=AMSTERDAM)
    repeated = previewed(None, execute_at="2024-11-03T06:30:00Z", timezone=NEW_YORK)

    assert missing.occurrences[0].scheduled_for == same_instant.occurrences[0].scheduled_for
    assert (flags(missing), flags(same_instant), flags(repeated)) == ([("dst_gap",)], [()], [("dst_fold",)])


def test_an_rdate_that_is_a_missing_label_has_its_flag() -> None:
    recurrence = {
        "type": "rrule",
        "rule": "FREQ=YEARLY;COUNT=1",
        "dtstart": "2024-01-01T09:00:00",
        "rdates": ["2024-03-31T02:30:00", "2024-03-31T12:00:00"],
    }

    assert flags(previewed(recurrence=recurrence, timezone=AMSTERDAM)) == [("dst_gap",), ()]


def test_a_rule_that_ended_before_a_gap_gives_an_rdate_there_no_flag() -> None:
    recurrence = {
        "type": "rrule",
        "rule": "FREQ=DAILY;UNTIL=20240330T235959Z",
        "dtstart": "2024-03-29T02:30:00",
        "rdates": ["2024-03-31T03:30:00"],
    }

    assert flags(previewed(recurrence=recurrence, timezone=AMSTERDAM)) == [()]


def test_an_occurrence_that_was_moved_to_a_business_day_has_its_flag() -> None:
    recurrence = {"type": "calendar", "hour": "9", "day_of_month": "1", "roll": "next"}
    found = previewed("2024-05-31T00:00:00Z", limit=3, recurrence=recurrence)

    assert [f"{occurrence.local:%a %d}" for occurrence in found.occurrences] == ["Mon 03", "Mon 01", "Thu 01"]
    assert flags(found) == [("rolled",), (), ()]
    assert found.canonical is None


def test_a_rolled_date_may_be_a_missing_day_too() -> None:
    recurrence = {"type": "calendar", "minute": "30", "hour": "2", "day_of_month": "30", "roll": "next", "workdays": ["SUN"]}

    assert flags(previewed(limit=1, recurrence=recurrence, timezone=AMSTERDAM)) == [("dst_gap", "rolled")]


def test_a_holiday_list_is_looked_up_among_those_of_the_tenant() -> None:
    given = {"recurrence": {"type": "calendar", "day_of_month": "1", "roll": "next", "holiday_calendar": "nl"}}
    lists = {"nl": HolidayList(1, frozenset({(date(2024, 7, 1) - date(1970, 1, 1)).days}))}
    found = preview_definition(given, after="2024-06-15T00:00:00Z", limit=1, plan_id=None, calendars=lists)

    assert (f"{found.occurrences[0].local:%a %d}", flags(found)) == ("Tue 02", [("rolled",)])
    assert codes(given) == [("/recurrence/holiday_calendar", "HOLIDAY_CALENDAR_UNKNOWN")]


def test_steps_of_elapsed_time_come_from_no_missing_label() -> None:
    recurrence = {"type": "rrule", "rule": "FREQ=HOURLY", "dtstart": "2024-03-31T00:30:00"}

    assert flags(previewed(limit=3, recurrence=recurrence, timezone=AMSTERDAM)) == [(), (), ()]


def test_jitter_moves_what_is_due_and_is_unknown_without_the_plan() -> None:
    given: dict[str, Any] = {"execute_at": "2026-01-01T10:00:00Z", "jitter_seconds": 600}
    known, unknown = (previewed(None, plan_id=plan_id, **given).document()["occurrences"][0] for plan_id in (PLAN_ID, None))

    assert known["due_at"] == "2026-01-01T10:00:41.945000Z"
    assert "due_at" not in unknown
    assert known["flags"] == unknown["flags"] == ["jittered"]


def test_a_preview_looks_one_further_to_say_that_it_is_complete() -> None:
    recurrence = {"type": "rrule", "rule": "FREQ=DAILY;COUNT=3", "dtstart": "2024-05-01T09:00:00"}

    assert not previewed(limit=1, recurrence=recurrence).complete
    assert not previewed(limit=1, recurrence={**recurrence, "rule": "FREQ=DAILY;COUNT=2"}).complete
    assert not previewed(limit=2, recurrence=recurrence).complete
    assert previewed(limit=3, recurrence=recurrence).complete
    assert previewed(limit=4, recurrence=recurrence).complete


@pytest.mark.parametrize(("limit", "shown", "complete"), [(1, 1, False), (2, 2, False), (3, 3, True), (4, 3, True)])
def test_no_more_occurrences_are_shown_than_the_plan_may_run(limit: int, shown: int, complete: bool) -> None:
    found = previewed(limit=limit, recurrence=cron("0 0 * * *"), max_runs=3)

    assert (len(found.occurrences), found.complete) == (shown, complete)


@pytest.mark.parametrize(("left", "shown"), [(0, 0), (2, 2), (None, 10)])
def test_a_stored_plan_shows_the_runs_that_are_left(left: int | None, shown: int) -> None:
    found = preview(a_cron("0 0 * * *", max_runs=3), Asked(instant(SPRING)), runs_left=left)

    assert (len(found.occurrences), found.complete) == (shown, left is not None)


def test_an_interval_without_an_anchor_begins_where_the_preview_does() -> None:
    found = previewed(instant("2024-05-01T12:00:00.5Z"), limit=2, recurrence={"type": "interval", "every": "PT1H"})

    assert [occurrence.local.isoformat() for occurrence in found.occurrences] == ["2024-05-01T13:00:00+00:00", "2024-05-01T14:00:00+00:00"]
    assert found.canonical is None


def test_an_interval_without_an_anchor_begins_with_the_first_instant_if_nothing_else_is_said() -> None:
    found = previewed(None, limit=1, recurrence={"type": "interval", "every": "PT1H"})

    assert found.occurrences[0].local.isoformat() == "1970-01-01T00:00:00+00:00"


def test_what_is_over_or_outside_of_its_bounds_is_an_empty_preview() -> None:
    past = previewed(execute_at="2020-01-01T00:00:00Z")
    bounded = previewed(recurrence=cron("0 0 1 1 *"), starts_at="2024-02-01T00:00:00Z", ends_at="2024-03-01T00:00:00Z")

    assert [(found.occurrences, found.complete) for found in (past, bounded)] == [((), True), ((), True)]


def test_the_policies_are_judged_though_they_have_no_effect() -> None:
    assert codes({"recurrence": cron("0 0 * * *"), "misfire": {"coalesce": "some"}}) == [("/misfire/coalesce", "FIELD_INVALID")]


def test_an_action_may_be_given_but_need_not() -> None:
    assert previewed(limit=1, **a_definition()).occurrences
    assert previewed(limit=1, **a_definition(action=None)).occurrences
    assert codes({**a_definition(), "action": "No Action"}) == [("/action", "ACTION_INVALID")]


@pytest.mark.parametrize(
    ("after", "code"),
    [
        ("yesterday", "DATETIME_INVALID"),
        ("2024-01-01T00:00:00", "DATETIME_INVALID"),
        (1_700_000_000, "DATETIME_INVALID"),
        (False, "DATETIME_INVALID"),
        ("1969-12-31T23:59:59Z", "SCHEDULE_DATE_OUT_OF_RANGE"),
        ("2201-01-01T00:00:00Z", "SCHEDULE_DATE_OUT_OF_RANGE"),
    ],
    ids=str,
)
def test_a_beginning_that_is_no_instant_is_refused(after: object, code: str) -> None:
    assert codes({"recurrence": cron("0 0 * * *")}, after=after) == [("/after", code)]


def test_the_beginning_of_a_stored_plans_preview_is_judged_alone() -> None:
    assert parse_after(SPRING) == instant(SPRING)
    assert parse_after(None) is None
    with pytest.raises(DefinitionInvalidError, match="/after"):
        parse_after("tomorrow")


def test_faults_of_the_beginning_stand_among_those_of_the_schedule_by_stage() -> None:
    given = {"recurrence": cron("0 0 31 2 *"), "timezone": "Mars/Base"}

    assert codes(given, after="2024-01-01T00:00:00") == [
        ("/timezone", "TZ_UNKNOWN"),
        ("/after", "DATETIME_INVALID"),
        ("/recurrence", "SCHEDULE_NEVER_FIRES"),
    ]


def test_a_rule_without_any_occurrence_is_refused() -> None:
    recurrence = {"type": "rrule", "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "dtstart": "2024-01-01T00:00:00"}

    assert codes({"recurrence": recurrence}) == [("/recurrence", "SCHEDULE_NEVER_FIRES")]


def test_a_compiled_schedule_gives_the_same_preview_as_its_definition() -> None:
    fields: dict[str, Any] = {"recurrence": cron("30 1 * * *"), "timezone": NEW_YORK, "jitter_seconds": 60}
    asked = Asked(instant(AUTUMN), 5, PLAN_ID)

    assert preview(a_schedule(**fields), asked, runs_left=None) == previewed(AUTUMN, limit=5, plan_id=PLAN_ID, **fields)
