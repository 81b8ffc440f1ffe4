"""Rules across changes of offset, against every instant of those days looked at one by one (scheduling.md, R4 to R6)."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.civil_time import EPOCH, ZONE_NAMES
from planner.domain.recurrence.cron_text import parse_cron
from planner.domain.recurrence.window import occurrences
from support.recurrences import HOURS, MINUTES
from support.schedules import a_cron
from support.zone_files import Change, changes_in_file, one_name_for_each_zone

MINUTE = timedelta(minutes=1)
# Offsets of whole minutes only: the oracle walks in minutes.
CHANGES = [
    (zone, change)
    for zone in one_name_for_each_zone(ZONE_NAMES)
    for change in changes_in_file(zone)
    if 100_000_000 < change.at < 4_000_000_000 and change.before % 60 == change.offset % 60 == change.at % 60 == 0
]


class ByTheMinute:
    """Every minute from two days before a change to two days after it, with the label it has in the zone."""

    def __init__(self, timezone: str, change: Change) -> None:
        middle = EPOCH + timedelta(seconds=change.at)
        zone = ZoneInfo(timezone)
        self.first, self.last = middle - timedelta(days=2), middle + timedelta(days=2)
        self.instants: dict[datetime, list[datetime]] = defaultdict(list)
        instant = self.first
        while instant <= self.last:
            self.instants[instant.astimezone(zone).replace(tzinfo=None, fold=0)].append(instant)
            instant += MINUTE

    def missing(self, label: datetime) -> tuple[datetime, datetime]:
        """What a missing label becomes by `next_valid` and by `shift`: the instants after the last label before it."""
        earlier = label
        while earlier not in self.instants:
            earlier -= MINUTE
        known = self.instants[earlier][-1]
        return known + MINUTE, known + (label - earlier)

    def labels(self) -> Iterator[datetime]:
        """Every label from the first to the last, those that do not exist included."""
        label, end = min(self.instants), max(self.instants)
        while label <= end:
            yield label
            label += MINUTE


def fires_by_the_book(days: ByTheMinute, expression: str, *, gap: str, fold: str) -> list[datetime]:
    rule = parse_cron(expression)
    found: set[datetime] = set()
    for label in days.labels():
        if not (rule.minutes >> label.minute & 1 and rule.hours >> label.hour & 1):
            continue
        passes = days.instants.get(label, [])
        if rule.wildcard:
            found.update(passes)
        elif passes:
            found.update({"first": passes[:1], "last": passes[-1:], "both": passes}[fold])
        elif gap != "skip":
            next_valid, shifted = days.missing(label)
            found.add(next_valid if gap == "next_valid" else shifted)
    return sorted(found)


@settings(max_examples=150)
@given(
    st.sampled_from(CHANGES),
    st.one_of(st.tuples(MINUTES, HOURS), st.tuples(MINUTES, st.sampled_from(["0", "1", "2", "1,2", "0-3", "23,0"]))),
    st.sampled_from(["next_valid", "shift", "skip"]),
    st.sampled_from(["first", "last", "both"]),
    st.integers(0, 3 * 1440),
)
def test_a_rule_fires_at_the_instants_that_the_book_names(
    where: tuple[str, Change], time_of_day: tuple[str, str], gap: str, fold: str, minutes_in: int
) -> None:
    timezone, change = where
    expression = f"{time_of_day[0]} {time_of_day[1]} * * *"
    policy = None if parse_cron(expression).wildcard else {"gap": gap, "fold": fold}
    schedule = a_cron(expression, timezone, dst=policy)
    days = ByTheMinute(timezone, change)
    # The ends of the days are left out: a label there may have its other pass, or its gap, outside.
    begin, end = days.first + timedelta(hours=12) + minutes_in * MINUTE / 2, days.last - timedelta(hours=12)

    found = occurrences(schedule, after=begin, until=end, limit=10_000)

    assert list(found.instants) == [
        instant for instant in fires_by_the_book(days, expression, gap=gap, fold=fold) if begin < instant <= end
    ]


@settings(max_examples=60)
@given(
    st.sampled_from([pair for pair in CHANGES if abs(pair[1].offset - pair[1].before) != 3600]),
    st.sampled_from(["next_valid", "shift", "skip"]),
)
def test_changes_of_half_an_hour_two_hours_and_a_day_are_changes_like_any_other(where: tuple[str, Change], gap: str) -> None:
    timezone, change = where
    days = ByTheMinute(timezone, change)
    begin, end = days.first + timedelta(hours=12), days.last - timedelta(hours=12)

    found = occurrences(a_cron("10-59/20 0-23 * * *", timezone, dst={"gap": gap, "fold": "last"}), after=begin, until=end, limit=10_000)

    by_the_book = fires_by_the_book(days, "10-59/20 0-23 * * *", gap=gap, fold="last")
    assert list(found.instants) == [instant for instant in by_the_book if begin < instant <= end]


def test_the_oracle_sees_gaps_and_folds() -> None:
    gaps = sum(change.offset > change.before for _, change in CHANGES)

    assert gaps > 2000
    assert len(CHANGES) - gaps > 2000
    assert datetime(1996, 3, 31, 1, tzinfo=UTC) in {EPOCH + timedelta(seconds=change.at) for _, change in CHANGES}
