"""R11 against its own words: after another zone database comes what labels after the cursor's come to, at instants after it."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from planner.domain import civil_time
from planner.domain.civil_time import LabelKind
from planner.domain.definition import load
from planner.domain.recompute import recomputed
from planner.domain.recurrence.window import occurrences
from support.plans import ACTION, Book

CHANGES: Final = [
    ("Europe/Amsterdam", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
]
QUARTER: Final = timedelta(minutes=15)
DAY: Final = timedelta(days=1)


def instants_of(label: datetime, timezone: str, gap: str, fold: str) -> list[datetime]:
    """By R4 and R6."""
    earlier, later = civil_time.candidates(label, timezone)
    match civil_time.kind_of(label, timezone):
        case LabelKind.MISSING:
            return {"next_valid": [earlier], "shift": [later], "skip": []}[gap]
        case LabelKind.REPEATED:
            return {"first": [earlier], "last": [later], "both": [earlier, later]}[fold]
        case _:
            return [earlier]


@given(
    st.sampled_from(CHANGES),
    st.sampled_from(list(product(("next_valid", "shift", "skip"), ("first", "last", "both")))),
    st.sets(st.integers(0, 23), min_size=1, max_size=6),
    st.integers(-8, 8),
    st.sampled_from([-7200, -3600, -1800, 1800, 3600, 7200]),
)
def test_later_labels_and_only_they_are_to_come_after_the_cursor(
    change: tuple[str, datetime], dst: tuple[str, str], quarters: set[int], place: int, offset_was_more_s: int
) -> None:
    (timezone, changes_at), (gap, fold) = change, dst
    midnight = civil_time.local(changes_at, timezone).replace(hour=0, minute=0, tzinfo=None)
    picked = ",".join(str(quarter + 1) for quarter in quarters)
    rule = f"FREQ=DAILY;COUNT={2 * len(quarters)};BYHOUR=0,1,2,3,4,5;BYMINUTE=0,15,30,45;BYSETPOS={picked}"
    recurrence = {"type": "rrule", "rule": rule, "dtstart": midnight.isoformat()}
    book = Book()
    plan = book.made(
        {"action": ACTION, "recurrence": recurrence, "timezone": timezone, "dst": {"gap": gap, "fold": fold}}, now=changes_at - DAY
    )
    cursor_at = changes_at + place * QUARTER
    offset = civil_time.offset_at(cursor_at, timezone) + timedelta(seconds=offset_was_more_s)
    stood = structs.replace(book.cursors[plan], tzdata="1999a", resolved_until=cursor_at, label_offset_s=offset // timedelta(seconds=1))
    schedule = load(book.revisions[plan].document).schedule

    found = recomputed(book.revisions[plan], stood, schedule)

    resolved = (cursor_at + offset).replace(tzinfo=None)
    labels = [midnight + day + quarter * QUARTER for day in (0 * DAY, DAY) for quarter in quarters]
    later = [label for label in labels if label > resolved]
    expected = {instant for label in later for instant in instants_of(label, timezone, gap, fold) if instant > cursor_at}
    coming = occurrences(schedule, after=found.resolved_until, until=None, limit=100).instants
    assert [*found.held, *coming] == sorted(expected)
    assert found.next_nominal == (coming[0] if coming else None)
    assert all(instant <= found.resolved_until for instant in found.held)
