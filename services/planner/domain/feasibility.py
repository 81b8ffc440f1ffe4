"""What the fields of a schedule mean together, judged on sound ones only (scheduling.md, section 6, from "applicability" on)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Final, assert_never

from msgspec import structs

from planner.domain import civil_time
from planner.domain.civil_time import Fold, Gap, LabelKind
from planner.domain.dates import Moment
from planner.domain.errors import Faults, ScheduleError, Stage, excerpt
from planner.domain.field_reader import FieldReader
from planner.domain.jitter import delay
from planner.domain.limits import FIRST_INSTANT, LAST_INSTANT, SPACING_OCCURRENCES, YEAR_MAX, YEAR_MIN
from planner.domain.recurrence.business_days import NO_CALENDARS, Calendars, Roll
from planner.domain.recurrence.calendar import Calendar, compile_calendar
from planner.domain.recurrence.calendar_text import CalendarFields
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.rrule import Rrule, RruleFields, compile_rrule
from planner.domain.recurrence.window import first_from, next_after, rising
from planner.domain.schedule import Rule, Schedule
from planner.domain.schedule_fields import TIMEZONE_DEFAULT, Every, ScheduleFields
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_calendar_name
from planner_contracts.instants import format_instant

_NOT_WITH_ONCE: Final = ("starts_at", "ends_at", "max_runs")
_CALENDAR_NAME_HINT: Final = "a list's name has 1 to 100 letters, digits, dots, hyphens and underscores"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, when: `plan_id` is null where it is not known yet, `spacing_min` is the tenant's."""

    now: datetime
    plan_id: str | None
    spacing_min: timedelta


def judge_combinations(given: FieldReader, fields: ScheduleFields, calendars: Calendars) -> None:
    """Applicability, zone and dates together, satisfiability."""
    if given.has("execute_at") and not given.has("recurrence"):
        for name in _NOT_WITH_ONCE:
            if given.has(name) and given.sound(name):
                given.fault(name, ErrorCode.FIELD_NOT_APPLICABLE, Stage.APPLICABILITY, "not with execute_at")
    if isinstance(fields.recurrence, CalendarFields):
        _judge_calendar(given, fields.recurrence, calendars)
    if given.has("dst") and given.sound("dst") and _has_no_dst(fields):
        given.fault(
            "dst",
            ErrorCode.DST_POLICY_NOT_APPLICABLE,
            Stage.APPLICABILITY,
            "this kind of schedule follows elapsed time",
            hint="leave dst out",
        )
    if fields.execute_at is not None and given.sound("timezone", "dst"):
        _judge_moment(given, fields, fields.execute_at)
    if isinstance(fields.recurrence, RruleFields) and given.sound("timezone"):
        _judge_start(given, fields.recurrence.dtstart, fields.timezone or TIMEZONE_DEFAULT)
    if fields.starts_at is not None and fields.ends_at is not None and fields.ends_at < fields.starts_at:
        given.fault("ends_at", ErrorCode.BOUNDS_REVERSED, Stage.ZONE_AND_DATES, "earlier than starts_at")
    if isinstance(fields.recurrence, Cron) and not fields.recurrence.can_match:
        detail = f"{excerpt(fields.recurrence.canonical)} names no day that any year has"
        given.fault("recurrence", ErrorCode.SCHEDULE_NEVER_FIRES, Stage.SATISFIABILITY, detail, hint="check the day against the month")
    if isinstance(fields.recurrence, CalendarFields) and given.sound("recurrence") and not fields.recurrence.can_match:
        detail = "no date matches all of its fields and can be a business day, or roll to one"
        given.fault("recurrence", ErrorCode.SCHEDULE_NEVER_FIRES, Stage.SATISFIABILITY, detail, hint="check the days against each other")


def compile_fields(fields: ScheduleFields, calendars: Calendars = NO_CALENDARS, *, anchor: datetime) -> Schedule:
    """The schedule of sound fields. `anchor` stands in where an interval has neither an anchor nor `starts_at`."""
    timezone = fields.timezone or TIMEZONE_DEFAULT
    rule: Rule
    match fields.recurrence:
        case Cron() as cron:
            rule = cron
        case Every(period, given_anchor):
            rule = Interval(given_anchor or fields.starts_at or anchor, period)
        case RruleFields() as given:
            rule = compile_rrule(given, timezone, fields.dst)
        case CalendarFields() as calendar:
            rule = compile_calendar(calendar, calendars)
        case None:
            assert fields.execute_at is not None
            rule = _once(fields.execute_at, timezone, fields)
        case _ as unreachable:
            assert_never(unreachable)
    return Schedule(
        rule=rule,
        timezone=timezone,
        starts_at=fields.starts_at,
        ends_at=fields.ends_at,
        max_runs=fields.max_runs,
        dst=fields.dst,
        jitter_seconds=fields.jitter_seconds,
        misfire=fields.misfire,
    )


def judge_rule(schedule: Schedule, faults: Faults) -> None:
    """Satisfiability of a rule that has to be compiled for it: whether it names any occurrence, its bounds aside."""
    match schedule.rule:
        case Rrule(canonical=text) as rrule:
            found = rrule.first_from(FIRST_INSTANT, schedule.timezone, schedule.dst)
            detail, hint = f"{excerpt(text)} has no occurrence", "check the days against INTERVAL, UNTIL and exdates"
        case Calendar() as calendar:
            found = calendar.first_from(FIRST_INSTANT, schedule.timezone, schedule.dst)
            detail, hint = "none of its dates has a business day", "check the days against workdays and holidays"
        case _:
            return
    if found is None:
        faults.add("/recurrence", ErrorCode.SCHEDULE_NEVER_FIRES, Stage.SATISFIABILITY, detail, hint=hint)


def judge_times(schedule: Schedule, faults: Faults, asked: Asked) -> None:
    """First occurrence, past, spacing: what create and update ask of a schedule whose fields are sound."""
    if isinstance(schedule.rule, Once):
        lag = delay(asked.plan_id, schedule.jitter_seconds) if asked.plan_id else timedelta(seconds=schedule.jitter_seconds)
        most = schedule.misfire.max_lateness
        if most is not None and asked.now - schedule.rule.instant - lag > most:
            detail = f"execute_at is longer ago than misfire.max_lateness_seconds allows, {most.total_seconds():g} s"
            hint = "take a later moment, or allow it with a larger misfire.max_lateness_seconds (null: no limit)"
            faults.add("/execute_at", ErrorCode.SCHEDULE_IN_PAST, Stage.PAST, detail, hint=hint)
        return
    first = next_after(schedule, asked.now)
    if first is None:
        if first_from(schedule, FIRST_INSTANT) is None:
            faults.add("/recurrence", ErrorCode.SCHEDULE_NEVER_FIRES, Stage.FIRST_OCCURRENCE, _never_within_bounds(schedule, asked.now))
        else:
            faults.add("/recurrence", ErrorCode.SCHEDULE_IN_PAST, Stage.PAST, _over(schedule, asked.now))
    elif _is_denser_than(schedule, first, asked.spacing_min):
        detail = f"occurrences are less than {asked.spacing_min.total_seconds():g} s apart"
        faults.add("/recurrence", ErrorCode.SCHEDULE_TOO_FREQUENT, Stage.SPACING, detail)


def _has_no_dst(fields: ScheduleFields) -> bool:
    if fields.execute_at is not None:
        return fields.execute_at.offset is not None
    match fields.recurrence:
        case Cron(wildcard=elapsed) | RruleFields(sub_daily=elapsed) | CalendarFields(base=Cron(wildcard=elapsed)):
            return elapsed
        case Every():
            return True
        case None:
            return False
        case _ as unreachable:
            assert_never(unreachable)


def _judge_calendar(given: FieldReader, calendar: CalendarFields, calendars: Calendars) -> None:
    members = given.child("recurrence")
    assert members is not None
    if calendar.base.wildcard and calendar.roll not in (Roll.NONE, Roll.SKIP):
        detail = "minute or hour begins with *: such a rule follows elapsed time"
        members.fault("roll", ErrorCode.FIELD_NOT_APPLICABLE, Stage.APPLICABILITY, detail, hint="take none or skip, or write 0-23")
    for name in ("workdays", "holidays", "holiday_calendar"):
        if calendar.roll is Roll.NONE and members.has(name) and members.sound(name):
            members.fault(name, ErrorCode.FIELD_NOT_APPLICABLE, Stage.APPLICABILITY, "only with a roll", hint="give a roll, such as next")
    named = calendar.holiday_calendar
    if named is not None and members.sound("holiday_calendar") and named not in calendars:
        detail = f"there is no list {excerpt(named)}"
        hint = f"make it: PUT /api/v1/calendars/{named}" if is_calendar_name(named) else _CALENDAR_NAME_HINT
        members.fault("holiday_calendar", ErrorCode.HOLIDAY_CALENDAR_UNKNOWN, Stage.ZONE_AND_DATES, detail, hint=hint)


def _judge_moment(given: FieldReader, fields: ScheduleFields, moment: Moment) -> None:
    if moment.offset is None:
        if fields.timezone is None:
            given.fault(
                "timezone", ErrorCode.TZ_REQUIRED, Stage.ZONE_AND_DATES, "execute_at is a local time", hint="give a zone, or an offset"
            )
        else:
            _judge_label(given, fields, moment.label, fields.timezone)
    elif moment.numeric and fields.timezone is not None:
        there = civil_time.offset_at(moment.instant, fields.timezone)
        if there != moment.offset:
            right = civil_time.local(moment.instant, fields.timezone).isoformat()
            detail = f"{fields.timezone} does not have this offset then: that instant is {right} there"
            given.fault("execute_at", ErrorCode.OFFSET_TZ_MISMATCH, Stage.ZONE_AND_DATES, detail)


def _judge_start(given: FieldReader, dtstart: Moment, timezone: str) -> None:
    if dtstart.offset is not None and timezone not in civil_time.UTC_NAMES:
        detail = f"dtstart: Z says UTC, and timezone is {timezone}"
        error = ScheduleError(ErrorCode.DATETIME_INVALID, Stage.ZONE_AND_DATES, detail, hint="write the local time without Z")
        given.faults.report("/recurrence/dtstart", error)


def _judge_label(given: FieldReader, fields: ScheduleFields, label: datetime, timezone: str) -> None:
    kind = civil_time.kind_of(label, timezone)
    refused = (kind is LabelKind.MISSING and fields.dst.gap is Gap.REJECT) or (
        kind is LabelKind.REPEATED and fields.dst.fold is Fold.REJECT
    )
    if refused:
        earlier, later = (format_instant(instant) for instant in civil_time.candidates(label, timezone))
        if kind is LabelKind.MISSING:
            detail = f"{label.isoformat()} does not occur in {timezone}: next_valid is {earlier}, shift {later}"
            given.fault("execute_at", ErrorCode.LOCAL_TIME_NONEXISTENT, Stage.ZONE_AND_DATES, detail, hint="give an offset, or dst.gap")
        else:
            detail = f"{label.isoformat()} occurs twice in {timezone}: {earlier} and {later}"
            given.fault("execute_at", ErrorCode.LOCAL_TIME_AMBIGUOUS, Stage.ZONE_AND_DATES, detail, hint="give an offset, or dst.fold")
    elif not FIRST_INSTANT <= civil_time.resolve(label, timezone, fields.dst) <= LAST_INSTANT:
        detail = f"in UTC it lies outside of the years {YEAR_MIN} to {YEAR_MAX}"
        given.fault("execute_at", ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE, Stage.ZONE_AND_DATES, detail)


def _once(moment: Moment, timezone: str, fields: ScheduleFields) -> Once:
    if moment.offset is not None:
        return Once(moment.instant)
    missing = civil_time.kind_of(moment.label, timezone) is LabelKind.MISSING
    return Once(civil_time.resolve(moment.label, timezone, fields.dst), from_gap=missing)


def _is_denser_than(schedule: Schedule, first: datetime, spacing_min: timedelta) -> bool:
    # Rules name whole seconds, so none is denser than that; but dates of an RRULE may have fractions.
    if spacing_min <= timedelta(seconds=1) and not (isinstance(schedule.rule, Rrule) and schedule.rule.rdates):
        return False
    upcoming = list(islice(rising(schedule, first, LAST_INSTANT), SPACING_OCCURRENCES))
    return any(later - earlier < spacing_min for earlier, later in pairwise(upcoming))


def _never_within_bounds(schedule: Schedule, now: datetime) -> str:
    end = schedule.ends_at
    if end is None:
        return "from starts_at on there is none at all"
    following = _next_without_end(schedule, now)
    where = "has passed" if end <= now else "lies before the first occurrence"
    beyond = "there is none at all" if following is None else f"the next would be {format_instant(following)}"
    return f"ends_at, {format_instant(end)}, {where}; without it {beyond}"


def _over(schedule: Schedule, now: datetime) -> str:
    end, following = schedule.ends_at, _next_without_end(schedule, now)
    if end is None or following is None:
        return "its last occurrence is over"
    where = "has passed" if end <= now else "lies before the next occurrence"
    return f"ends_at, {format_instant(end)}, {where}; without it the next would be {format_instant(following)}"


def _next_without_end(schedule: Schedule, now: datetime) -> datetime | None:
    return next_after(structs.replace(schedule, ends_at=None), now)
