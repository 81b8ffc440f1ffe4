"""No change of any zone is overlooked: segments against the zone files themselves, and against a look at every day."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.civil_time import EPOCH, ZONE_NAMES, segment_at
from support.zone_files import Change, changes_in_file, one_name_for_each_zone

ZONES = one_name_for_each_zone(ZONE_NAMES)
FIRST = int(datetime(1970, 1, 2, tzinfo=UTC).timestamp())
END = int(datetime(2200, 12, 31, tzinfo=UTC).timestamp())
WITH_RULES = [
    "Europe/Amsterdam",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Jerusalem",
    "America/Nuuk",
    "Pacific/Chatham",
]


def listed() -> list[tuple[str, Change]]:
    return [(zone, change) for zone in ZONES for change in changes_in_file(zone) if FIRST <= change.at < END]


def test_every_change_that_a_zone_file_lists_bounds_two_segments() -> None:
    every = listed()
    assert len(every) > 10_000
    for zone, change in every:
        before, after = segment_at(zone, change.at - 1), segment_at(zone, change.at)
        assert (before.stop, before.offset) == (change.at, change.before), (zone, change)
        assert (after.start, after.offset, after.offset_before) == (change.at, change.offset, change.before), (zone, change)


def test_changes_are_six_days_apart_and_none_is_longer_than_a_day() -> None:
    for zone in ZONES:
        changes = [change for change in changes_in_file(zone) if FIRST <= change.at < END]
        assert all(later.at - earlier.at >= 6 * 86_400 for earlier, later in pairwise(changes)), zone
        assert all(abs(change.offset - change.before) <= 86_400 for change in changes), zone


@pytest.mark.parametrize("year", [2036, 2037, 2038, 2100, 2199])
@pytest.mark.parametrize("timezone", WITH_RULES)
def test_rules_go_on_after_the_last_listed_change(timezone: str, year: int) -> None:
    zone = ZoneInfo(timezone)
    for day in range(366):
        noon = datetime(year, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
        second = int((noon - EPOCH).total_seconds())
        segment = segment_at(timezone, second)
        assert segment.start <= second < segment.stop
        assert timedelta(seconds=segment.offset) == noon.astimezone(zone).utcoffset()


@given(st.sampled_from(ZONES), st.integers(FIRST, END))
def test_segments_follow_each_other_without_a_hole(timezone: str, second: int) -> None:
    segment = segment_at(timezone, second)
    following = segment_at(timezone, segment.stop)

    assert segment.start <= second < segment.stop
    assert following.start <= segment.stop < following.stop
    if following.start == segment.stop:
        assert (following.offset_before, following.offset != segment.offset) == (segment.offset, True)
    else:
        assert (following.offset, (EPOCH + timedelta(seconds=segment.stop)).strftime("%j %T")) == (segment.offset, "001 00:00:00")
