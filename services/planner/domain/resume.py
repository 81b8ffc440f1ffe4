"""What becomes of everything that waited during a pause (scheduling.md, section 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from planner.domain.advance import Place
from planner.domain.jitter import delay
from planner.domain.limits import TICK
from planner.domain.missed import Skip, skips_at, skips_between
from planner.domain.overlap import Overlap, take_turns
from planner.domain.plan import Cursor
from planner.domain.recurrence.window import newest
from planner.domain.reschedule import next_after
from planner.domain.schedule import Schedule
from planner_contracts.run_event import SkipReason


class ResumeBacklog(StrEnum):
    """What the caller wants done about the backlog: skip it, fire its newest, or fire all that may be caught up."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where the plan is then: what is to fire of the backlog is held, until the next tick or until no run is open."""

    place: Place
    skips: tuple[Skip, ...]


def resume(schedule: Schedule, cursor: Cursor, backlog: ResumeBacklog, overlap: Overlap, *, now: datetime) -> Resumption:
    """Decide on what is unresolved at `now`: what was held at the pause, and what fell due since. What is held and not yet due stays so.

    While a run is open, what is to fire of it gives way or waits as the policy says.

    Costs O(max_catchup + 100), however long the pause was.
    """
    lag = delay(cursor.plan_id, schedule.jitter_seconds)
    end = now - lag
    due = [nominal for nominal in cursor.held if nominal <= end]
    waited = _Waited(schedule, due, cursor.resolved_until + TICK, end)
    held: tuple[datetime, ...] = ()
    match backlog:
        case ResumeBacklog.SKIP:
            skips = waited.skipped(SkipReason.PAUSED)
        case ResumeBacklog.LATEST:
            held, skips = _latest(waited)
        case ResumeBacklog.ALL:
            held, skips = _all(waited)
        case _ as unreachable:
            assert_never(unreachable)
    if not overlap.may_fire(open_runs=cursor.open_runs):
        turns = take_turns(overlap, held, open_runs=cursor.open_runs, window_from=None, limit=len(held))
        held, skips = tuple(turns.held), skips + skips_at(schedule, SkipReason.OVERLAP, turns.overlapped)
    resolved_until = waited.last or cursor.resolved_until
    following = next_after(schedule, plan_id=cursor.plan_id, after=resolved_until)
    return Resumption(Place(resolved_until, following, (*held, *cursor.held[len(due) :])), skips)


@dataclass(frozen=True, slots=True)
class _Waited:
    """What waited: the `held` occurrences, and after them those of the schedule from `start` to `end`, if there are any."""

    schedule: Schedule
    held: Sequence[datetime]
    start: datetime
    end: datetime

    @property
    def last(self) -> datetime | None:
        """The newest that fell due since the cursor."""
        return next(iter(newest(self.schedule, self.start, self.end, 1)), None)

    def newest(self, count: int) -> list[datetime]:
        """The newest `count` of all, rising."""
        due = newest(self.schedule, self.start, self.end, count)
        beyond = max(0, len(self.held) - (count - len(due)))
        return [*self.held[beyond:], *due]

    def since(self, start: datetime) -> "_Waited":
        """Without those before `start`."""
        return _Waited(self.schedule, [nominal for nominal in self.held if nominal >= start], max(self.start, start), self.end)

    def before(self, stop: datetime) -> "_Waited":
        """Without those from `stop` on."""
        return _Waited(self.schedule, [nominal for nominal in self.held if nominal < stop], self.start, min(self.end, stop - TICK))

    def skipped(self, reason: SkipReason, *, into: datetime | None = None) -> tuple[Skip, ...]:
        """The records of all."""
        due = skips_between(self.schedule, reason, self.start, self.end, into=into)
        return skips_at(self.schedule, reason, self.held, into=into) + due


def _latest(waited: _Waited) -> tuple[tuple[datetime, ...], tuple[Skip, ...]]:
    in_time, missed = _in_time(waited)
    chosen = in_time.newest(1)
    coalesced = in_time.before(chosen[0]).skipped(SkipReason.COALESCED, into=chosen[0]) if chosen else ()
    return tuple(chosen), missed + coalesced


def _all(waited: _Waited) -> tuple[tuple[datetime, ...], tuple[Skip, ...]]:
    in_time, missed = _in_time(waited)
    chosen = in_time.newest(waited.schedule.misfire.max_catchup)
    older = in_time.before(chosen[0]).skipped(SkipReason.CATCHUP_LIMIT) if chosen else ()
    return tuple(chosen), missed + older


def _in_time(waited: _Waited) -> tuple[_Waited, tuple[Skip, ...]]:
    """Those whose window is not over, and the records of the others."""
    most = waited.schedule.misfire.max_lateness
    if most is None:
        return waited, ()
    window = waited.end - most
    return waited.since(window), waited.before(window).skipped(SkipReason.MISSED)
