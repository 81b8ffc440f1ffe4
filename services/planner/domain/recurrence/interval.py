"""Every so many seconds from an anchor, in elapsed time (scheduling.md, R8)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from planner.domain.errors import ScheduleError, Stage, excerpt
from planner.domain.limits import EXCERPT_CHARACTERS_MAX, INTERVAL_SECONDS_MAX
from planner_contracts.errors import ErrorCode

_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>[0-9]+)W|(?=[0-9T])(?:(?P<days>[0-9]+)D)?(?:T(?=[0-9])(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+)S)?)?)"
)
_PARTS_S: Final = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_MONTHS_OR_YEARS: Final = re.compile(r"P[0-9]+[YM]", re.IGNORECASE)
# More digits than the longest period has: such a number is out of range, and is not worth converting.
_DIGITS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """Fires at `anchor + k * period` for every k >= 0. O(1)."""

    anchor: datetime
    period: timedelta

    def first_from(self, at: datetime) -> datetime:
        """The first occurrence not before `at`."""
        if at <= self.anchor:
            return self.anchor
        return self.anchor + -((self.anchor - at) // self.period) * self.period

    def count(self, first: datetime, last: datetime) -> int:
        """How many occurrences there are from one to another, both included."""
        return (last - first) // self.period + 1


def parse_seconds(given: object) -> timedelta:
    """`every_seconds`. Raises ScheduleError: INTERVAL_BAD_TYPE, INTERVAL_OUT_OF_RANGE."""
    if isinstance(given, bool) or not isinstance(given, int):
        raise ScheduleError(ErrorCode.INTERVAL_BAD_TYPE, Stage.TYPE, "every_seconds is an integer")
    return _period(given)


def parse_duration(text: object) -> timedelta:
    """`every`: `PnW` or `PnDTnHnMnS`. Raises ScheduleError: INTERVAL_BAD_TYPE, INTERVAL_SYNTAX, INTERVAL_OUT_OF_RANGE."""
    if not isinstance(text, str):
        raise ScheduleError(ErrorCode.INTERVAL_BAD_TYPE, Stage.TYPE, "every is a string")
    match = _DURATION.fullmatch(text)
    if match is None:
        hint = f"write {meant_duration(text) or 'PT15M, P1DT12H or P2W'}"
        if _MONTHS_OR_YEARS.match(text):
            hint = "months and years have no fixed length: take a recurrence of type cron, rrule or calendar"
        raise ScheduleError(ErrorCode.INTERVAL_SYNTAX, Stage.STRUCTURE, f"{excerpt(text)} is no duration", hint=hint)
    seconds = 0
    for part, digits in match.groupdict(default="0").items():
        significant = digits.lstrip("0")
        if len(significant) > _DIGITS_MAX:
            raise _out_of_range()
        seconds += int(significant or "0") * _PARTS_S[part]
    return _period(seconds)


def meant_duration(text: str) -> str | None:
    """What a text like `90m`, `1h30m` or `pt5m` may have meant, as a duration."""
    bare = text.strip().upper()
    if len(bare) > EXCERPT_CHARACTERS_MAX:
        return None
    return next((duration for prefix in ("", "PT", "P") if _DURATION.fullmatch(duration := prefix + bare)), None)


def _period(seconds: int) -> timedelta:
    if not 1 <= seconds <= INTERVAL_SECONDS_MAX:
        raise _out_of_range()
    return timedelta(seconds=seconds)


def _out_of_range() -> ScheduleError:
    return ScheduleError(ErrorCode.INTERVAL_OUT_OF_RANGE, Stage.VALUES, f"an interval is 1 to {INTERVAL_SECONDS_MAX} seconds")
