"""Compiled schedules are kept while they are used: what makes two the same, and which one goes first."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from planner.domain.plan import CalendarState, Cursor, PlanRevision
from planner.domain.recurrence.once import Once
from planner.owner.schedules import Schedules
from support.plans import ACTION, MINUTELY, NOON, ONCE, Book

NINE = {"action": ACTION, "recurrence": {"type": "calendar", "hour": "9", "roll": "skip"}}


def a_plan(given: dict[str, Any], name: str = "made") -> tuple[PlanRevision, Cursor]:
    book = Book()
    plan = book.made(given, name=name)
    return book.revisions[plan], book.cursors[plan]


def test_a_revision_is_compiled_once() -> None:
    schedules = Schedules()
    plan = a_plan(MINUTELY)
    assert schedules.of(*plan) is schedules.of(*plan)


def test_another_revision_or_the_same_one_decided_anew_or_another_list_is_another_schedule() -> None:
    revision, cursor = a_plan(NINE)
    schedules = Schedules()
    first = schedules.of(revision, cursor)
    others = (
        schedules.of(replace(revision, number=2), cursor),
        schedules.of(replace(revision, updated_at=NOON + timedelta(seconds=1)), cursor),
        schedules.of(revision, cursor, CalendarState("nl", 1, ("2026-03-02",), False, NOON, "key:1")),
        schedules.of(revision, cursor, CalendarState("nl", 2, (), False, NOON, "key:1")),
    )
    assert len({id(schedule) for schedule in (first, *others)}) == 5
    assert schedules.of(revision, cursor) is first


def test_the_schedule_that_was_not_used_for_longest_goes_first() -> None:
    schedules = Schedules(limit=2)
    one, two, three = (a_plan(MINUTELY, name) for name in ("one", "two", "three"))
    kept, dropped = schedules.of(*one), schedules.of(*two)
    assert schedules.of(*one) is kept
    schedules.of(*three)
    assert schedules.of(*one) is kept
    assert schedules.of(*two) is not dropped


def test_as_many_are_kept_as_the_limit_says() -> None:
    schedules = Schedules(limit=3)
    plans = [a_plan(MINUTELY, name) for name in ("one", "two", "three")]
    first = [schedules.of(*plan) for plan in plans]
    assert [schedules.of(*plan) for plan in plans] == first
    assert all(again is kept for again, kept in zip((schedules.of(*plan) for plan in plans), first, strict=True))


@pytest.mark.parametrize("other", [{"timezone": "Europe/Amsterdam"}, {"jitter_seconds": 60}, {"misfire": {"max_lateness_seconds": 5}}])
def test_one_shots_share_what_they_have_in_common_and_each_has_its_own_instant(other: dict[str, Any]) -> None:
    schedules = Schedules()
    noon = schedules.of(*a_plan(ONCE))
    later = schedules.of(*a_plan(ONCE | {"execute_at": "2026-03-01T14:00:00Z"}, "later"))
    assert [schedule.rule for schedule in (noon, later)] == [Once(NOON + timedelta(hours=hours)) for hours in (1, 2)]
    assert replace(later, rule=noon.rule) == noon
    unlike = schedules.of(*a_plan(ONCE | other, "unlike"))
    assert replace(unlike, rule=noon.rule) != noon
