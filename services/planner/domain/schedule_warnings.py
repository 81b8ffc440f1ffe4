"""What a schedule may not have been meant to say. Warnings refuse nothing (scheduling.md, section 6)."""

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final, Self, assert_never

from planner.domain import civil_time
from planner.domain.limits import FIRST_INSTANT
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.label_search import second_from
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.rrule import Rrule
from planner.domain.recurrence.rrule_labels import LabelRule
from planner.domain.recurrence.rrule_text import Frequency, RruleText, parse_rrule
from planner.domain.schedule import Schedule
from planner_contracts.instants import format_instant
from planner_contracts.plan import Warn

LOOK_AHEAD: Final = timedelta(days=731)
SPARSE_FROM: Final = timedelta(days=366)

_MINUTES: Final = 60
_HOURS: Final = 24
_EVERY_HOUR: Final = (1 << _HOURS) - 1
_RECURRENCE: Final = "/recurrence"
_EXPRESSION: Final = "/recurrence/expression"
_RULE: Final = "/recurrence/rule"
_MONTHS: Final = range(1, 13)
_SHORTEST_MONTH: Final = 28
_ORDINARY_YEAR: Final = 2025
_FIFTH: Final = 5
_WEEKS_OF_EVERY_MONTH: Final = 4
# A day, a nearest weekday, or a range; its first day decides, as a longer range has a day in every month.
_DAY: Final = re.compile(r"(?P<day>-?[0-9]+)(?:W|-[0-9]+)?(?:/[0-9]+)?")


class WarningCode(StrEnum):
    """Stable for ever, like the codes of errors."""

    DAY_FIELDS_BOTH = "DAY_FIELDS_BOTH"
    DAY_FIELDS_EITHER = "DAY_FIELDS_EITHER"
    WILDCARD_AT_CHANGE = "WILDCARD_AT_CHANGE"
    SHORT_MONTHS = "SHORT_MONTHS"
    SPARSE = "SPARSE"


@dataclass(frozen=True, slots=True)
class _DayFields:
    """The day fields of a rule's canonical text."""

    of_month: str
    of_week: str

    @classmethod
    def of(cls, rule: Cron) -> Self:
        fields = rule.canonical.split(" ")
        return cls(fields[-3], fields[-1])


def schedule_warnings(schedule: Schedule, *, after: datetime | None, upcoming: Sequence[datetime]) -> list[Warn]:
    """In the order of their codes. `upcoming`: the first occurrences after `after`, at least two if there are so many."""
    found: list[Warn] = []
    since = after or schedule.starts_at or FIRST_INSTANT
    match schedule.rule:
        case Cron() as cron:
            found += _day_fields(_DayFields.of(cron))
            found += _at_change(cron, schedule.timezone, since, _EXPRESSION)
            found += _short_months_of_cron(cron, _EXPRESSION, _EXPRESSION)
        case Calendar(base=base):
            found += _at_change(base, schedule.timezone, since, "/recurrence/hour")
            found += _short_months_of_cron(base, "/recurrence/day_of_month", "/recurrence/day_of_week")
        case Rrule() as rrule:
            found += _short_months_of_rrule(rrule)
        case Interval():
            pass
        case Once():
            return []
        case _ as unreachable:
            assert_never(unreachable)
    return [*found, *_sparse(after, upcoming)]


def _day_fields(days: _DayFields) -> Iterator[Warn]:
    if "*" in (days.of_month, days.of_week):
        return
    if days.of_month.startswith("*") or days.of_week.startswith("*"):
        detail = "one day field begins with *, so a day must match day-of-month and day-of-week"
        yield _warn(WarningCode.DAY_FIELDS_BOTH, _EXPRESSION, detail)
    else:
        detail = "both day fields are restricted, so a day need only match day-of-month or day-of-week"
        yield _warn(WarningCode.DAY_FIELDS_EITHER, _EXPRESSION, detail)


def _at_change(rule: Cron, timezone: str, since: datetime, pointer: str) -> Iterator[Warn]:
    """Of a wildcard rule that does not match in every hour, if its zone changes its offset soon."""
    if not rule.wildcard or rule.hours == _EVERY_HOUR:
        return
    second, end = second_from(since), second_from(since + LOOK_AHEAD)
    offset = civil_time.segment_at(timezone, second).offset
    while second < end:
        segment = civil_time.segment_at(timezone, second)
        if segment.offset != offset:
            detail = (
                f"{timezone} changes its offset at {format_instant(civil_time.instant_of(segment.start))}: a rule whose minutes or hours "
                "begin with * does not fire at local times that are skipped, and twice at those that are repeated; with "
                f"{_written_out(rule)} `dst` decides"
            )
            yield _warn(WarningCode.WILDCARD_AT_CHANGE, pointer, detail)
            return
        second = segment.stop


def _written_out(rule: Cron) -> str:
    """How to name the same minutes and hours without a `*`."""
    minute, hour = rule.canonical.split(" ")[-5:-3]
    starred = {"minute": (minute, rule.minutes, _MINUTES), "hour": (hour, rule.hours, _HOURS)}
    return " and ".join(f"{name} {_listed(values, size)}" for name, (text, values, size) in starred.items() if text.startswith("*"))


def _listed(values: int, size: int) -> str:
    members = [str(value) for value in range(size) if values >> value & 1]
    return ",".join(members) if len(members) < size else f"0-{size - 1}"


def _short_months_of_cron(rule: Cron, of_month: str, of_week: str) -> Iterator[Warn]:
    """`of_month`, `of_week`: the pointers of the day fields."""
    days = _DayFields.of(rule)
    named = [int(match["day"]) for member in days.of_month.split(",") if (match := _DAY.fullmatch(member))]
    months = [month for month in _MONTHS if rule.months >> month & 1]
    fifth = any(member.endswith(f"#{_FIFTH}") for member in days.of_week.split(","))
    yield from _missing_days(named, months, of_month) or (_missing_fifths(of_week) if fifth else ())


def _short_months_of_rrule(rrule: Rrule) -> Iterator[Warn]:
    text = parse_rrule(rrule.canonical)
    named = _month_days(text, rrule)
    if text.positions and any(abs(day) <= _SHORTEST_MONTH for day in named):
        # BYSETPOS picks from those that there are: 28,29,30,31 with -1 is the last day of every month.
        named = []
    in_month = text.frequency is Frequency.MONTHLY or bool(text.months)
    fifth = in_month and any(abs(ordinal) == _FIFTH for ordinal, _ in text.weekdays)
    yield from _missing_days(named, _months(text, rrule), _RULE) or (_missing_fifths(_RULE) if fifth or _picks_a_fifth(text) else ())


def _month_days(text: RruleText, rrule: Rrule) -> list[int]:
    """The days of the month that the rule names, DTSTART's where none is given."""
    if text.month_days or text.year_days or text.weeks or text.weekdays:
        return list(text.month_days)
    if isinstance(rrule.rule, LabelRule) and text.frequency in (Frequency.YEARLY, Frequency.MONTHLY):
        return [civil_time.instant_of(rrule.rule.first).day]
    return []


def _months(text: RruleText, rrule: Rrule) -> list[int]:
    if text.months:
        return list(text.months)
    if text.frequency is Frequency.YEARLY and not text.month_days and isinstance(rrule.rule, LabelRule):
        return [civil_time.instant_of(rrule.rule.first).month]
    return list(_MONTHS)


def _picks_a_fifth(text: RruleText) -> bool:
    plain = text.frequency is Frequency.MONTHLY and text.weekdays and not any(ordinal for ordinal, _ in text.weekdays)
    if not plain or text.month_days or max(len(text.hours), len(text.minutes), len(text.seconds)) > 1:
        return False
    return any(abs(position) > _WEEKS_OF_EVERY_MONTH * len(text.weekdays) for position in text.positions)


def _missing_days(named: Sequence[int], months: Sequence[int], pointer: str) -> list[Warn]:
    """`named`: days of the month, negative ones from its end, in the given months."""
    shortest = min(monthrange(_ORDINARY_YEAR, month)[1] for month in months)
    missing = sorted({abs(day) for day in named if abs(day) > shortest})
    if not missing:
        return []
    days = ", ".join(str(day) for day in missing)
    return [_warn(WarningCode.SHORT_MONTHS, pointer, f"months without a day {days} are left out")]


def _missing_fifths(pointer: str) -> list[Warn]:
    return [_warn(WarningCode.SHORT_MONTHS, pointer, "months without a fifth such weekday are left out")]


def _sparse(after: datetime | None, upcoming: Sequence[datetime]) -> Iterator[Warn]:
    nearest = [*([] if after is None else [after]), *upcoming[:2]]
    if any(later - earlier > SPARSE_FROM for earlier, later in pairwise(nearest)):
        detail = f"the first occurrence is at {format_instant(upcoming[0])}"
        detail += f", the next at {format_instant(upcoming[1])}" if len(upcoming) > 1 else " and the only one"
        yield _warn(WarningCode.SPARSE, _RECURRENCE, detail)


def _warn(code: WarningCode, pointer: str, detail: str) -> Warn:
    return Warn(code=code, pointer=pointer, detail=detail)
