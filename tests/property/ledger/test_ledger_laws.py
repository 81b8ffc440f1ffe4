"""Whatever the plans: a correct history passes, and one injected defect is reported, and nothing else."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from planner.ledger.check import DifferenceKind, check
from planner.ledger.expectation import EveryPeriod, Expectation, OneShot
from support.histories import PLANS, START, at_the_end, correct, with_change, with_repeat, without

instants = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)).map(lambda after: START + after)
periods = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(hours=3))


@st.composite
def intervals(draw: st.DrawFn, plan_id: str) -> EveryPeriod:
    anchor, period, count = draw(instants), draw(periods), draw(st.integers(1, 12))
    first = anchor + draw(st.integers(-20, 20)) * period
    last = first + (count - 1) * period
    return EveryPeriod(plan_id, anchor, period, first, last, open_until=draw(st.sampled_from([None, last])))


@st.composite
def plans(draw: st.DrawFn) -> list[Expectation]:
    return [
        draw(st.one_of(intervals(plan_id), st.builds(OneShot, st.just(plan_id), instants))) for plan_id in PLANS[: draw(st.integers(1, 4))]
    ]


@given(plans())
def test_a_correct_history_passes(expectations: list[Expectation]) -> None:
    assert check(expectations, correct(expectations)).ok


@given(plans(), st.data())
def test_a_lost_action_is_reported_and_only_it(expectations: list[Expectation], data: st.DataObject) -> None:
    history = correct(expectations)
    number = data.draw(st.integers(0, len(history.fired) - 1))
    (difference,) = check(expectations, without(history, number)).differences
    lost = history.fired[number]
    assert (difference.kind, difference.plan_id, difference.scheduled_for) == (DifferenceKind.LOST, lost.plan_id, lost.scheduled_for)


@given(plans(), st.data())
def test_a_doubled_action_is_reported_and_only_it(expectations: list[Expectation], data: st.DataObject) -> None:
    history = correct(expectations)
    number = data.draw(st.integers(0, len(history.fired) - 1))
    (difference,) = check(expectations, with_repeat(history, number)).differences
    assert (difference.kind, difference.run_id) == (DifferenceKind.DOUBLED, history.fired[number].run_id)


@given(plans(), st.data(), st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=1)))
def test_an_early_action_is_reported_and_only_it(expectations: list[Expectation], data: st.DataObject, early: timedelta) -> None:
    history = correct(expectations)
    number = data.draw(st.integers(0, len(history.fired) - 1))
    action = history.fired[number]
    (difference,) = check(expectations, with_change(history, number, replace(action, published_at=action.due_at - early))).differences
    assert (difference.kind, difference.run_id) == (DifferenceKind.EARLY, action.run_id)


@given(plans(), st.data())
def test_a_reordered_action_is_reported_and_only_it(expectations: list[Expectation], data: st.DataObject) -> None:
    history = correct(expectations)
    number = data.draw(st.integers(0, len(history.fired) - 1))
    action = history.fired[number]
    assume(any(other.plan_id == action.plan_id for other in history.fired[number + 1 :]))
    (difference,) = check(expectations, with_change(history, number, at_the_end(history, action))).differences
    assert (difference.kind, difference.run_id) == (DifferenceKind.REORDERED, action.run_id)


@given(intervals(PLANS[0]), st.integers(-3, 15), st.integers(0, 10**12))
def test_what_must_happen_is_what_may_happen_and_lies_on_the_grid_between_the_ends(form: EveryPeriod, steps: int, off_us: int) -> None:
    must = list(form.must())
    assert must[0] == form.first
    assert must[-1] == form.last
    assert all(form.may(instant) for instant in must)
    instant = form.first + steps * form.period
    assert (instant in must) is (form.first <= instant <= form.last)
    off_grid = timedelta(microseconds=off_us) % form.period
    assert form.may(instant + off_grid) is (not off_grid and form.may(instant))


@given(intervals(PLANS[0]), st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=3)))
def test_ends_between_two_occurrences_change_nothing(form: EveryPeriod, slack: timedelta) -> None:
    slack %= form.period
    wider = replace(form, first=form.first - slack, last=form.last + slack)
    assert list(wider.must()) == list(form.must())
