"""What looks like a difference and is none: retries and runs by hand beside skips, and what lies at the edges of a judgement."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from planner.ledger.check import DifferenceKind, check
from planner.ledger.expectation import EveryPeriod, Expectation, OneShot
from planner.ledger.history import Fired, History, Skipped
from planner_contracts.ids import run_id
from planner_contracts.run import RunTrigger
from support.histories import PLANS, START, correct, every, row

EXPECTED: list[Expectation] = [every(PLANS[0], count=5)]
CORRECT = correct(EXPECTED)
SECOND = timedelta(seconds=1)


def beside(action: Fired) -> History:
    """The correct history, with one action more and its row."""
    return replace(CORRECT, fired=(*CORRECT.fired, action), rows=(*CORRECT.rows, row(action)))


def as_a_retry(action: Fired) -> Fired:
    identity = run_id(action.plan_id, RunTrigger.SCHEDULE, action.scheduled_for, 2)
    return replace(action, run_id=identity, attempt=2, offset=action.offset + 1000)


def by_hand(action: Fired) -> Fired:
    return replace(action, run_id="by-hand", trigger=RunTrigger.MANUAL, offset=action.offset + 1000)


@pytest.mark.parametrize("again", [as_a_retry, by_hand])
def test_a_skip_is_contradicted_by_the_plans_own_action_only(again: Callable[[Fired], Fired]) -> None:
    first = CORRECT.fired[0]
    at = first.scheduled_for
    skip = Skipped(PLANS[0], at, at, "missed")
    other = again(first)
    only_the_other = replace(CORRECT, fired=(other, *CORRECT.fired[1:]), rows=(row(other), *CORRECT.rows[1:]), skipped=(skip,))
    assert check(EXPECTED, only_the_other).differences == ()
    both = replace(beside(other), skipped=(skip,))
    assert [difference.kind for difference in check(EXPECTED, both).differences] == [DifferenceKind.CONTRADICTORY]


@pytest.mark.parametrize("again", [as_a_retry, by_hand])
def test_a_retry_or_a_run_by_hand_doubles_nothing_and_is_never_unexpected(again: Callable[[Fired], Fired]) -> None:
    assert check(EXPECTED, beside(again(CORRECT.fired[0]))).ok


def test_a_plan_of_which_nothing_is_expected_is_judged_by_itself_only() -> None:
    assert check([], CORRECT).ok
    assert check([], CORRECT).expected == 0


def test_a_period_begins_with_the_first_time_on_its_grid_and_ends_with_the_last_inclusive() -> None:
    beginning = START + 2.5 * SECOND
    period = EveryPeriod("p", START, SECOND, beginning, START + 5 * SECOND, None)
    assert list(period.must()) == [START + number * SECOND for number in (3, 4, 5)]
    exactly = EveryPeriod("p", START, SECOND, START + 3 * SECOND, START + 5 * SECOND, START + 6 * SECOND)
    assert list(exactly.must()) == [START + number * SECOND for number in (3, 4, 5)]
    assert [number for number in range(9) if exactly.may(START + number * SECOND)] == [3, 4, 5, 6]
    assert not exactly.may(START + 4.5 * SECOND)
    assert [number for number in range(9) if period.may(START + number * SECOND)] == [3, 4, 5, 6, 7, 8]


def test_a_one_shot_may_be_at_its_instant_and_nowhere_else() -> None:
    once = OneShot("p", START)
    assert (list(once.must()), once.may(START), once.may(START + timedelta(microseconds=1))) == ([START], True, False)


def test_what_was_published_at_the_moment_of_the_audit_is_judged() -> None:
    last = CORRECT.fired[-1]
    assert len(CORRECT.up_to(last.published_at).fired) == len(CORRECT.fired)
    before = CORRECT.up_to(last.published_at - timedelta(microseconds=1))
    assert (len(before.fired), len(before.rows)) == (len(CORRECT.fired) - 1, len(CORRECT.rows) - 1)
