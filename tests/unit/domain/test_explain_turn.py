"""What an explanation says of an occurrence's turn."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from planner.domain.explain_turn import Turn, steps_of_turn
from planner.domain.outcomes import FIRED, HELD, Outcome
from planner.domain.overlap import Overlap, OverlapPolicy
from planner_contracts.run_event import SkipReason
from support.schedules import a_cron, instant

NOON = instant("2024-05-01T12:00:00Z")
DAILY = a_cron("0 12 * * *")


def turn(policy: OverlapPolicy = OverlapPolicy.ALLOW, held_max: int = 0, **known: Any) -> Turn:  # noqa: ANN401 (any field of a turn)
    return replace(Turn(DAILY, Overlap(policy, held_max), NOON), **known)


def said(outcome: str, known: Turn, *, late: timedelta = timedelta(0), into: datetime | None = None) -> dict[str, str]:
    """What each step says."""
    published_at = NOON + late if outcome == FIRED else None
    recorded = Outcome(outcome, NOON, NOON, 1, 7, due_at=NOON, published_at=published_at, into=into)
    return {step.step.value: step.detail for step in steps_of_turn(recorded, known)}


def test_what_fired_says_how_late_it_was_and_nothing_of_a_limit_that_is_not_set() -> None:
    assert said(FIRED, turn(), late=timedelta(milliseconds=12)) == {
        "pause": "the plan was not paused",
        "misfire": "published 0.012 s after it was due; max_lateness_seconds is 3600",
        "overlap": "no run was open when it was due; overlap is allow",
    }
    limited = said(FIRED, turn(schedule=a_cron("0 12 * * *", max_runs=5, misfire={"max_lateness_seconds": None})))
    assert limited["misfire"] == "published 0 s after it was due; max_lateness_seconds is null"
    assert limited["max_runs"] == "a run was left of max_runs, 5"


@pytest.mark.parametrize(
    ("known", "overlap"),
    [
        (turn(open_run="a"), "overlap is allow: it did not wait for the run a, which was open"),
        (
            turn(OverlapPolicy.QUEUE_ONE, 1, was_held=True, open_run="a"),
            "overlap is queue_one: held for 5 s, until no run was open; when it was due the run a was",
        ),
        (
            turn(OverlapPolicy.SKIP, open_run="a"),
            "the run a was open when it was due, and had ended when its turn came; overlap is skip",
        ),
        (turn(OverlapPolicy.CANCEL_PREVIOUS, open_run="a", ended_runs=("a",)), "overlap is cancel_previous: it ended the run a"),
        (
            turn(OverlapPolicy.CANCEL_PREVIOUS, ended_runs=("c", "b", "a")),
            "overlap is cancel_previous: it ended the run c, and 2 before that",
        ),
    ],
)
def test_what_fired_says_which_run_was_in_its_way_and_what_came_of_it(known: Turn, overlap: str) -> None:
    assert said(FIRED, known, late=timedelta(seconds=5))["overlap"] == overlap


def test_what_waited_through_a_pause_or_stands_for_others_says_so() -> None:
    found = said(FIRED, turn(resumed_by=3, stands=True), late=timedelta(minutes=2))

    assert found["pause"] == "it waited through a pause, which revision 3 ended"
    assert found["misfire"].endswith(
        "120 s after it was due; max_lateness_seconds is 3600; it stands for its backlog, whose others are coalesced"
    )


@pytest.mark.parametrize(
    ("known", "steps"),
    [
        (turn(paused=True), {"pause": "it waits for the plan's resume"}),
        (
            turn(OverlapPolicy.QUEUE_ALL, 100, open_run="a"),
            {"pause": "the plan is not paused", "overlap": "it waits for the run a to end"},
        ),
        (
            turn(open_run="a"),
            {
                "pause": "the plan is not paused",
                "overlap": "no run is in its way; it was kept until it is due, at 2024-05-01T12:00:00Z",
            },
        ),
    ],
)
def test_what_is_held_says_what_it_waits_for(known: Turn, steps: dict[str, str]) -> None:
    assert said(HELD, known) == steps


@pytest.mark.parametrize(
    ("reason", "known", "detail"),
    [
        (SkipReason.MISSED, turn(), "its lateness was over the limit when its turn came; max_lateness_seconds is 3600"),
        (
            SkipReason.MISSED,
            turn(was_held=True, open_run="a"),
            "its lateness was over the limit when its turn came; max_lateness_seconds is 3600; when it was due the run a was open",
        ),
        (SkipReason.CATCHUP_LIMIT, turn(), "newer occurrences of its backlog took all places; max_catchup is 100"),
        (SkipReason.OVERLAP, turn(OverlapPolicy.SKIP, open_run="a"), "the run a was open when it was due; overlap is skip"),
        (SkipReason.OVERLAP, turn(OverlapPolicy.SKIP), "a run was open when its turn came; overlap is skip"),
        (
            SkipReason.OVERLAP,
            turn(OverlapPolicy.QUEUE_ONE, 1, open_run="a"),
            "the run a was open when it was due; it gave way to what is newer, for overlap is queue_one, which lets 1 wait",
        ),
        (SkipReason.PAUSED, turn(), "it waited through a pause; revision 7 ended that, and skipped what had waited"),
        (SkipReason.SUPERSEDED, turn(named=False), "revision 7 updated the plan before its turn, and does not name it"),
        (SkipReason.SUPERSEDED, turn(named=True), "revision 7 updated the plan before its turn, and gave up what waited"),
        (SkipReason.CANCELLED, turn(), "revision 7 cancelled the plan before its turn"),
        (SkipReason.UNDELIVERABLE, turn(), "its action can never be published; the dead letters say why"),
    ],
)
def test_each_skip_says_what_decided(reason: SkipReason, known: Turn, detail: str) -> None:
    assert list(said(reason, known).values())[-1] == detail


def test_what_gave_way_to_a_run_had_been_in_time() -> None:
    found = said(SkipReason.OVERLAP, turn(OverlapPolicy.SKIP, open_run="a", resumed_by=3))

    assert list(found) == ["pause", "misfire", "overlap"]
    assert found["misfire"] == "in time when its turn came; max_lateness_seconds is 3600"
