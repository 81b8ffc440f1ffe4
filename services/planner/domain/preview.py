"""What a schedule would do: its next occurrences, each with what happened to it on the way, and warnings (scheduling.md, section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, assert_never

from planner.domain import civil_time
from planner.domain.civil_time import LabelKind
from planner.domain.dates import parse_instant
from planner.domain.definition import read_fields
from planner.domain.errors import Faults, ScheduleError
from planner.domain.feasibility import compile_fields, judge_rule
from planner.domain.jitter import delay
from planner.domain.limits import FIRST_INSTANT
from planner.domain.recurrence.business_days import NO_CALENDARS, Calendars
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.rrule import Rrule
from planner.domain.recurrence.window import Window, occurrences
from planner.domain.schedule import Schedule
from planner.domain.schedule_warnings import schedule_warnings
from planner_contracts.instants import format_instant
from planner_contracts.plan import Warn

LIMIT_DEFAULT: Final = 10
LIMIT_MAX: Final = 1000
# Two occurrences tell whether a schedule is sparse.
_WARNED_ABOUT: Final = 2
_ANY_ACTION: Final = "preview"


class Flag(StrEnum):
    """What sets an occurrence apart: a missing label came to it, its own label is repeated, its date was moved, it is due later."""

    DST_GAP = "dst_gap"
    DST_FOLD = "dst_fold"
    ROLLED = "rolled"
    JITTERED = "jittered"


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is to be shown: at most `limit` occurrences after an instant; None is the beginning.

    `plan_id` is null where it is not known; then a jittered occurrence has no due time.
    """

    after: datetime | None
    limit: int = LIMIT_DEFAULT
    plan_id: str | None = None


@dataclass(frozen=True, slots=True)
class ShownOccurrence:
    """`local` has the zone's offset at that instant; `due_at` is null where it cannot be known."""

    scheduled_for: datetime
    due_at: datetime | None
    local: datetime
    flags: tuple[Flag, ...]

    def document(self) -> dict[str, Any]:
        due = {} if self.due_at is None else {"due_at": format_instant(self.due_at)}
        return {"scheduled_for": format_instant(self.scheduled_for), **due, "local": self.local.isoformat(), "flags": list(self.flags)}


@dataclass(frozen=True, slots=True)
class Preview:
    """`complete`: there is no occurrence after these. `canonical` is null for a schedule without a rule's text."""

    occurrences: tuple[ShownOccurrence, ...]
    complete: bool
    warnings: tuple[Warn, ...]
    canonical: str | None
    timezone: str

    def document(self) -> dict[str, Any]:
        return {
            "occurrences": [occurrence.document() for occurrence in self.occurrences],
            "complete": self.complete,
            "warnings": [warning.model_dump() for warning in self.warnings],
            "canonical": self.canonical,
            "tzdata": civil_time.TZDATA_VERSION,
        }


def preview_definition(
    given: Mapping[str, Any], *, after: object, limit: int, plan_id: str | None, calendars: Calendars = NO_CALENDARS
) -> Preview:
    """The preview of a definition as given; its `action` may be absent. What is no datetime as `after` is judged as a date of it.

    An interval's missing anchor is `after`. Raises DefinitionInvalidError; what is over, or too dense, is shown all the same.
    """
    faults = Faults()
    fields = read_fields(given if given.get("action") is not None else {**given, "action": _ANY_ACTION}, faults, calendars)
    since = _after(after, faults)
    faults.refuse()
    schedule = compile_fields(fields, calendars, anchor=(since or FIRST_INSTANT).replace(microsecond=0))
    judge_rule(schedule, faults)
    faults.refuse()
    return preview(schedule, Asked(since, limit, plan_id), runs_left=schedule.max_runs)


def parse_after(after: object) -> datetime | None:
    """Where a preview begins: an instant, as text or as datetime; null is the beginning. Raises DefinitionInvalidError."""
    faults = Faults()
    since = _after(after, faults)
    faults.refuse()
    return since


def preview(schedule: Schedule, asked: Asked, *, runs_left: int | None) -> Preview:
    """The preview of a compiled schedule. `runs_left`: so many occurrences of its `max_runs` are to come; None is no limit."""
    window = _limited(occurrences(schedule, after=asked.after, until=None, limit=max(asked.limit, _WARNED_ABOUT)), runs_left)
    warnings = schedule_warnings(schedule, after=asked.after, upcoming=window.instants)
    listed = window.instants[: asked.limit]
    lag = _delay(schedule, asked.plan_id)
    return Preview(
        occurrences=tuple(shown(schedule, instant, lag) for instant in listed),
        complete=window.complete and len(listed) == len(window.instants),
        warnings=tuple(warnings),
        canonical=schedule.rule.canonical if isinstance(schedule.rule, Cron | Rrule) else None,
        timezone=schedule.timezone,
    )


def shown(schedule: Schedule, scheduled_for: datetime, lag: timedelta | None) -> ShownOccurrence:
    """An occurrence of the schedule as it is shown. `lag` is the plan's jitter, null where it is not known."""
    there = civil_time.local(scheduled_for, schedule.timezone)
    flags = {
        Flag.DST_GAP: _is_from_gap(schedule, scheduled_for),
        Flag.DST_FOLD: civil_time.kind_of(there.replace(tzinfo=None), schedule.timezone) is LabelKind.REPEATED,
        Flag.ROLLED: _is_rolled(schedule, scheduled_for),
        Flag.JITTERED: schedule.jitter_seconds > 0,
    }
    return ShownOccurrence(
        scheduled_for=scheduled_for,
        due_at=None if lag is None else scheduled_for + lag,
        local=there,
        flags=tuple(flag for flag, holds in flags.items() if holds),
    )


def _after(after: object, faults: Faults) -> datetime | None:
    if after is None or isinstance(after, datetime):
        return after
    try:
        return parse_instant(after)
    except ScheduleError as error:
        faults.report("/after", error)
        return None


def _limited(window: Window, runs_left: int | None) -> Window:
    """The window without what comes after the last run."""
    if runs_left is None or runs_left > len(window.instants):
        return window
    return Window(window.instants[:runs_left], complete=True)


def _delay(schedule: Schedule, plan_id: str | None) -> timedelta | None:
    if plan_id is None:
        return None if schedule.jitter_seconds else timedelta(0)
    return delay(plan_id, schedule.jitter_seconds)


def _is_from_gap(schedule: Schedule, scheduled_for: datetime) -> bool:
    match schedule.rule:
        case Cron() | Rrule() | Calendar() as rule:
            return rule.is_from_gap(scheduled_for, schedule.timezone, schedule.dst)
        case Once(from_gap=from_gap):
            return from_gap
        case Interval():
            return False
        case _ as unreachable:
            assert_never(unreachable)


def _is_rolled(schedule: Schedule, scheduled_for: datetime) -> bool:
    rule = schedule.rule
    return isinstance(rule, Calendar) and rule.is_rolled(scheduled_for, schedule.timezone, schedule.dst)
