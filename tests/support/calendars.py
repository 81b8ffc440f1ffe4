"""Random calendar rules, and what the book says of their dates, one by one (scheduling.md, section 2)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from planner.domain.recurrence.business_days import HolidayList, days_of
from support.recurrences import DAYS, HOURS, MINUTES, MONTH_FIELDS, TRYING_DAYS, WEEKDAY_FIELDS

WORKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
DAY: Final = timedelta(days=1)
FARTHEST: Final = 31
LIST: Final = "of the tenant"


@dataclass(frozen=True, slots=True)
class Rule:
    """A fixed rule in plain numbers; an empty part matches everything. Sunday is 0, days below zero count from the month's end."""

    hours: list[int]
    minutes: list[int]
    days: list[int] = field(default_factory=list)
    months: list[int] = field(default_factory=list)
    weekdays: list[int] = field(default_factory=list)
    roll: str = "none"
    workdays: tuple[str, ...] = WORKDAYS[:5]
    holidays: tuple[date, ...] = ()
    holidays_of_tenant: tuple[date, ...] = ()

    @property
    def recurrence(self) -> dict[str, Any]:
        parts = {"hour": self.hours, "minute": self.minutes, "day_of_month": self.days, "month": self.months, "day_of_week": self.weekdays}
        given: dict[str, Any] = {"type": "calendar", **{name: part for name, part in parts.items() if part}}
        if self.roll != "none":
            given |= {"roll": self.roll, "workdays": [*self.workdays], "holidays": [day.isoformat() for day in self.holidays]}
            given["holiday_calendar"] = LIST
        return given

    @property
    def calendars(self) -> dict[str, HolidayList]:
        return {LIST: HolidayList(1, days_of(self.holidays_of_tenant))}

    def names(self, day: date) -> bool:
        """Whether all parts match the date."""
        last = ((day.replace(day=1) + 32 * DAY).replace(day=1) - DAY).day
        return (
            (not self.days or day.day in self.days or day.day - last - 1 in self.days)
            and (not self.months or day.month in self.months)
            and (not self.weekdays or day.isoweekday() % 7 in self.weekdays)
        )

    def is_business_day(self, day: date) -> bool:
        return WORKDAYS[day.weekday()] in self.workdays and day not in self.holidays and day not in self.holidays_of_tenant

    def rolled(self, day: date) -> date | None:
        """Where a date goes; null where its labels are dropped."""
        if self.roll == "none" or self.is_business_day(day):
            return day
        ways: dict[str, Callable[[int], tuple[timedelta, ...]]] = {
            "next": lambda days: (days * DAY,),
            "previous": lambda days: (-days * DAY,),
            "nearest": lambda days: (days * DAY, -days * DAY),
            "skip": lambda _: (),
        }
        steps = [step for days in range(1, FARTHEST + 1) for step in ways[self.roll](days)]
        return next((day + step for step in steps if self.is_business_day(day + step)), None)

    def dates(self, first: date, last: date) -> dict[date, bool]:
        """The dates of a range on which labels lie, and whether one came there by the roll."""
        found: dict[date, bool] = {}
        day = first - (FARTHEST + 1) * DAY
        while day <= last + (FARTHEST + 1) * DAY:
            to = self.rolled(day) if self.names(day) else None
            if to is not None and first <= to <= last:
                found[to] = found.get(to, False) or to != day
            day += DAY
        return found


def _some(low: int, high: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high), max_size=most, unique=True)


def near(middle: date) -> st.SearchStrategy[date]:
    """A date within the two months around another."""
    return st.integers(-30, 30).map(lambda days: middle + days * DAY)


@st.composite
def holidays(draw: st.DrawFn, middle: date) -> tuple[date, ...]:
    """Single days around a date, and now and then so many in a row that dates are out of reach of a business day."""
    single = draw(st.lists(near(middle), max_size=4))
    begin, length = draw(near(middle)), draw(st.sampled_from([0, 0, 3, 30, 32, 70]))
    return tuple({*single, *(begin + ahead * DAY for ahead in range(length))})


@st.composite
def rules(draw: st.DrawFn, middle: date) -> Rule:
    """A fixed rule whose holidays lie around a date."""
    return Rule(
        hours=draw(st.lists(st.sampled_from([0, 1, 2, 3, 9, 12, 23]), min_size=1, max_size=3, unique=True)),
        minutes=draw(st.lists(st.sampled_from([0, 15, 30, 45, 59]), min_size=1, max_size=2, unique=True)),
        days=draw(st.one_of(st.just([]), _some(1, 31, 4), st.just([-1, 15]), st.lists(st.integers(-31, -1), max_size=3, unique=True))),
        months=draw(st.one_of(st.just([]), _some(1, 12, 6))),
        weekdays=draw(st.one_of(st.just([]), st.just([6, 0]), _some(0, 6, 3))),
        roll=draw(st.sampled_from(["none", "next", "previous", "nearest", "skip"])),
        workdays=tuple(draw(st.one_of(st.just(WORKDAYS[:5]), st.lists(st.sampled_from(WORKDAYS), min_size=1, max_size=3, unique=True)))),
        holidays=draw(holidays(middle)),
        holidays_of_tenant=draw(st.one_of(st.just(()), holidays(middle))),
    )


@st.composite
def calendar_recurrences(draw: st.DrawFn) -> dict[str, Any]:
    """Any calendar recurrence, the whole dialect of its fields; a few name no date at all."""
    fields = {"minute": MINUTES, "hour": HOURS, "day_of_month": DAYS, "month": MONTH_FIELDS, "day_of_week": WEEKDAY_FIELDS}
    texts = {name: draw(texts.filter(lambda text: len(text) <= 256)) for name, texts in fields.items() if draw(st.booleans())}
    given: dict[str, Any] = {"type": "calendar", "second": draw(st.sampled_from(["0", "30", "*/20"])), **texts}
    if draw(st.booleans()):
        given |= {name: text.split(",") for name, text in texts.items() if text != "?"}
        if "day_of_month" in texts:
            given["day_of_month"].append(draw(st.integers(-31, -1)))
    wildcard = any(texts.get(name, "0").startswith("*") for name in ("minute", "hour"))
    given["roll"] = draw(st.sampled_from(["none", "skip"] if wildcard else ["none", "next", "previous", "nearest", "skip"]))
    if given["roll"] != "none":
        middle: datetime = draw(st.sampled_from(TRYING_DAYS))
        given["workdays"] = draw(st.lists(st.sampled_from(WORKDAYS), min_size=1, max_size=7, unique=True))
        given["holidays"] = [day.isoformat() for day in draw(holidays(middle.date())) if 1970 <= day.year <= 2200]
    return given
