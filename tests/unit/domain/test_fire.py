"""What a due timer does to its plan (scheduling.md, sections 5.1 and 5.7)."""

from datetime import datetime, timedelta

import pytest
from msgspec import structs

from planner.domain.advance import Place, advanced, run_ended
from planner.domain.definition import load
from planner.domain.fire import run_id_of
from planner.domain.jitter import delay
from planner.domain.missed import Occurrence, Skip
from planner_contracts import ids
from planner_contracts.ids import PlanId
from planner_contracts.plan import PlanStatus
from planner_contracts.run import RunState, RunTrigger
from planner_contracts.run_event import SkipReason
from support.plans import ACTION, MINUTELY, NOON, ONCE, ORGANIZATION, TENANT, Book, Caller

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_a_timer_that_is_early_by_a_microsecond_fires_nothing() -> None:
    book = Book()
    plan = book.made(ONCE)
    assert book.wake(plan, now=NOON + HOUR - timedelta(microseconds=1)) is None
    assert book.wake(plan, now=NOON + HOUR) is not None


def test_a_one_shot_fires_once_and_the_plan_is_completed() -> None:
    book = Book()
    plan = book.made(ONCE)
    fired = book.wake(plan, now=NOON + HOUR + timedelta(milliseconds=3))
    assert fired is not None
    (run,) = fired.runs
    assert (run.scheduled_for, run.due_at, run.published_at) == (NOON + HOUR, NOON + HOUR, NOON + HOUR + timedelta(milliseconds=3))
    assert (run.plan_id, run.plan_revision, run.tenant_id, run.organization_id, run.action) == (plan, 1, TENANT, ORGANIZATION, ACTION)
    assert (run.attempt, run.trigger, run.state, run.sequence) == (1, RunTrigger.SCHEDULE, RunState.PENDING, 1)
    assert fired.completed
    assert (fired.cursor.next_due, fired.cursor.fired, fired.cursor.open_runs) == (None, 1, 1)
    assert book.wake(plan, now=NOON + 2 * HOUR) is None


def test_a_recurring_plan_goes_on_to_its_next_occurrence() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    fired = book.wake(plan, now=NOON + MINUTE)
    assert fired is not None
    assert not fired.completed
    assert (fired.cursor.resolved_until, fired.cursor.next_nominal, fired.cursor.next_due) == (
        NOON + MINUTE,
        NOON + 2 * MINUTE,
        NOON + 2 * MINUTE,
    )


def test_the_id_of_a_run_follows_from_plan_and_nominal_time_alone() -> None:
    plan = PlanId("00000000-0000-4000-8000-000000000001")
    early, late = Occurrence(NOON, NOON), Occurrence(NOON, NOON + MINUTE)
    assert run_id_of(plan, early) == run_id_of(plan, late) == ids.run_id(plan, "schedule", NOON, 1)
    assert run_id_of(plan, early) != run_id_of(plan, Occurrence(NOON + MINUTE, NOON + MINUTE))


def test_a_late_backlog_is_settled_as_the_plan_says() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"misfire": {"max_lateness_seconds": 600, "coalesce": "latest"}})
    fired = book.wake(plan, now=NOON + 20 * MINUTE)
    assert fired is not None
    assert [run.scheduled_for for run in fired.runs] == [NOON + 20 * MINUTE]
    reasons = [skip.reason for skip in fired.skips]
    assert (reasons.count(SkipReason.MISSED), reasons.count(SkipReason.COALESCED)) == (9, 10)
    assert {skip.into for skip in fired.skips if skip.reason is SkipReason.COALESCED} == {NOON + 20 * MINUTE}


def test_what_is_beyond_the_limit_stays_due() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"misfire": {"coalesce": "none"}})
    first = book.wake(plan, now=NOON + 5 * MINUTE, limit=2)
    second = book.wake(plan, now=NOON + 5 * MINUTE, limit=2)
    assert first is not None
    assert second is not None
    assert [run.scheduled_for for run in (*first.runs, *second.runs)] == [NOON + minute * MINUTE for minute in (1, 2, 3, 4)]
    assert first.cursor.next_due == NOON + 3 * MINUTE


@pytest.mark.parametrize("limit", [1, 100])
def test_a_plan_completes_with_its_last_run_and_what_the_rule_names_after_it_has_no_outcome(limit: int) -> None:
    book = Book()
    plan = book.made(MINUTELY | {"max_runs": 2, "misfire": {"coalesce": "none"}})
    runs: list[datetime] = []
    skips: list[Skip] = []
    while (fired := book.wake(plan, now=NOON + 5 * MINUTE, limit=limit)) is not None:
        runs += [run.scheduled_for for run in fired.runs]
        skips += fired.skips
    assert (runs, skips) == ([NOON + MINUTE, NOON + 2 * MINUTE], [])
    assert (book.cursors[plan].status, book.cursors[plan].fired) == (PlanStatus.COMPLETED, 2)


def test_skips_do_not_count_as_runs() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"max_runs": 2, "misfire": {"coalesce": "latest"}})
    first = book.wake(plan, now=NOON + 5 * MINUTE)
    assert first is not None
    assert (len(first.skips), first.completed) == (4, False)
    second = book.wake(plan, now=NOON + 6 * MINUTE)
    assert second is not None
    assert second.completed


def test_with_one_run_left_the_oldest_stands_for_a_backlog_and_the_others_were_none() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"max_runs": 1, "misfire": {"coalesce": "earliest"}})
    fired = book.wake(plan, now=NOON + 5 * MINUTE)
    assert fired is not None
    assert ([run.scheduled_for for run in fired.runs], fired.skips, fired.completed) == ([NOON + MINUTE], (), True)


def test_a_plan_of_which_all_was_missed_completes_without_a_run() -> None:
    book = Book()
    plan = book.made(ONCE | {"misfire": {"max_lateness_seconds": 60}})
    fired = book.wake(plan, now=NOON + 2 * HOUR)
    assert fired is not None
    assert (fired.runs, [skip.reason for skip in fired.skips], fired.completed) == ((), [SkipReason.MISSED], True)
    assert fired.cursor.open_runs == 0


def test_a_cancelled_plan_fires_nothing_even_if_its_timer_still_stands() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    book.ask(Caller().cancel(plan))
    assert book.wake(plan, now=NOON + MINUTE) is None


def test_jitter_delays_the_publication_and_not_the_nominal_time() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"jitter_seconds": 600})
    cursor = book.cursors[plan]
    assert cursor.next_nominal == NOON + MINUTE
    assert cursor.next_due is not None
    assert cursor.next_nominal < cursor.next_due <= cursor.next_nominal + timedelta(seconds=600)
    assert book.wake(plan, now=cursor.next_due - timedelta(microseconds=1)) is None
    fired = book.wake(plan, now=cursor.next_due)
    assert fired is not None
    assert [(run.scheduled_for, run.due_at) for run in fired.runs] == [(cursor.next_nominal, cursor.next_due)]


@pytest.mark.parametrize(("late", "fires"), [(timedelta(0), True), (timedelta(microseconds=1), False)])
def test_the_window_of_an_occurrence_that_waited_begins_when_jitter_lets_it_be_due(late: timedelta, *, fires: bool) -> None:
    book = Book()
    plan = book.made(MINUTELY | {"overlap": "queue_one", "jitter_seconds": 600, "misfire": {"max_lateness_seconds": 30}})
    waits = NOON + MINUTE
    book.cursors[plan] = structs.replace(book.cursors[plan], held=(waits,), resolved_until=NOON + HOUR, next_nominal=None, next_due=None)
    lag = delay(plan, 600)
    assert lag > timedelta(0)
    fired = book.wake(plan, now=waits + lag + timedelta(seconds=30) + late)
    assert fired is not None
    assert [run.scheduled_for for run in fired.runs] == [waits] * fires
    assert [(skip.reason, skip.first) for skip in fired.skips] == [(SkipReason.MISSED, waits)] * (not fires)


def test_of_what_an_update_kept_only_what_is_due_gives_way_to_an_open_run() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"overlap": "skip", "jitter_seconds": 3600})
    first, second = NOON + MINUTE, NOON + 2 * MINUTE
    book.cursors[plan] = structs.replace(
        book.cursors[plan], held=(first, second), resolved_until=second, next_nominal=None, next_due=None, open_runs=1
    )
    due = first + delay(plan, 3600)
    fired = book.wake(plan, now=due)
    assert fired is not None
    assert [(skip.reason, skip.first) for skip in fired.skips] == [(SkipReason.OVERLAP, first)]
    assert (fired.cursor.held, fired.cursor.wake_at) == ((second,), due + MINUTE)
    book.cursors[plan] = structs.replace(fired.cursor, open_runs=0)
    later = book.wake(plan, now=due + MINUTE)
    assert later is not None
    assert [run.scheduled_for for run in later.runs] == [second]


def test_one_of_those_that_wait_gives_way_when_one_too_many_is_due_and_the_first_fires_when_its_run_ends() -> None:
    # An update kept three of which one may wait; by jitter they fall due a minute apart.
    book = Book()
    plan = book.made(MINUTELY | {"overlap": "queue_one", "jitter_seconds": 3600})
    revision, lag = book.revisions[plan], delay(plan, 3600)
    first, second, third = (NOON + number * MINUTE for number in (1, 2, 3))
    place = Place(third, None, (first, second, third))
    book.cursors[plan] = advanced(book.cursors[plan], place, revision, load(revision.document).schedule, open_runs=1)
    assert book.cursors[plan].wake_at == second + lag
    assert book.wake(plan, now=first + lag) is None
    assert run_ended(book.cursors[plan], revision).wake_at == first + lag
    fired = book.wake(plan, now=second + lag)
    assert fired is not None
    assert [(skip.reason, skip.first) for skip in fired.skips] == [(SkipReason.OVERLAP, first)]
    assert (fired.cursor.held, fired.cursor.wake_at) == ((second, third), third + lag)
