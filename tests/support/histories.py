"""Correct histories for the ledger, to be spoilt."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from planner.ledger.expectation import EveryPeriod, Expectation, OneShot
from planner.ledger.history import Fired, History, RunRow
from planner_contracts.ids import run_id
from planner_contracts.run import RunTrigger

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
PLANS = tuple(f"00000000-0000-4000-8000-{number:012d}" for number in range(4))


def every(plan_id: str, *, count: int, period: timedelta = timedelta(seconds=10)) -> EveryPeriod:
    """An interval plan that has come to its end after so many occurrences."""
    last = START + (count - 1) * period
    return EveryPeriod(plan_id, anchor=START, period=period, first=START, last=last, open_until=last)


def correct(expectations: Sequence[Expectation], *, lateness: timedelta = timedelta(microseconds=1500)) -> History:
    """Each expected occurrence fired once, a little late, in one partition, with its row."""
    due = sorted((instant, expectation.plan_id) for expectation in expectations for instant in expectation.must())
    fired = tuple(fire(plan_id, instant, offset=2 * number, lateness=lateness) for number, (instant, plan_id) in enumerate(due))
    return History(fired, (), tuple(map(row, fired)))


def fire(plan_id: str, instant: datetime, *, offset: int = 0, lateness: timedelta = timedelta(microseconds=1500)) -> Fired:
    """A correct action."""
    published = instant + lateness
    return Fired(
        run_id=run_id(plan_id, "schedule", instant, 1),
        plan_id=plan_id,
        scheduled_for=instant,
        due_at=instant,
        published_at=published,
        attempt=1,
        trigger=RunTrigger.SCHEDULE,
        topic="planner.action.content.publish",
        partition=0,
        offset=offset,
        appended_at=published.replace(microsecond=published.microsecond // 1000 * 1000),
    )


def row(action: Fired) -> RunRow:
    """The run row of an action."""
    return RunRow(action.run_id, action.plan_id, action.scheduled_for, action.attempt, action.published_at)


def without(history: History, number: int) -> History:
    """Neither the action nor its row."""
    lost = history.fired[number]
    rows = tuple(kept for kept in history.rows if kept.run_id != lost.run_id)
    return replace(history, fired=history.fired[:number] + history.fired[number + 1 :], rows=rows)


def with_repeat(history: History, number: int) -> History:
    """The action once more, at the end of the log."""
    return replace(history, fired=(*history.fired, at_the_end(history, history.fired[number])))


def with_change(history: History, number: int, action: Fired) -> History:
    """Another action in the place of one; its row stays."""
    return replace(history, fired=(*history.fired[:number], action, *history.fired[number + 1 :]))


def at_the_end(history: History, action: Fired) -> Fired:
    """The action, as if it had been published after all others."""
    last = max(history.fired, key=lambda other: other.offset)
    published = max(last.published_at, action.published_at) + timedelta(milliseconds=1)
    appended = published.replace(microsecond=published.microsecond // 1000 * 1000)
    return replace(action, offset=last.offset + 2, published_at=published, appended_at=appended)


def one_shots(count: int) -> list[Expectation]:
    """So many one-shots, each of its own plan."""
    return [OneShot(PLANS[number], START + timedelta(seconds=number)) for number in range(count)]
