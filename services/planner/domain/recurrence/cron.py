"""Cron rules as bit masks over labels. cron_text.py reads them, window.py and this file's search turn labels into instants."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from planner.domain.civil_time import EPOCH, Dst, Fold, Gap, Segment, instant_of, segment_at
from planner.domain.limits import LAST_INSTANT, YEAR_MAX
from planner.domain.recurrence.cron_days import month_shape

_DAY_S: Final = 86_400
_A_SECOND: Final = timedelta(seconds=1)
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_LAST_SECOND: Final = (LAST_INSTANT - EPOCH).days * _DAY_S + _DAY_S - 1
# A label may lie on the day after the last instant; none of a later one is of use.
_LAST_DAY: Final = _LAST_SECOND // _DAY_S + 1
_MONTH_DAYS: Final = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Bit n for month n, February in both of its lengths.
_MONTHS_OF_LENGTH: Final = {31: 0b1010110101010, 30: 0b0101001010000, 29: 0b0000000000100, 28: 0b0000000000100}
_THURSDAY: Final = 3
_WEEK: Final = 7
_LEAP_MONTH: Final = 2
# No gap or fold reaches further than this from its change, and no two offsets differ by more.
_REACH_S: Final = 2 * _DAY_S

# What R5 says of wildcard rules, said as a policy: every real instant whose label matches, in both passes, never in a gap.
WILDCARD_DST: Final = Dst(Gap.SKIP, Fold.BOTH)


@dataclass(frozen=True, slots=True)
class Cron:
    """Bit n of a mask stands for the value n. `days` has one mask of days for each shape of a month: see `month_shape`.

    `canonical` is the rule's text in its one form. A *wildcard* rule fires by elapsed time, any other once a label (R3-R5).
    """

    canonical: str
    seconds: int
    minutes: int
    hours: int
    months: int
    days: tuple[int, ...]
    wildcard: bool

    @property
    def can_match(self) -> bool:
        """Whether a day of the 14 shapes of a year matches. Among them every length of a month has every first weekday."""
        return any(
            self.months & months and any(self.days[month_shape(days, weekday)] for weekday in range(_WEEK))
            for days, months in _MONTHS_OF_LENGTH.items()
        )

    def first_label(self, label: int) -> int | None:
        """The first matching label not before the given one; None if there is none until the end of the last year."""
        day, clock = divmod(label, _DAY_S)
        matching = self._first_day(day)
        if matching == day:
            time_of_day = self._first_time(clock)
            if time_of_day is not None:
                return day * _DAY_S + time_of_day
            matching = self._first_day(day + 1)
        if matching is None:
            return None
        midnight_on = self._first_time(0)
        assert midnight_on is not None
        return matching * _DAY_S + midnight_on

    def _first_day(self, day: int) -> int | None:
        if day > _LAST_DAY:
            return None
        start = date.fromordinal(day + _EPOCH_ORDINAL)
        year, month, of_month = start.year, start.month, start.day
        first = day - of_month + 1
        while year <= YEAR_MAX + 1:
            months = self.months >> month
            if months & 1:
                days = _MONTH_DAYS[month] + (month == _LEAP_MONTH and _is_leap(year))
                left = self.days[month_shape(days, (first + _THURSDAY) % _WEEK)] >> of_month
                if left:
                    return first + of_month - 1 + _lowest(left)
            months >>= 1
            year, month = (year, month + 1 + _lowest(months)) if months else (year + 1, _lowest(self.months))
            first = date(year, month, 1).toordinal() - _EPOCH_ORDINAL
            of_month = 1
        return None

    def _first_time(self, clock: int) -> int | None:
        hour, rest = divmod(clock, 3600)
        minute, second = divmod(rest, 60)
        hours = self.hours >> hour
        if hours & 1:
            minutes = self.minutes >> minute
            if minutes & 1 and (seconds := self.seconds >> second):
                return clock + _lowest(seconds)
            if minutes := minutes >> 1:
                return hour * 3600 + (minute + 1 + _lowest(minutes)) * 60 + _lowest(self.seconds)
        if hours := hours >> 1:
            return (hour + 1 + _lowest(hours)) * 3600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)
        return None

    def first_from(self, at: datetime, timezone: str, dst: Dst) -> datetime | None:
        """The first occurrence not before `at`, in the zone and under the policy; `dst` of a wildcard rule is WILDCARD_DST."""
        second = -((EPOCH - at) // _A_SECOND)
        while second <= _LAST_SECOND:
            segment = segment_at(timezone, second)
            label = second + segment.offset
            ahead = self.first_label(label)
            found = self._first_in(segment, second, ahead, dst)
            if found is not None:
                return instant_of(found)
            second = segment.stop
            # Labels up to `ahead` do not match, so nothing lies there; but a fold brings back labels from before `label`.
            if label <= segment.first_pass_from:
                if ahead is None:
                    return None
                second = max(second, ahead - segment.offset - _REACH_S)
        return None

    def _first_in(self, segment: Segment, second: int, ahead: int | None, dst: Dst) -> int | None:
        """The first occurrence in the segment that is not before `second`, which lies in it; `ahead` is the first label from there on."""
        label, end = ahead, segment.stop + segment.offset
        if dst.fold is Fold.FIRST and label is not None and label < segment.second_pass_until:
            label = self.first_label(segment.second_pass_until)
        elif dst.fold is Fold.LAST and segment.first_pass_from < end:
            end = segment.first_pass_from
        found = label - segment.offset if label is not None and label < end else None
        missing = self._first_of_gap(segment, second, dst)
        if found is None or (missing is not None and missing < found):
            return missing
        return found

    def _first_of_gap(self, segment: Segment, second: int, dst: Dst) -> int | None:
        """The first occurrence that a missing label gives after the change with which the segment begins."""
        gap_until = segment.start + segment.offset
        if dst.gap is Gap.SKIP or segment.gap_from == gap_until:
            return None
        shifted = dst.gap is Gap.SHIFT
        if second > segment.start and not shifted:
            return None
        from_label = max(segment.gap_from, second + segment.offset_before) if shifted else segment.gap_from
        if from_label >= gap_until:
            return None
        label = self.first_label(from_label)
        if label is None or label >= gap_until:
            return None
        return label - segment.offset_before if shifted else segment.start


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
