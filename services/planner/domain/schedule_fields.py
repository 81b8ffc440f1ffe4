"""The schedule's fields of a definition, in the order of the tables of scheduling.md, section 2."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from planner.domain.civil_time import ZONE_NAMES, Dst, Fold, Gap
from planner.domain.dates import Moment, parse_date, parse_instant, parse_moment, parse_start
from planner.domain.errors import ScheduleError, Stage, excerpt
from planner.domain.field_reader import FieldReader
from planner.domain.limits import CATCHUP_MAX, HOLIDAYS_MAX, JITTER_SECONDS_MAX, MAX_LATENESS_SECONDS_MAX, RRULE_DATES_MAX, RUNS_MAX
from planner.domain.nearest import nearest
from planner.domain.recurrence.business_days import WORKDAYS, WORKDAYS_DEFAULT, Roll
from planner.domain.recurrence.calendar_text import CALENDAR_KINDS, CalendarFields, calendar_base, parse_calendar_field
from planner.domain.recurrence.cron import WILDCARD_DST, Cron
from planner.domain.recurrence.cron_text import parse_cron
from planner.domain.recurrence.interval import parse_duration, parse_seconds
from planner.domain.recurrence.rrule import RRULE_DST, RruleFields
from planner.domain.recurrence.rrule_text import parse_rrule
from planner.domain.schedule import Coalesce, Misfire
from planner_contracts.errors import ErrorCode

SCHEDULE_FIELDS: Final = (
    "execute_at",
    "recurrence",
    "timezone",
    "starts_at",
    "ends_at",
    "max_runs",
    "dst",
    "jitter_seconds",
    "misfire",
)
TIMEZONE_DEFAULT: Final = "UTC"
MISFIRE_DEFAULT: Final[Mapping[str, Any]] = {"max_lateness_seconds": 3600, "coalesce": "latest", "max_catchup": 100}
_RECURRENCE_FIELDS: Final = {
    "cron": ("type", "expression"),
    "interval": ("type", "every_seconds", "every", "anchor"),
    "rrule": ("type", "rule", "dtstart", "exdates", "rdates"),
    "calendar": ("type", *CALENDAR_KINDS, "roll", "workdays", "holidays", "holiday_calendar"),
}
_CRON_HINT: Final = 'for a cron rule write {"type": "cron", "expression": "0 9 * * *"}'
# Less would take PST for MST.
_ZONE_LIKENESS_MIN: Final = 0.7
_ONCE_DST: Final = Dst(Gap.REJECT, Fold.REJECT)
_CRON_DST: Final = Dst(Gap.NEXT_VALID, Fold.FIRST)
_ONCE_GAPS: Final = (Gap.REJECT, Gap.NEXT_VALID, Gap.SHIFT)
_ONCE_FOLDS: Final = (Fold.REJECT, Fold.FIRST, Fold.LAST)
_LABEL_GAPS: Final = (Gap.NEXT_VALID, Gap.SHIFT, Gap.SKIP)
_LABEL_FOLDS: Final = (Fold.FIRST, Fold.LAST, Fold.BOTH)


@dataclass(frozen=True, slots=True)
class Every:
    """An interval as given: its anchor may still be open."""

    period: timedelta
    anchor: datetime | None


Recurrence = Cron | Every | RruleFields | CalendarFields


@dataclass(frozen=True, slots=True)
class ScheduleFields:
    """What was read. A field that is absent or faulty is null or has its default; the faults tell which."""

    execute_at: Moment | None
    recurrence: Recurrence | None
    timezone: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_runs: int | None
    dst: Dst
    jitter_seconds: int
    misfire: Misfire


def read_schedule(given: FieldReader) -> ScheduleFields:
    """Each field for itself; what they mean together is judged in feasibility.py."""
    execute_at = given.parsed("execute_at", parse_moment)
    recurrence = _recurrence(given)
    _exactly_one(given, "execute_at", "recurrence", conflict="recurrence")
    return ScheduleFields(
        execute_at=execute_at,
        recurrence=recurrence,
        timezone=given.parsed("timezone", _zone_name),
        starts_at=given.parsed("starts_at", parse_instant),
        ends_at=given.parsed("ends_at", parse_instant),
        max_runs=given.integer("max_runs", 1, RUNS_MAX),
        dst=_dst(given, recurrence),
        jitter_seconds=given.integer("jitter_seconds", 0, JITTER_SECONDS_MAX) or 0,
        misfire=_misfire(given),
    )


def _exactly_one(given: FieldReader, first: str, second: str, *, conflict: str) -> None:
    if given.has(first) and given.has(second):
        given.fault(conflict, ErrorCode.FIELD_CONFLICT, Stage.COMBINATIONS, f"{first} and {second} exclude each other")
    elif not given.has(first) and not given.has(second):
        given.fault(first, ErrorCode.FIELD_REQUIRED, Stage.COMBINATIONS, f"{first} or {second} is required")


def _recurrence(given: FieldReader) -> Recurrence | None:
    if isinstance(given.raw("recurrence"), str):
        given.fault("recurrence", ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "an object is expected", hint=_CRON_HINT)
        return None
    fields = given.child("recurrence")
    if fields is None:
        return None
    fields.require("type", hint=f"one of {', '.join(_RECURRENCE_FIELDS)}")
    kind = fields.string("type")
    if kind is None or kind not in _RECURRENCE_FIELDS:
        if kind is not None:
            fields.fault(
                "type", ErrorCode.RECURRENCE_TYPE_UNKNOWN, Stage.VALUES, f"{excerpt(kind)} is not one of {', '.join(_RECURRENCE_FIELDS)}"
            )
        return None
    rule = {"cron": _cron, "interval": _interval, "rrule": _rrule, "calendar": _calendar}[kind](fields)
    fields.refuse_unknown(_RECURRENCE_FIELDS[kind])
    return rule


def _cron(fields: FieldReader) -> Cron | None:
    fields.require("expression")
    fields.string("expression")
    return fields.parsed("expression", parse_cron) if isinstance(fields.raw("expression"), str) else None


def _interval(fields: FieldReader) -> Every | None:
    seconds = fields.parsed("every_seconds", parse_seconds)
    duration = fields.parsed("every", parse_duration)
    anchor = fields.parsed("anchor", parse_instant)
    _exactly_one(fields, "every_seconds", "every", conflict="every")
    period = seconds or duration
    return None if period is None else Every(period, anchor)


def _rrule(fields: FieldReader) -> RruleFields | None:
    fields.require("rule")
    fields.string("rule")
    text = fields.parsed("rule", parse_rrule) if isinstance(fields.raw("rule"), str) else None
    fields.require("dtstart")
    dtstart = fields.parsed("dtstart", parse_start)
    exdates, rdates = fields.array("exdates"), fields.array("rdates")
    if len(exdates) + len(rdates) > RRULE_DATES_MAX:
        detail = f"at most {RRULE_DATES_MAX}, rdates included"
        fields.fault("exdates", ErrorCode.RRULE_TOO_MANY_DATES, Stage.LENGTH, detail)
        return None
    excluded = fields.each("exdates", parse_moment)
    added = fields.each("rdates", parse_moment)
    return None if text is None or dtstart is None else RruleFields(text, dtstart, tuple(excluded), tuple(added))


def _calendar(fields: FieldReader) -> CalendarFields | None:
    parsed = {name: fields.parsed(name, partial(parse_calendar_field, kind)) for name, kind in CALENDAR_KINDS.items()}
    if not any(map(fields.has, CALENDAR_KINDS)):
        detail = f"one of {', '.join(CALENDAR_KINDS)} is required"
        fields.fault(next(iter(CALENDAR_KINDS)), ErrorCode.FIELD_REQUIRED, Stage.COMBINATIONS, detail)
    roll = fields.choice("roll", tuple(Roll))
    workdays = _workdays(fields)
    holidays: list[date] = []
    if len(fields.array("holidays")) > HOLIDAYS_MAX:
        fields.fault("holidays", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {HOLIDAYS_MAX} dates")
    else:
        holidays = fields.each("holidays", parse_date)
    named = fields.string("holiday_calendar")
    if not fields.sound(*CALENDAR_KINDS, "roll"):
        return None
    base = calendar_base({name: field for name, field in parsed.items() if field is not None})
    return CalendarFields(base, Roll(roll or Roll.NONE), workdays, frozenset(holidays), named)


def _workdays(fields: FieldReader) -> int:
    if not fields.has("workdays"):
        return WORKDAYS_DEFAULT
    mask = 0
    names = fields.array("workdays")
    if not all(isinstance(name, str) for name in names):
        fields.fault("workdays", ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "a list of strings is expected")
    elif len(names) > len(WORKDAYS):
        fields.fault("workdays", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {len(WORKDAYS)} names")
    elif not set(names) <= set(WORKDAYS):
        fields.fault("workdays", ErrorCode.FIELD_INVALID, Stage.VALUES, f"each is one of {', '.join(WORKDAYS)}")
    else:
        for name in names:
            mask |= 1 << WORKDAYS.index(name)
    return mask


def _zone_name(given: object) -> str:
    if not isinstance(given, str):
        raise ScheduleError(ErrorCode.TZ_BAD_TYPE, Stage.TYPE, "timezone: a string is expected")
    if given not in ZONE_NAMES:
        raise ScheduleError(
            ErrorCode.TZ_UNKNOWN,
            Stage.VALUES,
            f"{excerpt(given)} is no time zone",
            hint=_zone_hint(given),
        )
    return given


def _zone_hint(given: str) -> str:
    meant = nearest(given, ZONE_NAMES, likeness_min=_ZONE_LIKENESS_MIN)
    if meant is None:
        return "write a name of the IANA list, like Europe/Amsterdam"
    return f"is {meant} meant? Upper and lower case count"


def _dst(given: FieldReader, recurrence: Recurrence | None) -> Dst:
    once = given.has("execute_at")
    label_dst = RRULE_DST if isinstance(recurrence, RruleFields) else _CRON_DST
    policy = _ONCE_DST if once else label_dst
    fields = given.child("dst")
    if fields is not None:
        gap = fields.choice("gap", _ONCE_GAPS if once else _LABEL_GAPS, code=ErrorCode.DST_POLICY_INVALID)
        fold = fields.choice("fold", _ONCE_FOLDS if once else _LABEL_FOLDS, code=ErrorCode.DST_POLICY_INVALID)
        fields.refuse_unknown(("gap", "fold"))
        policy = Dst(policy.gap if gap is None else Gap(gap), policy.fold if fold is None else Fold(fold))
    rule = recurrence.base if isinstance(recurrence, CalendarFields) else recurrence
    return WILDCARD_DST if isinstance(rule, Cron) and rule.wildcard else policy


def _misfire(given: FieldReader) -> Misfire:
    fields = given.child("misfire") or FieldReader({}, given.faults)
    seconds = fields.integer("max_lateness_seconds", 1, MAX_LATENESS_SECONDS_MAX)
    unlimited = fields.names("max_lateness_seconds") and not fields.has("max_lateness_seconds")
    coalesce = fields.choice("coalesce", tuple(Coalesce)) or MISFIRE_DEFAULT["coalesce"]
    max_catchup = fields.integer("max_catchup", 1, CATCHUP_MAX) or MISFIRE_DEFAULT["max_catchup"]
    fields.refuse_unknown(tuple(MISFIRE_DEFAULT))
    late = None if unlimited else timedelta(seconds=seconds or MISFIRE_DEFAULT["max_lateness_seconds"])
    return Misfire(late, Coalesce(coalesce), max_catchup)
