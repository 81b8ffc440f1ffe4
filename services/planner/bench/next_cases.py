"""What `planner bench next` asks for: ordinary rules, zones with and without changes of offset, and instants near those changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from planner.domain import civil_time
from planner.domain.definition import define
from planner.domain.recurrence.window import next_after
from planner.domain.schedule import Schedule

CRONS: Final = (
    "* * * * *",
    "*/15 * * * *",
    "*/5 8-18 * * 1-5",
    "0 9 * * 1-5",
    "30 2 * * *",
    "0 0 1 * *",
    "15 10 L * *",
    "0 0 * * 1#1",
    "0 12 1 1 *",
)
RRULES: Final = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;BYHOUR=2;BYMINUTE=30",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=WEEKLY;INTERVAL=2",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYMONTHDAY=15,-1",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
)
SUB_DAILY_RRULES: Final = (
    "FREQ=HOURLY;INTERVAL=6",
    "FREQ=HOURLY;INTERVAL=7;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10,11",
)
CALENDARS: Final[tuple[dict[str, Any], ...]] = (
    {"hour": "9", "day_of_week": "MON-FRI"},
    {"minute": "*/15", "hour": "8-18"},
    {"hour": "2", "minute": "30", "day_of_month": [1, 15, -1], "roll": "next", "holidays": ["2026-01-01", "2026-12-25", "2027-01-01"]},
    {"hour": "7", "day_of_month": "LW", "roll": "previous", "workdays": ["MON", "TUE", "WED", "THU"]},
)
ZONES: Final = ("UTC", "Asia/Kolkata", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe")
# More than any of these rules comes to in the years that are measured.
COUNT: Final = 100_000
_YEAR: Final = timedelta(days=365)
_NEAR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """One call: the place of a rule in its list, a zone, and the instant after which the next occurrence is wanted.

    `label` is that instant as the zone's clocks show it, in whole seconds: what the libraries are asked about.
    """

    rule: int
    timezone: str
    after: datetime
    label: datetime


def some_cases(rules: int, calls: int, begin: datetime, *, seed: int) -> list[Case]:
    """Each rule in each zone in turn; every other instant is anywhere within two years, the rest within a day of a change of offset."""
    chance = Random(seed)  # noqa: S311 a sample, not a secret
    changes = {timezone: _changes(timezone, begin) for timezone in ZONES}
    cases = []
    for number in range(calls):
        timezone = ZONES[number // rules % len(ZONES)]
        after = begin + chance.random() * 2 * _YEAR
        if changes[timezone] and chance.random() < 1 / 2:
            after = chance.choice(changes[timezone]) + (2 * chance.random() - 1) * _NEAR
        label = civil_time.local(after, timezone).replace(microsecond=0, tzinfo=None)
        cases.append(Case(number % rules, timezone, after, label))
    chance.shuffle(cases)
    return cases


class PlannerNext:
    """Planner's next occurrences of compiled schedules, each kept as an owner keeps it."""

    def __init__(self, recurrences: Sequence[Mapping[str, Any]]) -> None:
        self._schedules: dict[tuple[int, str], Schedule] = {
            (number, timezone): define({"action": "bench", "recurrence": recurrence, "timezone": timezone}, now=None).schedule
            for number, recurrence in enumerate(recurrences)
            for timezone in ZONES
        }

    def next(self, case: Case) -> datetime | None:
        return next_after(self._schedules[case.rule, case.timezone], case.after)


def _changes(timezone: str, begin: datetime) -> list[datetime]:
    """The changes of offset within two years."""
    at = (begin - civil_time.EPOCH) // timedelta(seconds=1)
    end = at + 2 * _YEAR // timedelta(seconds=1)
    changes = []
    while (segment := civil_time.segment_at(timezone, at)).stop < end:
        at = segment.stop
        if civil_time.segment_at(timezone, at).offset != segment.offset:
            changes.append(civil_time.instant_of(at))
    return changes
