"""The cron dialect of scheduling.md, section 4.1: text to rule, every refusal with its code, position and hint."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Never

from planner.domain.errors import ScheduleError, Stage, excerpt
from planner.domain.limits import CRON_CHARACTERS_MAX, CRON_NUMBER_DIGITS_MAX
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.cron_days import (
    DayField,
    DaysOfMonth,
    day_from_end,
    days_by_shape,
    last_day,
    last_weekday,
    last_workday,
    nearest_workday,
    nth_weekday,
)
from planner.domain.recurrence.interval import meant_duration
from planner_contracts.errors import ErrorCode

_BLANK: Final = " \t"
_FOREIGN: Final = re.compile(r"[^ \t0-9A-Za-z*/,\-#?@()]")
_ZONE_PREFIXES: Final = ("TZ=", "CRON_TZ=")
_ALIASES: Final = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
_EVERY: Final = re.compile(r"@every(?:[ \t]+(?P<period>.*))?", re.IGNORECASE)
# How long so many units of a field are.
_DURATIONS: Final = {"second": "PT{}S", "minute": "PT{}M", "hour": "PT{}H", "day-of-month": "P{}D"}
_FROM_END_HINT: Final = "write L for the month's last day; a calendar also takes a list, [-1]"
_FIELDS_WITHOUT_SECONDS: Final = 5
_FIELDS_WITH_SECONDS: Final = 6

_UNSUPPORTED: Final = re.compile(r"H(\([0-9]+-[0-9]+\))?(/[0-9]+)?|R(\([0-9]+-[0-9]+\))?")
_UNSUPPORTED_LAST: Final = re.compile(r"L-[0-9]+W?")
_ITEM: Final = re.compile(r"(?:(?P<star>\*)|(?P<first>[0-9]+|[A-Z]{2,})(?:-(?P<last>[0-9]+|[A-Z]{2,}))?)(?:/(?P<step>[0-9]+))?")
_DAY_FROM_END: Final = re.compile(r"-(?P<back>[0-9]+)")
_NEAREST_WEEKDAY: Final = re.compile(r"(?P<day>[0-9]+)W")
_NTH_WEEKDAY: Final = re.compile(r"(?P<day>[0-9]+|[A-Z]{2,})#(?P<nth>[0-9]+)")
_LAST_WEEKDAY: Final = re.compile(r"(?P<day>[0-9]+|[A-Z]{3})L")
_NTH_MAX: Final = 5
_WEEK: Final = 7

_MONTH_NAMES: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_WEEKDAYS: Final = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What one field takes. `open_max` ends `a/n`; `size` is the largest step; `from_end`: `-n` counts from the month's end."""

    name: str
    low: int
    high: int
    open_max: int
    size: int
    names: dict[str, int]
    from_end: bool = False


SECOND: Final = FieldKind("second", 0, 59, 59, 60, {})
MINUTE: Final = FieldKind("minute", 0, 59, 59, 60, {})
HOUR: Final = FieldKind("hour", 0, 23, 23, 24, {})
DAY_OF_MONTH: Final = FieldKind("day-of-month", 1, 31, 31, 31, {})
DAY_OF_MONTH_LIST: Final = replace(DAY_OF_MONTH, from_end=True)
MONTH: Final = FieldKind("month", 1, 12, 12, 12, _MONTHS)
DAY_OF_WEEK: Final = FieldKind("day-of-week", 0, 7, 6, 7, _WEEKDAYS)
_KINDS: Final = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)
_DAYS_OF_MONTH: Final = (DAY_OF_MONTH, DAY_OF_MONTH_LIST)


@dataclass(frozen=True, slots=True)
class Field:
    """One field as read. `values` is a mask of plain members, `special` what depends on the month; `text` is canonical."""

    text: str
    values: int
    special: tuple[DaysOfMonth, ...]

    @property
    def starred(self) -> bool:
        """Whether it begins with `*`, which decides R3 and R7."""
        return self.text.startswith("*")

    @property
    def days(self) -> DayField:
        """The field as one of days."""
        return DayField(self.values, self.special, self.starred)


@dataclass(frozen=True, slots=True)
class _Item:
    """One member of a field's list, and where it stands."""

    kind: FieldKind
    text: str
    position: int

    def refuse(self, code: ErrorCode, stage: Stage, detail: str, *, hint: str | None = None) -> Never:
        raise ScheduleError(code, stage, f"{self.kind.name}: {detail}", position=self.position, hint=hint)

    def refuse_syntax(self) -> Never:
        hint = _FROM_END_HINT if self.kind is DAY_OF_MONTH and _DAY_FROM_END.fullmatch(self.text) else None
        self.refuse(ErrorCode.CRON_SYNTAX, Stage.STRUCTURE, f"{excerpt(self.text)} is no member of this field", hint=hint)


@dataclass(frozen=True, slots=True)
class _Member:
    text: str
    values: int = 0
    special: DaysOfMonth | None = None


def parse_cron(text: str) -> Cron:
    """The rule of five or six fields or of an alias. Raises ScheduleError with a code CRON_…."""
    pieces = _pieces(text)
    kinds = _KINDS[len(_KINDS) - len(pieces) :]
    fields = [parse_field(kind, piece, position) for kind, (piece, position) in zip(kinds, pieces, strict=True)]
    canonical = " ".join(field.text for field in fields)
    second, minute, hour, day_of_month, month, day_of_week = fields if len(fields) == len(_KINDS) else [Field("0", 1, ()), *fields]
    return Cron(
        canonical=canonical,
        seconds=second.values,
        minutes=minute.values,
        hours=hour.values,
        months=month.values,
        days=days_by_shape(day_of_month.days, day_of_week.days),
        wildcard=minute.starred or hour.starred,
    )


def parse_field(kind: FieldKind, text: str, position: int) -> Field:
    """One field of a rule, standing at `position` of the whole text. Raises ScheduleError."""
    upper = text.upper()
    if upper == "?" and kind in (*_DAYS_OF_MONTH, DAY_OF_WEEK):
        return parse_field(kind, "*", position)
    items = [_Item(kind, item, position + offset) for item, offset in _split(upper)]
    for item in items:
        if _UNSUPPORTED.fullmatch(item.text) or (kind in _DAYS_OF_MONTH and _UNSUPPORTED_LAST.fullmatch(item.text)):
            item.refuse(ErrorCode.CRON_UNSUPPORTED, Stage.STRUCTURE, f"{excerpt(item.text)} is not supported", hint=_unsupported_hint(item))
    members = [_member(item) for item in items]
    values = 0
    for member in members:
        values |= member.values
    texts = dict.fromkeys(member.text for member in members)
    return Field(",".join(texts), values, tuple(member.special for member in members if member.special is not None))


def _unsupported_hint(item: _Item) -> str:
    """H and R stand for a number that spreads load; L-n counts from the month's end."""
    if item.text.startswith("L"):
        return _FROM_END_HINT
    return f"write the {item.kind.name} itself; jitter_seconds spreads load"


def refuse_length(text: str) -> None:
    """Raises ScheduleError: CRON_TOO_LONG."""
    if len(text) > CRON_CHARACTERS_MAX:
        raise ScheduleError(ErrorCode.CRON_TOO_LONG, Stage.LENGTH, f"a cron rule has at most {CRON_CHARACTERS_MAX} characters")


def refuse_characters(text: str) -> None:
    """Raises ScheduleError: CRON_TZ_PREFIX, CRON_BAD_CHARACTER."""
    trimmed = text.lstrip(_BLANK)
    if trimmed.startswith(_ZONE_PREFIXES):
        raise ScheduleError(
            ErrorCode.CRON_TZ_PREFIX,
            Stage.CHARACTERS,
            "a zone in front of the rule is not read",
            position=len(text) - len(trimmed),
            hint="give it as timezone",
        )
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        raise ScheduleError(
            ErrorCode.CRON_BAD_CHARACTER, Stage.CHARACTERS, f"{excerpt(foreign[0])} has no place in a cron rule", position=foreign.start()
        )


def split_fields(text: str) -> list[tuple[str, int]]:
    """What stands between blanks, each with its position."""
    return [(match[0], match.start()) for match in re.finditer(r"[^ \t]+", text)]


def _pieces(text: str) -> list[tuple[str, int]]:
    """The fields with their positions, once the text as a whole is sound."""
    refuse_length(text)
    refuse_characters(text)
    trimmed = text.strip(_BLANK)
    if trimmed.startswith("@"):
        start = text.index("@")
        expanded = _ALIASES.get(trimmed.upper())
        if expanded is None:
            detail = f"{excerpt(trimmed)} is no alias"
            raise ScheduleError(ErrorCode.CRON_UNKNOWN_ALIAS, Stage.STRUCTURE, detail, position=start, hint=_alias_hint(trimmed))
        return [(piece, start) for piece in expanded.split()]
    pieces = split_fields(text)
    if len(pieces) not in (_FIELDS_WITHOUT_SECONDS, _FIELDS_WITH_SECONDS):
        raise ScheduleError(
            ErrorCode.CRON_FIELD_COUNT,
            Stage.STRUCTURE,
            f"{len(pieces)} fields",
            hint="five: minute hour day-of-month month day-of-week; with seconds in front six",
        )
    return pieces


def _alias_hint(alias: str) -> str:
    every = _EVERY.fullmatch(alias)
    if every is not None:
        return _interval_hint(meant_duration(every["period"] or "") or "PT15M")
    return f"write one of {', '.join(known.lower() for known in _ALIASES)}"


def _interval_hint(duration: str) -> str:
    return f'for every {duration} take the recurrence {{"type": "interval", "every": "{duration}"}}'


def _split(text: str) -> Iterator[tuple[str, int]]:
    offset = 0
    for item in text.split(","):
        yield item, offset
        offset += len(item) + 1


def _member(item: _Item) -> _Member:
    if item.kind in _DAYS_OF_MONTH and (special := _special_day(item)):
        return special
    if item.kind is DAY_OF_WEEK and (special := _special_weekday(item)):
        return special
    match = _ITEM.fullmatch(item.text)
    if match is None:
        item.refuse_syntax()
    return _range(item, match)


def _range(item: _Item, match: re.Match[str]) -> _Member:
    kind = item.kind
    step = None if match["step"] is None else _step(item, match["step"])
    suffix = "" if step is None else f"/{step}"
    if match["star"]:
        return _member_of(item, f"*{suffix}", kind.low, kind.open_max, step or 1)
    first = _number(item, match["first"])
    if match["last"] is None:
        return _member_of(item, f"{first}{suffix}", first, first if step is None else max(first, kind.open_max), step or 1)
    last = _range_end(item, match)
    if last < first:
        wrapped = _wrapped(kind, first, last, step or 1)
        detail = f"{excerpt(item.text)} runs backwards"
        item.refuse(ErrorCode.CRON_RANGE_REVERSED, Stage.VALUES, detail, hint=f"write {wrapped}")
    return _member_of(item, f"{first}-{last}{suffix}", first, last, step or 1)


def _range_end(item: _Item, match: re.Match[str]) -> int:
    last = _number(item, match["last"], offset=match.start("last"))
    # As the end of a range Sunday is the week's last day; SUN-SUN stays one day.
    return _WEEK if item.kind is DAY_OF_WEEK and match["last"] == "SUN" and match["first"] != "SUN" else last


def _member_of(item: _Item, text: str, first: int, last: int, step: int) -> _Member:
    values = 0
    for value in range(first, last + 1, step):
        values |= 1 << (value % _WEEK if item.kind is DAY_OF_WEEK else value)
    return _Member(text, values)


def _wrapped(kind: FieldKind, first: int, last: int, step: int) -> str:
    """What a reversed range may have meant."""
    top = kind.open_max
    if step > 1:
        size = top - kind.low + 1
        span = (last - first) % size
        return ",".join(str((first - kind.low + ahead) % size + kind.low) for ahead in range(0, span + 1, step))
    parts = [(first, top)] if first <= top else []
    parts.append((kind.low, last))
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def _step(item: _Item, digits: str) -> int:
    significant = digits.lstrip("0")
    if len(digits) > CRON_NUMBER_DIGITS_MAX or not 1 <= int(significant or "0") <= item.kind.size:
        item.refuse(
            ErrorCode.CRON_BAD_STEP, Stage.VALUES, f"step {excerpt(digits)}: 1 to {item.kind.size}", hint=_step_hint(item.kind, digits)
        )
    return int(significant)


def _step_hint(kind: FieldKind, digits: str) -> str | None:
    """A step begins anew with each hour, day or month; what goes beyond is an interval's."""
    duration = _DURATIONS.get(kind.name)
    if duration is None or len(digits) > CRON_NUMBER_DIGITS_MAX or int(digits) == 0:
        return None
    return _interval_hint(duration.format(int(digits)))


def _number(item: _Item, operand: str, *, offset: int = 0) -> int:
    placed = _Item(item.kind, item.text, item.position + offset)
    if operand.isalpha():
        named = item.kind.names.get(operand)
        if named is None:
            hint = f"write one of {', '.join(item.kind.names)}" if item.kind.names else None
            placed.refuse(ErrorCode.CRON_BAD_NAME, Stage.VALUES, f"{excerpt(operand)} is no name", hint=hint)
        return named
    if len(operand) > CRON_NUMBER_DIGITS_MAX or not item.kind.low <= int(operand) <= item.kind.high:
        placed.refuse(ErrorCode.CRON_OUT_OF_RANGE, Stage.VALUES, f"{excerpt(operand)}: {item.kind.low} to {item.kind.high}")
    return int(operand)


def _special_day(item: _Item) -> _Member | None:
    if item.text == "L":
        return _Member("L", special=last_day)
    if item.text == "LW":
        return _Member("LW", special=last_workday)
    if item.kind.from_end and (match := _DAY_FROM_END.fullmatch(item.text)):
        back = _number(item, match["back"])
        return _Member(f"-{back}", special=day_from_end(back))
    match = _NEAREST_WEEKDAY.fullmatch(item.text)
    if match is None:
        return None
    day = _number(item, match["day"])
    return _Member(f"{day}W", special=nearest_workday(day))


def _special_weekday(item: _Item) -> _Member | None:
    match = _NTH_WEEKDAY.fullmatch(item.text)
    if match is not None:
        weekday = _number(item, match["day"]) % _WEEK
        nth = match["nth"].lstrip("0")
        if len(match["nth"]) > CRON_NUMBER_DIGITS_MAX or nth not in {"1", "2", "3", "4", "5"}:
            item.refuse(ErrorCode.CRON_OUT_OF_RANGE, Stage.VALUES, f"{excerpt(item.text)}: a month has 1 to {_NTH_MAX} of a weekday")
        return _Member(f"{weekday}#{nth}", special=nth_weekday(weekday, int(nth)))
    match = _LAST_WEEKDAY.fullmatch(item.text)
    if match is None:
        return None
    last = _number(item, match["day"]) % _WEEK
    return _Member(f"{last}L", special=last_weekday(last))
