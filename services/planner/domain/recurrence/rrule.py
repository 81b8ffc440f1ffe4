"""RRULE recurrences: the rule's own occurrences with UNTIL, EXDATE and RDATE (scheduling.md, R9). rrule_text.py reads the rule."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from planner.domain import civil_time
from planner.domain.civil_time import Dst, Fold, Gap, LabelKind
from planner.domain.dates import Moment
from planner.domain.limits import TICK
from planner.domain.recurrence.label_search import DAY_S
from planner.domain.recurrence.rrule_labels import LabelRule, Times
from planner.domain.recurrence.rrule_steps import StepRule, clock_table
from planner.domain.recurrence.rrule_text import Frequency, RruleText, Until
from planner.domain.recurrence.year_days import DayParts, days_by_year_shape

RRULE_DST: Final = Dst(Gap.SHIFT, Fold.FIRST)
_UNITS_S: Final = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}
_WEEK: Final = 7
_MONTHS: Final = 12
# How many days a period can have, a week's aside.
_MOST_DAYS: Final = {Frequency.YEARLY: 366, Frequency.MONTHLY: 31, Frequency.DAILY: 1}


@dataclass(frozen=True, slots=True)
class Rrule:
    """A rule in one zone under one policy. `rdates` rise, and none of them is an exdate.

    Of the dates given, `gap_rdates` were missing labels, `fixed_rdates` instants.
    """

    canonical: str
    rule: LabelRule | StepRule
    until: datetime | None
    exdates: frozenset[datetime]
    rdates: tuple[datetime, ...]
    gap_rdates: frozenset[datetime]
    fixed_rdates: frozenset[datetime]

    def first_from(self, at: datetime, timezone: str, dst: Dst) -> datetime | None:
        """The first occurrence not before `at`, in the zone and under the policy for which the rule was compiled."""
        found = self._of_rule(at, timezone, dst)
        while found is not None and found in self.exdates:
            found = self._of_rule(found + TICK, timezone, dst)
        if self.rdates:
            added = bisect_left(self.rdates, at)
            if added < len(self.rdates) and (found is None or self.rdates[added] < found):
                return self.rdates[added]
        return found

    def is_from_gap(self, occurrence: datetime, timezone: str, dst: Dst) -> bool:
        """Whether a missing label came to the occurrence. Steps of elapsed time have none."""
        if occurrence in self.gap_rdates:
            return True
        within = self.until is None or occurrence <= self.until
        return within and isinstance(self.rule, LabelRule) and self.rule.is_from_gap(occurrence, timezone, dst)

    def _of_rule(self, at: datetime, timezone: str, dst: Dst) -> datetime | None:
        rule = self.rule
        found = rule.first_from(at, timezone, dst) if isinstance(rule, LabelRule) else rule.first_from(at, timezone)
        return found if found is not None and (self.until is None or found <= self.until) else None


@dataclass(frozen=True, slots=True)
class RruleFields:
    """A recurrence as given. `dtstart` is the label that it names."""

    text: RruleText
    dtstart: Moment
    exdates: tuple[Moment, ...]
    rdates: tuple[Moment, ...]

    @property
    def sub_daily(self) -> bool:
        """Whether it steps in elapsed time, and takes no policy."""
        return self.text.frequency > Frequency.DAILY


def compile_rrule(fields: RruleFields, timezone: str, dst: Dst) -> Rrule:
    """The rule of sound fields in a zone under a policy."""
    text, dtstart = fields.text, fields.dtstart.label
    rule: LabelRule | StepRule
    if fields.sub_daily:
        rule = _step_rule(text, dtstart, timezone).bounded(text.count, timezone)
    else:
        rule = _label_rule(text, dtstart).bounded(text.count)
    exdates = frozenset(_instants(fields.exdates, timezone, dst))
    return Rrule(
        canonical=text.canonical,
        rule=rule,
        until=None if text.until is None else _end(text.until, timezone, dst),
        exdates=exdates,
        rdates=tuple(sorted(set(_instants(fields.rdates, timezone, dst)) - exdates)),
        gap_rdates=frozenset(_instants([moment for moment in fields.rdates if _is_missing(moment, timezone)], timezone, dst)),
        fixed_rdates=frozenset(moment.instant for moment in fields.rdates if moment.offset is not None),
    )


def _label_rule(text: RruleText, dtstart: datetime) -> LabelRule:
    parts = _with_defaults(text, dtstart)
    second = civil_time.second_of(dtstart)
    day = second // DAY_S
    times = Times(
        hours=_mask(text.hours or (dtstart.hour,)),
        minutes=_mask(text.minutes or (dtstart.minute,)),
        seconds=_mask(text.seconds or (dtstart.second,)),
    )
    phases = {
        Frequency.YEARLY: dtstart.year,
        Frequency.MONTHLY: dtstart.year * _MONTHS + dtstart.month - 1,
        Frequency.WEEKLY: day - (dtstart.weekday() - text.week_start) % _WEEK,
        Frequency.DAILY: day,
    }
    most_days = _MOST_DAYS.get(text.frequency, len(parts.weekdays) or _WEEK)
    days = days_by_year_shape(parts)
    if text.positions and min(map(abs, text.positions)) > most_days * times.size:
        # No period has so many labels, so none is ever picked: no day is worth a look.
        days = (0,) * len(days)
    return LabelRule(
        frequency=text.frequency,
        interval=text.interval,
        phase=phases[text.frequency],
        week_start=text.week_start,
        days=days,
        times=times,
        positions=text.positions,
        first=second,
        last=None,
    )


def _step_rule(text: RruleText, dtstart: datetime, timezone: str) -> StepRule:
    unit = _UNITS_S[text.frequency]
    clock = clock_table(_mask(text.hours or range(24)), _mask(text.minutes or range(60)), _mask(text.seconds or range(60)), unit)
    start = civil_time.resolve(dtstart, timezone, RRULE_DST)
    return StepRule(
        unit=unit,
        interval=text.interval,
        start=(start - civil_time.EPOCH) // timedelta(seconds=1),
        days=days_by_year_shape(_day_parts(text)),
        clock=clock,
        minutes=tuple(sorted(text.minutes)) if text.frequency is Frequency.HOURLY else (),
        seconds=tuple(sorted(text.seconds)) if text.frequency is not Frequency.SECONDLY else (),
        last=None,
    )


def _day_parts(text: RruleText) -> DayParts:
    return DayParts(
        months=text.months,
        month_days=text.month_days,
        year_days=text.year_days,
        weeks=text.weeks,
        weekdays=text.weekdays,
        ordinals_in_month=text.frequency is Frequency.MONTHLY or bool(text.months),
        # Only numbered weeks look at it; so more rules share their masks.
        week_start=text.week_start if text.weeks else 0,
    )


def _with_defaults(text: RruleText, dtstart: datetime) -> DayParts:
    """The day parts, DTSTART standing in for those that its frequency needs."""
    parts = _day_parts(text)
    if text.year_days or text.month_days or text.weekdays:
        return parts
    if text.weeks or text.frequency is Frequency.WEEKLY:
        return replace(parts, weekdays=((0, dtstart.weekday()),))
    if text.frequency is Frequency.YEARLY:
        return replace(parts, months=text.months or (dtstart.month,), month_days=(dtstart.day,))
    return replace(parts, month_days=(dtstart.day,)) if text.frequency is Frequency.MONTHLY else parts


def _end(until: Until, timezone: str, dst: Dst) -> datetime:
    if until.utc:
        return civil_time.instant_of(civil_time.second_of(until.label))
    gap = Gap.SHIFT if dst.gap is Gap.SKIP else dst.gap
    fold = Fold.LAST if dst.fold is Fold.BOTH else dst.fold
    return civil_time.resolve(until.label, timezone, Dst(gap, fold))


def _instants(moments: Sequence[Moment], timezone: str, dst: Dst) -> Iterable[datetime]:
    """The instants of dates as given; labels by the plan's policy, so that one may give none, or two."""
    for moment in moments:
        if moment.offset is not None:
            yield moment.instant
            continue
        kind = civil_time.kind_of(moment.label, timezone)
        if kind is LabelKind.REPEATED and dst.fold is Fold.BOTH:
            yield from civil_time.candidates(moment.label, timezone)
        elif kind is not LabelKind.MISSING or dst.gap is not Gap.SKIP:
            yield civil_time.resolve(moment.label, timezone, dst)


def _is_missing(moment: Moment, timezone: str) -> bool:
    return moment.offset is None and civil_time.kind_of(moment.label, timezone) is LabelKind.MISSING


def _mask(values: Iterable[int]) -> int:
    mask = 0
    for value in values:
        mask |= 1 << value
    return mask
