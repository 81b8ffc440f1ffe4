"""Calendar rules against the book, date by date and label by label (scheduling.md, section 2, and R4 to R6)."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.domain.definition import define
from planner.domain.errors import DefinitionInvalidError
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.window import occurrences
from planner.domain.schedule import Schedule
from support.calendars import DAY, Rule, rules
from support.recurrences import TRYING_DAYS, TRYING_ZONES

AROUND = 50
MIDDLES = st.one_of(st.sampled_from(TRYING_DAYS).map(datetime.date), st.dates(date(1971, 1, 1), date(2199, 6, 30)))
# Whole days of labels are known this far from the ends of what is looked at; no offset is longer than one.
EDGE = 2 * DAY
MINUTE = timedelta(minutes=1)


def compiled(rule: Rule, timezone: str, *, dst: dict[str, str] | None = None) -> Schedule:
    given = {"action": "a", "recurrence": rule.recurrence, "timezone": timezone, "dst": dst}
    try:
        return define(given, now=None, calendars=rule.calendars).schedule
    except DefinitionInvalidError as refused:
        assume([fault.code for fault in refused.faults] != ["SCHEDULE_NEVER_FIRES"])
        raise


def instants_of(label: datetime, zone: ZoneInfo, dst: dict[str, str]) -> tuple[list[datetime], bool]:
    """What a label becomes, and whether it is missing."""
    first, second = (label.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return {"first": [first], "last": [second], "both": [first, second]}[dst["fold"]], False
    if dst["gap"] == "skip":
        return [], True
    if dst["gap"] == "shift":
        return [first], True
    after = first
    while (after - MINUTE).astimezone(zone).utcoffset() == first.astimezone(zone).utcoffset():
        after -= MINUTE
    return [after], True


def by_the_book(rule: Rule, timezone: str, dst: dict[str, str], first: date, last: date) -> dict[datetime, tuple[bool, bool]]:
    """The instants of the labels of these dates, with (rolled, from a gap)."""
    found: dict[datetime, tuple[bool, bool]] = defaultdict(lambda: (False, False))
    for day, rolled in rule.dates(first, last).items():
        for label in labels_on(rule, day):
            fires, missing = instants_of(label, ZoneInfo(timezone), dst)
            for instant in fires:
                was_rolled, was_missing = found[instant]
                found[instant] = (was_rolled or rolled, was_missing or missing)
    return found


def labels_on(rule: Rule, day: date) -> Iterator[datetime]:
    for hour in rule.hours:
        for minute in rule.minutes:
            yield datetime.combine(day, time(hour, minute))


@settings(max_examples=300)
@given(
    st.data(),
    MIDDLES,
    st.sampled_from(TRYING_ZONES),
    st.sampled_from(["next_valid", "shift", "skip"]),
    st.sampled_from(["first", "last", "both"]),
)
def test_a_rule_fires_as_its_dates_say_one_by_one(data: st.DataObject, middle: date, timezone: str, gap: str, fold: str) -> None:
    rule, dst = data.draw(rules(middle)), {"gap": gap, "fold": fold}
    schedule = compiled(rule, timezone, dst=dst)
    first, last = middle - AROUND * DAY, middle + AROUND * DAY
    since, until = (datetime.combine(day, time(), UTC) for day in (first + EDGE, last - EDGE))

    expected = by_the_book(rule, timezone, dst, first, last)
    window = occurrences(schedule, after=since, until=until, limit=2000)

    assert list(window.instants) == sorted(instant for instant in expected if since < instant <= until)
    assert isinstance(schedule.rule, Calendar)
    for instant in window.instants:
        told = (schedule.rule.is_rolled(instant, timezone, schedule.dst), schedule.rule.is_from_gap(instant, timezone, schedule.dst))
        assert (instant, told) == (instant, expected[instant])


@given(st.data(), MIDDLES)
def test_a_search_begins_anywhere_alike(data: st.DataObject, middle: date) -> None:
    rule = data.draw(rules(middle))
    schedule = compiled(rule, "UTC")
    after = datetime.combine(middle, time(), UTC) + data.draw(st.timedeltas(-20 * DAY, 20 * DAY))
    expected = by_the_book(rule, "UTC", {"gap": "skip", "fold": "first"}, after.date() - DAY, after.date() + 80 * DAY)

    found = occurrences(schedule, after=after, until=None, limit=1).instants

    nearest = min((instant for instant in expected if instant > after), default=None)
    if nearest is None:
        assert not found or found[0].date() > after.date() + 80 * DAY
    else:
        assert found == (nearest,)
