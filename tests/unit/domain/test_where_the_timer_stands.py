"""When a plan is looked at next: at its next due time, or when what is held is due; never while it only waits.

scheduling.md, sections 5.2 to 5.5: jitter, what an update keeps, what waits for a run, and the pause.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from planner.domain.advance import Place, advanced
from planner.domain.definition import load
from planner.domain.jitter import delay
from planner.domain.missed import Occurrence
from planner.domain.plan import Cursor
from planner.domain.resume import ResumeBacklog
from planner_contracts.ids import PlanId
from planner_contracts.plan import PlanStatus
from support.plans import ACTION, MINUTELY, NOON, Book, Caller, accepted
from support.schedules import instant

MINUTE = timedelta(minutes=1)
JITTER_S = 840
NINE = instant("2026-03-02T09:00:00Z")
DAILY: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "cron", "expression": "0 9 * * *"}, "jitter_seconds": JITTER_S}


def made(book: Book, given: dict[str, Any], *, now: datetime = NOON, jitter_over: timedelta = timedelta(0)) -> PlanId:
    """A plan whose delay is longer than `jitter_over`."""
    plans = (book.made(given, name=f"made {number}", now=now) for number in range(100))
    return next(plan for plan in plans if delay(plan, given.get("jitter_seconds", 0)) >= jitter_over)


def placed(book: Book, plan: PlanId, *held: datetime, following: Occurrence | None = None, **state: Any) -> Cursor:  # noqa: ANN401 of a cursor
    """The plan's cursor, moved to where so many are held."""
    revision = book.revisions[plan]
    cursor = structs.replace(book.cursors[plan], **state)
    return advanced(cursor, Place(NOON, following, held), revision, load(revision.document).schedule)


def test_what_an_update_keeps_is_held_until_its_jitter_is_over_and_fires_at_that_microsecond() -> None:
    book = Book()
    plan = made(book, DAILY, now=NINE - timedelta(hours=1), jitter_over=6 * MINUTE)
    due = NINE + delay(plan, JITTER_S)
    # The new rule names 09:01 and 09:02 too, which are over: it would make past occurrences if the cursor went back.
    kept = accepted(book.ask(Caller().update(plan, recurrence={"expression": "0,1,2 9 * * *"}), now=NINE + 3 * MINUTE)).cursor
    assert (kept.held, kept.held_due, kept.wake_at) == ((NINE,), due, due)
    assert book.wake(plan, now=due - timedelta(microseconds=1)) is None
    fired = book.wake(plan, now=due)
    assert fired is not None
    assert [(run.scheduled_for, run.due_at) for run in fired.runs] == [(NINE, due)]
    assert (fired.cursor.held_due, fired.cursor.wake_at) == (None, fired.cursor.next_due)


def test_of_several_that_are_held_the_oldest_is_due_first() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"jitter_seconds": 60})
    cursor = placed(book, plan, NOON - 3 * MINUTE, NOON - MINUTE, NOON)
    assert cursor.wake_at == NOON - 3 * MINUTE + delay(plan, 60)


def test_a_plan_without_anything_held_wakes_at_its_next_due_time() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    cursor = placed(book, plan, following=Occurrence(NOON + MINUTE, NOON + 2 * MINUTE))
    assert (cursor.wake_at, cursor.held_due, cursor.wait_for_run) == (NOON + 2 * MINUTE, None, False)


@pytest.mark.parametrize(
    ("overlap", "held", "waits"),
    [
        ("queue_one", 1, True),
        ("queue_one", 2, False),  # an update left more than the policy holds: the older gives way at once
        ({"policy": "queue_all", "limit": 3}, 3, True),
        ({"policy": "queue_all", "limit": 3}, 4, False),
        ("skip", 1, False),
        ("allow", 1, False),
        ("cancel_previous", 1, False),
    ],
)
@pytest.mark.parametrize("open_runs", [0, 1, 5])
def test_what_is_held_waits_for_a_run_only_if_one_is_open_and_the_policy_holds_so_many(
    overlap: object, held: int, waits: object, open_runs: int
) -> None:
    book = Book()
    plan = book.made(MINUTELY | {"overlap": overlap})
    following = Occurrence(NOON + MINUTE, NOON + MINUTE)
    nominal_times = [NOON - number * MINUTE for number in reversed(range(held))]
    cursor = placed(book, plan, *nominal_times, following=following, open_runs=open_runs)
    does_wait = bool(waits) and open_runs > 0
    assert cursor.wait_for_run is does_wait
    # While a run bars them the first turn is that of one too many, else that of the oldest.
    turn = nominal_times[-1 if open_runs and held > 1 else 0]
    assert cursor.wake_at == (NOON + MINUTE if does_wait else turn)


def test_a_plan_that_holds_nothing_waits_for_no_run_though_one_is_open() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"overlap": "queue_one"})
    cursor = placed(book, plan, following=Occurrence(NOON + MINUTE, NOON + MINUTE), open_runs=1)
    assert (cursor.wait_for_run, cursor.wake_at) == (False, NOON + MINUTE)


def test_what_waits_for_a_run_has_no_timer_where_nothing_follows_and_completes_nothing() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"overlap": "queue_one"})
    cursor = placed(book, plan, NOON, open_runs=1)
    assert (cursor.status, cursor.wake_at, cursor.next_nominal) == (PlanStatus.ACTIVE, None, None)


def test_where_nothing_is_held_and_nothing_follows_the_plan_is_completed_paused_or_not() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    for status in (PlanStatus.ACTIVE, PlanStatus.PAUSED):
        cursor = placed(book, plan, status=status)
        assert (cursor.status, cursor.wake_at, cursor.next_due) == (PlanStatus.COMPLETED, None, None)


def test_a_paused_plan_knows_its_next_occurrence_and_has_no_timer_whatever_it_holds() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    for held in ((), (NOON,)):
        cursor = placed(book, plan, *held, following=Occurrence(NOON + MINUTE, NOON + MINUTE), status=PlanStatus.PAUSED)
        assert (cursor.status, cursor.next_nominal) == (PlanStatus.PAUSED, NOON + MINUTE)
        assert (cursor.next_due, cursor.wake_at) == (None, None)


def test_what_a_resume_is_to_fire_has_its_timer_where_it_was_due_so_that_it_fires_at_once() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"jitter_seconds": 60})
    lag = delay(plan, 60)
    book.ask(Caller("p").pause(plan), now=NOON)
    resumed = accepted(book.ask(Caller("r").resume(plan, ResumeBacklog.ALL), now=NOON + 5 * MINUTE + lag))
    assert resumed.cursor.held == tuple(NOON + minute * MINUTE for minute in range(1, 6))
    assert resumed.cursor.wake_at == NOON + MINUTE + lag
    assert resumed.cursor.next_due == NOON + 6 * MINUTE + lag


def test_what_a_move_does_not_tell_stays_and_versions_are_those_in_force() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    moved = placed(book, plan, NOON, fired=7, open_runs=2, tzdata="1999a", calendar=4)
    assert (moved.fired, moved.open_runs, moved.revision, moved.resolved_until) == (7, 2, 1, NOON)
    assert moved.tzdata == book.cursors[plan].tzdata != "1999a"
    assert moved.calendar is None
