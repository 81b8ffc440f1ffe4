"""The six fields of a calendar rule, each written as text or as a list (scheduling.md, section 2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from operator import and_
from typing import Final

from planner.domain.errors import ScheduleError, Stage, excerpt
from planner.domain.limits import CALENDAR_MEMBERS_MAX
from planner.domain.recurrence.business_days import Roll
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.cron_days import days_by_shape, weekday_masks
from planner.domain.recurrence.cron_text import (
    DAY_OF_MONTH,
    DAY_OF_MONTH_LIST,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    Field,
    FieldKind,
    parse_field,
    refuse_characters,
    refuse_length,
    split_fields,
)
from planner_contracts.errors import ErrorCode

# The names of the fields, and what each is where it is not given.
CALENDAR_KINDS: Final = {
    "second": SECOND,
    "minute": MINUTE,
    "hour": HOUR,
    "day_of_month": DAY_OF_MONTH,
    "month": MONTH,
    "day_of_week": DAY_OF_WEEK,
}
_DEFAULTS: Final = {
    name: parse_field(kind, "0" if kind in (SECOND, MINUTE, HOUR) else "*", position=0) for name, kind in CALENDAR_KINDS.items()
}
# No operand is so large; and the decimal form of such a number is not worth making.
_INTEGER_MAX: Final = 10**9


@dataclass(frozen=True, slots=True)
class CalendarFields:
    """A calendar recurrence as given. `workdays`: bit 0 is Monday."""

    base: Cron
    roll: Roll
    workdays: int
    holidays: frozenset[date]
    holiday_calendar: str | None

    @property
    def can_match(self) -> bool:
        """Whether any day matches and any is a workday, one and the same where others are skipped; holidays aside."""
        if self.roll is Roll.SKIP:
            return on_workdays(self.base, self.workdays).can_match
        return self.base.can_match and (self.workdays != 0 or self.roll is Roll.NONE)


def on_workdays(base: Cron, workdays: int) -> Cron:
    """The rule on those of its days that are workdays, holidays or not."""
    return replace(base, days=tuple(map(and_, base.days, weekday_masks(workdays))))


def calendar_base(given: Mapping[str, Field]) -> Cron:
    """The dates and times that the fields name together, a missing one having its default."""
    fields = {name: given.get(name, default) for name, default in _DEFAULTS.items()}
    return Cron(
        canonical=" ".join(field.text for field in fields.values()),
        seconds=fields["second"].values,
        minutes=fields["minute"].values,
        hours=fields["hour"].values,
        months=fields["month"].values,
        days=days_by_shape(fields["day_of_month"].days, fields["day_of_week"].days, both=True),
        wildcard=fields["minute"].starred or fields["hour"].starred,
    )


def parse_calendar_field(kind: FieldKind, given: object) -> Field:
    """A field; positions of faults in a list are those in its members joined by commas. Raises ScheduleError: FIELD_BAD_TYPE,
    FIELD_OUT_OF_RANGE for too many members, or a code CRON_….
    """
    if isinstance(given, str):
        refuse_length(given)
        return _parse(kind, given)
    if not isinstance(given, list) or not all(isinstance(member, str | int) and not isinstance(member, bool) for member in given):
        detail = f"{kind.name}: a cron field is expected, or a list of integers and single items"
        raise ScheduleError(ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, detail, hint=_list_hint(kind, given))
    if len(given) > CALENDAR_MEMBERS_MAX:
        raise ScheduleError(ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"{kind.name}: at most {CALENDAR_MEMBERS_MAX} members")
    members = [member if isinstance(member, str) else _written(kind, member) for member in given]
    for member in members:
        refuse_length(member)
    joined = ",".join(members)
    refuse_characters(joined)
    position = 0
    for member in members:
        if "," in member:
            detail = f"{kind.name}: {excerpt(member)} is more than one item"
            raise ScheduleError(ErrorCode.CRON_SYNTAX, Stage.STRUCTURE, detail, position=position)
        position += len(member) + 1
    return _parse(DAY_OF_MONTH_LIST if kind is DAY_OF_MONTH else kind, joined)


def _parse(kind: FieldKind, text: str) -> Field:
    refuse_characters(text)
    pieces = split_fields(text)
    if pieces and pieces[0][0].startswith("@"):
        detail = f"{kind.name}: {excerpt(text)} is no field"
        raise ScheduleError(ErrorCode.CRON_UNKNOWN_ALIAS, Stage.STRUCTURE, detail, position=pieces[0][1], hint="give the fields one by one")
    if len(pieces) != 1:
        raise ScheduleError(ErrorCode.CRON_FIELD_COUNT, Stage.STRUCTURE, f"{kind.name}: {len(pieces)} fields, one is expected")
    return parse_field(kind, *pieces[0])


def _list_hint(kind: FieldKind, given: object) -> str | None:
    if not isinstance(given, int) or isinstance(given, bool):
        return None
    from_end = kind is DAY_OF_MONTH and -kind.high <= given <= -kind.low
    return f"write [{given}]" if from_end or kind.low <= given <= kind.high else None


def _written(kind: FieldKind, number: int) -> str:
    if abs(number) > _INTEGER_MAX:
        raise ScheduleError(ErrorCode.CRON_OUT_OF_RANGE, Stage.VALUES, f"{kind.name}: {kind.low} to {kind.high}")
    return str(number)
