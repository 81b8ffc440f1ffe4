"""What one decision makes of the occurrences whose turn it is, and what it leaves open and held (scheduling.md, sections 5.5 and 5.7)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from planner.domain.fire import Fire, next_of
from planner.domain.overlap import Overlap, OverlapPolicy, take_turns
from planner.domain.plan import Cursor
from planner.domain.resume import ResumeBacklog
from planner_contracts.ids import PlanId
from planner_contracts.plan import PlanStatus
from planner_contracts.run_event import SkipReason
from support.plans import ACTION, MINUTELY, NOON, Book, Caller, accepted

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def at(*minutes: int) -> tuple[datetime, ...]:
    return tuple(NOON + minute * MINUTE for minute in minutes)


def minutely(overlap: object, *, held: tuple[datetime, ...] = (), open_runs: int = 0, **fields: Any) -> tuple[Book, PlanId]:  # noqa: ANN401 any field
    """Every minute; what is held lies at or before noon, where the cursor stands."""
    book = Book()
    plan = book.made({**MINUTELY, "overlap": overlap, "misfire": {"coalesce": "none"}, **fields})
    book.cursors[plan] = structs.replace(book.cursors[plan], held=held, open_runs=open_runs, wait_for_run=bool(held) and open_runs > 0)
    return book, plan


def woken(book: Book, plan: PlanId, minute: int, *, limit: int = 100) -> Fire:
    found = book.wake(plan, now=NOON + minute * MINUTE, limit=limit)
    assert found is not None
    return found


def fired(found: Fire) -> tuple[datetime, ...]:
    return tuple(run.scheduled_for for run in found.runs)


def skipped(found: Fire) -> list[tuple[str, datetime]]:
    return [(skip.reason.value, skip.first) for skip in found.skips]


@pytest.mark.parametrize(
    ("overlap", "open_runs", "fires", "gives_way", "holds", "open_then"),
    [
        ("allow", 0, (1, 2, 3), (), (), 3),
        ("allow", 2, (1, 2, 3), (), (), 5),
        ("skip", 0, (1,), (2, 3), (), 1),
        ("skip", 1, (), (1, 2, 3), (), 1),
        ("queue_one", 0, (1,), (2,), (3,), 1),
        ("queue_one", 1, (), (1, 2), (3,), 1),
        ({"policy": "queue_all", "limit": 2}, 0, (1,), (), (2, 3), 1),
        ({"policy": "queue_all", "limit": 2}, 1, (), (1,), (2, 3), 1),
        # Each ends the one before it: of three that are published at once only the last is open.
        ("cancel_previous", 0, (1, 2, 3), (), (), 1),
        ("cancel_previous", 4, (1, 2, 3), (), (), 1),
    ],
)
def test_three_whose_turn_it_is_at_once_fire_give_way_or_wait_as_the_policy_says(
    *, overlap: object, open_runs: int, fires: tuple[int, ...], gives_way: tuple[int, ...], holds: tuple[int, ...], open_then: int
) -> None:
    book, plan = minutely(overlap, open_runs=open_runs)
    found = woken(book, plan, 3)
    assert fired(found) == at(*fires)
    assert skipped(found) == [("overlap", nominal) for nominal in at(*gives_way)]
    assert (found.cursor.held, found.cursor.open_runs, found.cursor.fired) == (at(*holds), open_then, len(fires))
    assert found.ends_open_runs is (overlap == "cancel_previous")


def test_what_is_missed_ends_no_run() -> None:
    # Two minutes late where one is allowed: it is no reason to cancel the run of noon.
    book = Book()
    plan = book.made(
        {"action": ACTION, "execute_at": "2026-03-01T12:10:00Z", "overlap": "cancel_previous", "misfire": {"max_lateness_seconds": 60}}
    )
    book.cursors[plan] = structs.replace(book.cursors[plan], open_runs=1)
    found = woken(book, plan, 12)
    assert (fired(found), skipped(found)) == ((), [("missed", *at(10))])
    assert (found.ends_open_runs, found.cursor.open_runs) == (False, 1)


def test_a_timer_that_comes_while_the_held_wait_for_a_run_decides_nothing() -> None:
    book, plan = minutely("queue_one", held=at(0), open_runs=1)
    before = book.cursors[plan]
    assert book.wake(plan, now=NOON + MINUTE / 2) is None
    assert book.cursors[plan] == before


def test_as_soon_as_no_run_is_open_the_held_one_fires_before_anything_falls_due() -> None:
    book, plan = minutely("queue_one", held=at(0), open_runs=0)
    found = book.wake(plan, now=NOON + MINUTE / 2)
    assert found is not None
    assert (fired(found), found.skips, found.cursor.held) == (at(0), (), ())
    assert (found.cursor.next_nominal, found.cursor.open_runs) == (NOON + MINUTE, 1)


@pytest.mark.parametrize("runs_left", [3, 5, 8])
def test_no_more_fire_in_one_decision_than_its_limit_and_the_rest_fires_in_the_next(runs_left: int) -> None:
    book, plan = minutely("allow", held=at(-3, -2, -1, 0), max_runs=runs_left)
    turns: list[tuple[datetime, ...]] = []
    while book.cursors[plan].status is PlanStatus.ACTIVE and len(turns) < runs_left:
        turns.append(fired(woken(book, plan, 4, limit=2)))
    assert max(map(len, turns)) == 2
    assert [nominal for turn in turns for nominal in turn] == list(at(*range(-3, runs_left - 3)))
    assert (book.cursors[plan].status, book.cursors[plan].fired, book.cursors[plan].held) == (PlanStatus.COMPLETED, runs_left, ())


def test_what_is_skipped_before_the_last_run_has_its_outcome_and_what_comes_after_it_has_none() -> None:
    book, plan = minutely("skip", max_runs=1, misfire={"max_lateness_seconds": 150, "coalesce": "none"})
    found = woken(book, plan, 6)
    assert (fired(found), found.completed) == (at(4), True)
    assert skipped(found) == [("missed", nominal) for nominal in at(1, 2, 3)]


def test_of_two_runs_left_the_second_is_the_last_and_what_lies_between_is_recorded() -> None:
    book, plan = minutely("queue_one", max_runs=2)
    assert skipped(woken(book, plan, 3)) == [("overlap", *at(2))]
    book.cursors[plan] = structs.replace(book.cursors[plan], open_runs=0)
    last = woken(book, plan, 3)
    assert (fired(last), last.skips, last.completed) == (at(3), (), True)


def test_with_the_last_runs_what_another_stands_for_between_them_has_its_outcome() -> None:
    book, plan = minutely("allow", held=at(0), max_runs=2, misfire={"coalesce": "latest"})
    found = woken(book, plan, 5)
    assert (fired(found), found.completed) == (at(0, 5), True)
    assert skipped(found) == [("coalesced", nominal) for nominal in at(1, 2, 3, 4)]


def test_outcomes_of_one_decision_rise_whatever_their_reasons() -> None:
    book, plan = minutely("queue_one", held=at(-10, 0), open_runs=1, misfire={"max_lateness_seconds": 300, "coalesce": "none"})
    found = woken(book, plan, 8)
    assert skipped(found) == [
        ("overlap", *at(-10)),
        ("overlap", *at(0)),
        *(("missed", nominal) for nominal in at(1, 2)),
        *(("overlap", nominal) for nominal in at(3, 4, 5, 6, 7)),
    ]
    assert found.cursor.held == at(8)


@pytest.mark.parametrize("held_max", [1, 2, 59, 60, 61, 100, 1000])
@pytest.mark.parametrize("waiting", [1, 60, 100])
def test_the_newest_that_the_policy_holds_wait_and_the_older_give_way(held_max: int, waiting: int) -> None:
    nominal_times: Sequence[datetime] = at(*range(waiting))
    turns = take_turns(Overlap(OverlapPolicy.QUEUE_ALL, held_max), nominal_times, open_runs=1, window_from=None, limit=100)
    assert [*turns.overlapped, *turns.held] == list(nominal_times)
    assert len(turns.held) == min(held_max, waiting)
    assert (list(turns.fired), list(turns.missed)) == ([], [])


@pytest.mark.parametrize(
    ("overlap", "gives_way", "holds"),
    [
        ("skip", (1, 2, 3), ()),
        ("queue_one", (1, 2), (3,)),
        ({"policy": "queue_all", "limit": 2}, (1,), (2, 3)),
        ("allow", (), (1, 2, 3)),
        ("cancel_previous", (), (1, 2, 3)),
    ],
)
def test_what_a_resume_is_to_fire_comes_to_its_turn_at_once_where_a_run_is_open(
    overlap: object, gives_way: tuple[int, ...], holds: tuple[int, ...]
) -> None:
    book, plan = minutely(overlap, open_runs=1)
    book.ask(Caller("p").pause(plan), now=NOON)
    found = accepted(book.ask(Caller("r").resume(plan, ResumeBacklog.ALL), now=NOON + 3 * MINUTE))
    assert [(skip.reason, skip.first) for skip in found.decision.skips] == [(SkipReason.OVERLAP, nominal) for nominal in at(*gives_way)]
    assert found.cursor.held == at(*holds)


@pytest.mark.parametrize(("nominal", "due"), [(None, None), (NOON, None), (None, NOON)])
def test_a_cursor_stands_at_an_occurrence_only_if_it_knows_when_it_is_due(nominal: datetime | None, due: datetime | None) -> None:
    book, plan = minutely("allow")
    cursor: Cursor = structs.replace(book.cursors[plan], next_nominal=nominal, next_due=due)
    assert next_of(cursor) is None
    standing = next_of(book.cursors[plan])
    assert standing is not None
    assert (standing.scheduled_for, standing.due_at) == (NOON + MINUTE, NOON + MINUTE)
