"""RRULEs against what the book says label by label and step by step, and against dateutil on labels, where it is right."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.domain.civil_time import Dst, Fold, Gap
from planner.domain.dates import parse_start
from planner.domain.limits import LAST_INSTANT
from planner.domain.recurrence.rrule import RRULE_DST, Rrule, RruleFields, compile_rrule
from planner.domain.recurrence.rrule_text import parse_rrule
from support.recurrences import TRYING_DAYS, TRYING_ZONES
from support.rrules import DAY, STEPS, Parts, label_rules, labels_by_the_book, numbers, step_rules, steps_by_the_book

HOW_MANY = 12
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
# Ten to twenty seconds of CPU; `make differential` tries 100,000 of each.
OFTEN = max(5000, settings().max_examples)
pytestmark = pytest.mark.timeout(300 if OFTEN < 100_000 else 0)


def compiled(parts: Parts, timezone: str = "UTC", dst: Dst = RRULE_DST) -> Rrule:
    fields = RruleFields(parse_rrule(parts.text), parse_start(parts.dtstart.isoformat()), (), ())
    return compile_rrule(fields, timezone, dst)


def chain(rule: Rrule, timezone: str, after: datetime, until: datetime, *, dst: Dst = RRULE_DST, limit: int = HOW_MANY) -> list[datetime]:
    found: list[datetime] = []
    following = rule.first_from(after + TICK, timezone, dst)
    while following is not None and following <= until and len(found) < limit:
        found.append(following)
        following = rule.first_from(following + TICK, timezone, dst)
    return found


def _dateutil_is_right(parts: Parts) -> bool:
    weeks = parts.by.get("BYWEEKNO", [])
    ordinals = [bool(nth) for nth, _ in parts.by.get("BYDAY", [])]
    return not (
        # It takes all seven days, cuts the first week short, wants both of plain and ordinal, and errs about New Year.
        (weeks and "BYDAY" not in parts.by and not {"BYMONTHDAY", "BYYEARDAY"} & parts.by.keys())
        or (parts.frequency == "WEEKLY" and "BYSETPOS" in parts.by)
        or (any(ordinals) and not all(ordinals))
        or any(abs(number) > 51 or number in (-1, 1) for number in weeks)
    )


@settings(max_examples=OFTEN)
@given(label_rules(), st.integers(0, 4))
def test_dateutil_names_the_same_labels(parts: Parts, quarter: int) -> None:
    assume(_dateutil_is_right(parts))
    days = {"YEARLY": 3000, "MONTHLY": 800, "WEEKLY": 300, "DAILY": 60}[parts.frequency]
    until = parts.dtstart + days * DAY
    after = parts.dtstart + quarter * days * DAY / 8 - SECOND
    found = chain(compiled(parts), "UTC", after.replace(tzinfo=UTC), until.replace(tzinfo=UTC), limit=100)

    # Where nothing follows it would search until the year 9999, so it is asked for no more than was found.
    theirs = (label for label in rrulestr(parts.text, dtstart=parts.dtstart) if label > after)
    assert [label.replace(tzinfo=None) for label in found] == list(islice(theirs, len(found)))


@settings(max_examples=max(300, settings().max_examples))
@given(label_rules(), st.integers(0, 400))
def test_a_rule_names_the_labels_that_the_book_names(parts: Parts, days: int) -> None:
    until, after = parts.dtstart + 700 * DAY, parts.dtstart + days * DAY - SECOND

    found = chain(compiled(parts), "UTC", after.replace(tzinfo=UTC), until.replace(tzinfo=UTC))

    expected = (label for label in labels_by_the_book(parts, until) if label > after)
    assert [label.replace(tzinfo=None) for label in found] == list(islice(expected, HOW_MANY))


@settings(max_examples=max(200, settings().max_examples))
@given(step_rules(), st.sampled_from(TRYING_ZONES), st.integers(0, 3), st.integers(0, 2))
def test_steps_fall_where_the_book_lets_them_fall(parts: Parts, timezone: str, quarters: int, odd: int) -> None:
    start = parts.dtstart.replace(tzinfo=UTC)
    # As far as a few thousand steps lead, and across the change in any case.
    until = start + min(timedelta(days=5), timedelta(hours=12) + 2000 * parts.interval * STEPS[parts.frequency])
    after = start + (until - start) * quarters / 4 - SECOND + odd * TICK

    found = chain(compiled(parts, timezone), timezone, after, until, limit=100)

    expected = (at for at in steps_by_the_book(parts, timezone, until) if after < at <= until)
    assert found == list(islice(expected, 100))


@settings(max_examples=max(400, settings().max_examples))
@given(step_rules(), st.sampled_from(TRYING_ZONES), st.integers(1, 400))
def test_a_count_of_steps_ends_with_the_occurrence_at_that_place(parts: Parts, timezone: str, count: int) -> None:
    # The step that the book's walk could not reach within years: counting days must agree with finding one occurrence after the other.
    unbounded, bounded = replace(parts, count=None), replace(parts, count=count)
    start = parts.dtstart.replace(tzinfo=UTC) - 2 * DAY

    found = chain(compiled(unbounded, timezone), timezone, start, LAST_INSTANT, limit=count)

    assert chain(compiled(bounded, timezone), timezone, start, LAST_INSTANT, limit=count + 1) == found


def _instants(label: datetime, timezone: str, dst: Dst) -> set[datetime]:
    """What a label becomes: looked for among all instants near it, second by second where it has to be."""
    near = label.replace(tzinfo=UTC)
    changes = _changes_near(near, timezone)
    passes = {near - offset for _, before, after in changes for offset in (before, after) if _label(near - offset, timezone) == label}
    if passes:
        return {min(passes)} if dst.fold is Fold.FIRST else {max(passes)} if dst.fold is Fold.LAST else passes
    at, before, _ = next(change for change in changes if change[0] + change[1] <= near < change[0] + change[2])
    return {Gap.SKIP: set(), Gap.SHIFT: {near - before}}.get(dst.gap, {at})


def _label(at: datetime, timezone: str) -> datetime:
    return (at + _offset(at, timezone)).replace(tzinfo=None)


def _offset(at: datetime, timezone: str) -> timedelta:
    return at.astimezone(ZoneInfo(timezone)).utcoffset() or timedelta(0)


def _changes_near(near: datetime, timezone: str) -> list[tuple[datetime, timedelta, timedelta]]:
    """Where the offset changes within two days; at least the offset that is in force."""
    quarter = timedelta(minutes=15)
    probes = [near - 2 * DAY + at * quarter for at in range(4 * 24 * 4 + 1)]
    found = [(near, _offset(near, timezone), _offset(near, timezone))]
    for early, late in pairwise(probes):
        before, after = _offset(early, timezone), _offset(late, timezone)
        if before != after:
            seconds = next(at for at in range(901) if _offset(early + at * SECOND, timezone) != before)
            found.append((early + seconds * SECOND, before, after))
    return found


POLICIES = st.builds(Dst, st.sampled_from([Gap.NEXT_VALID, Gap.SHIFT, Gap.SKIP]), st.sampled_from([Fold.FIRST, Fold.LAST, Fold.BOTH]))


@settings(max_examples=max(150, settings().max_examples))
@given(
    st.sampled_from(TRYING_ZONES),
    st.sampled_from([day for day in TRYING_DAYS if 2000 < day.year < 2090]),
    st.fixed_dictionaries({"BYHOUR": numbers(0, 23, most=5), "BYMINUTE": numbers(0, 59)}),
    st.one_of(st.none(), st.integers(1, 20)),
    POLICIES,
)
def test_labels_about_a_change_become_the_instants_that_the_policy_names(
    timezone: str, day: datetime, times: dict[str, list[int]], count: int | None, dst: Dst
) -> None:
    dtstart = (day - 2 * DAY).replace(tzinfo=None)
    parts = Parts("DAILY", dtstart, count=count, by=times)
    until = dtstart + 6 * DAY
    expected = {at for label in labels_by_the_book(parts, until) for at in _instants(label, timezone, dst)}
    end = (until - 2 * DAY).replace(tzinfo=UTC)

    found = chain(compiled(parts, timezone, dst), timezone, day - 4 * DAY, end, dst=dst, limit=200)

    assert found == sorted(at for at in expected if at <= end)


@given(st.one_of(label_rules(), step_rules()))
def test_a_rule_read_from_its_canonical_text_is_the_same_rule(parts: Parts) -> None:
    rule = parse_rrule(parts.text.lower() + ";")

    assert parse_rrule(rule.canonical) == rule
    assert parse_rrule(rule.canonical).canonical == rule.canonical
