"""What becomes of a plan when the zone database, or the holiday list that it uses, changes (scheduling.md, R11)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from planner.domain import civil_time
from planner.domain.advance import Place, advanced, label_offset_s
from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.limits import TICK
from planner.domain.plan import Cursor, PlanRevision
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.label_search import Labels, first_instant
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.rrule import Rrule
from planner.domain.recurrence.rrule_labels import LabelRule
from planner.domain.recurrence.window import rising
from planner.domain.reschedule import next_after
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus

# Further from a label, read as UTC, than any offset reaches, and nearer than two changes of one zone are.
_AROUND: Final = timedelta(days=2)


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
    resolved_until, held = cursor.resolved_until, cursor.held
    if isinstance(schedule.rule, Once):
        if cursor.next_nominal is None:
            # It has come to its turn and is held: the instant at which its label lies now is no second occurrence.
            return advanced(cursor, Place(resolved_until, None, held), revision, schedule)
        resolved_until = min(resolved_until, schedule.rule.instant - TICK)
    elif cursor.label_offset_s is not None and cursor.label_offset_s != label_offset_s(resolved_until, schedule):
        label = (resolved_until + timedelta(seconds=cursor.label_offset_s)).replace(tzinfo=None, microsecond=0)
        resolved_until, waiting = _past_label(schedule, label, resolved_until)
        held += waiting
    following = next_after(schedule, plan_id=cursor.plan_id, after=resolved_until)
    return advanced(cursor, Place(resolved_until, following, held), revision, schedule)


@dataclass(frozen=True, slots=True)
class _From:
    """Of a rule's labels those from `first` on."""

    labels: Labels
    first: int

    def first_label(self, label: int) -> int | None:
        return self.labels.first_label(max(label, self.first))


def _past_label(schedule: Schedule, label: datetime, resolved_until: datetime) -> tuple[datetime, tuple[datetime, ...]]:
    """Where a cursor stands past every label up to the given one, and what later labels have come to before that: it is held.

    Labels need not rise with their instants: a second pass (`both`) or a shifted label lies behind later ones.
    """
    moved = list(rising(schedule, resolved_until + TICK, _latest(label, schedule.timezone)))
    stays = [_is_of_later(schedule, instant, civil_time.second_of(label)) for instant in moved]
    if all(stays):
        return resolved_until, ()
    ended = len(stays) - stays[::-1].index(False)
    return moved[ended - 1], tuple(instant for instant, waits in zip(moved[:ended], stays[:ended], strict=True) if waits)


def _is_of_later(schedule: Schedule, occurrence: datetime, label: int) -> bool:
    """Whether a later label came to the occurrence, or a date that was given as an instant."""
    rule = schedule.rule
    labels = rule.rule if isinstance(rule, Rrule) else rule
    assert isinstance(labels, Cron | Calendar | LabelRule), "the rule names no labels"
    if isinstance(rule, Rrule) and occurrence in rule.rdates:
        own = civil_time.local(occurrence, schedule.timezone).replace(tzinfo=None, microsecond=0)
        if occurrence in rule.fixed_rdates or civil_time.second_of(own) > label:
            return True
    return first_instant(_From(labels, label + 1), occurrence, schedule.timezone, schedule.dst) == occurrence


def _latest(label: datetime, timezone: str) -> datetime:
    """The last instant to which a label, or one before it, can come under any policy."""
    as_utc = civil_time.instant_of(civil_time.second_of(label))
    return as_utc - min(civil_time.offset_at(as_utc + span, timezone) for span in (-_AROUND, _AROUND))
