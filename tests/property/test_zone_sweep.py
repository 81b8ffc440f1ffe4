"""All zones, every change of offset from 1970 to 2060, rules of every kind about it: against a look at the instants one by one.

The oracle knows zoneinfo and nothing of ours: it finds the changes by asking for each day, and what happens at a change by asking
for each quarter of an hour about it. Zones with the same changes are looked at once, under one of their names.
`--hypothesis-profile=long` looks at each minute and under all nine policies, of which one in turn is tried otherwise.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from math import gcd
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from msgspec import structs

from planner.domain.civil_time import ZONE_NAMES, Dst, Fold, Gap
from planner.domain.dates import parse_start
from planner.domain.recurrence.cron import WILDCARD_DST
from planner.domain.recurrence.rrule import RRULE_DST, RruleFields, compile_rrule
from planner.domain.recurrence.rrule_text import parse_rrule
from planner.domain.recurrence.window import occurrences
from planner.domain.schedule import Schedule
from support.schedules import a_cron, a_rrule, a_schedule, an_interval

EXHAUSTIVE: Final = settings().max_examples >= 100_000
GRID_S: Final = 60 if EXHAUSTIVE else 900
MINUTES: Final = range(0, 60, GRID_S // 60)
HOURS: Final = (0, 1, 2, 3, 22, 23)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
YEARS: Final = 91
DTSTART: Final = datetime(1970, 1, 1)  # noqa: DTZ001 a label has no zone
POLICIES: Final = [Dst(gap, fold) for gap, fold in product((Gap.NEXT_VALID, Gap.SHIFT, Gap.SKIP), (Fold.FIRST, Fold.LAST, Fold.BOTH))]
REGIONS: Final = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific", "")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of offset: from its instant on it is `after`."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def length(self) -> timedelta:
        return abs(self.after - self.before)


def _label(at: datetime, zone: ZoneInfo) -> datetime:
    return zone.fromutc(at.replace(tzinfo=zone)).replace(tzinfo=None, fold=0)


def _changes(name: str) -> Iterator[Change]:
    zone = ZoneInfo(name)
    # `fromutc` takes UTC's fields in the zone's name; the difference of the two is one of fields.
    at = EPOCH.replace(tzinfo=zone)
    before = zone.fromutc(at) - at
    for _ in range(YEARS * 366):
        at += DAY
        after = zone.fromutc(at) - at
        if after != before:
            low, high = 0, 86_400
            while high - low > 1:
                middle = (low + high) // 2
                probe = at - DAY + middle * SECOND
                low, high = (middle, high) if zone.fromutc(probe) - probe == before else (low, middle)
            yield Change(name, (at - DAY + high * SECOND).replace(tzinfo=UTC), before, after)
            before = after


@cache
def all_changes() -> Sequence[Change]:
    """Those of all zones; of zones with the same ones those of the first."""
    by_content: dict[tuple[tuple[datetime, timedelta], ...], list[Change]] = {}
    for name in sorted(ZONE_NAMES):
        changes = list(_changes(name))
        by_content.setdefault(tuple((change.at, change.after) for change in changes), changes)
    return [change for changes in by_content.values() for change in changes]


@cache
def first_step(zone: str) -> datetime:
    """DTSTART as an instant: `shift` and `first`, as fold=0 reads it."""
    return DTSTART.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


class Instants:
    """The instants about a change, each with its label: twice as far as is looked at, so that no pass of a label is outside."""

    def __init__(self, change: Change) -> None:
        self.change = change
        zone, reach = ZoneInfo(change.zone), 2 * (change.length + HOUR)
        self.begin, self.end = change.at - reach / 2, change.at + reach / 2
        # Offsets have not always been whole minutes; nor does each zone's DTSTART lie on a quarter of an hour.
        moments = (change.at - EPOCH, change.before, change.after, first_step(change.zone) - EPOCH)
        step = timedelta(seconds=gcd(GRID_S, *(int(moment / SECOND) for moment in moments)))
        self.labels = {at: _label(at, zone) for at in (change.at - reach + number * step for number in range(2 * reach // step + 1))}
        self.passes: defaultdict[datetime, list[datetime]] = defaultdict(list)
        for at, label in self.labels.items():
            self.passes[label].append(at)
        first, last = min(self.passes), max(self.passes)
        every = (first + number * step for number in range((last - first) // step + 1))
        self.round_labels = [label for label in every if label.minute in MINUTES and not label.second and label >= DTSTART]

    def of_labels(self, dst: Dst) -> Iterator[datetime]:
        """What becomes of each round label: of its passes those that the policy takes, or what it makes of a missing one."""
        for label in self.round_labels:
            yield from chosen(label, self.passes.get(label, []), self.change, dst)


def chosen(label: datetime, passes: list[datetime], change: Change, dst: Dst) -> list[datetime]:
    if passes:
        return {Fold.FIRST: passes[:1], Fold.LAST: passes[-1:]}.get(dst.fold, passes)
    return {Gap.NEXT_VALID: [change.at], Gap.SHIFT: [label.replace(tzinfo=UTC) - change.before]}.get(dst.gap, [])


def listed(values: Iterable[int]) -> str:
    return ",".join(map(str, values))


FIXED: Final = a_cron(f"{listed(MINUTES)} {listed(range(24))} * * *")
WILDCARD: Final = a_cron(f"*/{MINUTES.step} {listed(HOURS)} * * *")
CALENDAR: Final = a_schedule(recurrence={"type": "calendar", "minute": [*MINUTES], "hour": "0-23"})
EVERY: Final = an_interval(2700, "1970-01-01T00:00:00Z")
DAILY: Final = f"FREQ=DAILY;BYHOUR={listed(range(24))};BYMINUTE={listed(MINUTES)};BYSECOND=0"
IN_HOURS: Final = f"FREQ=MINUTELY;INTERVAL=45;BYHOUR={listed(HOURS)}"
EXPANDED: Final = "FREQ=HOURLY;BYMINUTE=15,30;BYSECOND=0"
_A_RRULE: Final = a_rrule("FREQ=DAILY", DTSTART.isoformat())


@cache
def a_rule(text: str, zone: str, dst: Dst) -> Schedule:
    fields = RruleFields(parse_rrule(text), parse_start(DTSTART.isoformat()), (), ())
    return structs.replace(_A_RRULE, rule=compile_rrule(fields, zone, dst), timezone=zone, dst=dst)


def fixed(instants: Instants, dst: Dst) -> tuple[Schedule, Iterable[datetime]]:
    return structs.replace(FIXED, timezone=instants.change.zone, dst=dst), instants.of_labels(dst)


def calendar(instants: Instants, dst: Dst) -> tuple[Schedule, Iterable[datetime]]:
    return structs.replace(CALENDAR, timezone=instants.change.zone, dst=dst), instants.of_labels(dst)


def wildcard(instants: Instants, _: Dst) -> tuple[Schedule, Iterable[datetime]]:
    expected = (at for at, label in instants.labels.items() if label.hour in HOURS and label.minute in MINUTES and not label.second)
    return structs.replace(WILDCARD, timezone=instants.change.zone, dst=WILDCARD_DST), expected


def interval(instants: Instants, _: Dst) -> tuple[Schedule, Iterable[datetime]]:
    return structs.replace(EVERY, timezone=instants.change.zone), (at for at in instants.labels if not (at - EPOCH) % (2700 * SECOND))


def daily_rrule(instants: Instants, dst: Dst) -> tuple[Schedule, Iterable[datetime]]:
    return a_rule(DAILY, instants.change.zone, dst), instants.of_labels(dst)


def stepping_rrule(instants: Instants, _: Dst) -> tuple[Schedule, Iterable[datetime]]:
    start = first_step(instants.change.zone)
    steps = (at for at, label in instants.labels.items() if label.hour in HOURS and at >= start and not (at - start) % (2700 * SECOND))
    return a_rule(IN_HOURS, instants.change.zone, RRULE_DST), steps


def expanding_rrule(instants: Instants, _: Dst) -> tuple[Schedule, Iterable[datetime]]:
    """A step in the same hour of labels, and with the same offset, brings the minutes."""
    start = first_step(instants.change.zone)
    hours = {at: (label.replace(minute=0, second=0), label - at.replace(tzinfo=None)) for at, label in instants.labels.items()}
    stepped = {hour for at, hour in hours.items() if not (at - start) % HOUR and at > instants.begin - HOUR}
    minutes = (at for at, label in instants.labels.items() if label.minute in (15, 30) and not label.second and at >= start)
    return a_rule(EXPANDED, instants.change.zone, RRULE_DST), (at for at in minutes if hours[at] in stepped)


KINDS: Final[Sequence[Callable[[Instants, Dst], tuple[Schedule, Iterable[datetime]]]]] = (
    fixed,
    calendar,
    daily_rrule,
    wildcard,
    interval,
    stepping_rrule,
    expanding_rrule,
)
WITH_POLICY: Final = (fixed, calendar, daily_rrule)


def policies(number: int) -> Sequence[Dst]:
    return POLICIES if EXHAUSTIVE else (POLICIES[number % len(POLICIES)],)


def of_region(region: str) -> Iterator[tuple[int, Change]]:
    for number, change in enumerate(all_changes()):
        first, slash, _ = change.zone.partition("/")
        if region == (first if slash and first in REGIONS else ""):
            yield number, change


def test_the_sweep_sees_all_zones_and_changes_of_every_length() -> None:
    changes = all_changes()

    assert sum(len(list(of_region(region))) for region in REGIONS) == len(changes) > 20_000
    assert len({change.zone for change in changes}) > 250
    assert {30, 60, 120, 24 * 60} <= {int(change.length / timedelta(minutes=1)) for change in changes}
    assert sum(change.after > change.before for change in changes) > 10_000


@pytest.mark.timeout(3600 if EXHAUSTIVE else 300)
@pytest.mark.parametrize("region", REGIONS)
def test_each_rule_fires_about_a_change_at_the_instants_at_which_it_should(region: str) -> None:
    for number, change in of_region(region):
        instants = Instants(change)
        for kind in KINDS:
            for dst in policies(number) if kind in WITH_POLICY else (RRULE_DST,):
                schedule, expected = kind(instants, dst)
                found = occurrences(schedule, after=instants.begin, until=instants.end, limit=10_000).instants
                in_span = {at for at in expected if instants.begin < at <= instants.end}
                assert found == tuple(sorted(in_span)), (kind, change, dst)


@pytest.mark.timeout(3600 if EXHAUSTIVE else 300)
@pytest.mark.parametrize("region", REGIONS)
def test_a_label_of_each_day_that_a_change_touches_is_found_from_days_before(region: str) -> None:
    for number, change in of_region(region):
        zone = ZoneInfo(change.zone)
        # In the middle of what is missing or repeated.
        middle = (change.at + min(change.before, change.after) + int(change.length / 2 / SECOND) * SECOND).replace(tzinfo=None)
        begin, end = change.at - 3 * DAY, change.at + 3 * DAY
        rule = a_daily_cron(f"{middle.second} {middle.minute} {middle.hour} * * *")
        for dst in policies(number + 1):
            expected = {at for days in range(-5, 6) for at in _instants(middle + days * DAY, change, zone, dst)}
            found = occurrences(structs.replace(rule, timezone=change.zone, dst=dst), after=begin, until=end, limit=20).instants
            assert found == tuple(sorted(at for at in expected if begin < at <= end)), (change, dst)


@cache
def a_daily_cron(expression: str) -> Schedule:
    return a_cron(expression)


def _instants(label: datetime, change: Change, zone: ZoneInfo, dst: Dst) -> list[datetime]:
    either = {label.replace(tzinfo=UTC) - offset for offset in (change.before, change.after)}
    return chosen(label, sorted(at for at in either if _label(at, zone) == label), change, dst)
