"""What becomes of a plan when the zone database, or the holiday list that it uses, changes (scheduling.md, R11)."""

from datetime import timedelta

from planner.domain import civil_time
from planner.domain.advance import Place, advanced, label_offset_s
from planner.domain.civil_time import TZDATA_VERSION, Dst, Fold, Gap
from planner.domain.limits import TICK
from planner.domain.plan import Cursor, PlanRevision
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.once import Once
from planner.domain.reschedule import next_after
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus


def is_outdated(cursor: Cursor, schedule: Schedule) -> bool:
    """Whether the plan's next occurrence was computed with another version than ours, and may depend on it. One that ended has none."""
    if cursor.status in (PlanStatus.COMPLETED, PlanStatus.CANCELLED):
        return False
    if cursor.calendar != schedule.calendar_version:
        return True
    if cursor.tzdata == TZDATA_VERSION:
        return False
    return not isinstance(schedule.rule, Interval) and schedule.timezone not in civil_time.UTC_NAMES


def recomputed(revision: PlanRevision, cursor: Cursor, schedule: Schedule) -> Cursor:
    """The cursor with the next occurrence as the versions in force have it; what is resolved or held stays so.

    An instant at or before the cursor never fires again; for rules that name labels neither does a label at or before the one
    at which the cursor stood when it was computed; where that is its label still, the instant says all, in a repeated hour too. One
    that has come to lie in the past is backlog.
    """
    resolved_until = cursor.resolved_until
    if isinstance(schedule.rule, Once):
        if cursor.next_nominal is not None:
            resolved_until = min(resolved_until, schedule.rule.instant - TICK)
    elif cursor.label_offset_s is not None and cursor.label_offset_s != label_offset_s(resolved_until, schedule):
        label = (resolved_until + timedelta(seconds=cursor.label_offset_s)).replace(tzinfo=None, microsecond=0)
        shift = schedule.dst.gap is Gap.SHIFT
        seen = civil_time.resolve(label, schedule.timezone, Dst(Gap.SHIFT if shift else Gap.NEXT_VALID, Fold.LAST))
        resolved_until = max(resolved_until, seen)
    following = next_after(schedule, plan_id=cursor.plan_id, after=resolved_until)
    return advanced(cursor, Place(resolved_until, following, cursor.held), revision, schedule)
