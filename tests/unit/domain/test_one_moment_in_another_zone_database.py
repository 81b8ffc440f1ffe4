"""An `execute_at` that is a label, when another version of the zone database moves it (scheduling.md, R10 and R11)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from planner.domain.definition import load
from planner.domain.plan import Cursor
from planner.domain.recompute import recomputed
from planner_contracts.ids import PlanId
from support.plans import ACTION, NOON, Book

HOUR = timedelta(hours=1)
# In force it is 13:00 in UTC.
MOMENT = {"action": ACTION, "execute_at": "2026-03-01T14:00:00", "timezone": "Europe/Amsterdam"}


def moved(**state: Any) -> tuple[Book, PlanId, Cursor]:  # noqa: ANN401 of a cursor
    """The plan as an older version had computed it, and as the version in force has it."""
    book = Book()
    plan = book.made(MOMENT)
    revision = book.revisions[plan]
    cursor = structs.replace(book.cursors[plan], tzdata="1999a", **state)
    book.cursors[plan] = recomputed(revision, cursor, load(revision.document).schedule)
    return book, plan, book.cursors[plan]


@pytest.mark.parametrize("before", [NOON + HOUR / 2, NOON + 5 * HOUR])
def test_a_moment_that_comes_at_another_time_fires_then_and_its_plan_has_decided_nothing_else(before: datetime) -> None:
    book, plan, cursor = moved(next_nominal=before, next_due=before)
    assert (cursor.next_nominal, cursor.next_due, cursor.resolved_until) == (NOON + HOUR, NOON + HOUR, NOON)
    assert book.wake(plan, now=NOON + HOUR - timedelta(microseconds=1)) is None
    fired = book.wake(plan, now=NOON + HOUR)
    assert fired is not None
    assert ([run.scheduled_for for run in fired.runs], fired.completed) == ([NOON + HOUR], True)


def test_a_moment_that_has_come_to_lie_before_what_was_decided_is_not_lost() -> None:
    book, plan, cursor = moved(resolved_until=NOON + 2 * HOUR, next_nominal=NOON + 3 * HOUR, next_due=NOON + 3 * HOUR)
    assert cursor.next_nominal == NOON + HOUR
    fired = book.wake(plan, now=NOON + 2 * HOUR)
    assert fired is not None
    assert [run.scheduled_for for run in fired.runs] == [NOON + HOUR]


@pytest.mark.parametrize("held", [NOON + HOUR / 2, NOON + HOUR, NOON + 5 * HOUR])
def test_a_moment_that_waits_for_a_run_waits_once_wherever_it_has_moved(held: datetime) -> None:
    """A plan of one moment fired twice: its moment was held for a run when another version moved the label to a later instant,
    and that was taken for an occurrence after the cursor. A test with something held would have caught it.
    """
    _, _, cursor = moved(held=(held,), resolved_until=held, next_nominal=None, next_due=None, open_runs=1)
    assert (cursor.held, cursor.next_nominal, cursor.resolved_until) == ((held,), None, held)
