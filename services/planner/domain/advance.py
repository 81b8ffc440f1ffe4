"""How a plan's cursor moves."""

from datetime import datetime, timedelta

from msgspec import Struct, structs

from planner.domain import civil_time
from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.jitter import delay
from planner.domain.missed import Occurrence
from planner.domain.overlap import overlap_of
from planner.domain.plan import Cursor, PlanRevision
from planner.domain.schedule import Schedule
from planner_contracts.ids import PlanId
from planner_contracts.plan import PlanStatus


class Place(Struct, frozen=True, gc=False):
    """Where a plan has come to: everything up to `resolved_until` has its outcome or is `held`; `following` is next."""

    resolved_until: datetime
    following: Occurrence | None
    held: tuple[datetime, ...] = ()


def advanced(
    cursor: Cursor, place: Place, revision: PlanRevision, schedule: Schedule, *, fired: int | None = None, open_runs: int | None = None
) -> Cursor:
    """The cursor at a new place; completed where nothing is held and nothing follows. `fired` and `open_runs` stay if not given.

    A paused plan knows its next occurrence too, but has no timer.
    """
    following, held = place.following, place.held
    status = cursor.status if following is not None or held else PlanStatus.COMPLETED
    runs = cursor.open_runs if open_runs is None else open_runs
    return Cursor(
        plan_id=cursor.plan_id,
        status=status,
        revision=cursor.revision,
        resolved_until=place.resolved_until,
        next_nominal=None if following is None else following.scheduled_for,
        next_due=following.due_at if following is not None and status is PlanStatus.ACTIVE else None,
        fired=cursor.fired if fired is None else fired,
        open_runs=runs,
        tzdata=TZDATA_VERSION,
        held=held,
        held_due=_turn_at(cursor.plan_id, revision, held, runs) if held else None,
        wait_for_run=bool(held) and overlap_of(revision.document).may_wait(len(held), open_runs=runs),
        label_offset_s=label_offset_s(place.resolved_until, schedule),
        calendar=schedule.calendar_version,
    )


def run_ended(cursor: Cursor, revision: PlanRevision) -> Cursor:
    """The cursor when one run less is open: if it was the last, the turn of what waits for it comes as it falls due."""
    left = cursor.open_runs - 1
    if left or not cursor.held:
        return structs.replace(cursor, open_runs=left)
    return structs.replace(cursor, open_runs=0, wait_for_run=False, held_due=_turn_at(cursor.plan_id, revision, cursor.held, 0))


def _turn_at(plan_id: PlanId, revision: PlanRevision, held: tuple[datetime, ...], open_runs: int) -> datetime:
    """When something is to be decided about what is held: the first is due or, while a run bars it, one more than may wait is."""
    overlap = overlap_of(revision.document)
    barred = not overlap.may_fire(open_runs=open_runs) and len(held) > overlap.held_max
    return held[overlap.held_max if barred else 0] + delay(plan_id, revision.document["jitter_seconds"])


def label_offset_s(instant: datetime, schedule: Schedule) -> int | None:
    """The offset of the schedule's zone at the instant; None where it does not name labels."""
    return civil_time.offset_at(instant, schedule.timezone) // timedelta(seconds=1) if schedule.names_labels else None
