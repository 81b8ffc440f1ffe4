"""Which rules follow local time, and what a cursor remembers of its zone and its holiday list (scheduling.md, R3, R4, R9 and R11)."""

from typing import Any

import pytest
from msgspec import structs

from planner.domain.advance import label_offset_s
from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.plan import Cursor
from planner.domain.recompute import is_outdated
from planner.domain.recurrence.business_days import HolidayList, holiday_list
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus
from support.plans import MINUTELY, Book
from support.schedules import a_calendar, a_cron, a_rrule, a_schedule, an_interval, instant

AMSTERDAM = "Europe/Amsterdam"
WINTER, SUMMER = instant("2026-01-15T12:00:00Z"), instant("2026-07-15T12:00:00Z")
LIST = {"nl": holiday_list(4, ["2026-12-25"])}

OF_LABELS = {
    "cron": a_cron("30 9 * * *", AMSTERDAM),
    "calendar": a_calendar(AMSTERDAM, hour="9", day_of_month=[-1]),
    "rrule": a_rrule("FREQ=DAILY", "2026-01-01T09:00:00", AMSTERDAM),
}
OF_INSTANTS = {
    "cron of every minute": a_cron("* * * * *", AMSTERDAM),
    "cron of every second hour": a_cron("0 */2 * * *", AMSTERDAM),
    "calendar of every hour": a_calendar(AMSTERDAM, hour="*", day_of_month=[1]),
    "rrule of hours": a_rrule("FREQ=HOURLY", "2026-01-01T09:00:00", AMSTERDAM),
    "rrule of seconds": a_rrule("FREQ=SECONDLY;INTERVAL=90", "2026-01-01T09:00:00", AMSTERDAM),
    "interval": an_interval(3600),
    "one moment": a_schedule(execute_at="2026-08-01T09:00:00", timezone=AMSTERDAM),
}


@pytest.mark.parametrize("schedule", OF_LABELS.values(), ids=OF_LABELS)
def test_a_fixed_rule_names_labels_and_its_cursor_keeps_the_zones_offset(schedule: Schedule) -> None:
    assert schedule.names_labels
    assert (label_offset_s(WINTER, schedule), label_offset_s(SUMMER, schedule)) == (3600, 7200)


@pytest.mark.parametrize("schedule", OF_INSTANTS.values(), ids=OF_INSTANTS)
def test_a_rule_of_elapsed_time_names_none_and_its_cursor_keeps_no_offset(schedule: Schedule) -> None:
    assert not schedule.names_labels
    assert (label_offset_s(WINTER, schedule), label_offset_s(SUMMER, schedule)) == (None, None)


def test_an_offset_of_half_an_hour_is_kept_to_the_second() -> None:
    assert label_offset_s(WINTER, a_cron("0 9 * * *", "Asia/Kolkata")) == 19_800
    assert label_offset_s(WINTER, a_cron("0 9 * * *", "America/St_Johns")) == -12_600
    assert label_offset_s(WINTER, a_cron("0 9 * * *")) == 0


@pytest.mark.parametrize("schedule", [*OF_LABELS.values(), *OF_INSTANTS.values()], ids=[*OF_LABELS, *OF_INSTANTS])
def test_only_a_calendar_with_a_tenants_list_has_a_version_of_it(schedule: Schedule) -> None:
    assert schedule.calendar_version is None


def with_list(lists: dict[str, HolidayList] | None = None) -> Schedule:
    return a_calendar(calendars=lists or LIST, hour="9", roll="next", holiday_calendar="nl")


def test_a_schedule_has_the_version_of_the_list_that_it_was_compiled_with() -> None:
    assert with_list().calendar_version == 4
    assert with_list({"nl": holiday_list(5, [])}).calendar_version == 5


def a_cursor(**state: Any) -> Cursor:  # noqa: ANN401 of a cursor
    book = Book()
    return structs.replace(book.cursors[book.made(MINUTELY)], **state)


@pytest.mark.parametrize(
    ("schedule", "state", "outdated"),
    [
        # Another version of the zone database matters where a zone does.
        (OF_LABELS["cron"], {}, False),
        (OF_LABELS["cron"], {"tzdata": "1999a"}, True),
        (OF_INSTANTS["cron of every minute"], {"tzdata": "1999a"}, True),
        (OF_INSTANTS["one moment"], {"tzdata": "1999a"}, True),
        (OF_INSTANTS["interval"], {"tzdata": "1999a"}, False),
        (a_cron("0 9 * * *"), {"tzdata": "1999a"}, False),
        (a_cron("0 9 * * *", "Etc/UTC"), {"tzdata": "1999a"}, False),
        # Another version of the holiday list matters in any zone.
        (with_list(), {"calendar": 4}, False),
        (with_list(), {"calendar": 3}, True),
        (with_list(), {"calendar": None}, True),
        (with_list(), {"calendar": 4, "tzdata": "1999a"}, False),
        (OF_LABELS["cron"], {"calendar": 3}, True),
    ],
)
@pytest.mark.parametrize("status", PlanStatus)
def test_a_plan_that_has_not_ended_is_computed_anew_where_another_version_may_move_it(
    schedule: Schedule, state: dict[str, Any], outdated: object, status: PlanStatus
) -> None:
    ended = status in (PlanStatus.COMPLETED, PlanStatus.CANCELLED)
    assert is_outdated(a_cursor(status=status, **state), schedule) is (bool(outdated) and not ended)


def test_a_new_cursor_is_of_the_version_in_force() -> None:
    assert a_cursor().tzdata == TZDATA_VERSION
