"""Dates as a definition writes them: `YYYY-MM-DDTHH:MM:SS[.ffffff]`, then `Z`, an offset, or nothing; of a holiday the day alone
(scheduling.md, section 4.3).
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from planner.domain.errors import ScheduleError, Stage, excerpt
from planner.domain.limits import YEAR_MAX, YEAR_MIN
from planner_contracts.errors import ErrorCode

_DATE: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})T(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9])"
    r"(?:\.(?P<fraction>[0-9]{1,6}))?(?P<zone>Z|(?P<sign>[+-])(?P<offset_hours>[01][0-9]|2[0-3]):(?P<offset_minutes>[0-5][0-9]))?"
)
_DAY: Final = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
# What has a date's form, whatever its numbers are.
_DATE_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_MOMENT_HINT: Final = "write 2026-01-31T09:00:00Z, 2026-01-31T09:00:00+01:00 or 2026-01-31T09:00:00"
_INSTANT_HINT: Final = "write 2026-01-31T09:00:00Z or 2026-01-31T09:00:00+01:00"
_START_HINT: Final = "write a local time of whole seconds, like 2026-01-31T09:00:00"
_LEAP_YEAR: Final = 2000
_MONTHS: Final = 12
_DAYS_OF_EVERY_MONTH: Final = 28


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as written. `offset` is null for a label; `numeric` tells an offset from `Z`, which claims no local offset."""

    label: datetime
    offset: timedelta | None
    numeric: bool

    @property
    def instant(self) -> datetime:
        """What a date with `Z` or an offset means."""
        assert self.offset is not None
        return self.label.replace(tzinfo=UTC) - self.offset


def parse_moment(text: object, *, hint: str = _MOMENT_HINT) -> Moment:
    """An instant or a label; `hint`: how to write it. Raises ScheduleError: DATETIME_INVALID, SCHEDULE_DATE_OUT_OF_RANGE."""
    match = _matched(_DATE, text, hint=hint)
    text = match.string
    year, month, day = _day_of(match)
    microsecond = int((match["fraction"] or "0").ljust(6, "0"))
    if match["zone"] is None and microsecond:
        raise _invalid(text, Stage.VALUES, hint="a local time has whole seconds")
    label = datetime(year, month, day, int(match["hour"]), int(match["minute"]), int(match["second"]), microsecond)  # noqa: DTZ001  a label has no zone
    moment = Moment(label, _offset(match), numeric=match["sign"] is not None)
    if moment.offset is not None and not YEAR_MIN <= moment.instant.year <= YEAR_MAX:
        raise _out_of_range(text)
    return moment


def parse_date(text: object) -> date:
    """A day, `YYYY-MM-DD`. Raises ScheduleError like parse_moment."""
    return date(*_day_of(_matched(_DAY, text, hint="write 2026-12-25")))


def parse_instant(text: object) -> datetime:
    """A date that must be an instant. Raises ScheduleError like parse_moment."""
    moment = parse_moment(text, hint=_INSTANT_HINT)
    if moment.offset is None:
        raise _invalid(str(text), Stage.VALUES, hint="end it with Z or an offset")
    return moment.instant


def parse_start(text: object) -> Moment:
    """A label of whole seconds, or one that ends with `Z`. Raises ScheduleError like parse_moment."""
    moment = parse_moment(text, hint=_START_HINT)
    if moment.numeric or moment.label.microsecond:
        raise _invalid(str(text), Stage.VALUES, hint=_START_HINT)
    return moment


def _offset(match: re.Match[str]) -> timedelta | None:
    if match["zone"] is None:
        return None
    if match["sign"] is None:
        return timedelta(0)
    offset = timedelta(hours=int(match["offset_hours"]), minutes=int(match["offset_minutes"]))
    return -offset if match["sign"] == "-" else offset


def _matched(form: re.Pattern[str], text: object, *, hint: str) -> re.Match[str]:
    if not isinstance(text, str):
        raise ScheduleError(ErrorCode.DATETIME_INVALID, Stage.TYPE, "a date is a string")
    match = form.fullmatch(text)
    if match is None and form is _DATE and _DATE_FORM.fullmatch(text):
        raise ScheduleError(ErrorCode.DATETIME_INVALID, Stage.STRUCTURE, f"{excerpt(text)}: there is no such time of day or offset")
    if match is None:
        raise _invalid(text, Stage.STRUCTURE, hint=hint)
    return match


def _day_of(match: re.Match[str]) -> tuple[int, int, int]:
    """Year, month and day, which there are and which lie within the years."""
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    if not _is_day(year, month, day):
        raise ScheduleError(ErrorCode.DATETIME_INVALID, Stage.VALUES, f"{excerpt(match.string)}: there is no such day")
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise _out_of_range(match.string)
    return year, month, day


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= month <= _MONTHS and day >= 1 and (day <= _DAYS_OF_EVERY_MONTH or day <= monthrange(year or _LEAP_YEAR, month)[1])


def _invalid(text: str, stage: Stage, *, hint: str | None = None) -> ScheduleError:
    return ScheduleError(ErrorCode.DATETIME_INVALID, stage, f"{excerpt(text)} is no date of the form that is expected here", hint=hint)


def _out_of_range(text: str) -> ScheduleError:
    return ScheduleError(ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE, Stage.VALUES, f"{excerpt(text)}: years are {YEAR_MIN} to {YEAR_MAX}")
