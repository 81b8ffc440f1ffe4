"""What becomes of what waited during a pause (scheduling.md, section 5.2)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from planner.domain.jitter import delay
from planner.domain.plan import Cursor
from planner.domain.resume import ResumeBacklog
from planner_contracts.ids import PlanId
from planner_contracts.plan import PlanStatus
from planner_contracts.run_event import SkipReason
from support.plans import ACTION, NOON, Accepted, Book, Caller, accepted, rejected

MINUTE = timedelta(minutes=1)
TENS: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 600, "anchor": "2026-03-01T12:00:00Z"}}


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def paused_at(minutes: float, **fields: Any) -> tuple[Book, PlanId]:  # noqa: ANN401  any field of a definition
    """Every ten minutes from noon on, fired when due, then paused."""
    book = Book()
    plan = book.made(TENS | fields)
    accepted(book.ask(Caller("p").pause(plan), now=at(minutes)))
    return book, plan


def resumed(book: Book, plan: PlanId, backlog: ResumeBacklog, *, now: datetime) -> Accepted:
    return accepted(book.ask(Caller("r").resume(plan, backlog), now=now))


def skipped(found: Accepted) -> list[tuple[SkipReason, datetime]]:
    return [(skip.reason, skip.first) for skip in found.decision.skips]


def fires(book: Book, plan: PlanId, *, now: datetime) -> list[datetime]:
    fired = book.wake(plan, now=now)
    return [] if fired is None else [run.scheduled_for for run in fired.runs]


def test_a_paused_plan_has_no_timer_and_says_why_it_was_paused() -> None:
    book = Book()
    plan = book.made(TENS)
    event = accepted(book.ask(Caller("p").pause(plan, "a fair"), now=at(5))).event
    assert event.plan is not None
    assert (event.plan.status, event.plan.active, event.plan.next_run_at, event.reason) == ("paused", False, None, "a fair")
    assert [(change.path, change.old, change.new) for change in event.changes] == [
        ("/active", True, False),
        ("/status", "active", "paused"),
    ]
    assert book.cursors[plan].wake_at is None
    assert fires(book, plan, now=at(35)) == []


def test_skip_ends_everything_that_waited_as_paused() -> None:
    book, plan = paused_at(5)
    found = resumed(book, plan, ResumeBacklog.SKIP, now=at(35))
    assert skipped(found) == [(SkipReason.PAUSED, at(10)), (SkipReason.PAUSED, at(20)), (SkipReason.PAUSED, at(30))]
    assert fires(book, plan, now=at(35)) == []
    assert (found.cursor.status, found.cursor.next_nominal, found.event.revision) == (PlanStatus.ACTIVE, at(40), 3)


def test_latest_fires_the_newest_for_all_of_them() -> None:
    book, plan = paused_at(5)
    found = resumed(book, plan, ResumeBacklog.LATEST, now=at(35))
    assert skipped(found) == [(SkipReason.COALESCED, at(10)), (SkipReason.COALESCED, at(20))]
    assert {skip.into for skip in found.decision.skips} == {at(30)}
    assert fires(book, plan, now=at(35)) == [at(30)]
    assert book.cursors[plan].next_nominal == at(40)


def test_all_fires_each_in_order() -> None:
    book, plan = paused_at(5)
    assert skipped(resumed(book, plan, ResumeBacklog.ALL, now=at(35))) == []
    assert fires(book, plan, now=at(35)) == [at(10), at(20), at(30)]
    assert book.cursors[plan].next_nominal == at(40)


def test_a_short_backlog_is_no_ordinary_operation_after_a_pause() -> None:
    book, plan = paused_at(5, recurrence={"type": "interval", "every_seconds": 10, "anchor": "2026-03-01T12:00:00Z"})
    found = resumed(book, plan, ResumeBacklog.LATEST, now=at(5.5))
    assert [skip.reason for skip in found.decision.skips] == 32 * [SkipReason.COALESCED]
    assert fires(book, plan, now=at(5.5)) == [at(5.5)]


def test_what_is_too_late_is_missed_and_what_is_too_many_is_left_out() -> None:
    book, plan = paused_at(5, misfire={"max_lateness_seconds": 1500, "max_catchup": 2})
    found = resumed(book, plan, ResumeBacklog.ALL, now=at(45))
    assert skipped(found) == [(SkipReason.MISSED, at(10)), (SkipReason.CATCHUP_LIMIT, at(20))]
    assert fires(book, plan, now=at(45)) == [at(30), at(40)]


@pytest.mark.parametrize("backlog", ResumeBacklog)
def test_a_pause_in_which_nothing_fell_due_leaves_the_plan_as_it_was(backlog: ResumeBacklog) -> None:
    book, plan = paused_at(5)
    found = resumed(book, plan, backlog, now=at(10) - timedelta(microseconds=1))
    assert (skipped(found), found.cursor.next_nominal, found.cursor.held) == ([], at(10), ())
    assert fires(book, plan, now=at(10)) == [at(10)]


def test_a_plan_that_is_made_inactive_waits_for_its_resume() -> None:
    book = Book()
    plan = book.made(TENS | {"active": False})
    assert (book.cursors[plan].status, book.cursors[plan].next_nominal, book.cursors[plan].wake_at) == (PlanStatus.PAUSED, at(10), None)
    resumed(book, plan, ResumeBacklog.ALL, now=at(12))
    assert fires(book, plan, now=at(12)) == [at(10)]


def test_pausing_twice_and_resuming_what_is_active_change_nothing() -> None:
    book, plan = paused_at(5)
    again = accepted(book.ask(Caller("again").pause(plan), now=at(6)))
    assert (again.event.revision, again.event.changes, again.decision.revision) == (2, [], None)
    resumed(book, plan, ResumeBacklog.SKIP, now=at(7))
    idle = accepted(book.ask(Caller("idle").resume(plan, ResumeBacklog.ALL), now=at(8)))
    assert (idle.event.revision, idle.decision.cursor) == (3, None)


def test_a_patch_of_active_pauses_and_resumes_by_skip() -> None:
    book = Book()
    plan = book.made(TENS)
    assert accepted(book.ask(Caller("off").update(plan, active=False), now=at(5))).cursor.status is PlanStatus.PAUSED
    on = accepted(book.ask(Caller("on").update(plan, active=True, name="b"), now=at(25)))
    assert (on.cursor.status, skipped(on)) == (PlanStatus.ACTIVE, [(SkipReason.PAUSED, at(10)), (SkipReason.PAUSED, at(20))])
    assert on.cursor.next_nominal == at(30)


def test_a_patch_of_a_paused_plan_leaves_it_paused_and_keeps_what_waits() -> None:
    book, plan = paused_at(5)
    patched = accepted(book.ask(Caller("u").update(plan, payload={"n": 2}), now=at(25)))
    assert (patched.cursor.status, patched.cursor.wake_at, skipped(patched)) == (PlanStatus.PAUSED, None, [])
    resumed(book, plan, ResumeBacklog.ALL, now=at(25))
    fired = book.wake(plan, now=at(25))
    assert fired is not None
    assert [(run.scheduled_for, run.plan_revision) for run in fired.runs] == [(at(10), 4), (at(20), 4)]


def test_a_one_shot_that_passed_during_its_pause_is_skipped_and_the_plan_is_over() -> None:
    book = Book()
    plan = book.made({"action": ACTION, "execute_at": "2026-03-01T12:10:00Z"})
    book.ask(Caller("p").pause(plan), now=at(5))
    found = resumed(book, plan, ResumeBacklog.SKIP, now=at(15))
    assert (found.cursor.status, skipped(found)) == (PlanStatus.COMPLETED, [(SkipReason.PAUSED, at(10))])
    assert rejected(book.ask(Caller("late").pause(plan), now=at(16))).code == "PLAN_COMPLETED"


def test_a_cancel_during_a_pause_ends_what_waits_as_cancelled() -> None:
    book, plan = paused_at(5)
    found = accepted(book.ask(Caller("x").cancel(plan), now=at(25)))
    assert skipped(found) == [(SkipReason.CANCELLED, at(10)), (SkipReason.CANCELLED, at(20))]


@pytest.mark.parametrize(
    ("backlog", "reasons", "fired"),
    [
        (ResumeBacklog.SKIP, [(SkipReason.PAUSED, 10), (SkipReason.PAUSED, 20), (SkipReason.PAUSED, 30)], []),
        (ResumeBacklog.LATEST, [(SkipReason.COALESCED, 10), (SkipReason.COALESCED, 20)], [30]),
        (ResumeBacklog.ALL, [], [10, 20, 30]),
    ],
)
def test_what_was_held_at_the_pause_is_part_of_the_backlog(
    backlog: ResumeBacklog, reasons: list[tuple[SkipReason, int]], fired: list[int]
) -> None:
    book = Book()
    plan = book.made(TENS)
    held: Cursor = structs.replace(book.cursors[plan], held=(at(10),), resolved_until=at(10), next_nominal=at(20), wait_for_run=True)
    book.cursors[plan] = held
    book.ask(Caller("p").pause(plan), now=at(15))
    assert book.cursors[plan].held == (at(10),)
    found = resumed(book, plan, backlog, now=at(35))
    assert skipped(found) == [(reason, at(minutes)) for reason, minutes in reasons]
    assert fires(book, plan, now=at(35)) == [at(minutes) for minutes in fired]


def test_what_was_held_is_in_time_to_the_last_moment_of_its_window() -> None:
    book = Book()
    plan = book.made(TENS | {"misfire": {"max_lateness_seconds": 1500}})
    book.cursors[plan] = structs.replace(book.cursors[plan], held=(at(10),), resolved_until=at(10), next_nominal=at(20), wait_for_run=True)
    book.ask(Caller("p").pause(plan), now=at(15))
    assert skipped(resumed(book, plan, ResumeBacklog.ALL, now=at(35))) == []
    assert fires(book, plan, now=at(35)) == [at(10), at(20), at(30)]


@pytest.mark.parametrize(("early", "waited"), [(timedelta(microseconds=1), [10]), (timedelta(0), [10, 20])])
def test_what_jitter_has_not_let_fall_due_has_not_waited(early: timedelta, waited: list[int]) -> None:
    book, plan = paused_at(5, jitter_seconds=300)
    now = at(20) + delay(plan, 300) - early
    assert now > at(20)
    found = resumed(book, plan, ResumeBacklog.SKIP, now=now)
    assert skipped(found) == [(SkipReason.PAUSED, at(minutes)) for minutes in waited]
    assert found.cursor.next_nominal == at(10 * len(waited) + 10)


def test_what_was_held_and_jitter_has_not_let_fall_due_has_not_waited_either() -> None:
    book, plan = paused_at(5, jitter_seconds=300)
    book.cursors[plan] = structs.replace(book.cursors[plan], held=(at(10), at(20)), resolved_until=at(20), next_nominal=at(30))
    lag = delay(plan, 300)
    found = resumed(book, plan, ResumeBacklog.SKIP, now=at(20) + lag - timedelta(microseconds=1))
    assert (skipped(found), found.cursor.held) == ([(SkipReason.PAUSED, at(10))], (at(20),))
    assert fires(book, plan, now=at(20) + lag) == [at(20)]


def test_a_pause_of_a_year_of_seconds_costs_two_records_and_one_fire() -> None:
    book = Book()
    plan = book.made({"action": ACTION, "recurrence": {"type": "cron", "expression": "* * * * * *"}})
    book.ask(Caller("p").pause(plan), now=NOON)
    found = resumed(book, plan, ResumeBacklog.LATEST, now=NOON + timedelta(days=365))
    assert [(skip.reason, skip.first, skip.last, skip.count) for skip in found.decision.skips] == [
        (SkipReason.MISSED, NOON + timedelta(seconds=1), NOON + timedelta(days=365, seconds=-3601), None),
        (SkipReason.COALESCED, NOON + timedelta(days=365, seconds=-3600), NOON + timedelta(days=365, seconds=-1), None),
    ]
    assert fires(book, plan, now=NOON + timedelta(days=365)) == [NOON + timedelta(days=365)]


def test_a_patch_that_resumes_a_plan_with_as_many_runs_as_it_may_have_ends_it_without_outcomes() -> None:
    book = Book()
    plan = book.made(TENS)
    assert fires(book, plan, now=at(10)) == [at(10)]
    book.ask(Caller("p").pause(plan), now=at(15))
    ended = accepted(book.ask(Caller("u").update(plan, active=True, max_runs=1), now=at(35)))
    assert (ended.cursor.status, skipped(ended)) == (PlanStatus.COMPLETED, [])
