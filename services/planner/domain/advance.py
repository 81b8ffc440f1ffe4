"""How a plan's cursor moves."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from planner.domain import civil_time
from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.jitter import delay
from planner.domain.missed import Occurrence
from planner.domain.overlap import overlap_of
from planner.domain.plan import Cursor, PlanRevision
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plan has come to: everything up to `resolved_until` has its outcome or is `held`; `following` is next."""

    resolved_until: datetime
    following: Occurrence | None
    held: tuple[datetime, ...] = ()


def advanced(cursor: Cursor, place: Place, revision: PlanRevision, schedule: Schedule) -> Cursor:
    """The cursor at a new place; completed where nothing is held and nothing follows. `fired` and `open_runs` stay as they are.

    A paused plan knows its next occurrence too, but has no timer.
    """
    following = place.following
    status = cursor.status if following is not None or place.held else PlanStatus.COMPLETED
    return replace(
        cursor,
        status=status,
        resolved_until=place.resolved_until,
        next_nominal=None if following is None else following.scheduled_for,
        next_due=following.due_at if following is not None and status is PlanStatus.ACTIVE else None,
        tzdata=TZDATA_VERSION,
        calendar=schedule.calendar_version,
        held=place.held,
        held_due=place.held[0] + delay(cursor.plan_id, schedule.jitter_seconds) if place.held else None,
        wait_for_run=bool(place.held) and not overlap_of(revision.document).may_fire(open_runs=cursor.open_runs),
        label_offset_s=label_offset_s(place.resolved_until, schedule),
    )


def label_offset_s(instant: datetime, schedule: Schedule) -> int | None:
    """The offset of the schedule's zone at the instant; None where it does not name labels."""
    return civil_time.offset_at(instant, schedule.timezone) // timedelta(seconds=1) if schedule.names_labels else None
