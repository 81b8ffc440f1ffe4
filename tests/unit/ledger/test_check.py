"""Each kind of defect is found in a history that is correct but for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from planner.ledger.check import DifferenceKind, Report, check
from planner.ledger.expectation import EveryPeriod, Expectation
from planner.ledger.history import Fired, History, RunRow, Skipped
from planner_contracts.ids import run_id
from planner_contracts.run import RunTrigger
from support.histories import PLANS, START, at_the_end, correct, every, fire, one_shots, row, with_change, with_repeat, without

EXPECTED: list[Expectation] = [every(PLANS[0], count=5), *one_shots(4)[1:]]
CORRECT = correct(EXPECTED)


def found(report: Report) -> list[tuple[DifferenceKind, str | None]]:
    return [(difference.kind, difference.plan_id) for difference in report.differences]


def fires_of(plan_id: str) -> list[int]:
    return [number for number, action in enumerate(CORRECT.fired) if action.plan_id == plan_id]


def test_a_correct_history_has_no_differences() -> None:
    report = check(EXPECTED, CORRECT)
    assert report.ok
    assert (report.expected, report.fired, report.skipped, report.rows) == (8, 8, 0, 8)


def test_an_occurrence_without_action_or_skip_is_lost() -> None:
    number = fires_of(PLANS[0])[2]
    report = check(EXPECTED, without(CORRECT, number))
    assert found(report) == [(DifferenceKind.LOST, PLANS[0])]
    assert report.differences[0].scheduled_for == CORRECT.fired[number].scheduled_for
    assert report.counts() == {DifferenceKind.LOST: 1}


def test_the_last_occurrence_and_a_one_shot_are_missed_too() -> None:
    assert found(check(EXPECTED, without(CORRECT, fires_of(PLANS[0])[-1]))) == [(DifferenceKind.LOST, PLANS[0])]
    assert found(check(EXPECTED, without(CORRECT, fires_of(PLANS[2])[0]))) == [(DifferenceKind.LOST, PLANS[2])]


def test_a_skipped_occurrence_is_not_lost() -> None:
    number = fires_of(PLANS[0])[2]
    skipped = CORRECT.fired[number].scheduled_for
    history = replace(without(CORRECT, number), skipped=(Skipped(PLANS[0], skipped, skipped, "missed"),))
    assert check(EXPECTED, history).ok


@pytest.mark.parametrize(("first", "last", "lost"), [(1, 3, 0), (1, 2, 1), (2, 3, 1)])
def test_a_skipped_range_stands_for_what_lies_in_it_and_nothing_beside(first: int, last: int, lost: int) -> None:
    history = CORRECT
    for number in sorted(fires_of(PLANS[0])[1:4], reverse=True):
        history = without(history, number)
    at = [CORRECT.fired[number].scheduled_for for number in fires_of(PLANS[0])]
    report = check(EXPECTED, replace(history, skipped=(Skipped(PLANS[0], at[first], at[last], "missed"),)))
    assert found(report) == [(DifferenceKind.LOST, PLANS[0])] * lost


def test_a_skip_of_another_plan_hides_nothing() -> None:
    number = fires_of(PLANS[0])[2]
    at = CORRECT.fired[number].scheduled_for
    history = replace(without(CORRECT, number), skipped=(Skipped(PLANS[1], at, at, "missed"),))
    assert (DifferenceKind.LOST, PLANS[0]) in found(check(EXPECTED, history))


def test_two_actions_of_one_run_are_doubled() -> None:
    assert found(check(EXPECTED, with_repeat(CORRECT, fires_of(PLANS[0])[1]))) == [(DifferenceKind.DOUBLED, PLANS[0])]


def test_two_runs_of_one_occurrence_are_doubled_and_one_is_misnamed() -> None:
    again = replace(at_the_end(CORRECT, CORRECT.fired[fires_of(PLANS[1])[0]]), run_id=run_id(PLANS[1], "other", START, 1))
    history = replace(CORRECT, fired=(*CORRECT.fired, again), rows=(*CORRECT.rows, row(again)))
    assert found(check(EXPECTED, history)) == [(DifferenceKind.DOUBLED, PLANS[1]), (DifferenceKind.MISNAMED, PLANS[1])]


def early(action: Fired) -> list[Fired]:
    return [
        replace(action, published_at=action.due_at - timedelta(microseconds=1)),
        replace(action, appended_at=action.due_at - timedelta(milliseconds=1)),
        replace(action, due_at=action.scheduled_for - timedelta(microseconds=1)),
    ]


@pytest.mark.parametrize("way", range(3))
def test_an_action_published_appended_or_due_before_its_time_is_early(way: int) -> None:
    number = fires_of(PLANS[0])[1]
    assert found(check(EXPECTED, with_change(CORRECT, number, early(CORRECT.fired[number])[way]))) == [(DifferenceKind.EARLY, PLANS[0])]


def test_the_brokers_whole_milliseconds_make_nothing_early() -> None:
    due = START + timedelta(microseconds=999_999)
    on_time = fire(PLANS[0], due, lateness=timedelta(0))
    assert on_time.appended_at < due
    assert check([], History((on_time,), (), (row(on_time),))).ok


def test_a_later_occurrence_before_an_earlier_one_is_reordered() -> None:
    number = fires_of(PLANS[0])[1]
    late = at_the_end(CORRECT, CORRECT.fired[number])
    assert found(check(EXPECTED, with_change(CORRECT, number, late))) == [(DifferenceKind.REORDERED, PLANS[0])]


def test_order_is_judged_by_offset_within_a_partition_though_the_milliseconds_are_the_same() -> None:
    first, second = fire(PLANS[0], START), fire(PLANS[0], START + timedelta(microseconds=1))
    log = (replace(second, offset=0), replace(first, offset=2))
    assert found(check([], History(log, (), tuple(map(row, log))))) == [(DifferenceKind.REORDERED, PLANS[0])]
    across = (log[0], replace(log[1], partition=1))
    assert check([], History(across, (), tuple(map(row, across)))).ok


def test_order_between_topics_is_judged_by_the_brokers_time_stamps() -> None:
    first, second = fire(PLANS[0], START), fire(PLANS[0], START + timedelta(seconds=1))
    late = replace(first, topic="planner.action.other", appended_at=second.appended_at + timedelta(milliseconds=1))
    assert found(check([], History((second, late), (), (row(second), row(late))))) == [(DifferenceKind.REORDERED, PLANS[0])]


def test_retries_and_runs_by_hand_keep_no_order_and_stand_for_no_occurrence() -> None:
    retry = replace(at_the_end(CORRECT, CORRECT.fired[0]), attempt=2, run_id=run_id(CORRECT.fired[0].plan_id, "schedule", START, 2))
    manual = replace(at_the_end(CORRECT, CORRECT.fired[1]), trigger=RunTrigger.MANUAL, run_id="11111111-1111-4111-8111-111111111111")
    manual = replace(manual, offset=manual.offset + 2)
    history = replace(CORRECT, fired=(*CORRECT.fired, retry, manual), rows=(*CORRECT.rows, row(retry), row(manual)))
    assert check(EXPECTED, history).ok


def added(history: History, action: Fired) -> History:
    return replace(history, fired=(*history.fired, action), rows=(*history.rows, row(action)))


@pytest.mark.parametrize("beside", [timedelta(seconds=5), timedelta(microseconds=1), timedelta(seconds=10)])
def test_an_action_beside_the_grid_or_after_the_end_is_unexpected(beside: timedelta) -> None:
    last = CORRECT.fired[fires_of(PLANS[0])[-1]]
    extra = fire(PLANS[0], last.scheduled_for + beside, offset=last.offset + 100)
    assert found(check(EXPECTED, added(CORRECT, extra))) == [(DifferenceKind.UNEXPECTED, PLANS[0])]


def test_a_plan_that_goes_on_may_fire_after_the_last_judged_occurrence_but_only_on_its_grid() -> None:
    form = every(PLANS[0], count=3)
    goes_on = EveryPeriod(form.plan_id, form.anchor, form.period, form.first, form.last, open_until=None)
    history = correct([form])
    assert check([goes_on], added(history, fire(PLANS[0], form.last + form.period, offset=50))).ok
    assert not check([goes_on], added(history, fire(PLANS[0], form.last + form.period / 2, offset=50))).ok


def test_several_expectations_of_one_plan_are_its_parts() -> None:
    before = every(PLANS[0], count=3)
    changed = EveryPeriod(PLANS[0], START, timedelta(seconds=7), START + timedelta(seconds=28), START + timedelta(seconds=42), None)
    history = correct([before, changed])
    assert check([before, changed], history).ok
    assert found(check([before, changed], without(history, 4))) == [(DifferenceKind.LOST, PLANS[0])]


def test_an_occurrence_both_fired_and_skipped_is_contradictory() -> None:
    action = CORRECT.fired[fires_of(PLANS[0])[1]]
    history = replace(CORRECT, skipped=(Skipped(PLANS[0], action.scheduled_for, action.scheduled_for, "missed"),))
    assert found(check(EXPECTED, history)) == [(DifferenceKind.CONTRADICTORY, PLANS[0])]


def test_a_run_id_that_does_not_follow_from_the_occurrence_is_misnamed() -> None:
    action = replace(CORRECT.fired[0], run_id="11111111-1111-4111-8111-111111111111")
    history = History((action, *CORRECT.fired[1:]), (), (row(action), *CORRECT.rows[1:]))
    assert found(check(EXPECTED, history)) == [(DifferenceKind.MISNAMED, action.plan_id)]


def test_an_action_without_a_row_is_unrecorded_and_a_row_without_an_action_a_phantom() -> None:
    assert found(check(EXPECTED, replace(CORRECT, rows=CORRECT.rows[1:]))) == [(DifferenceKind.UNRECORDED, CORRECT.rows[0].plan_id)]
    phantom = row(fire(PLANS[3], START - timedelta(days=1)))
    assert found(check(EXPECTED, replace(CORRECT, rows=(*CORRECT.rows, phantom)))) == [(DifferenceKind.PHANTOM, PLANS[3])]


def test_a_lost_action_whose_row_is_there_is_lost_and_a_phantom() -> None:
    history = replace(CORRECT, fired=CORRECT.fired[1:])
    assert sorted(check(EXPECTED, history).counts()) == [DifferenceKind.LOST, DifferenceKind.PHANTOM]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda row: replace(row, plan_id=PLANS[3]),
        lambda row: replace(row, scheduled_for=row.scheduled_for + timedelta(microseconds=1)),
        lambda row: replace(row, attempt=2),
    ],
)
def test_a_row_unlike_its_action_is_contradictory(spoilt: Callable[[RunRow], RunRow]) -> None:
    history = replace(CORRECT, rows=(spoilt(CORRECT.rows[0]), *CORRECT.rows[1:]))
    assert [difference.kind for difference in check(EXPECTED, history).differences] == [DifferenceKind.CONTRADICTORY]


def test_an_unreadable_record_is_a_difference() -> None:
    assert check(EXPECTED, replace(CORRECT, unreadable=("topic-0@7: not JSON",))).differences[0].detail == "topic-0@7: not JSON"


def test_what_was_published_after_the_moment_of_the_audit_is_not_judged() -> None:
    later = fire(PLANS[3], START + timedelta(hours=1), offset=100)
    phantom = row(fire(PLANS[3], START + timedelta(hours=2)))
    history = replace(CORRECT, fired=(*CORRECT.fired, later), rows=(*CORRECT.rows, phantom))
    assert not check(EXPECTED, history).ok
    assert check(EXPECTED, history.up_to(START + timedelta(minutes=1))).ok
