"""An update is decided in the midst of a backlog: what stays, what is settled, what is given up (scheduling.md, sections 5.1 and 5.3).

"Of a late backlog it keeps what that lets fire": an update may not make of it anything else than the tick before it would have made.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from planner.domain.jitter import delay
from planner.domain.plan import Cursor
from planner.domain.reschedule import UNRESOLVED_KEPT_MAX, next_after
from planner_contracts.ids import PlanId
from planner_contracts.run_event import SkipReason
from support.plans import ACTION, NOON, Accepted, Book, Caller, accepted, codes, rejected
from support.schedules import a_schedule, an_interval

MINUTE = timedelta(minutes=1)
TENS: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 600, "anchor": "2026-02-01T00:00:00Z"}}
# It names every nominal time of the old rule, and one between any two.
DENSER = {"every_seconds": 300}


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def waiting(given: dict[str, Any], **state: Any) -> tuple[Book, PlanId]:  # noqa: ANN401 of a cursor
    """A plan that was made just after noon."""
    book = Book()
    plan = book.made(given, now=at(1))
    book.cursors[plan] = structs.replace(book.cursors[plan], **state)
    return book, plan


def updated(book: Book, plan: PlanId, now: datetime, **patch: object) -> Accepted:
    return accepted(book.ask(Caller("u").update(plan, **patch), now=now))


def fires(book: Book, plan: PlanId, now: datetime) -> tuple[list[datetime], list[tuple[str, datetime, datetime | None]]]:
    fired = book.wake(plan, now=now)
    assert fired is not None
    return [run.scheduled_for for run in fired.runs], [(skip.reason.value, skip.first, skip.into) for skip in fired.skips]


@pytest.mark.parametrize("coalesce", ["latest", "earliest", "none"])
@pytest.mark.parametrize("max_lateness_seconds", [None, 899, 900, 901, 1500, 86_400])
@pytest.mark.parametrize("max_catchup", [1, 2, 100])
@pytest.mark.parametrize("now", [20, 20.5, 21.1, 35, 40])
def test_an_update_keeps_of_a_late_backlog_what_the_tick_before_it_would_have_fired(
    coalesce: str, max_lateness_seconds: int | None, max_catchup: int, now: float
) -> None:
    misfire = {"coalesce": coalesce, "max_lateness_seconds": max_lateness_seconds, "max_catchup": max_catchup}
    untouched, changed = waiting(TENS | {"misfire": misfire}), waiting(TENS | {"misfire": misfire})
    expected = fires(*untouched, at(now))
    settled = [(skip.reason.value, skip.first, skip.into) for skip in updated(*changed, at(now), recurrence=DENSER).decision.skips]
    fired, skipped = fires(*changed, at(now))
    assert (fired, settled + skipped) == expected


@pytest.mark.parametrize("coalesce", ["latest", "earliest", "none"])
@pytest.mark.parametrize("after_due", [-1, 0, 59, 61, 599])
def test_with_jitter_the_backlog_is_what_is_due_and_the_rest_is_kept_for_its_time(coalesce: str, after_due: int) -> None:
    given = TENS | {"misfire": {"coalesce": coalesce, "max_lateness_seconds": 1500}, "jitter_seconds": 600}
    untouched, changed = waiting(given), waiting(given)
    lag = delay(changed[1], 600)
    assert lag > MINUTE
    now = at(30) + lag + timedelta(seconds=after_due)
    expected = fires(*untouched, now)
    settled = [(skip.reason.value, skip.first, skip.into) for skip in updated(*changed, now, recurrence=DENSER).decision.skips]
    fired, skipped = fires(*changed, now)
    assert (fired, settled + skipped) == expected
    assert (at(30) in changed[0].cursors[changed[1]].held) is (after_due < 0)


def test_what_stays_at_the_end_of_what_waited_is_not_held_for_the_cursor_goes_back_to_it() -> None:
    book, plan = waiting(TENS | {"active": False})
    found = updated(book, plan, at(31), recurrence={"every_seconds": 1800})
    assert [skip.first for skip in found.decision.skips] == [at(10), at(20)]
    assert (found.cursor.held, found.cursor.next_nominal) == ((), at(30))


def test_an_update_to_a_moment_among_what_it_gives_up_is_refused() -> None:
    # 12:10 to 12:30 would be superseded in one record, which no run may lie in.
    book, plan = waiting(TENS)
    moved = {"recurrence": None, "execute_at": "2026-03-01T12:15:00Z"}
    assert codes(rejected(book.ask(Caller("first").update(plan, **moved), now=at(35)))) == ["/execute_at SCHEDULE_IN_PAST"]
    assert updated(book, plan, at(35), **(moved | {"execute_at": "2026-03-01T12:33:00Z"})).cursor.next_nominal == at(33)


@pytest.mark.parametrize(("late", "missed"), [(timedelta(0), []), (timedelta(microseconds=1), [10])])
def test_the_window_of_what_an_update_keeps_ends_as_in_any_other_decision(late: timedelta, missed: list[int]) -> None:
    book, plan = waiting(TENS | {"misfire": {"max_lateness_seconds": 1500, "coalesce": "none"}})
    found = updated(book, plan, at(35) + late, recurrence=DENSER)
    assert [(skip.reason, skip.first) for skip in found.decision.skips] == [(SkipReason.MISSED, at(minutes)) for minutes in missed]
    assert found.cursor.held == tuple(at(minutes) for minutes in (10, 20, 30) if minutes not in missed)


@pytest.mark.parametrize(("coalesce", "kept", "into"), [("latest", 30, 30), ("earliest", 10, 10)])
def test_what_falls_due_at_the_moment_of_the_update_is_part_of_the_backlog(coalesce: str, kept: int, into: int) -> None:
    book, plan = waiting(TENS | {"misfire": {"coalesce": coalesce}})
    found = updated(book, plan, at(30), recurrence=DENSER)
    assert found.cursor.held == (at(kept),)
    assert {(skip.reason, skip.into) for skip in found.decision.skips} == {(SkipReason.COALESCED, at(into))}
    assert [skip.first for skip in found.decision.skips] == [at(minutes) for minutes in (10, 20, 30) if minutes != kept]


def test_what_is_held_stays_if_the_new_schedule_names_it_and_is_superseded_if_not() -> None:
    book, plan = waiting(TENS | {"overlap": "queue_all"}, held=(at(-30), at(-20), at(-10)), open_runs=1, wait_for_run=True)
    found = updated(book, plan, at(2), recurrence={"every_seconds": 1200})
    assert found.cursor.held == (at(-20),)
    assert [(skip.reason, skip.first, skip.count) for skip in found.decision.skips] == [
        (SkipReason.SUPERSEDED, at(-30), 1),
        (SkipReason.SUPERSEDED, at(-10), 1),
    ]


def test_an_update_that_leaves_the_times_alone_leaves_all_that_is_held() -> None:
    held = (at(-25), at(-15))  # as another zone database may leave them: the rule names neither
    book, plan = waiting(TENS | {"overlap": "queue_all"}, held=held, open_runs=1, wait_for_run=True)
    found = updated(book, plan, at(2), payload={"n": 2}, jitter_seconds=30, misfire={"coalesce": "none"}, max_runs=9)
    assert (found.cursor.held, found.decision.skips, found.cursor.resolved_until) == (held, (), book.cursors[plan].resolved_until)


@pytest.mark.parametrize(("held", "few"), [(UNRESOLVED_KEPT_MAX - 2, True), (UNRESOLVED_KEPT_MAX - 1, False)])
def test_what_is_held_counts_among_the_thousand_that_an_update_may_keep(held: int, few: object) -> None:
    # 12:10 and 12:20 are due besides. Held ones lie before noon, ten minutes apart, so that the new rule names them all.
    nominal_times = tuple(at(-10 * number) for number in range(held, 0, -1))
    given = TENS | {"overlap": "queue_all", "misfire": {"coalesce": "none"}}
    book, plan = waiting(given, held=nominal_times, open_runs=1, wait_for_run=True)
    found = updated(book, plan, at(20.5), recurrence=DENSER)
    superseded = sum(skip.count or 0 for skip in found.decision.skips if skip.reason is SkipReason.SUPERSEDED)
    assert superseded == (0 if few else held + 2)
    assert len(found.cursor.held) == (held + 2 if few else 0)
    assert found.cursor.next_nominal == at(25)


@pytest.mark.parametrize("minutes", [10, 10.9, 11])
def test_what_is_late_by_no_more_than_a_minute_is_no_backlog_and_all_of_it_is_kept(minutes: float) -> None:
    book, plan = waiting(TENS | {"recurrence": {"type": "interval", "every_seconds": 20, "anchor": "2026-03-01T12:10:00Z"}})
    book.cursors[plan] = structs.replace(
        book.cursors[plan], resolved_until=at(10) - timedelta(seconds=1), next_nominal=at(10), next_due=at(10)
    )
    found = updated(book, plan, at(minutes), recurrence={"every_seconds": 10}, misfire={"coalesce": "earliest"})
    assert found.decision.skips == ()
    kept = [at(10) + timedelta(seconds=20 * number) for number in range(1 + int((minutes - 10) * 3))]
    assert fires(book, plan, at(minutes))[0] == kept


def test_the_next_occurrence_is_strictly_after_and_due_later_by_the_jitter() -> None:
    plan = PlanId("00000000-0000-4000-8000-000000000001")
    tens = an_interval(600, jitter_seconds=600)
    found = next_after(tens, plan_id=plan, after=at(10))
    assert found is not None
    assert (found.scheduled_for, found.due_at - found.scheduled_for) == (at(20), timedelta(seconds=41.945))
    assert next_after(a_schedule(execute_at="2026-03-01T12:10:00Z"), plan_id=plan, after=at(10)) is None


def test_a_cancel_ends_the_held_and_the_due_and_nothing_that_is_to_come() -> None:
    book, plan = waiting(TENS | {"overlap": "queue_all"}, held=(at(-20), at(-10)), open_runs=1, wait_for_run=True)
    found = accepted(book.ask(Caller("x").cancel(plan), now=at(20)))
    ended: Cursor = found.cursor
    assert [(skip.reason, skip.first) for skip in found.decision.skips] == [
        (SkipReason.CANCELLED, at(minutes)) for minutes in (-20, -10, 10, 20)
    ]
    assert (ended.held, ended.held_due, ended.wait_for_run, ended.next_nominal, ended.next_due) == ((), None, False, None, None)
    assert (ended.resolved_until, ended.open_runs) == (at(20), 1)


def test_a_cancel_ends_a_moment_that_is_held_and_after_which_nothing_comes() -> None:
    book, plan = waiting({"action": ACTION, "execute_at": "2026-03-01T12:10:00Z", "overlap": "queue_one"})
    state = {"held": (at(10),), "resolved_until": at(10), "next_nominal": None, "next_due": None, "open_runs": 1}
    book.cursors[plan] = structs.replace(book.cursors[plan], **state)
    found = accepted(book.ask(Caller("x").cancel(plan), now=at(20)))
    assert [(skip.reason, skip.first) for skip in found.decision.skips] == [(SkipReason.CANCELLED, at(10))]


def test_a_cancel_never_takes_the_cursor_back_though_the_clock_has_stepped_back() -> None:
    book, plan = waiting(TENS, resolved_until=at(30), next_nominal=at(40), next_due=at(40))
    found = accepted(book.ask(Caller("x").cancel(plan), now=at(25)))
    assert (found.cursor.resolved_until, found.decision.skips) == (at(30), ())
