"""Another version of the zone database (scheduling.md, R11)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.decide import recomputed_plan
from planner.domain.definition import load
from planner.domain.plan import Cursor
from planner.domain.recompute import is_outdated, recomputed
from planner_contracts.ids import PlanId
from planner_contracts.plan import PlanStatus
from support.plans import ACTION, NOON, Book

HOUR = timedelta(hours=1)
# In force in March 2026; the older version is imagined to have had an hour more, or less.
AMSTERDAM = 3600
NINE: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "cron", "expression": "0 9 * * *"}, "timezone": "Europe/Amsterdam"}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def of_another_version(given: dict[str, Any], *, now: datetime = NOON, **state: Any) -> tuple[Book, PlanId]:  # noqa: ANN401  of a cursor
    """A plan as it stood when an older version computed it."""
    book = Book()
    plan = book.made(given, now=now)
    book.cursors[plan] = structs.replace(book.cursors[plan], tzdata="1999a", **state)
    return book, plan


def moved(book: Book, plan: PlanId) -> Cursor:
    revision, cursor = book.revisions[plan], book.cursors[plan]
    return recomputed(revision, cursor, load(revision.document).schedule)


def test_a_next_occurrence_moves_with_its_label() -> None:
    book, plan = of_another_version(NINE, next_nominal=at(2, 7), next_due=at(2, 7), label_offset_s=2 * AMSTERDAM)
    found = moved(book, plan)
    assert (found.next_nominal, found.next_due, found.tzdata) == (at(2, 8), at(2, 8), TZDATA_VERSION)


def test_a_label_that_has_fired_does_not_fire_again_at_its_new_instant() -> None:
    # Nine o'clock was seven in UTC, and fired; in the new version it is eight.
    book, plan = of_another_version(NINE, resolved_until=at(2, 7), next_nominal=at(3, 7), label_offset_s=2 * AMSTERDAM)
    found = moved(book, plan)
    assert (found.resolved_until, found.next_nominal) == (at(2, 8), at(3, 8))


def test_an_instant_that_is_over_never_fires_again_though_its_label_is_a_later_one() -> None:
    # Nine o'clock was at nine in UTC and fired; in the new version that instant is called ten, and nine lies before it.
    book, plan = of_another_version(NINE, resolved_until=at(2, 9), next_nominal=at(3, 9), label_offset_s=0)
    found = moved(book, plan)
    assert (found.resolved_until, found.next_nominal) == (at(2, 9), at(3, 8))


@pytest.mark.parametrize(("fold", "rest"), [("first", at(1, 5, 45)), ("last", at(1, 6, 0))])
def test_in_a_repeated_hour_a_version_that_changes_nothing_loses_nothing(fold: str, rest: datetime) -> None:
    # New York repeats 01:00 to 02:00 on November 1st: first from 5:00 in UTC, then from 6:00.
    quarters = {"action": ACTION, "recurrence": {"type": "cron", "expression": "0,15,30,45 1 * * *"}, "timezone": "America/New_York"}
    book, plan = of_another_version(quarters | {"dst": {"fold": fold}}, now=datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
    assert moved(book, plan).next_nominal == book.cursors[plan].next_nominal == rest.replace(month=11)


def test_a_label_that_has_fired_and_is_repeated_now_fires_in_neither_pass() -> None:
    # 01:30 on November 1st was 4:30 in UTC; in the new version it is 5:30, and 6:30 again.
    once_a_day = {"action": ACTION, "recurrence": {"type": "cron", "expression": "30 1 * * *"}, "timezone": "America/New_York"}
    fired = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    book, plan = of_another_version(once_a_day | {"dst": {"fold": "last"}}, resolved_until=fired, label_offset_s=-3 * 3600)
    assert moved(book, plan).next_nominal == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def test_a_label_that_has_fired_and_is_missing_now_does_not_fire_where_it_is_shifted_to() -> None:
    # 02:30 on March 29th was 0:30 in UTC; in the new version there is none, and `shift` reads it as 1:30.
    shifted = NINE | {"recurrence": {"type": "cron", "expression": "30 2 * * *"}, "dst": {"gap": "shift"}}
    book, plan = of_another_version(shifted, resolved_until=at(29, 0, 30), label_offset_s=2 * AMSTERDAM)
    assert moved(book, plan).next_nominal == at(30, 0, 30)


@pytest.mark.parametrize(("fold", "waiting", "following"), [("first", [], (5, 45)), ("last", [], (6, 45)), ("both", [(5, 45)], (6, 45))])
def test_labels_after_the_fired_one_come_in_a_newly_repeated_hour_too(
    fold: str, waiting: list[tuple[int, int]], following: tuple[int, int]
) -> None:
    # 01:30 on November 1st was 4:30 in UTC; now the hour passes from 5:00 and again from 6:00. Of it only 01:45 has not fired.
    quarters = {"action": ACTION, "recurrence": {"type": "cron", "expression": "0,15,30,45 1 * * *"}, "timezone": "America/New_York"}
    fired = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    book, plan = of_another_version(quarters | {"dst": {"fold": fold}}, resolved_until=fired, label_offset_s=-3 * 3600)
    found = moved(book, plan)
    assert found.held == tuple(at(1, hour, minute).replace(month=11) for hour, minute in waiting)
    assert found.next_nominal == at(1, *following).replace(month=11)


@pytest.mark.parametrize("gap", ["next_valid", "shift", "skip"])
def test_a_label_to_which_a_new_gap_leads_fires_though_one_of_the_gap_has_fired(gap: str) -> None:
    # 02:30 on March 29th was 0:30 in UTC; in the new version there is none, and 03:00 is at 1:00.
    half_hours = NINE | {"recurrence": {"type": "cron", "expression": "0,30 2,3 * * *"}, "dst": {"gap": gap}}
    book, plan = of_another_version(half_hours, resolved_until=at(29, 0, 30), label_offset_s=2 * AMSTERDAM)
    assert (moved(book, plan).next_nominal, moved(book, plan).held) == (at(29, 1), ())


def test_a_label_that_comes_before_where_a_fired_one_is_shifted_to_is_held_and_fires_when_it_is_due() -> None:
    # 02:45 on March 29th was 0:45 in UTC; now it is missing and would come to 1:45, after 03:00, which is at 1:00.
    two = {"type": "rrule", "rule": "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,45;BYSETPOS=2,3", "dtstart": "2026-03-01T00:00:00"}
    book, plan = of_another_version(NINE | {"recurrence": two}, resolved_until=at(29, 0, 45), label_offset_s=2 * AMSTERDAM)
    book.cursors[plan] = moved(book, plan)
    assert (book.cursors[plan].held, book.cursors[plan].wake_at, book.cursors[plan].next_nominal) == (
        (at(29, 1),),
        at(29, 1),
        at(30, 0, 45),
    )
    assert book.wake(plan, now=at(29, 1) - HOUR / 4) is None
    fired = book.wake(plan, now=at(29, 1))
    assert fired is not None
    assert [run.scheduled_for for run in fired.runs] == [at(29, 1)]
    assert book.cursors[plan].wake_at == at(30, 0, 45)


@pytest.mark.parametrize("date", ["2026-03-01T09:30:00", "2026-03-01T08:30:00Z"])
def test_a_date_that_was_given_as_an_instant_is_not_lost_among_labels_that_have_fired(date: str) -> None:
    # Ten o'clock was eight in UTC, and fired; in the new version it is nine, and 9:30 has passed as a label, but not as an instant.
    ten = {"type": "rrule", "rule": "FREQ=DAILY", "dtstart": "2026-02-01T10:00:00", "rdates": [date]}
    given = NINE | {"recurrence": ten}
    book, plan = of_another_version(given, now=at(1, 7), resolved_until=at(1, 8), next_nominal=at(2, 8), label_offset_s=2 * AMSTERDAM)
    found = moved(book, plan)
    assert found.held == ((at(1, 8, 30),) if date.endswith("Z") else ())
    assert found.next_nominal == at(2, 9)


def test_a_label_that_has_moved_into_the_past_is_backlog() -> None:
    # At 8:30 the next one was due at nine; in the new version it was at eight.
    book, plan = of_another_version(NINE, next_nominal=at(2, 9), next_due=at(2, 9), label_offset_s=0)
    book.cursors[plan] = moved(book, plan)
    fired = book.wake(plan, now=at(2, 8, 30))
    assert fired is not None
    assert [(run.scheduled_for, run.published_at) for run in fired.runs] == [(at(2, 8), at(2, 8, 30))]


def test_a_one_shot_of_a_label_moves_even_to_before_its_creation_and_is_not_lost() -> None:
    once = {"action": ACTION, "execute_at": "2026-03-02T09:00:00", "timezone": "Europe/Amsterdam"}
    book, plan = of_another_version(once, now=at(2, 8) - HOUR, next_nominal=at(2, 9), next_due=at(2, 9))
    assert moved(book, plan).next_nominal == at(2, 8)
    book.cursors[plan] = structs.replace(book.cursors[plan], resolved_until=at(2, 8, 30))
    assert moved(book, plan).next_nominal == at(2, 8)


def test_a_paused_plan_is_computed_anew_and_stays_paused() -> None:
    book, plan = of_another_version(NINE | {"active": False}, next_nominal=at(2, 7), label_offset_s=2 * AMSTERDAM)
    found = moved(book, plan)
    assert (found.status, found.next_nominal, found.wake_at) == ("paused", at(2, 8), None)


@pytest.mark.parametrize(
    ("when", "outdated"),
    [
        (NINE, True),
        ({"execute_at": "2026-03-02T09:00:00", "timezone": "Europe/Amsterdam"}, True),
        ({"recurrence": {"type": "interval", "every_seconds": 60}, "timezone": "Europe/Amsterdam"}, False),
        ({"recurrence": {"type": "cron", "expression": "0 9 * * *"}}, False),
        ({"execute_at": "2026-03-02T09:00:00Z"}, False),
    ],
)
def test_only_what_depends_on_a_zone_is_computed_anew(when: dict[str, Any], *, outdated: bool) -> None:
    book, plan = of_another_version({"action": ACTION} | when)
    schedule = load(book.revisions[plan].document).schedule
    assert is_outdated(book.cursors[plan], schedule) is outdated
    assert not is_outdated(structs.replace(book.cursors[plan], tzdata=TZDATA_VERSION), schedule)


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_plan_that_ended_while_its_run_is_open_is_not_computed_anew(status: str) -> None:
    book, plan = of_another_version(NINE, status=PlanStatus(status), next_nominal=None, next_due=None, open_runs=1)
    assert not is_outdated(book.cursors[plan], load(book.revisions[plan].document).schedule)


def test_a_plan_that_moves_gets_a_revision_and_one_that_does_not_only_tells_its_version() -> None:
    book, plan = of_another_version(NINE, next_nominal=at(2, 7), next_due=at(2, 7), label_offset_s=2 * AMSTERDAM)
    change = recomputed_plan(book.revisions[plan], book.cursors[plan], moved(book, plan), now=NOON)
    assert change.revision is not None
    assert (change.revision.number, change.cursor.revision, change.event.actor) == (2, 2, "owner")
    assert [(found.path, found.old, found.new) for found in change.event.changes] == [
        ("/tzdata", "1999a", TZDATA_VERSION),
        ("/next_run_at", "2026-03-02T07:00:00Z", "2026-03-02T08:00:00Z"),
    ]
    stays, same = of_another_version(NINE)
    unchanged = recomputed_plan(stays.revisions[same], stays.cursors[same], moved(stays, same), now=NOON)
    assert (unchanged.revision, unchanged.cursor.revision, unchanged.event.changes) == (None, 1, [])
    assert unchanged.event.plan is not None
    assert unchanged.event.plan.tzdata == TZDATA_VERSION
