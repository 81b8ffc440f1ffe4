"""Whose turn it is while runs are open (scheduling.md, section 5.5)."""

from datetime import datetime, timedelta

import pytest

from planner.domain.overlap import Overlap, OverlapPolicy, Turns, overlap_of, take_turns
from support.plans import NOON

TEN = timedelta(minutes=10)
A, B, C, D = (NOON + number * TEN for number in range(4))


def turns(
    policy: OverlapPolicy,
    *waiting: datetime,
    open_runs: int,
    held_max: int = 0,
    window_from: datetime | None = None,
    limit: int = 100,
) -> Turns:
    return take_turns(Overlap(policy, held_max), waiting, open_runs=open_runs, window_from=window_from, limit=limit)


def told(found: Turns) -> dict[str, list[datetime]]:
    """What became of them, the empty outcomes left out."""
    all_four = {"fired": found.fired, "held": found.held, "missed": found.missed, "overlapped": found.overlapped}
    return {name: list(nominal) for name, nominal in all_four.items() if nominal}


@pytest.mark.parametrize(
    ("given", "overlap"),
    [
        ({"policy": "allow"}, Overlap(OverlapPolicy.ALLOW, 0)),
        ({"policy": "skip"}, Overlap(OverlapPolicy.SKIP, 0)),
        ({"policy": "queue_one"}, Overlap(OverlapPolicy.QUEUE_ONE, 1)),
        ({"policy": "queue_all", "limit": 7}, Overlap(OverlapPolicy.QUEUE_ALL, 7)),
        ({"policy": "cancel_previous"}, Overlap(OverlapPolicy.CANCEL_PREVIOUS, 0)),
    ],
)
def test_a_document_tells_its_policy_and_how_many_may_wait(given: dict[str, object], overlap: Overlap) -> None:
    assert overlap_of({"overlap": given}) == overlap


@pytest.mark.parametrize("policy", [OverlapPolicy.ALLOW, OverlapPolicy.CANCEL_PREVIOUS])
@pytest.mark.parametrize("open_runs", [0, 3])
def test_these_policies_never_wait(policy: OverlapPolicy, open_runs: int) -> None:
    assert told(turns(policy, A, B, C, open_runs=open_runs)) == {"fired": [A, B, C]}
    assert told(turns(policy, A, B, C, open_runs=open_runs, limit=2)) == {"fired": [A, B], "held": [C]}


def test_skip_fires_one_where_no_run_is_open_and_the_rest_give_way() -> None:
    assert told(turns(OverlapPolicy.SKIP, A, B, C, open_runs=0)) == {"fired": [A], "overlapped": [B, C]}
    assert told(turns(OverlapPolicy.SKIP, A, B, open_runs=1)) == {"overlapped": [A, B]}


def test_a_queue_of_one_keeps_the_newest_and_the_older_give_way() -> None:
    assert told(turns(OverlapPolicy.QUEUE_ONE, A, open_runs=1, held_max=1)) == {"held": [A]}
    assert told(turns(OverlapPolicy.QUEUE_ONE, A, B, open_runs=1, held_max=1)) == {"held": [B], "overlapped": [A]}
    assert told(turns(OverlapPolicy.QUEUE_ONE, A, B, C, open_runs=0, held_max=1)) == {"fired": [A], "held": [C], "overlapped": [B]}


def test_a_queue_keeps_as_many_as_its_limit_says() -> None:
    assert told(turns(OverlapPolicy.QUEUE_ALL, A, B, C, open_runs=1, held_max=2)) == {"held": [B, C], "overlapped": [A]}
    assert told(turns(OverlapPolicy.QUEUE_ALL, A, B, C, D, open_runs=0, held_max=2)) == {"fired": [A], "held": [C, D], "overlapped": [B]}


def test_those_whose_window_is_over_are_missed_when_their_turn_comes_and_not_before() -> None:
    assert told(turns(OverlapPolicy.QUEUE_ALL, A, B, C, open_runs=0, held_max=9, window_from=B)) == {
        "missed": [A],
        "fired": [B],
        "held": [C],
    }
    assert told(turns(OverlapPolicy.QUEUE_ALL, A, B, open_runs=1, held_max=9, window_from=C)) == {"held": [A, B]}
    assert told(turns(OverlapPolicy.SKIP, A, B, open_runs=0, window_from=C)) == {"missed": [A, B]}
    assert told(turns(OverlapPolicy.ALLOW, A, B, open_runs=1, window_from=B)) == {"missed": [A], "fired": [B]}
