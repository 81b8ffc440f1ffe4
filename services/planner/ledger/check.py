"""What must exist against what does: invariants I1, I2, I3, I6 and I12 of a history. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from planner.ledger.expectation import Expectation
from planner.ledger.history import Fired, History, RunRow, Skipped
from planner_contracts.ids import instant_with_fraction, run_id
from planner_contracts.run import RunTrigger

_MILLISECOND: Final = timedelta(milliseconds=1)


class DifferenceKind(StrEnum):
    """What is wrong, in one word."""

    LOST = "lost"
    DOUBLED = "doubled"
    EARLY = "early"
    REORDERED = "reordered"
    UNEXPECTED = "unexpected"
    CONTRADICTORY = "contradictory"
    MISNAMED = "misnamed"
    UNRECORDED = "unrecorded"
    PHANTOM = "phantom"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that must not be. `scheduled_for` and `run_id` where they are known."""

    kind: DifferenceKind
    plan_id: str | None
    scheduled_for: datetime | None
    run_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, and every difference."""

    expected: int
    fired: int
    skipped: int
    rows: int
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it must be."""
        return not self.differences

    def counts(self) -> dict[DifferenceKind, int]:
        """How many differences of each kind there are; kinds without one are left out."""
        return dict(Counter(difference.kind for difference in self.differences))


def check(expectations: Sequence[Expectation], history: History) -> Report:
    """Judge a history. What is expected of a plan by several expectations is their union.

    Plans without an expectation are judged by themselves only: their actions against each other, and against their rows.
    """
    expected = _expected(expectations)
    differences = [
        *_unreadable(history),
        *_lost(expected, history),
        *_unexpected(expectations, history),
        *_doubled(history.fired),
        *_early(history.fired),
        *_reordered(history.fired),
        *_misnamed(history.fired),
        *_contradictory(history),
        *_unlike_rows(history),
    ]
    return Report(
        expected=sum(map(len, expected.values())),
        fired=len(history.fired),
        skipped=len(history.skipped),
        rows=len(history.rows),
        differences=tuple(differences),
    )


def _expected(expectations: Iterable[Expectation]) -> dict[str, set[datetime]]:
    expected: defaultdict[str, set[datetime]] = defaultdict(set)
    for expectation in expectations:
        expected[expectation.plan_id].update(expectation.must())
    return expected


def _unreadable(history: History) -> Iterator[Difference]:
    for detail in history.unreadable:
        yield Difference(DifferenceKind.UNREADABLE, None, None, None, detail)


def _lost(expected: dict[str, set[datetime]], history: History) -> Iterator[Difference]:
    fired = {(action.plan_id, action.scheduled_for) for action in history.fired if action.of_schedule}
    skips = _by_plan(history.skipped)
    for plan_id, instants in expected.items():
        for instant in sorted(instants):
            if (plan_id, instant) not in fired and not _is_skipped(skips.get(plan_id, ()), instant):
                yield Difference(DifferenceKind.LOST, plan_id, instant, None, "neither an action nor a skip")


def _unexpected(expectations: Sequence[Expectation], history: History) -> Iterator[Difference]:
    judged: defaultdict[str, list[Expectation]] = defaultdict(list)
    for expectation in expectations:
        judged[expectation.plan_id].append(expectation)
    for action in history.fired:
        forms = judged.get(action.plan_id)
        if forms and action.of_schedule and not any(form.may(action.scheduled_for) for form in forms):
            yield _of(DifferenceKind.UNEXPECTED, action, "no occurrence of the plan")


def _doubled(fired: Sequence[Fired]) -> Iterator[Difference]:
    runs: defaultdict[str, list[Fired]] = defaultdict(list)
    occurrences: defaultdict[tuple[str, datetime], list[Fired]] = defaultdict(list)
    for action in fired:
        runs[action.run_id].append(action)
        if action.of_schedule:
            occurrences[action.plan_id, action.scheduled_for].append(action)
    for same in runs.values():
        if len(same) > 1:
            yield _of(DifferenceKind.DOUBLED, same[0], f"{len(same)} actions of one run: {', '.join(map(_place, same))}")
    for same in occurrences.values():
        if len({action.run_id for action in same}) > 1:
            yield _of(DifferenceKind.DOUBLED, same[0], f"several runs of one occurrence: {', '.join(map(_place, same))}")


def _early(fired: Sequence[Fired]) -> Iterator[Difference]:
    for action in fired:
        if action.published_at < action.due_at:
            yield _of(DifferenceKind.EARLY, action, f"published {action.due_at - action.published_at} before it was due")
        elif action.appended_at <= action.due_at - _MILLISECOND:
            yield _of(DifferenceKind.EARLY, action, f"appended {action.due_at - action.appended_at} before it was due")
        elif action.trigger is RunTrigger.SCHEDULE and action.due_at < action.scheduled_for:
            yield _of(DifferenceKind.EARLY, action, f"due {action.scheduled_for - action.due_at} before its nominal time")


def _reordered(fired: Sequence[Fired]) -> Iterator[Difference]:
    plans: defaultdict[str, dict[datetime, Fired]] = defaultdict(dict)
    # Between partitions only the brokers' milliseconds tell the order; within one, the offset does.
    for action in sorted(fired, key=lambda action: (action.appended_at, action.topic, action.partition, action.offset)):
        if action.of_schedule:
            # A repeat is doubled, not out of order.
            plans[action.plan_id].setdefault(action.scheduled_for, action)
    for actions in plans.values():
        for earlier, later in pairwise(actions.values()):
            one_log = (earlier.topic, earlier.partition) == (later.topic, later.partition)
            told_apart = one_log or earlier.appended_at < later.appended_at
            if told_apart and later.scheduled_for < earlier.scheduled_for:
                yield _of(DifferenceKind.REORDERED, later, f"after the action for {instant_with_fraction(earlier.scheduled_for)}")


def _misnamed(fired: Sequence[Fired]) -> Iterator[Difference]:
    for action in fired:
        if action.trigger is RunTrigger.SCHEDULE:
            derived = run_id(action.plan_id, action.trigger, action.scheduled_for, action.attempt)
            if action.run_id != derived:
                yield _of(DifferenceKind.MISNAMED, action, f"its run id should be {derived}")


def _contradictory(history: History) -> Iterator[Difference]:
    skips = _by_plan(history.skipped)
    for action in history.fired:
        if action.of_schedule and _is_skipped(skips.get(action.plan_id, ()), action.scheduled_for):
            yield _of(DifferenceKind.CONTRADICTORY, action, "skipped and fired")


def _unlike_rows(history: History) -> Iterator[Difference]:
    rows = {row.run_id: row for row in history.rows}
    actions = {action.run_id: action for action in history.fired}
    for identity, action in actions.items():
        row = rows.get(identity)
        if row is None:
            yield _of(DifferenceKind.UNRECORDED, action, "an action without a run row")
        elif (row.plan_id, row.scheduled_for, row.attempt) != (action.plan_id, action.scheduled_for, action.attempt):
            yield _of(DifferenceKind.CONTRADICTORY, action, f"its run row says {_said(row)}")
    for identity, row in rows.items():
        if identity not in actions:
            yield Difference(DifferenceKind.PHANTOM, row.plan_id, row.scheduled_for, row.run_id, "a run row without an action")


def _by_plan(skipped: Iterable[Skipped]) -> dict[str, list[Skipped]]:
    plans: defaultdict[str, list[Skipped]] = defaultdict(list)
    for skip in skipped:
        plans[skip.plan_id].append(skip)
    return plans


def _is_skipped(skips: Iterable[Skipped], instant: datetime) -> bool:
    return any(skip.first <= instant <= skip.last for skip in skips)


def _of(kind: DifferenceKind, action: Fired, detail: str) -> Difference:
    return Difference(kind, action.plan_id, action.scheduled_for, action.run_id, f"{detail} ({_place(action)})")


def _place(action: Fired) -> str:
    return f"{action.topic}-{action.partition}@{action.offset}"


def _said(row: RunRow) -> str:
    return f"plan {row.plan_id}, {instant_with_fraction(row.scheduled_for)}, attempt {row.attempt}"
