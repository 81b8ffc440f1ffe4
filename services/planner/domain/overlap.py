"""Whose turn it is while runs of the plan are open (scheduling.md, section 5.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from msgspec import Struct


class OverlapPolicy(StrEnum):
    """What an occurrence does whose turn comes while a run of its plan is open."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    QUEUE_ALL = "queue_all"
    CANCEL_PREVIOUS = "cancel_previous"


_NEVER_WAIT: Final = frozenset((OverlapPolicy.ALLOW, OverlapPolicy.CANCEL_PREVIOUS))


@dataclass(frozen=True, slots=True)
class Overlap:
    """`held_max`: how many occurrences may wait for a run to end."""

    policy: OverlapPolicy
    held_max: int

    def may_fire(self, *, open_runs: int) -> bool:
        """Whether an occurrence whose turn has come need not wait."""
        return open_runs == 0 or self.policy in _NEVER_WAIT

    def may_wait(self, held: int, *, open_runs: int) -> bool:
        """Whether so many have nothing to do but wait for a run to end: after an update there may be more than the policy holds."""
        return not self.may_fire(open_runs=open_runs) and held <= self.held_max


class Turns(Struct, frozen=True, gc=False):
    """What became of the occurrences whose turn it was: each is in one of the four, all of which rise.

    `missed`: their window was over. `overlapped`: they gave way to an open run, or to newer ones that wait.
    """

    fired: Sequence[datetime]
    held: Sequence[datetime]
    missed: Sequence[datetime]
    overlapped: Sequence[datetime]


def overlap_of(document: Mapping[str, Any]) -> Overlap:
    """The policy of a definition's document."""
    given = document["overlap"]
    return _overlap(given["policy"], given.get("limit"))


def take_turns(overlap: Overlap, waiting: Sequence[datetime], *, open_runs: int, window_from: datetime | None, limit: int) -> Turns:
    """Decide on `waiting`, the held and the newly due occurrences in rising order; at most `limit` fire.

    The window of those before `window_from` is over. Where no policy makes them wait, what is beyond `limit` is held too, for the
    next decision.
    """
    if not overlap.may_fire(open_runs=open_runs):
        return _waited(overlap, (), waiting, missed=())
    missed = [] if window_from is None else [nominal for nominal in waiting if nominal < window_from]
    in_time = waiting[len(missed) :]
    if overlap.policy in _NEVER_WAIT:
        return Turns(in_time[:limit], in_time[limit:], missed, ())
    return _waited(overlap, in_time[:1], in_time[1:], missed=missed)


@cache  # asked at each fire; there are no more than a thousand
def _overlap(policy: str, limit: int | None) -> Overlap:
    return Overlap(OverlapPolicy(policy), int(policy == OverlapPolicy.QUEUE_ONE) if limit is None else limit)


def _waited(overlap: Overlap, fired: Sequence[datetime], waiting: Sequence[datetime], *, missed: Sequence[datetime]) -> Turns:
    """The newest of `waiting` are held; the older ones give way."""
    beyond = max(0, len(waiting) - overlap.held_max)
    return Turns(fired, waiting[beyond:], missed, waiting[:beyond])
