"""Calendar rules: cron fields that must all match, and a roll to business days (scheduling.md, section 2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from planner.domain.civil_time import Dst, segment_at
from planner.domain.recurrence.business_days import BusinessDays, Calendars, Roll, days_of
from planner.domain.recurrence.calendar_text import CalendarFields, on_workdays
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.label_search import DAY_S, first_instant, first_time, is_from_gap, second_from


@dataclass(frozen=True, slots=True)
class Calendar:
    """The dates and times of `base`, each date rolled, its time of day kept. `base` of a `skip` names workdays only, `given` all.

    `version`: of the tenant's list that it was compiled with.
    """

    base: Cron
    given: Cron
    roll: Roll
    business: BusinessDays
    version: int | None = None

    @property
    def wildcard(self) -> bool:
        """Whether it fires by elapsed time (R3)."""
        return self.base.wildcard

    def first_from(self, at: datetime, timezone: str, dst: Dst) -> datetime | None:
        """The first occurrence not before `at`, in the zone and under the policy; `dst` of a wildcard rule is WILDCARD_DST."""
        return first_instant(self, at, timezone, dst)

    def is_from_gap(self, occurrence: datetime, timezone: str, dst: Dst) -> bool:
        """Whether a missing label came to the occurrence."""
        return is_from_gap(self, occurrence, timezone, dst)

    def is_rolled(self, occurrence: datetime, timezone: str, dst: Dst) -> bool:
        """Whether a label came to the occurrence by the roll, whatever other label did so too."""
        if self.roll in (Roll.NONE, Roll.SKIP):
            return False
        second = second_from(occurrence)
        label = second + segment_at(timezone, second).offset
        # A missing label is earlier than the one that the occurrence has.
        rolled = _Rolled(self, label)
        return rolled.first_label(label) == label or is_from_gap(rolled, occurrence, timezone, dst)

    def first_label(self, label: int) -> int | None:
        """The first label not before the given one; None if there is none until the end of the last year."""
        day, clock = divmod(label, DAY_S)
        matching = self._first_day(day)
        if matching == day:
            time_of_day = first_time(self.base.hours, self.base.minutes, self.base.seconds, clock)
            if time_of_day is not None:
                return day * DAY_S + time_of_day
            matching = self._first_day(day + 1)
        if matching is None:
            return None
        midnight_on = first_time(self.base.hours, self.base.minutes, self.base.seconds, 0)
        assert midnight_on is not None
        return matching * DAY_S + midnight_on

    def dates_rolling_to(self, day: int) -> Iterator[int]:
        """The other dates that `base` names and that roll to this one, which is a business day. `skip` and `none` move none."""
        if self.roll in (Roll.NONE, Roll.SKIP):
            return
        first, last = self.business.rolling_to(day, self.roll)
        named = self.base.first_day(first)
        while named is not None and named <= last:
            if named != day:
                yield named
            named = self.base.first_day(named + 1)

    def _first_day(self, day: int) -> int | None:
        """The first day not before the given one on which a date lies once it is rolled."""
        match self.roll:
            case Roll.NONE:
                return self.base.first_day(day)
            case Roll.SKIP:
                named = self.base.first_day(day)
                while named is not None and named in self.business.holidays:
                    named = self.base.first_day(named + 1)
                return named
            case _:
                return self._first_rolled(day)

    def _first_rolled(self, day: int) -> int | None:
        """From business day to business day, and at each a look at the dates that roll to it; those between two are skipped at once."""
        business = self.business
        day = business.first_from(day)
        while True:
            first, last = business.rolling_to(day, self.roll)
            named = self.base.first_day(first)
            if named is None:
                return None
            if named <= last:
                return day
            # A date without a business day within reach is dropped: then the search goes on behind it.
            before = business.last_until(named)
            day = before if before > day else business.first_from(named)


@dataclass(frozen=True, slots=True)
class _Rolled:
    """Of a calendar's labels those that came by the roll, up to `until`."""

    calendar: Calendar
    until: int

    def first_label(self, label: int) -> int | None:
        found = self.calendar.first_label(label)
        while found is not None and found <= self.until:
            day = found // DAY_S
            if next(self.calendar.dates_rolling_to(day), None) is not None:
                return found
            found = self.calendar.first_label((day + 1) * DAY_S)
        return None


def compile_calendar(fields: CalendarFields, calendars: Calendars) -> Calendar:
    """The rule of sound fields; `calendars` has the list that they name."""
    holidays = days_of(fields.holidays)
    version = None
    if fields.holiday_calendar is not None:
        named = calendars[fields.holiday_calendar]
        holidays = named.days | holidays if holidays else named.days
        version = named.version
    base = fields.base
    if fields.roll is Roll.SKIP:
        base = on_workdays(base, fields.workdays)
    return Calendar(base, fields.base, fields.roll, BusinessDays(fields.workdays, holidays), version)
