"""The RRULE dialect of scheduling.md, section 4.2: text to parts, every refusal with its code, position and hint."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import pairwise
from typing import Final, Never

from planner.domain.errors import ScheduleError, Stage, excerpt
from planner.domain.limits import (
    RRULE_CHARACTERS_MAX,
    RRULE_COUNT_MAX,
    RRULE_INTERVAL_MAX,
    RRULE_PICKED_TIMES_MAX,
    RRULE_POSITION_MAX,
    YEAR_MAX,
    YEAR_MIN,
)
from planner_contracts.errors import ErrorCode


class Frequency(IntEnum):
    """From the coarsest to the finest."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


@dataclass(frozen=True, slots=True)
class Until:
    """The inclusive end. A label in UTC where the text ends with `Z`, else one in the plan's zone."""

    label: datetime
    utc: bool


@dataclass(frozen=True, slots=True)
class RruleText:
    """The parts of a rule as given; an empty list is a part that is not. Weekdays are (ordinal or 0, weekday), Monday being 0."""

    canonical: str
    frequency: Frequency
    interval: int
    count: int | None
    until: Until | None
    week_start: int
    months: tuple[int, ...]
    month_days: tuple[int, ...]
    year_days: tuple[int, ...]
    weeks: tuple[int, ...]
    weekdays: tuple[tuple[int, int], ...]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What a part takes: `low` to `high`, and the same below zero where `both` says so."""

    low: int
    high: int
    both: bool = False
    listed: bool = True

    def __str__(self) -> str:
        return f"{'±' if self.both else ''}{self.low} to {self.high}"


# In the order of the canonical text.
_NUMBERS: Final = {
    "INTERVAL": _Numbers(1, RRULE_INTERVAL_MAX, listed=False),
    "COUNT": _Numbers(1, RRULE_COUNT_MAX, listed=False),
    "BYMONTH": _Numbers(1, 12),
    "BYMONTHDAY": _Numbers(1, 31, both=True),
    "BYYEARDAY": _Numbers(1, 366, both=True),
    "BYWEEKNO": _Numbers(1, 53, both=True),
    "BYHOUR": _Numbers(0, 23),
    "BYMINUTE": _Numbers(0, 59),
    "BYSECOND": _Numbers(0, 59),
    "BYSETPOS": _Numbers(1, RRULE_POSITION_MAX, both=True),
}
_ORDINALS: Final = _Numbers(1, 53, both=True)
_PARTS: Final = (
    *("FREQ", "INTERVAL", "COUNT", "WKST", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYYEARDAY"),
    *("BYWEEKNO", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"),
)
_WEEKDAYS: Final = {name: number for number, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9=;,+\-]")
_PART: Final = re.compile(r"([A-Z0-9-]+)=(.*)")
_DIGITS: Final = re.compile(r"[0-9]+")
_SIGNED: Final = re.compile(r"[+-]?[0-9]+")
_WEEKDAY: Final = re.compile(r"([+-]?[0-9]+)?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z)?)?")
# A number with more digits is out of range, and is not worth converting.
_DIGITS_MAX: Final = 6
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part, or one member of its list, and where it stands in the text."""

    name: str
    text: str
    position: int

    def refuse(self, code: ErrorCode, stage: Stage, detail: str, *, hint: str | None = None) -> Never:
        raise ScheduleError(code, stage, f"{self.name}: {detail}", position=self.position, hint=hint)

    def refuse_syntax(self, *, hint: str | None = None) -> Never:
        self.refuse(ErrorCode.RRULE_SYNTAX, Stage.STRUCTURE, f"{excerpt(self.text)} is no value of this part", hint=hint)

    def members(self) -> "list[_Piece]":
        starts = [0, *(match.end() for match in re.finditer(",", self.text)), len(self.text) + 1]
        return [_Piece(self.name, self.text[start : end - 1], self.position + start) for start, end in pairwise(starts)]


def parse_rrule(text: str) -> RruleText:
    """The parts of a rule. Raises ScheduleError with a code RRULE_…, or SCHEDULE_DATE_OUT_OF_RANGE for UNTIL."""
    pieces = _pieces(text)
    frequency = _frequency(pieces)
    numbers: dict[str, tuple[int, ...]] = dict.fromkeys(_NUMBERS, ())
    texts = {"FREQ": frequency.name}
    until: Until | None = None
    weekdays: tuple[tuple[int, int], ...] = ()
    for name, piece in pieces.items():
        if name in _NUMBERS:
            numbers[name] = tuple(dict.fromkeys(_numbers(piece)))
            texts[name] = ",".join(map(str, numbers[name]))
        elif name == "UNTIL":
            until = _until(piece)
            texts[name] = piece.text
        elif name == "BYDAY":
            weekdays = tuple(dict.fromkeys(_weekday(member) for member in piece.members()))
            texts[name] = ",".join(f"{ordinal or ''}{list(_WEEKDAYS)[weekday]}" for ordinal, weekday in weekdays)
        elif name == "WKST":
            texts[name] = _week_start(piece)
    rule = RruleText(
        canonical=";".join(f"{name}={texts[name]}" for name in _PARTS if name in texts),
        frequency=frequency,
        interval=numbers["INTERVAL"][0] if numbers["INTERVAL"] else 1,
        count=numbers["COUNT"][0] if numbers["COUNT"] else None,
        until=until,
        week_start=_WEEKDAYS[texts.get("WKST", "MO")],
        months=numbers["BYMONTH"],
        month_days=numbers["BYMONTHDAY"],
        year_days=numbers["BYYEARDAY"],
        weeks=numbers["BYWEEKNO"],
        weekdays=weekdays,
        hours=numbers["BYHOUR"],
        minutes=numbers["BYMINUTE"],
        seconds=numbers["BYSECOND"],
        positions=numbers["BYSETPOS"],
    )
    _judge_combinations(rule, pieces)
    return rule


def _pieces(text: str) -> dict[str, _Piece]:
    """The parts by their names, once the text as a whole is sound."""
    if len(text) > RRULE_CHARACTERS_MAX:
        raise ScheduleError(ErrorCode.RRULE_TOO_LONG, Stage.LENGTH, f"a rule has at most {RRULE_CHARACTERS_MAX} characters")
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        hint = "begin with FREQ=; dtstart, exdates and rdates are fields of their own" if foreign[0] in ":\r\n" else None
        raise ScheduleError(
            ErrorCode.RRULE_BAD_CHARACTER,
            Stage.CHARACTERS,
            f"{excerpt(foreign[0])} has no place in a rule",
            position=foreign.start(),
            hint=hint,
        )
    pieces: dict[str, _Piece] = {}
    position = 0
    for part in text.upper().removesuffix(";").split(";"):
        match = _PART.fullmatch(part)
        if match is None:
            _Piece("rule", part, position).refuse(
                ErrorCode.RRULE_SYNTAX, Stage.STRUCTURE, f"{excerpt(part)} is not NAME=value", hint="write FREQ=DAILY;INTERVAL=2"
            )
        piece = _Piece(match[1], match[2], position + match.start(2))
        if piece.name not in _PARTS:
            detail = f"{excerpt(piece.name)} is not supported"
            raise ScheduleError(ErrorCode.RRULE_UNSUPPORTED_PART, Stage.STRUCTURE, detail, position=position)
        if piece.name in pieces:
            raise ScheduleError(ErrorCode.RRULE_SYNTAX, Stage.STRUCTURE, f"{piece.name} is there twice", position=position)
        pieces[piece.name] = piece
        position += len(part) + 1
    return pieces


def _frequency(pieces: dict[str, _Piece]) -> Frequency:
    hint = f"write one of {', '.join(Frequency.__members__)}"
    piece = pieces.get("FREQ")
    if piece is None:
        raise ScheduleError(ErrorCode.RRULE_SYNTAX, Stage.STRUCTURE, "FREQ is missing", hint=hint)
    if piece.text not in Frequency.__members__:
        piece.refuse_syntax(hint=hint)
    return Frequency[piece.text]


def _numbers(piece: _Piece) -> list[int]:
    kind = _NUMBERS[piece.name]
    members = piece.members() if kind.listed else [piece]
    return [_number(member, member.text, kind, _SIGNED if kind.listed else _DIGITS) for member in members]


def _number(piece: _Piece, text: str, kind: _Numbers, form: re.Pattern[str]) -> int:
    if form.fullmatch(text) is None:
        piece.refuse_syntax()
    negative, significant = text.startswith("-"), text.lstrip("+-").lstrip("0")
    value = int(significant or "0") if len(significant) <= _DIGITS_MAX else None
    if value is None or not kind.low <= value <= kind.high or (negative and value and not kind.both):
        piece.refuse(ErrorCode.RRULE_OUT_OF_RANGE, Stage.VALUES, f"{excerpt(text)}: {kind}")
    return -value if negative else value


def _weekday(piece: _Piece) -> tuple[int, int]:
    match = _WEEKDAY.fullmatch(piece.text)
    if match is None:
        piece.refuse_syntax(hint="write MO, 2TU or -1FR")
    return 0 if match[1] is None else _number(piece, match[1], _ORDINALS, _SIGNED), _WEEKDAYS[match[2]]


def _week_start(piece: _Piece) -> str:
    if piece.text not in _WEEKDAYS:
        piece.refuse_syntax(hint=f"write one of {', '.join(_WEEKDAYS)}")
    return piece.text


def _until(piece: _Piece) -> Until:
    match = _UNTIL.fullmatch(piece.text)
    if match is None:
        piece.refuse_syntax(hint="write 20261231, 20261231T090000 or 20261231T090000Z")
    year, month, day = (int(match[group]) for group in (1, 2, 3))
    hour, minute, second = (int(match[group]) for group in (4, 5, 6)) if match[4] else (23, 59, 59)
    if not 1 <= month <= _MONTHS or not 1 <= day <= monthrange(year or YEAR_MIN, month)[1] or hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004  a clock's
        piece.refuse(ErrorCode.RRULE_OUT_OF_RANGE, Stage.VALUES, f"there is no {excerpt(piece.text)}")
    if not YEAR_MIN <= year <= YEAR_MAX:
        piece.refuse(ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE, Stage.VALUES, f"{excerpt(piece.text)}: years are {YEAR_MIN} to {YEAR_MAX}")
    return Until(datetime(year, month, day, hour, minute, second), utc=match[7] is not None)  # noqa: DTZ001  a label has no zone


def _judge_combinations(rule: RruleText, pieces: dict[str, _Piece]) -> None:
    times = max(1, len(rule.hours)) * max(1, len(rule.minutes)) * max(1, len(rule.seconds))
    if rule.positions and times > RRULE_PICKED_TIMES_MAX:
        detail = f"with {times} times a day; at most {RRULE_PICKED_TIMES_MAX}"
        pieces["BYSETPOS"].refuse(ErrorCode.RRULE_OUT_OF_RANGE, Stage.COMBINATIONS, detail)
    if rule.until is not None and rule.count is not None:
        pieces["UNTIL"].refuse(ErrorCode.RRULE_UNTIL_AND_COUNT, Stage.COMBINATIONS, "not with COUNT", hint="leave one of them out")
    sub_daily = rule.frequency > Frequency.DAILY
    if rule.weeks and sub_daily:
        _refuse_part(pieces["BYWEEKNO"], f"not with {rule.frequency.name}")
    if any(ordinal for ordinal, _ in rule.weekdays):
        if rule.frequency >= Frequency.WEEKLY:
            _refuse_part(pieces["BYDAY"], f"no ordinals with {rule.frequency.name}")
        if rule.weeks:
            _refuse_part(pieces["BYDAY"], "no ordinals with BYWEEKNO")
    if rule.positions:
        if sub_daily:
            _refuse_part(pieces["BYSETPOS"], f"not with {rule.frequency.name}")
        if not any(name.startswith("BY") and name != "BYSETPOS" for name in pieces):
            _refuse_part(pieces["BYSETPOS"], "only with another BY part", hint="add BYDAY or another part to pick from")


def _refuse_part(piece: _Piece, detail: str, *, hint: str | None = None) -> Never:
    piece.refuse(ErrorCode.RRULE_PART_NOT_ALLOWED, Stage.COMBINATIONS, detail, hint=hint)
