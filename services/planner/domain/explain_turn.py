"""What became of an occurrence when its turn came: the steps with state (scheduling.md, section 5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from planner.domain.explain_steps import Step, StepName, StepResult, seconds
from planner.domain.outcomes import FIRED, HELD, Outcome
from planner.domain.overlap import Overlap, OverlapPolicy
from planner.domain.schedule import Schedule
from planner_contracts.instants import format_instant
from planner_contracts.run_event import SkipReason


@dataclass(frozen=True, slots=True)
class Turn:
    """What is known of a turn beside its outcome.

    `schedule`, `overlap`: of the revision that decided; `named`: whether that schedule names the occurrence. `paused`: the plan is so
    now. `resumed_by`: the revision that ended a pause in which the occurrence waited. `open_run`: the run that was open when it was
    due; of a held one, that is open now. `ended_runs`: those that it ended, the newest first. `stands`: others are coalesced into it.
    """

    schedule: Schedule
    overlap: Overlap
    due_at: datetime
    named: bool = True
    paused: bool = False
    resumed_by: int | None = None
    was_held: bool = False
    open_run: str | None = None
    ended_runs: tuple[str, ...] = ()
    stands: bool = False

    @property
    def max_lateness(self) -> str:
        most = self.schedule.misfire.max_lateness
        return "max_lateness_seconds is null" if most is None else f"max_lateness_seconds is {most.total_seconds():.0f}"


# The steps that an occurrence has passed before it is skipped by one; none before an update, a cancel, or what cannot be published.
_SKIPPED_BY: Final = {
    SkipReason.MISSED: StepName.MISFIRE,
    SkipReason.COALESCED: StepName.MISFIRE,
    SkipReason.CATCHUP_LIMIT: StepName.MISFIRE,
    SkipReason.OVERLAP: StepName.OVERLAP,
    SkipReason.PAUSED: StepName.PAUSE,
    SkipReason.SUPERSEDED: StepName.UPDATE,
    SkipReason.CANCELLED: StepName.CANCEL,
    SkipReason.UNDELIVERABLE: StepName.PUBLISH,
}


def steps_of_turn(recorded: Outcome, turn: Turn) -> Iterator[Step]:
    """The steps with state up to the one that decided."""
    if recorded.outcome == HELD:
        yield from _held(turn)
        return
    if recorded.outcome == FIRED:
        yield from _fired(recorded, turn)
        return
    reason = SkipReason(recorded.outcome)
    step = _SKIPPED_BY[reason]
    if step in (StepName.MISFIRE, StepName.OVERLAP):
        yield _pause_passed(turn)
    if step is StepName.OVERLAP:
        yield Step(StepName.MISFIRE, StepResult.PASSED, f"in time when its turn came; {turn.max_lateness}")
    yield Step(step, StepResult.SKIPPED, _why_skipped(reason, recorded, turn))


def _held(turn: Turn) -> Iterator[Step]:
    if turn.paused:
        yield Step(StepName.PAUSE, StepResult.WAITS, "it waits for the plan's resume")
        return
    yield Step(StepName.PAUSE, StepResult.PASSED, "the plan is not paused")
    if turn.open_run is None or turn.overlap.may_fire(open_runs=1):
        detail = f"no run is in its way; it was kept until it is due, at {format_instant(turn.due_at)}"
    else:
        detail = f"it waits for the run {turn.open_run} to end"
    yield Step(StepName.OVERLAP, StepResult.WAITS, detail)


def _fired(recorded: Outcome, turn: Turn) -> Iterator[Step]:
    yield _pause_passed(turn)
    assert recorded.published_at is not None
    late = seconds(recorded.published_at - turn.due_at)
    stands = "; it stands for its backlog, whose others are coalesced" if turn.stands else ""
    yield Step(StepName.MISFIRE, StepResult.PASSED, f"published {late} after it was due; {turn.max_lateness}{stands}")
    yield Step(StepName.OVERLAP, StepResult.PASSED, _overlap_passed(turn, late))
    if turn.schedule.max_runs is not None:
        yield Step(StepName.MAX_RUNS, StepResult.PASSED, f"a run was left of max_runs, {turn.schedule.max_runs}")


def _pause_passed(turn: Turn) -> Step:
    detail = "the plan was not paused" if turn.resumed_by is None else f"it waited through a pause, which revision {turn.resumed_by} ended"
    return Step(StepName.PAUSE, StepResult.PASSED, detail)


def _overlap_passed(turn: Turn, late: str) -> str:
    policy, run = turn.overlap.policy, turn.open_run
    if turn.ended_runs:
        others = f", and {len(turn.ended_runs) - 1} before that" if len(turn.ended_runs) > 1 else ""
        return f"overlap is {policy}: it ended the run {turn.ended_runs[0]}{others}"
    if run is None:
        return f"no run was open when it was due; overlap is {policy}"
    if policy is OverlapPolicy.ALLOW:
        return f"overlap is allow: it did not wait for the run {run}, which was open"
    if turn.was_held:
        return f"overlap is {policy}: held for {late}, until no run was open; when it was due the run {run} was"
    return f"the run {run} was open when it was due, and had ended when its turn came; overlap is {policy}"


def _why_skipped(reason: SkipReason, recorded: Outcome, turn: Turn) -> str:
    revision = recorded.revision
    match reason:
        case SkipReason.MISSED:
            waited = f"; when it was due the run {turn.open_run} was open" if turn.was_held and turn.open_run is not None else ""
            return f"its lateness was over the limit when its turn came; {turn.max_lateness}{waited}"
        case SkipReason.COALESCED:
            return "another occurrence of its backlog stands for it" + (f": {format_instant(recorded.into)}" if recorded.into else "")
        case SkipReason.CATCHUP_LIMIT:
            return f"newer occurrences of its backlog took all places; max_catchup is {turn.schedule.misfire.max_catchup}"
        case SkipReason.OVERLAP:
            return _why_overlapped(turn)
        case SkipReason.PAUSED:
            return f"it waited through a pause; revision {revision} ended that, and skipped what had waited"
        case SkipReason.SUPERSEDED:
            came = f"revision {revision} updated the plan before its turn"
            return f"{came}, and gave up what waited" if turn.named else f"{came}, and does not name it"
        case SkipReason.CANCELLED:
            return f"revision {revision} cancelled the plan before its turn"
        case SkipReason.UNDELIVERABLE:
            return "its action can never be published; the dead letters say why"


def _why_overlapped(turn: Turn) -> str:
    policy, held_max = turn.overlap.policy, turn.overlap.held_max
    run = "a run was open when its turn came" if turn.open_run is None else f"the run {turn.open_run} was open when it was due"
    if held_max:
        return f"{run}; it gave way to what is newer, for overlap is {policy}, which lets {held_max} wait"
    return f"{run}; overlap is {policy}"
