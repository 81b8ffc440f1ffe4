"""What a preview takes where the caller says nothing, and what it warns of, word for word (scheduling.md, sections 6 and 7)."""

import pytest

from planner.domain.preview import LIMIT_MAX, Asked, preview, preview_definition
from planner.domain.schedule import Schedule
from planner.domain.schedule_warnings import WarningCode
from support.schedules import a_cron, a_definition, a_rrule, a_schedule, an_interval, codes_of, instant

AFTER = "2026-03-01T12:34:56.7Z"


def warnings(schedule: Schedule, after: str = "2026-01-01T00:00:00Z") -> dict[str, str]:
    return {warning.code: warning.detail for warning in preview(schedule, Asked(instant(after)), runs_left=None).warnings}


def test_without_a_limit_ten_are_listed_and_a_thousand_is_the_most_that_may_be_asked_for() -> None:
    found = preview(an_interval(60), Asked(instant(AFTER)), runs_left=None)
    assert (len(found.occurrences), found.complete) == (10, False)
    assert LIMIT_MAX == 1000
    assert len(preview(an_interval(60), Asked(instant(AFTER), LIMIT_MAX), runs_left=None).occurrences) == 1000


@pytest.mark.parametrize(("after", "first"), [(AFTER, "2026-03-01T12:35:56Z"), (None, "1970-01-01T00:00:00Z")])
def test_an_intervals_missing_anchor_is_after_in_whole_seconds_or_the_beginning(after: str | None, first: str) -> None:
    given = a_definition(recurrence={"type": "interval", "every_seconds": 60})
    found = preview_definition(given, after=None if after is None else instant(after), limit=1, plan_id=None)
    assert [occurrence.scheduled_for for occurrence in found.occurrences] == [instant(first)]


@pytest.mark.parametrize(
    ("runs_left", "listed", "complete"), [(0, 0, True), (1, 1, True), (2, 2, True), (3, 3, True), (4, 3, False), (None, 3, False)]
)
def test_no_more_are_listed_than_runs_are_left_and_then_there_are_no_others(runs_left: int | None, listed: int, complete: object) -> None:
    found = preview(an_interval(60), Asked(instant(AFTER), 3), runs_left=runs_left)
    assert (len(found.occurrences), found.complete) == (listed, complete)


@pytest.mark.parametrize(
    ("schedule", "detail"),
    [
        (
            a_cron("0 0 29 2 *"),
            "the first occurrence is at 2028-02-29T00:00:00Z, the next at 2032-02-29T00:00:00Z",
        ),
        (
            a_cron("0 0 1 1 *", ends_at="2028-02-01T00:00:00Z", starts_at="2027-06-01T00:00:00Z"),
            "the first occurrence is at 2028-01-01T00:00:00Z and the only one",
        ),
        (a_cron("0 0 1 1 *"), None),
        (a_schedule(execute_at="2099-01-01T00:00:00Z"), None),
    ],
)
def test_a_sparse_schedule_is_told_with_its_first_two_occurrences(schedule: Schedule, detail: str | None) -> None:
    assert warnings(schedule).get(WarningCode.SPARSE) == detail


@pytest.mark.parametrize(
    ("rule", "start", "short"),
    [
        ("FREQ=YEARLY", "2026-01-31T00:00:00", False),
        ("FREQ=YEARLY", "2028-02-29T00:00:00", True),
        ("FREQ=MONTHLY", "2026-01-31T00:00:00", True),
        ("FREQ=MONTHLY", "2026-01-28T00:00:00", False),
        ("FREQ=MONTHLY;BYYEARDAY=60", "2026-01-31T00:00:00", False),
        ("FREQ=YEARLY;BYYEARDAY=60", "2028-02-29T00:00:00", False),
        ("FREQ=YEARLY;BYWEEKNO=9", "2028-02-29T00:00:00", False),
        ("FREQ=WEEKLY", "2026-01-31T00:00:00", False),
        ("FREQ=MONTHLY;BYDAY=5MO", "2026-01-01T00:00:00", True),
        ("FREQ=MONTHLY;BYDAY=4MO", "2026-01-01T00:00:00", False),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5", "2026-01-01T00:00:00", True),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-4", "2026-01-01T00:00:00", False),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=8", "2026-01-01T00:00:00", False),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=9", "2026-01-01T00:00:00", True),
        # With one time of day given besides, it picks among days all the same; with two, among times.
        ("FREQ=MONTHLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0;BYSETPOS=5", "2026-01-01T00:00:00", True),
        ("FREQ=MONTHLY;BYDAY=MO;BYHOUR=9,10;BYSETPOS=5", "2026-01-01T00:00:00", False),
        ("FREQ=YEARLY;BYDAY=MO;BYSETPOS=5", "2026-01-01T00:00:00", False),
    ],
)
def test_a_rule_that_leaves_out_short_months_is_warned_of_and_no_other(rule: str, start: str, short: object) -> None:
    assert (WarningCode.SHORT_MONTHS in warnings(a_rrule(rule, start))) is short


@pytest.mark.parametrize(("limit", "refused"), [(0, True), (1, False), (1000, False), (1001, True)])
def test_a_queue_holds_one_to_a_thousand(limit: int, refused: object) -> None:
    found = codes_of(a_definition(overlap={"policy": "queue_all", "limit": limit}))
    assert found == ([("/overlap/limit", "FIELD_OUT_OF_RANGE")] if refused else [])


def test_a_change_of_the_clock_is_warned_of_two_years_ahead_and_no_further() -> None:
    # Of a zone whose clock changes twice a year, a start in autumn sees the next spring; of one that never changes there is none.
    for zone, warned in (("Europe/Amsterdam", True), ("Asia/Kolkata", False), ("UTC", False)):
        assert (WarningCode.WILDCARD_AT_CHANGE in warnings(a_cron("*/15 9 * * *", zone))) is warned
    # Fiji's last change was in January 2021.
    fiji = a_cron("*/15 9 * * *", "Pacific/Fiji")
    assert WarningCode.WILDCARD_AT_CHANGE in warnings(fiji, "2019-01-20T00:00:00Z")
    assert WarningCode.WILDCARD_AT_CHANGE not in warnings(fiji, "2021-02-01T00:00:00Z")
